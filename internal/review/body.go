package review

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// What the author of a pull request can choose, as names of files, keys and images, stands in the text of a comment only in
// code spans, code blocks and addresses. There nothing is a mention, a link, HTML or Markdown.

const (
	// maxBody is less than the 65,536 characters that GitHub takes, and in bytes.
	maxBody = 64000
	// maxJobSummary is less than the 1 MiB above which GitHub shows nothing of a step's summary.
	maxJobSummary = 1000000
	// maxCode and maxMessage are how long a code span is, in bytes.
	maxCode    = 300
	maxMessage = 1000
	// maxAddress is in bytes: without the address of a very long path, a comment stays below GitHub's limit.
	maxAddress = 1000
	// maxAffected is how many lines a comment has for what is affected.
	maxAffected = 5
)

// The markers of what is no comment on a finding.
const (
	summaryMark = "summary"
	reviewMark  = "review"
)

// marker ends each text that this program writes, so that it finds them again.
func marker(name string) string { return "\n<!-- pullcheck:v1 fp=" + name + " -->" }

var marked = regexp.MustCompile(`\n<!-- pullcheck:v1 fp=([0-9a-z]+) -->\s*$`)

// markOf is the name in the marker that a text ends with, empty if there is none.
func markOf(body string) string {
	if match := marked.FindStringSubmatch(strings.ReplaceAll(body, "\r\n", "\n")); match != nil {
		return match[1]
	}
	return ""
}

// clearBody takes the place of a summary that has become untrue.
func clearBody(findings int) string {
	text := "no new finding in what this pull request deploys"
	if findings > 0 {
		text = "every new finding has a comment on its line or file"
	}
	return "**pullcheck**: " + text + ".\n" + marker(summaryMark)
}

// reasons are why the rules matter in production, in a sentence each.
var reasons = map[string]string{
	"pull-policy-not-always": "If the tag is pushed again, nodes that have the old image keep starting it while other nodes start the new one; " +
		"and on a node that has a private image, any pod can start it without a pull secret.",
	"pull-policy-unset":   "The next tag that is not `latest` turns it into `IfNotPresent`, and nobody will see that in the diff.",
	"pull-policy-invalid": "The sync of the whole application fails at this object.",
	"pull-policy-digest":  "A pull secret that is withdrawn, or an image that is deleted, does not stop new pods on such a node.",
}

func reason(f *check.Finding) string {
	always := f.Rule == "pull-policy-not-always"
	if always && !slices.ContainsFunc(f.Affected, func(a check.Affected) bool { return a.Effective != check.Never }) {
		return "A node without the image cannot start the pod, and a node with an old one never gets the new one."
	}
	return reasons[f.Rule]
}

func reviewBody(findings []check.Finding) string {
	return fmt.Sprintf("pullcheck: %s in what this pull request deploys.\n%s", count(len(findings), "new finding"), marker(reviewMark))
}

// commentBody is the text of a comment at an anchor.
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
	b.WriteString(l.exemption(f, a))
	return b.String() + marker(f.Fingerprint)
}

// exemption says how to keep a finding on purpose, or why that does not work.
func (l *layout) exemption(f *check.Finding, a anchor) string {
	if f.Note != "" {
		return fmt.Sprintf("\nNote: %s\n", span(f.Note, maxMessage))
	}
	if l.excepted(*f) {
		return "\nThe ignore comment that this pull request adds for it does not count before the merge.\n"
	}
	if !f.Decision.Tracked || f.Decision.Line == 0 || path.Ext(f.Decision.Path) == ".json" {
		return "" // No comment can be there, or counts.
	}
	line := "this line"
	if a.kind != onLine {
		line = "the line that decides"
	}
	return fmt.Sprintf("\nTo keep it on purpose, write %s at the end of %s or alone on the line above.\n", code("# pullcheck: ignore["+f.Rule+"] REASON"), line)
}

