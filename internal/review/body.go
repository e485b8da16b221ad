package review

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/printable"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// The rule for everything below: text that the author of a pull request can choose, such as the name of a file, a key
// or an image, is written only inside code spans, code blocks and URLs. There, GitHub shows no mention, link, HTML or
// Markdown. So a file named "@everyone" notifies nobody. TestHostileTextStaysInCode and FuzzBody hold the texts to the
// rule.

// The limits, in bytes if nothing else is said.
const (
	// maxBody is the largest size of a comment. GitHub accepts 65,536 characters.
	maxBody = 64000
	// maxJobSummary is the largest size of a job summary. GitHub shows nothing of a summary above 1 MiB.
	maxJobSummary = 1000000
	// maxCode and maxMessage are the largest sizes of code spans: of a name, and of an error message.
	maxCode    = 300
	maxMessage = 1000
	// maxAddress is the largest size of a URL. A longer one is left out, so that a comment with many URLs stays below
	// maxBody.
	maxAddress = 1000
	// maxAffected is the largest number of lines or items in a list within a comment.
	maxAffected = 5
)

// The names in the markers of texts that are no comment on a finding. The marker of a comment has the fingerprint.
const (
	summaryMark = "summary"
	reviewMark  = "review"
)

// marker returns the end of each text that this program writes: a hidden comment, by which a later run finds the text.
func marker(name string) string { return "\n<!-- pullcheck:v1 fp=" + name + " -->" }

var marked = regexp.MustCompile(`\n<!-- pullcheck:v1 fp=([0-9a-z]+) -->\s*$`)

// markOf returns the name in the marker at the end of a text; empty if there is no marker. GitHub may change line ends.
func markOf(body string) string {
	if match := marked.FindStringSubmatch(strings.ReplaceAll(body, "\r\n", "\n")); match != nil {
		return match[1]
	}
	return ""
}

// clearBody returns the text for an existing summary when there is nothing left to say.
func clearBody(findings int) string {
	text := "no new finding in what this pull request deploys"
	if findings > 0 {
		text = "every new finding has a comment on its line or file"
	}
	return "**pullcheck**: " + text + ".\n" + marker(summaryMark)
}

// reasons say in one sentence for each rule what breaks in production.
var reasons = map[string]string{
	"pull-policy-not-always": "If the tag is pushed again, nodes that have the old image keep starting it " +
		"while other nodes start the new one; " +
		"and on a node that has a private image, any pod can start it without a pull secret.",
	"pull-policy-unset": "The next tag that is not `latest` turns it into `IfNotPresent`, " +
		"and nobody will see that in the diff.",
	"pull-policy-invalid": "The sync of the whole application fails at this object.",
	"pull-policy-digest": "A pull secret that is withdrawn, or an image that is deleted, " +
		"does not stop new pods on such a node.",
}

// reason returns the reason for a finding. A policy of Never breaks more than other policies.
func reason(f *check.Finding) string {
	always := f.Rule == "pull-policy-not-always"
	if always && !slices.ContainsFunc(f.Affected, func(a check.Affected) bool { return a.Effective != check.Never }) {
		return "A node without the image cannot start the pod, and a node with an old one never gets the new one."
	}
	return reasons[f.Rule]
}

// reviewBody returns the text of the review itself.
func reviewBody(findings []check.Finding) string {
	findingCount := count(len(findings), "new finding")
	return fmt.Sprintf("pullcheck: %s in what this pull request deploys.\n%s", findingCount, marker(reviewMark))
}

