package check

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Suppression is a finding that somebody suppresses on purpose, with the reason.
type Suppression struct {
	Finding Finding      `json:"finding"`
	By      SuppressedBy `json:"by"`
	Reason  string       `json:"reason"`
	// Location is the location of the reason, such as the comment.
	Location yamldoc.Location `json:"location"`
}

// SuppressedBy says what suppresses a finding.
type SuppressedBy string

// ByComment is an ignore comment, `# pullcheck: ignore[RULE,…] REASON`. It is on the line of the decision, or alone on
// the line above. In a template it may be a comment of the template: `{{/* pullcheck: ignore[RULE] REASON */}}` on one
// line.
const ByComment SuppressedBy = "comment"

// suppress separates the suppressed findings from the remaining ones. If a comment near a remaining finding does not
// count, the note of the finding says why.
func suppress(findings []Finding) (remaining []Finding, suppressed []Suppression) {
	remaining, suppressed = []Finding{}, []Suppression{}
	for _, f := range findings {
		if s := f.suppression(); s != nil {
			suppressed = append(suppressed, *s)
		} else {
			remaining = append(remaining, f)
		}
	}
	return remaining, suppressed
}

// suppression returns the suppression of the finding by a comment; nil if no comment suppresses it. In that case it
// stores in Note what is wrong with the first comment that looks like an ignore comment. Only files of the repository
// itself can suppress: a chart that somebody downloads must not switch the check off.
func (f *Finding) suppression() *Suppression {
	for _, c := range directives(f.Decision) {
		reason, err := c.ignores(f.Rule)
		switch {
		case err == nil && f.Decision.Tracked:
			f.Note = ""
			return &Suppression{*f, ByComment, reason, c.location}
		case !f.Decision.Tracked:
			err = errors.New("the file is not kept in this repository, whose own files alone can make exceptions: " +
				"write the policy in one of them, and the comment there")
		}
		f.note(c, err)
	}
	for _, via := range f.Via {
		for _, c := range directives(via) {
			if via.Tracked {
				f.note(c, fmt.Errorf("the line that decides is %s", f.Decision))
			}
		}
	}
	return nil
}

// note stores why a comment does not count, unless an earlier comment was noted.
func (f *Finding) note(c directive, fault error) {
	if f.Note == "" {
		f.Note = fmt.Sprintf("the comment at %s does not count here: %s", c.location, fault)
	}
}

// directive is a text that is an ignore comment, or that somebody meant as one and that has a fault.
type directive struct {
	location yamldoc.Location
	// text is the comment from the word pullcheck on. It is empty if the words are in no comment, but in a YAML value.
	text string
	// trailsPreviousLine is true if the comment is on the line above the decision, at the end of other text. Then it
	// belongs to that line.
	trailsPreviousLine bool
}

// directives returns the directives on the line of a location and on the line above.
func directives(at yamldoc.Location) []directive {
	var all []directive
	for i, line := range []string{at.Snippet, at.Above} {
		inside := at.SnippetInside
		if i > 0 {
			inside = at.AboveInside
		}
		if at.SnippetInside == yamldoc.InBlockScalar {
			inside = yamldoc.InNothing // The decision is in YAML that stands in YAML, such as a patch, and has comments.
		}
		c, ok := findDirective(line, strings.Contains("/"+at.Path, "/templates/"), inside)
		if !ok {
			continue
		}
		c.location.Path, c.location.Line, c.location.EndLine = at.Path, at.Line-i, at.Line-i
		rest := strings.TrimSpace(line[:c.location.Column-1] + line[c.location.EndColumn-1:])
		c.trailsPreviousLine = i > 0 && rest != "" && !strings.HasPrefix(rest, "#")
		all = append(all, c)
	}
	return all
}

var (
	// directiveText matches, in a comment, the text for this program. Text for another program may come before it:
	// "# noqa # pullcheck: ignore[…]".
	directiveText = regexp.MustCompile(`(?:^|#)\s*(pullcheck(?:\s*:|\s+ignore\b).*)`)
	// ignoreSyntax matches a directive, with the rules and the reason.
	ignoreSyntax = regexp.MustCompile(`^pullcheck:\s*ignore\b\s*(?:\[([^\]]*)\])?(.*)`)

	templateComment = regexp.MustCompile(`\{\{-?\s*/\*(.*?)\*/\s*-?\}\}`)
	templateAction  = regexp.MustCompile(`\{\{.*?\}\}`)
)

