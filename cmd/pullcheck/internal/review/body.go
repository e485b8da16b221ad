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
	"github.com/pullcheck/pullcheck/render"
)

// What the author of a pull request can choose, as names of files, keys and images, stands in the text of a comment only in
// code spans, code blocks and addresses. There nothing is a mention, a link, HTML or Markdown.

const (
	// maxBody is less than the 65,536 characters that GitHub takes, and in bytes.
	maxBody = 64000
	// maxJobSummary is less than the 1 MiB above which GitHub shows nothing of a step's summary.
	maxJobSummary = 1000000
	// maxCode is in characters.
	maxCode = 200
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
var clearBody = "pullcheck: there is nothing more to say than stands on the lines of this pull request.\n" + marker(summaryMark)

// reasons are why the rules matter in production, in a sentence each.
var reasons = map[string]string{
	"pull-policy-not-always": "When the tag is pushed again, nodes that have the old image keep running it and new nodes run the new one; " +
		"and a pod can start a private image that it has no right to.",
	"pull-policy-unset":   "The next tag that is not `latest` makes it `IfNotPresent`, and nobody will see that in the change.",
	"pull-policy-invalid": "The sync of the whole application fails at this object.",
	"pull-policy-digest":  "A node that has the image does not ask the registry whether the pod may still use it.",
}

func reviewBody(findings []check.Finding) string {
	return fmt.Sprintf("pullcheck: %s in what this pull request deploys.\n%s", count(len(findings), "new finding"), marker(reviewMark))
}

// commentBody is the text of a comment at an anchor.
func (l *layout) commentBody(f *check.Finding, a anchor) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**: %s. %s\n\n", capital(f.Severity.String()), summaryOf(f.Rule), code(f.Rule))
	b.WriteString(l.decided(f, a))
	b.WriteString(affected(f.Affected))
	if via := l.chain(f, a); via != "" {
		fmt.Fprintf(&b, "\nThrough %s.\n", via)
	}
	if reason := reasons[f.Rule]; reason != "" {
		fmt.Fprintf(&b, "\n%s\n", reason)
	}
	if a.kind == onLine {
		b.WriteString(l.fix(f))
	} else {
		b.WriteString(l.fixElsewhere(f))
	}
	if f.Decision.Line > 0 && path.Ext(f.Decision.Path) != ".json" {
		where := "behind this line or above it"
		if a.kind != onLine {
			where = "behind the line that decides or above it"
		}
		fmt.Fprintf(&b, "\nTo keep it on purpose, write %s %s.\n", code("# pullcheck: ignore["+f.Rule+"] REASON"), where)
	}
	if f.Note != "" {
		fmt.Fprintf(&b, "\nNote: %s\n", code(f.Note))
	}
	return b.String() + marker(f.Fingerprint)
}

// decided says where the policy is decided, and begins the list of what that affects.
func (l *layout) decided(f *check.Finding, a anchor) string {
	at, what := l.link(f.Decision), policy(f.Affected)
	where := "This line"
	switch {
	case !f.Exact:
		where = "The line that decides could not be shown; something in " + at
	case a.kind == throughLine:
		where = at + ", which this line uses,"
	case a.kind != onLine:
		where = at
	}
	return fmt.Sprintf("%s %s for %s:\n\n", where, what, count(len(f.Affected), "container"))
}

// policy says what becomes of the policy.
func policy(all []check.Affected) string {
	first := all[0]
	same := !slices.ContainsFunc(all, func(a check.Affected) bool { return a.Written != first.Written || a.Effective != first.Effective })
	switch {
	case !same:
		return "decides the pull policy"
	case first.Written != "":
		return "sets the pull policy to " + code(first.Written)
	}
	return "sets no pull policy, which makes it " + code(first.Effective) + ","
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
		fmt.Fprintf(&b, "- %s", code(g.source))
		if names := environments[g]; names[0] != "" {
			fmt.Fprintf(&b, " (%s)", codes(names))
		} else if len(names) > 1 {
			fmt.Fprintf(&b, " (defaults, %s)", codes(names[1:]))
		}
		fmt.Fprintf(&b, ": %s: %s\n", code(g.object), codes(containers[g]))
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
		if at.Path == a.path && at.Line == a.line {
			continue
		}
		if link := l.link(at); len(links) < maxAffected && !slices.Contains(links, link) {
			links = append(links, link)
		}
	}
	return strings.Join(links, ", ")
}