// commentBody returns the text of the comment on a finding: what is wrong, what decides it, what it affects, why it
// matters, the fix, and how to suppress the finding.
func (l *layout) commentBody(f *check.Finding, a anchor) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** %s: %s.\n\n", capital(f.Severity.String()), code(f.Rule), summaryOf(f.Rule))
	b.WriteString(l.decided(f, a))
	b.WriteString(affected(f.Affected))
	if via := l.chain(f, a); via != "" {
		fmt.Fprintf(&b, "\nIt gets there through %s.\n", via)
	}
	if why := reason(f); why != "" {
		fmt.Fprintf(&b, "\n%s\n", why)
	}
	if a.kind == onLine {
		b.WriteString(l.fix(f))
	} else {
		b.WriteString(l.fixElsewhere(f))
	}
	b.WriteString(l.suppressionHint(f, a))
	return b.String() + marker(f.Fingerprint)
}

// suppressionHint says how to suppress a finding, or why an existing comment does not suppress it. It is empty if no
// comment can be written at the decision, or if a comment there would not count.
func (l *layout) suppressionHint(f *check.Finding, a anchor) string {
	if f.Note != "" {
		return fmt.Sprintf("\nNote: %s\n", span(f.Note, maxMessage))
	}
	if l.distrusted(*f) {
		return "\nThe ignore comment for it does not count before the merge: this pull request adds it, or what it covers here.\n"
	}
	if !f.Decision.Tracked || f.Decision.Line == 0 || path.Ext(f.Decision.Path) == ".json" {
		return ""
	}
	line := "this line"
	if a.kind != onLine {
		line = "the line that decides"
	}
	return fmt.Sprintf("\nTo keep it on purpose, write %s at the end of %s or alone on the line above.\n",
		code("# pullcheck: ignore["+f.Rule+"] REASON"), line)
}

// distrusted reports whether the pull request adds an ignore comment for a finding of the report, or lets an older one
// cover it. Such a comment is not trusted: if it were, the finding would be suppressed and not in the report.
func (l *layout) distrusted(f check.Finding) bool {
	return slices.ContainsFunc(l.SuppressedByChange, func(s check.Suppression) bool {
		return s.Finding.Fingerprint == f.Fingerprint
	})
}

// decided says which line decides the policy, and introduces the list of affected containers.
func (l *layout) decided(f *check.Finding, a anchor) string {
	at := l.link(f.Decision)
	where := "This line"
	switch {
	case !f.Exact:
		where = "No single line could be shown to decide this: something in " + at
	case a.kind == throughLine:
		where = "By way of this line, " + at
	case a.kind != onLine:
		where = at
	}
	return fmt.Sprintf("%s %s:\n\n", where, policy(f.Affected, ""))
}

// policy says what a line does to the policies of containers. For example: "sets the pull policy of 2 containers to
// Never". The text of is written after the number of containers.
func policy(all []check.Affected, of string) string {
	one := all[0]
	containers := count(len(all), "container") + of
	differs := func(a check.Affected) bool { return a.Written != one.Written || a.Effective != one.Effective }
	switch {
	case slices.ContainsFunc(all, differs):
		var effective []string
		for _, a := range all {
			if !slices.Contains(effective, a.Effective) {
				effective = append(effective, a.Effective)
			}
		}
		return fmt.Sprintf("decides the pull policy of %s (%s)", containers, codes(effective))
	case one.Written != "":
		return fmt.Sprintf("sets the pull policy of %s to %s", containers, code(one.Written))
	}
	return fmt.Sprintf("leaves the pull policy of %s unset, which makes it %s", containers, code(one.Effective))
}

// affected returns a list with a line for each object of a source: its environments and its containers.
func affected(all []check.Affected) string {
	type group struct{ source, object string }
	var order []group
	environments, containers := map[group][]string{}, map[group][]string{}
	add := func(names map[group][]string, g group, name string) {
		if !slices.Contains(names[g], name) {
			names[g] = append(names[g], name)
		}
	}
	for _, a := range all {
		g := group{a.Source, a.Kind + "/" + a.Name}
		if !slices.Contains(order, g) {
			order = append(order, g)
		}
		add(environments, g, a.Environment)
		add(containers, g, a.Container)
	}
	var b strings.Builder
	for _, g := range order[:min(len(order), maxAffected)] {
		fmt.Fprintf(&b, "- %s of %s", code(g.object), code(g.source))
		if names := environments[g]; names[0] != "" {
			fmt.Fprintf(&b, " (%s)", codes(names))
		} else if len(names) > 1 {
			fmt.Fprintf(&b, " (defaults, %s)", codes(names[1:]))
		}
		fmt.Fprintf(&b, ": %s\n", codes(containers[g]))
	}
	if more := len(order) - maxAffected; more > 0 {
		fmt.Fprintf(&b, "- and %d more\n", more)
	}
	return b.String()
}