// excepted reports whether the pull request itself adds a comment that keeps a finding. If it counts, the finding is not
// in the report.
func (l *layout) excepted(f check.Finding) bool {
	return slices.ContainsFunc(l.Exceptions, func(s check.Suppression) bool { return s.Finding.Fingerprint == f.Fingerprint })
}

// decided says where the policy is decided, and begins the list of what that affects.
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

// policy says what becomes of the policy of the containers, and whose they are.
func policy(all []check.Affected, of string) string {
	one := all[0]
	containers := count(len(all), "container") + of
	same := !slices.ContainsFunc(all, func(a check.Affected) bool { return a.Written != one.Written || a.Effective != one.Effective })
	switch {
	case !same:
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

// affected is a list of the objects and containers, with the environments in which they are the same.
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

// chain has the places between the decision and the manifests, but the one that is commented on.
func (l *layout) chain(f *check.Finding, a anchor) string {
	var links []string
	for _, at := range f.Via {
		if link := l.link(at); (at.Path != a.path || at.Line != a.line) && !slices.Contains(links, link) {
			links = append(links, link)
		}
	}
	return first(links)
}

// fix is the suggestion of a comment on the line that decides.
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
	case l.covered(f):
		return "\nThe suggestion in another comment on these lines fixes this, too.\n"
	}
	return l.fixElsewhere(f)
}

// fixElsewhere says in words what the fix is.
func (l *layout) fixElsewhere(f *check.Finding) string {
	if f.Fix == nil {
		if f.Rule == check.DigestID {
			return ""
		}
		return "\nNo edit of a file in this repository is proven to fix it; a Helm post-renderer or a Kustomize patch can.\n"
	}
	return fmt.Sprintf("\nThis fix is proven by rendering again: %s at %s. %s writes it.\n", code(f.Fix.Message), first(l.edited(f.Fix)), code("pullcheck check --fix"))
}

// edited are the lines that a fix changes.
func (l *layout) edited(fix *check.Fix) []string {
	var links []string
	for _, edit := range fix.Edits {
		if link := l.link(atLineEnd(edit).Location); !slices.Contains(links, link) {
			links = append(links, link)
		}
	}
	return links
}

// summaryBody is the summary: what has no comment of its own, what was not checked, and what the pull request keeps on purpose.
// It is empty where there is nothing of that.
func summaryBody(s Subject, rest []*check.Finding, findings int) string {
	if len(rest)+len(s.Report.Failures)+len(s.Exceptions) == 0 {
		return ""
	}
	heading := " without a comment, because no changed file or line leads there or because there are too many:"
	return summary(s, rest, findings, heading, maxBody) + marker(summaryMark)
}

// JobSummary is the whole report, for the page of a workflow's run.
func JobSummary(s Subject) string {
	var all []*check.Finding
	findings := worstFirst(s.Report.Findings)
	for i := range findings {
		all = append(all, &findings[i])
	}
	return summary(s, all, len(all), ":", maxJobSummary)
}

func summary(s Subject, shown []*check.Finding, findings int, heading string, limit int) string {
	l := &layout{Subject: s}
	b := list{limit: limit}
	fmt.Fprintf(&b, "**pullcheck**: %s in what this pull request deploys.\n", count(findings, "new finding"))
	if n := len(s.Report.Failures); n > 0 {
		fmt.Fprintf(&b, "\n%s could not be rendered and %s not checked:\n\n", count(n, "source"), plural(n, "was", "were"))
		items(&b, s.Report.Failures, failureItem)
	}
	if n := len(shown); n > 0 {
		fmt.Fprintf(&b, "\n%s%s\n\n", count(n, "finding"), heading)
		items(&b, shown, l.item)
	}
	earlier := len(s.Report.Suppressed)
	if n := len(s.Exceptions); n > 0 {
		but := ":"
		if slices.ContainsFunc(s.Report.Findings, l.excepted) {
			but = fmt.Sprintf(", which %s not count before the merge:", plural(n, "does", "do"))
		} else {
			earlier -= n
		}
		fmt.Fprintf(&b, "\nThis pull request adds %s of its own%s\n\n", count(n, "exception"), but)
		items(&b, s.Exceptions, l.exception)
	}
	if earlier > 0 {
		fmt.Fprintf(&b, "\n%s %s kept on purpose by earlier comments.\n", count(earlier, "finding"), plural(earlier, "is", "are"))
	}
	return b.String()
}