// findDirective finds a directive on a line that begins inside of a scalar or of none: in a comment of a template, in a
// comment of YAML, or in other text. Of its location, only the columns are set.
func findDirective(line string, inTemplate bool, inside yamldoc.Inside) (directive, bool) {
	if !strings.Contains(line, "pullcheck") {
		return directive{}, false // This is quick: a line may be a whole file, such as JSON on one line.
	}
	for _, match := range templateComment.FindAllStringSubmatchIndex(line, -1) {
		if !inTemplate {
			break
		}
		if text := directiveText.FindStringSubmatch(line[match[2]:match[3]]); text != nil {
			return directive{location: columns(match[0], match[1]), text: text[1]}, true
		}
	}
	if start := commentStart(line, inside); start >= 0 {
		if text := directiveText.FindStringSubmatch(line[start:]); text != nil {
			return directive{location: columns(start, len(line)), text: text[1]}, true
		}
	}
	if start := strings.Index(line, "pullcheck: ignore"); start >= 0 {
		return directive{location: columns(start, len(line))}, true
	}
	return directive{}, false
}

// columns returns a location with the columns of two byte offsets in a line.
func columns(start, end int) yamldoc.Location {
	return yamldoc.Location{Column: start + 1, EndColumn: end + 1}
}

// commentStart returns the offset of a YAML comment in a line that begins inside of a scalar or of none; -1 if the line
// has no comment. The line may be part of a template, so no YAML parser can read it. A # inside quotes begins no comment.
func commentStart(line string, inside yamldoc.Inside) int {
	if inside == yamldoc.InBlockScalar {
		return -1
	}
	line = templateAction.ReplaceAllStringFunc(line, func(action string) string {
		return strings.Repeat("x", len(action)) // A template action is a value, of the same length.
	})
	start, _ := yamldoc.ScanLine([]byte(line), byte(inside))
	return start
}

// ignores returns the reason that the directive gives for ignoring a rule. The error says why the directive does not
// suppress the rule, and what would be accepted.
func (c directive) ignores(rule string) (reason string, fault error) {
	match := ignoreSyntax.FindStringSubmatch(c.text)
	form := "# pullcheck: ignore[" + rule + "] REASON"
	switch {
	case c.text == "" && path.Ext(c.location.Path) == ".json":
		return "", fmt.Errorf("JSON has no comments; where the file is YAML it can have %s", form)
	case c.text == "":
		return "", fmt.Errorf("it stands in a text and not in a comment, expected %s", form)
	case c.trailsPreviousLine:
		return "", fmt.Errorf("it is behind another line, expected %s behind the line that decides, or alone above it", form)
	case match == nil:
		return "", fmt.Errorf("%q is not understood, expected %s", c.text, form)
	case strings.Trim(match[1], ", ") == "":
		return "", fmt.Errorf("it names no rule, expected %s", form)
	}
	var rules []string
	for _, name := range strings.Split(match[1], ",") {
		name = strings.TrimSpace(name)
		if !slices.ContainsFunc(Rules, func(r Rule) bool { return r.ID == name }) {
			return "", fmt.Errorf("there is no rule %q, expected one of %s", name, ruleIDs())
		}
		rules = append(rules, name)
	}
	reason = strings.TrimSpace(strings.TrimLeft(match[2], " \t:-–—"))
	switch {
	case !strings.ContainsFunc(reason, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }):
		return "", fmt.Errorf("it gives no reason, expected %s", form)
	case !slices.Contains(rules, rule):
		return "", fmt.Errorf("it ignores %s, and this is %s", strings.Join(rules, ", "), rule)
	}
	return reason, nil
}

// ruleIDs returns the IDs of all rules, for a message.
func ruleIDs() string {
	ids := make([]string, len(Rules))
	for i, rule := range Rules {
		ids[i] = rule.ID
	}
	return strings.Join(ids, ", ")
}