// chain returns the locations between the decision and the manifest, without the line that has the comment.
func (l *layout) chain(f *check.Finding, a anchor) string {
	var links []string
	for _, at := range f.Via {
		if link := l.link(at); (at.Path != a.path || at.Line != a.line) && !slices.Contains(links, link) {
			links = append(links, link)
		}
	}
	return firstFew(links)
}

// fix returns the suggestion, for a comment on the line of the decision. If there is none, it describes the fix.
func (l *layout) fix(f *check.Finding) string {
	s, ok := l.suggestions[f.Fingerprint]
	switch {
	case ok && s.applies:
		return "\nThis fix is proven by rendering again:\n\n" + fenced("suggestion", s.after)
	case ok:
		var lines []string
		for _, line := range s.before {
			lines = append(lines, "-"+line)
		}
		for _, line := range s.after {
			lines = append(lines, "+"+line)
		}
		return "\nThis fix is proven by rendering again; GitHub cannot apply it to these lines:\n\n" + fenced("diff", lines)
	case l.inOtherSuggestion(f):
		return "\nThe suggestion in another comment on these lines fixes this, too.\n"
	}
	return l.fixElsewhere(f)
}

// fixElsewhere describes the fix and names the lines that it edits, for a comment that cannot have a suggestion.
func (l *layout) fixElsewhere(f *check.Finding) string {
	if f.Fix == nil {
		if f.Rule == check.DigestID {
			return ""
		}
		return "\nNo edit of a file in this repository is proven to fix it; a Helm post-renderer or a Kustomize patch can.\n"
	}
	return fmt.Sprintf("\nThis fix is proven by rendering again: %s at %s. %s writes it.\n",
		code(f.Fix.Message), firstFew(l.edited(f.Fix)), code("pullcheck check --fix"))
}

// edited returns the lines that a fix edits.
func (l *layout) edited(fix *check.Fix) []string {
	var links []string
	for _, edit := range fix.Edits {
		if link := l.link(atLineEnd(edit).Location); !slices.Contains(links, link) {
			links = append(links, link)
		}
	}
	return links
}

// summaryBody returns the text of the summary: the findings without a comment of their own (rest), the failures, and
// the suppressions that the pull request adds. It is empty if there are none of them.
func summaryBody(in Input, rest []*check.Finding, findings int) string {
	if len(rest)+len(in.Report.Failures)+len(in.SuppressedByChange)+len(in.SkippedByChange) == 0 {
		return ""
	}
	heading := " without a comment, because no changed file or line leads there or because there are too many:"
	return summary(in, rest, findings, heading, maxBody) + marker(summaryMark)
}

// jobSummary returns the whole report in Markdown, for the page of a workflow's run (GITHUB_STEP_SUMMARY). It is
// shortened to the size that GitHub shows.
func jobSummary(in Input) string {
	var all []*check.Finding
	findings := worstFirst(in.Report.Findings)
	for i := range findings {
		all = append(all, &findings[i])
	}
	return summary(in, all, len(all), ":", maxJobSummary)
}