// fix is the suggestion of a comment on the line that decides.
func (l *layout) fix(f *check.Finding) string {
	s, ok := l.suggestions[f.Fingerprint]
	switch {
	case ok && s.applies:
		return "\nProven by rendering again:\n\n" + fenced("suggestion", s.after)
	case ok:
		var lines []string
		for _, line := range s.before {
			lines = append(lines, "-"+line)
		}
		for _, line := range s.after {
			lines = append(lines, "+"+line)
		}
		return "\nProven by rendering again; a suggestion would change how these lines end, so change them by hand:\n\n" + fenced("diff", lines)
	case l.covered(f):
		return "\nThe suggestion beside this comment puts this right, too.\n"
	}
	return l.fixElsewhere(f)
}

// fixElsewhere says in words what the fix is.
func (l *layout) fixElsewhere(f *check.Finding) string {
	if f.Fix == nil {
		if f.Rule == check.DigestID {
			return ""
		}
		return "\nNo edit of this repository is proven to put it right; a Helm post-renderer or a patch in a kustomization can.\n"
	}
	return fmt.Sprintf("\nProven by rendering again: %s at %s. %s writes it.\n", code(f.Fix.Message), l.link(f.Fix.Edits[0].Location), code("pullcheck check --fix"))
}

// summaryBody is the summary: what has no comment of its own, what was not checked, and what the pull request keeps on purpose.
// It is empty where there is nothing of that.
func summaryBody(s Subject, rest []*check.Finding, findings int) string {
	if len(rest)+len(s.Report.Failures)+len(s.Exceptions) == 0 {
		return ""
	}
	const why = " without a comment of %s own, as no line of the change leads there or there are too many:"
	heading := fmt.Sprintf(why, "their")
	if len(rest) == 1 {
		heading = fmt.Sprintf(why, "its")
	}
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
		fmt.Fprintf(&b, "\n%s could not be rendered and %s not checked:\n\n", count(n, "source"), isAre(n))
		items(&b, s.Report.Failures, failureItem)
	}
	if n := len(shown); n > 0 {
		fmt.Fprintf(&b, "\n%s%s\n\n", count(n, "finding"), heading)
		items(&b, shown, l.item)
	}
	if n := len(s.Exceptions); n > 0 {
		fmt.Fprintf(&b, "\nThis pull request brings %s of its own:\n\n", count(n, "exception"))
		items(&b, s.Exceptions, l.exception)
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
	return "- " + name + ": " + code(f.Message) + "\n"
}

// item is a finding in the summary.
func (l *layout) item(f *check.Finding) string {
	text := fmt.Sprintf("- **%s** %s: %s %s for %s", capital(f.Severity.String()), code(f.Rule), l.link(f.Decision), policy(f.Affected),
		count(len(f.Affected), "container"))
	var sources []string
	for _, a := range f.Affected {
		if !slices.Contains(sources, a.Source) {
			sources = append(sources, a.Source)
		}
	}
	text += " of " + codes(sources)
	if f.Fix != nil {
		text += "; proven fix: " + code(f.Fix.Message)
		if at := f.Fix.Edits[0].Location; at.Path != f.Decision.Path || at.Line != f.Decision.Line {
			text += " at " + l.link(at)
		}
	}
	return text + "\n"
}

func (l *layout) exception(s check.Suppression) string {
	return fmt.Sprintf("- %s keeps %s: %s\n", l.link(s.Location), code(s.Finding.Rule), code(s.Reason))
}

// link is a place, with its address where there is one.
func (l *layout) link(at render.Location) string {
	at.Column = 0
	text := code(at.String())
	if l.Blob == "" || !utf8.ValidString(at.Path) {
		return text
	}
	parts := strings.Split(at.Path, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	address := l.Blob + strings.Join(parts, "/")
	if at.Line > 0 {
		address += "#L" + strconv.Itoa(at.Line)
	}
	return "[" + text + "](" + address + ")"
}

// code is a code span: on one line, without what is invisible, and longer fences than any backticks inside.
func code(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > maxCode {
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

// codes are code spans, the first ones where there are many.
func codes(texts []string) string {
	var spans []string
	for _, text := range texts[:min(len(texts), maxAffected)] {
		spans = append(spans, code(text))
	}
	joined := strings.Join(spans, ", ")
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

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
