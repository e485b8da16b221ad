// Package report turns a report into what people and programs read. It writes bytes and does nothing else:
// no network, no environment.
package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// TextOptions say how a report is written for people.
type TextOptions struct {
	Color bool // ANSI colours
	Quiet bool // findings, failures and unread manifests only
	// Suppressed lists the findings that are kept on purpose, too.
	Suppressed bool
	// Unaffected is how many sources were left out because a change makes no difference for them.
	Unaffected int
}

// Text writes the report as compilers do: a line for each finding, `path:line:column: severity: message [rule]`,
// and below it the line of the decision, those on the way to the manifests, and what is affected; then the failures,
// what was skipped, and a tally.
func Text(w io.Writer, r *check.Report, options TextOptions) error {
	t := &text{options: options}
	for i, finding := range r.Findings {
		if i > 0 {
			t.WriteByte('\n')
		}
		t.finding(finding)
	}
	var suppressed []check.Suppression
	if options.Suppressed {
		suppressed = r.Suppressed
	}
	for i, s := range suppressed {
		if i > 0 || len(r.Findings) > 0 {
			t.WriteByte('\n')
		}
		t.suppression(s)
	}
	if len(r.Findings)+len(suppressed) > 0 && (len(r.Failures) > 0 || !options.Quiet) {
		t.WriteByte('\n')
	}
	for _, failure := range r.Failures {
		t.failure(failure)
	}
	t.skipped(r.Sources)
	if !options.Quiet {
		t.tally(r)
	}
	_, err := io.WriteString(w, t.String())
	return err
}

// text is a report being written.
type text struct {
	strings.Builder
	options TextOptions
}

// The ANSI colours of a severity, of a failure, and of what stands back.
const (
	red     = "\x1b[1;31m"
	yellow  = "\x1b[1;33m"
	cyan    = "\x1b[1;36m"
	bold    = "\x1b[1m"
	faint   = "\x1b[2m"
	noColor = "\x1b[0m"
)

func (t *text) paint(color, s string) string {
	if !t.options.Color {
		return s
	}
	return color + s + noColor
}

func (t *text) finding(f check.Finding) {
	color := map[check.Severity]string{check.SeverityError: red, check.SeverityWarning: yellow, check.SeverityNote: cyan}[f.Severity]
	fmt.Fprintf(t, "%s: %s: %s %s\n", t.paint(bold, Line(f.Decision.String())), t.paint(color, f.Severity.String()),
		Line(f.Text()), t.paint(faint, "["+f.Rule+"]"))
	trace := Trace{
		Field:     f.Affected[0].Field,
		Missing:   f.Affected[0].Written == "",
		Decisions: []yamldoc.Location{f.Decision},
		Via:       f.Via,
		Exact:     f.Exact,
	}
	t.frame(trace, f.Decision, color)
	t.way(trace)
	if f.Note != "" {
		fmt.Fprintf(t, "    %s\n", Line(f.Note))
	}
	t.affected(f.Affected)
}

func (t *text) suppression(s check.Suppression) {
	f := s.Finding
	fmt.Fprintf(t, "%s: %s: %s %s\n", t.paint(bold, Line(f.Decision.String())), t.paint(faint, "suppressed"),
		Line(f.Text()), t.paint(faint, "["+f.Rule+"]"))
	fmt.Fprintf(t, "    by the %s at %s: %s\n", s.By, Line(s.Location.String()), Line(s.Reason))
	t.affected(f.Affected)
}

// affected has the objects below their source. Environments in which they are the same share them.
func (t *text) affected(all []check.Affected) {
	type group struct{ source, objects string }
	var groups []group
	environments := map[group][]string{}
	for len(all) > 0 {
		first, n := all[0], 1
		for n < len(all) && all[n].Source == first.Source && all[n].Environment == first.Environment {
			n++
		}
		g := group{first.Source, objects(all[:n])}
		if environments[g] == nil {
			groups = append(groups, g)
		}
		environments[g] = append(environments[g], first.Environment)
		all = all[n:]
	}
	for _, g := range groups {
		names := environments[g]
		if len(names) > 1 && names[0] == "" {
			names[0] = "defaults"
		}
		fmt.Fprintf(t, "    %s:%s\n", Line(sourceName(g.source, strings.Join(names, ", "))), g.objects)
	}
}