// summary lists the failures, the findings in shown, and the suppressions. findings is the number of all findings,
// heading comes after the number of shown findings, and limit is in bytes.
func summary(in Input, shown []*check.Finding, findings int, heading string, limit int) string {
	l := &layout{Input: in}
	b := list{limit: limit}
	fmt.Fprintf(&b, "**pullcheck**: %s in what this pull request deploys.\n", count(findings, "new finding"))
	l.failures(&b)
	if n := len(shown); n > 0 {
		fmt.Fprintf(&b, "\n%s%s\n\n", count(n, "finding"), heading)
		items(&b, shown, l.item)
	}
	earlier := len(in.Report.Suppressed)
	if n := len(in.SuppressedByChange); n > 0 {
		but := ":"
		if slices.ContainsFunc(in.Report.Findings, l.distrusted) {
			but = fmt.Sprintf(", which %s not count before the merge:", plural(n, "does", "do"))
		} else {
			earlier -= n
		}
		fmt.Fprintf(&b, "\nThis pull request adds %s of its own%s\n\n", count(n, "exception"), but)
		items(&b, in.SuppressedByChange, l.suppressionItem)
	}
	if n := len(in.SkippedByChange); n > 0 {
		fmt.Fprintf(&b, "\nThis pull request makes pullcheck skip %s:\n\n", count(n, "source"))
		items(&b, in.SkippedByChange, skippedItem)
	}
	if earlier > 0 {
		fmt.Fprintf(&b, "\n%s %s kept on purpose by earlier comments.\n",
			count(earlier, "finding"), plural(earlier, "is", "are"))
	}
	return b.String()
}

// list is a text with a limit. Whole items are left out, so that no Markdown is cut in the middle.
type list struct {
	strings.Builder
	limit int // in bytes
}

// items writes the items that fit into a list, and the number of the items that do not.
func items[T any](b *list, all []T, item func(T) string) {
	for i, one := range all {
		text := item(one)
		if b.Len()+len(text) > b.limit {
			fmt.Fprintf(b, "- and %d more, for which there is no room here\n", len(all)-i)
			return
		}
		b.WriteString(text)
	}
}

// failures lists the sources that could not be rendered, and the sources that the pull request takes out of the check.
func (l *layout) failures(b *list) {
	var failed, lost []check.Failure
	for _, f := range l.Report.Failures {
		if f.Lost {
			lost = append(lost, f)
		} else {
			failed = append(failed, f)
		}
	}
	if n := len(failed); n > 0 {
		fmt.Fprintf(b, "\n%s could not be rendered and %s not checked:\n\n", count(n, "source"), plural(n, "was", "were"))
		items(b, failed, failureItem)
	}
	if n := len(lost); n > 0 {
		fmt.Fprintf(b, "\nThis pull request takes %s out of the check:\n\n", count(n, "source"))
		items(b, lost, l.lostItem)
	}
}

// failureItem returns the line for a failure in the summary.
func failureItem(f check.Failure) string {
	return "- " + sourceName(f.Source, f.Environment) + ": " + span(f.Message, maxMessage) + "\n"
}

// lostItem returns the line for a lost source in the summary, with the file that hides it.
func (l *layout) lostItem(f check.Failure) string {
	return "- " + sourceName(f.Source, f.Environment) + ": " + l.link(f.Location) + ": " + span(f.Message, maxMessage) + "\n"
}

// skippedItem returns the line for a skipped source in the summary.
func skippedItem(s check.SourceStatus) string {
	return "- " + sourceName(s.Path, s.Environment) + ": " + span(s.Reason, maxMessage) + "\n"
}

// sourceName returns the path of a source and its environment, as code.
func sourceName(path, environment string) string {
	if environment == "" {
		return code(path)
	}
	return code(path) + " (" + code(environment) + ")"
}

