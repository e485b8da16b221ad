package review

import (
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// The words for a text that is not shown. Each says what the text is not.
const (
	notPolicy = "(not one of Always, IfNotPresent, Never)"
	notImage  = "(not an image)"
	notName   = "(not a name)"
	notPath   = "(not a path)"
)

// Public returns the input as everybody may see it, in a comment, a job summary, an annotation or the log of a workflow.
// The author of a pull request can bring the content of any download, such as the answer of an internal server, into
// every field of an object and into the messages of errors. So each text that comes out of a render is shown only if it
// is what it should be:
//
//   - a policy: one of the three words, in any case of letters,
//   - an image: a valid reference,
//   - a kind or a name: a valid one,
//   - the path of a source that uses downloaded content: letters, digits and the few other characters of paths,
//   - the message of a source that uses downloaded content: never,
//   - a line of a file: only if the file is kept in the repository.
//
// What the author of the pull request has written there is in the diff, and is lost only if it is none of these.
func (in Input) Public() Input {
	p := publisher{downloaded: map[string]bool{}}
	for _, s := range in.Report.Sources {
		p.downloaded[s.Path] = p.downloaded[s.Path] || s.Downloaded
	}
	report := *in.Report
	report.Findings = mapped(report.Findings, p.finding)
	report.Failures = mapped(report.Failures, p.failure)
	report.Suppressed = mapped(report.Suppressed, p.suppression)
	report.Sources = mapped(report.Sources, p.status)
	in.Report = &report
	in.SuppressedByChange = mapped(in.SuppressedByChange, p.suppression)
	in.SkippedByChange = mapped(in.SkippedByChange, p.status)
	return in
}

// mapped returns a new slice with the results of a function.
func mapped[T any](all []T, one func(T) T) []T {
	all = slices.Clone(all)
	for i := range all {
		all[i] = one(all[i])
	}
	return all
}

// publisher makes the parts of a report public.
type publisher struct {
	// downloaded has the paths of the sources that use downloaded content.
	downloaded map[string]bool
}

// finding makes a finding public. If it has a text that is not shown, its message is the summary of its rule, and a fix
// that may have the text, too, is left out.
func (p publisher) finding(f check.Finding) check.Finding {
	affected := mapped(f.Affected, p.affected)
	if !slices.Equal(affected, f.Affected) {
		f.Message = summaryOf(f.Rule)
	}
	renamed := func(a check.Affected) bool { return slices.Contains([]string{a.Kind, a.Name, a.Container}, notName) }
	if f.Fix != nil && slices.ContainsFunc(affected, renamed) {
		f.Fix = nil
	}
	f.Affected, f.Decision, f.Via = affected, location(f.Decision), mapped(f.Via, location)
	return f
}

// location removes the lines of a file that is not kept in the repository, such as a file of a downloaded chart.
func location(at yamldoc.Location) yamldoc.Location {
	if !at.Tracked {
		at.Snippet, at.Above = "", ""
	}
	return at
}

// affected makes an affected container public.
func (p publisher) affected(a check.Affected) check.Affected {
	a.Source, a.Environment = p.path(a.Source), environment(a.Environment)
	a.Kind, a.Namespace, a.Name = kind(a.Kind), name(a.Namespace), name(a.Name)
	if volume, ok := strings.CutPrefix(a.Container, "volume:"); !ok || name(volume) == notName {
		a.Container = name(a.Container)
	}
	if _, err := reference.ParseNormalizedNamed(a.Image); a.Image != "" && err != nil {
		a.Image = notImage
	}
	a.Written, a.Effective = policyWord(a.Written), policyWord(a.Effective)
	return a
}

// policyWord returns a policy if it is empty or one of the three words.
func policyWord(text string) string {
	for _, word := range []string{"", check.Always, check.IfNotPresent, check.Never} {
		if strings.EqualFold(text, word) {
			return text
		}
	}
	return notPolicy
}

// name returns a name if it is empty or a valid name of an object or container. A generateName may end with a dash.
func name(text string) string {
	if text == "" || len(validation.IsDNS1123Subdomain(strings.TrimRight(text, "-"))) == 0 {
		return text
	}
	return notName
}

var (
	kindWord = regexp.MustCompile(`^[A-Z][A-Za-z0-9]{0,62}$`)
	// declaredBy matches the environment of a source that an object declares: Application/web of apps/web.yaml (2).
	declaredBy = regexp.MustCompile(`^([A-Z][A-Za-z0-9]{0,62})/(.*?)((?: of [\w.+~@/-]+)?(?: \(\d+\))?)$`)
	plainPath  = regexp.MustCompile(`^[\w.+~@:/-]{1,200}$`)
)

// kind returns a kind if it is a valid one.
func kind(text string) string {
	if kindWord.MatchString(text) {
		return text
	}
	return notName
}

// environment returns an environment. If it is an object, the name of the object must be valid.
func environment(text string) string {
	if match := declaredBy.FindStringSubmatch(text); match != nil {
		return match[1] + "/" + name(match[2]) + match[3]
	}
	return text
}

// path returns the path of a source.
func (p publisher) path(text string) string {
	if p.downloaded[text] && !plainPath.MatchString(text) {
		return notPath
	}
	return text
}

// failure makes a failure public.
func (p publisher) failure(f check.Failure) check.Failure {
	if f.Downloaded {
		f.Message, f.Hint = notShown, "pullcheck check prints it, in a clone"
		f.Location = yamldoc.Location{Path: p.path(f.Location.Path), Line: f.Location.Line}
	}
	f.Source, f.Environment = p.path(f.Source), environment(f.Environment)
	return f
}

// notShown stands for the message of a source that uses downloaded content.
const notShown = "the message may quote what was downloaded, and is not shown here"

// status makes the status of a source public.
func (p publisher) status(s check.SourceStatus) check.SourceStatus {
	if s.Downloaded && s.Reason != "" {
		s.Reason = notShown
	}
	s.Path, s.Environment = p.path(s.Path), environment(s.Environment)
	return s
}

// suppression makes a suppression public.
func (p publisher) suppression(s check.Suppression) check.Suppression {
	s.Finding, s.Location = p.finding(s.Finding), location(s.Location)
	return s
}