// list is a text that is cut between its items.
type list struct {
	strings.Builder
	limit int // in bytes
}

// items writes what fits of a list, and how many did not.
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

func failureItem(f check.Failure) string {
	name := code(f.Source)
	if f.Environment != "" {
		name += " (" + code(f.Environment) + ")"
	}
	return "- " + name + ": " + span(f.Message, maxMessage) + "\n"
}

// item is a finding in the summary.
func (l *layout) item(f *check.Finding) string {
	var sources []string
	for _, a := range f.Affected {
		if !slices.Contains(sources, a.Source) {
			sources = append(sources, a.Source)
		}
	}
	at := l.link(f.Decision)
	text := fmt.Sprintf("- **%s** %s: %s %s", capital(f.Severity.String()), code(f.Rule), at, policy(f.Affected, " in "+codes(sources)))
	if f.Fix != nil {
		text += "; proven fix: " + code(f.Fix.Message)
		if edited := l.edited(f.Fix); !slices.Equal(edited, []string{at}) {
			text += " at " + first(edited)
		}
	}
	return text + "\n"
}

func (l *layout) exception(s check.Suppression) string {
	return fmt.Sprintf("- %s keeps %s: %s\n", l.link(s.Location), code(s.Finding.Rule), code(s.Reason))
}

// link is a place, with its address where there is one.
func (l *layout) link(at yamldoc.Location) string {
	at.Column = 0
	text := code(at.String())
	if l.Blob == "" || !utf8.ValidString(at.Path) {
		return text
	}
	file := kept(at.Path)
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

func code(text string) string { return span(text, maxCode) }

// span is a code span: on one line, without what is invisible, and longer fences than any backticks inside.
func span(text string, most int) string {
	var b strings.Builder
	for _, r := range text {
		if b.Len() >= most {
			b.WriteRune('…')
			break
		}
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	text = b.String()
	if strings.TrimSpace(text) == "" {
		text = strconv.Quote(text)
	}
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") || strings.HasPrefix(text, " ") && strings.HasSuffix(text, " ") {
		text = " " + text + " "
	}
	fence := strings.Repeat("`", longest(text)+1)
	return fence + text + fence
}

func codes(texts []string) string {
	spans := make([]string, len(texts))
	for i, text := range texts {
		spans[i] = code(text)
	}
	return first(spans)
}

// first are the first ones where there are many.
func first(texts []string) string {
	joined := strings.Join(texts[:min(len(texts), maxAffected)], ", ")
	if more := len(texts) - maxAffected; more > 0 {
		joined += fmt.Sprintf(" and %d more", more)
	}
	return joined
}

// fenced is a code block, its fences longer than any backticks inside.
func fenced(language string, lines []string) string {
	text := strings.Join(lines, "\n")
	fence := strings.Repeat("`", max(3, longest(text)+1))
	return fence + language + "\n" + text + "\n" + fence + "\n"
}

// longest is the length of the longest run of backticks.
func longest(text string) int {
	most, run := 0, 0
	for i := range len(text) {
		if run++; text[i] != '`' {
			run = 0
		}
		most = max(most, run)
	}
	return most
}

func summaryOf(rule string) string {
	for _, r := range check.Rules {
		if r.ID == rule {
			return r.Summary
		}
	}
	return "a rule is broken"
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func count(n int, noun string) string { return fmt.Sprintf("%d %s", n, plural(n, noun, noun+"s")) }