// item returns the line for a finding in the summary.
func (l *layout) item(f *check.Finding) string {
	var sources []string
	for _, a := range f.Affected {
		if !slices.Contains(sources, a.Source) {
			sources = append(sources, a.Source)
		}
	}
	at := l.link(f.Decision)
	text := fmt.Sprintf("- **%s** %s: %s %s",
		capital(f.Severity.String()), code(f.Rule), at, policy(f.Affected, " in "+codes(sources)))
	if f.Fix != nil {
		text += "; proven fix: " + code(f.Fix.Message)
		if edited := l.edited(f.Fix); !slices.Equal(edited, []string{at}) {
			text += " at " + firstFew(edited)
		}
	}
	return text + "\n"
}

// suppressionItem returns the line for a suppression in the summary.
func (l *layout) suppressionItem(s check.Suppression) string {
	return fmt.Sprintf("- %s keeps %s: %s\n", l.link(s.Location), code(s.Finding.Rule), code(s.Reason))
}

// link returns a location as path and line, linked to the file at the head commit. A line inside a packaged chart has
// no page on GitHub: the link leads to the package.
func (l *layout) link(at yamldoc.Location) string {
	at.Column = 0
	text := code(at.String())
	if l.Blob == "" || !utf8.ValidString(at.Path) {
		return text
	}
	file := trackedFile(at.Path)
	parts := strings.Split(file, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	address := l.Blob + strings.Join(parts, "/")
	if at.Line > 0 && file == at.Path {
		address += "#L" + strconv.Itoa(at.Line)
	}
	if len(address) > maxAddress {
		return text
	}
	return "[" + text + "](" + address + ")"
}

// code returns a code span for a name.
func code(text string) string { return span(text, maxCode) }

// span returns a Markdown code span of at most limit bytes and the rest of a character. Nothing in text can end the
// span: it is on one line, and its fences are longer than any run of backticks in it. Invisible characters are
// escaped, as in Go.
func span(text string, limit int) string {
	var b strings.Builder
	for len(text) > 0 {
		if b.Len() >= limit {
			b.WriteRune('…')
			break
		}
		_, size := utf8.DecodeRuneInString(text)
		b.WriteString(printable.Character(text[:size]))
		text = text[size:]
	}
	text = b.String()
	if strings.TrimSpace(text) == "" {
		text = strconv.Quote(text)
	}
	backtickAtEnd := strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`")
	if backtickAtEnd || strings.HasPrefix(text, " ") && strings.HasSuffix(text, " ") {
		text = " " + text + " " // Markdown removes one space from both ends.
	}
	fence := strings.Repeat("`", longestBackticks(text)+1)
	return fence + text + fence
}

// codes returns code spans for the first few names.
func codes(texts []string) string {
	spans := make([]string, len(texts))
	for i, text := range texts {
		spans[i] = code(text)
	}
	return firstFew(spans)
}

// firstFew joins the first few texts, and says how many more there are: "a, b, c, d, e and 3 more".
func firstFew(texts []string) string {
	joined := strings.Join(texts[:min(len(texts), maxAffected)], ", ")
	if more := len(texts) - maxAffected; more > 0 {
		joined += fmt.Sprintf(" and %d more", more)
	}
	return joined
}

// fenced returns a code block. Its fences are longer than any run of backticks in it.
func fenced(language string, lines []string) string {
	text := strings.Join(lines, "\n")
	fence := strings.Repeat("`", max(3, longestBackticks(text)+1))
	return fence + language + "\n" + text + "\n" + fence + "\n"
}

// longestBackticks returns the length of the longest run of backticks in a text.
func longestBackticks(text string) int {
	longest, run := 0, 0
	for i := range len(text) {
		if run++; text[i] != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

// summaryOf returns the sentence of a rule that is true for every finding.
func summaryOf(rule string) string {
	for _, r := range check.Rules {
		if r.ID == rule {
			return r.Summary
		}
	}
	return "a rule is broken"
}

// capital returns a text with its first letter in upper case. The letter must be ASCII.
func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// count returns a number with its noun: "1 finding", "2 findings".
func count(n int, noun string) string { return fmt.Sprintf("%d %s", n, plural(n, noun, noun+"s")) }