// objects has the objects of one source with their containers: one goes on the line of the source, several have
// lines of their own.
func objects(all []check.Affected) string {
	var names []string
	containers := map[string][]string{}
	for _, a := range all {
		name := objectName(a)
		if containers[name] == nil {
			names = append(names, name)
		}
		containers[name] = append(containers[name], Line(containerName(a)))
	}
	before := " "
	if len(names) > 1 {
		before = "\n        "
	}
	var lines strings.Builder
	for _, name := range names {
		fmt.Fprintf(&lines, "%s%s: %s", before, Line(name), strings.Join(containers[name], ", "))
	}
	return lines.String()
}

// containerName has what is known of a container: a custom resource may give no image, an object no name.
func containerName(a check.Affected) string {
	switch {
	case a.Image == "":
		return a.Container
	case a.Container == "":
		return a.Image
	}
	return a.Container + " (" + a.Image + ")"
}

func objectName(a check.Affected) string {
	name := a.Kind + "/" + a.Name
	if a.Namespace != "" {
		name += " in " + a.Namespace
	}
	return name
}

func sourceName(path, environment string) string {
	if environment == "" {
		return path
	}
	return path + " (" + environment + ")"
}

// Line makes text from a repository safe to print as a line or in one: control characters, which could start a line of
// their own or colour the terminal, are shown as in a string of Go, and so is what would make the line a command of
// GitHub's workflows: "::" after white space, and "##[" anywhere (ActionCommand.cs of github.com/actions/runner).
func Line(s string) string {
	var text strings.Builder
	for _, r := range s {
		if unicode.IsControl(r) {
			text.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		} else {
			text.WriteRune(r)
		}
	}
	s = strings.ReplaceAll(text.String(), "##[", `\x23#[`)
	if command := strings.TrimSpace(s); strings.HasPrefix(command, "::") {
		s = strings.Replace(s, ":", `\x3a`, 1)
	}
	return s
}

// Lines makes text of several lines safe to print; those after the first are indented.
func Lines(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i := range lines {
		lines[i] = Line(lines[i])
	}
	return strings.Join(lines, "\n    ")
}

func (t *text) failure(f check.Failure) {
	at := f.Source
	if f.Location.Path != "" {
		at = f.Location.String()
	}
	fmt.Fprintf(t, "%s: %s: %s\n", t.paint(bold, Line(at)), t.paint(red, "failure"), Lines(f.Message))
	if name := sourceName(f.Source, f.Environment); name != at {
		fmt.Fprintf(t, "    %s is not checked\n", Line(name))
	}
	if f.Hint != "" {
		fmt.Fprintf(t, "    hint: %s\n", Line(f.Hint))
	}
}

// isPlain tells files without Kubernetes objects, which only count in the tally: most repositories have many.
func isPlain(s check.SourceStatus) bool {
	return s.Status == check.Skipped && s.Kind == render.Raw && s.NoObject
}

// skipped names what was not rendered and why. A manifest that is a template of another tool may well have containers.
func (t *text) skipped(sources []check.SourceStatus) {
	for _, s := range sources {
		if s.Status == check.Skipped && !isPlain(s) && (!t.options.Quiet || s.Kind == render.Raw) {
			fmt.Fprintf(t, "%s: %s: %s\n", Line(sourceName(s.Path, s.Environment)), t.paint(faint, "skipped"), Line(s.Reason))
		}
	}
}

func (t *text) tally(r *check.Report) {
	bySeverity := map[check.Severity]int{}
	for _, f := range r.Findings {
		bySeverity[f.Severity]++
	}
	var parts []string
	for _, severity := range []check.Severity{check.SeverityError, check.SeverityWarning, check.SeverityNote} {
		if n := bySeverity[severity]; n > 0 {
			parts = append(parts, count(n, severity.String()))
		}
	}
	byStatus := map[check.Status]int{}
	containers, plain := 0, 0
	for _, s := range r.Sources {
		containers += s.Containers
		if isPlain(s) {
			plain++
			continue
		}
		byStatus[s.Status]++
	}
	fmt.Fprintf(t, "%s", count(len(r.Findings), "finding"))
	if len(parts) > 0 {
		fmt.Fprintf(t, " (%s)", strings.Join(parts, ", "))
	}
	if n := len(r.Suppressed); n > 0 {
		fmt.Fprintf(t, " and %d suppressed", n)
	}
	fmt.Fprintf(t, " in %s; sources: %d rendered, %d failed, %d skipped", count(containers, "container"),
		byStatus[check.Rendered], byStatus[check.Failed], byStatus[check.Skipped])
	if t.options.Unaffected > 0 {
		fmt.Fprintf(t, ", %d not affected by the change", t.options.Unaffected)
	}
	if plain > 0 {
		fmt.Fprintf(t, "; %s without Kubernetes objects", count(plain, "file"))
	}
	t.WriteByte('\n')
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
