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

// Suppression is a finding that is kept on purpose.
type Suppression struct {
	Finding Finding   `json:"finding"`
	By      Exemption `json:"by"`
	Reason  string    `json:"reason"`
	// Location is where the reason stands.
	Location yamldoc.Location `json:"location"`
}

// Exemption says what suppresses a finding.
type Exemption string

// ByComment is a comment `# pullcheck: ignore[RULE,…] REASON`, on the line of the decision or alone on the one above it.
// A comment of a template has it on one line, too.
const ByComment Exemption = "comment"

// suppress parts the findings that are kept on purpose from those that stay, and notes at these why a comment near them
// does not count.
func suppress(findings []Finding) (stay []Finding, suppressed []Suppression) {
	stay, suppressed = []Finding{}, []Suppression{}
	for _, f := range findings {
		if s := f.commented(); s != nil {
			suppressed = append(suppressed, *s)
		} else {
			stay = append(stay, f)
		}
	}
	return stay, suppressed
}

// commented is the suppression of the finding by a comment. Without one, it notes the first fault of what may be meant
// as such.
func (f *Finding) commented() *Suppression {
	for _, c := range directives(f.Decision) {
		reason, err := c.ignores(f.Rule)
		switch {
		case err == nil && f.Decision.Tracked:
			f.Note = ""
			return &Suppression{*f, ByComment, reason, c.location}
		case !f.Decision.Tracked:
			err = errors.New("the file is not kept in this repository, whose own files alone can make exceptions: write the policy in one of them, and the comment there")
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

func (f *Finding) note(c directive, fault error) {
	if f.Note == "" {
		f.Note = fmt.Sprintf("the comment at %s does not count here: %s", c.location, fault)
	}
}

// directive is a text on a line that is a comment of this program, or is meant as one.
type directive struct {
	location yamldoc.Location
	// text begins with the name of the program; it is empty where that stands in no comment.
	text string
	// behind says that it stands on the line above the decision, and not alone.
	behind bool
}

// directives are those on the line of a location, and on the one above it.
func directives(at yamldoc.Location) []directive {
	var all []directive
	for i, line := range []string{at.Snippet, at.Above} {
		c, ok := findDirective(line)
		if !ok {
			continue
		}
		c.location.Path, c.location.Line, c.location.EndLine = at.Path, at.Line-i, at.Line-i
		rest := strings.TrimSpace(line[:c.location.Column-1] + line[c.location.EndColumn-1:])
		c.behind = i > 0 && rest != "" && !strings.HasPrefix(rest, "#")
		all = append(all, c)
	}
	return all
}

var (
	// meant matches in a comment what is meant for this program, behind what may be for another one.
	meant = regexp.MustCompile(`(?:^|#)\s*(pullcheck(?:\s*:|\s+ignore\b).*)`)
	// understood has the rules and the reason.
	understood = regexp.MustCompile(`^pullcheck:\s*ignore\b\s*(?:\[([^\]]*)\])?(.*)`)

	templateComment = regexp.MustCompile(`\{\{-?\s*/\*(.*?)\*/\s*-?\}\}`)
	templateAction  = regexp.MustCompile(`\{\{.*?\}\}`)
)

// findDirective finds a directive on a line. Its location has columns alone.
func findDirective(line string) (directive, bool) {
	if !strings.Contains(line, "pullcheck") {
		return directive{}, false // as nearly all lines, of which one may be a whole file
	}
	for _, match := range templateComment.FindAllStringSubmatchIndex(line, -1) {
		if text := meant.FindStringSubmatch(line[match[2]:match[3]]); text != nil {
			return directive{location: columns(match[0], match[1]), text: text[1]}, true
		}
	}
	if start := commentStart(line); start >= 0 {
		if text := meant.FindStringSubmatch(line[start:]); text != nil {
			return directive{location: columns(start, len(line)), text: text[1]}, true
		}
	}
	if start := strings.Index(line, "pullcheck: ignore"); start >= 0 {
		return directive{location: columns(start, len(line))}, true
	}
	return directive{}, false
}

func columns(start, end int) yamldoc.Location {
	return yamldoc.Location{Column: start + 1, EndColumn: end + 1}
}

// commentStart is where a comment of YAML begins on a line, -1 if there is none. A quote counts where a value can
// begin.
func commentStart(line string) int {
	line = templateAction.ReplaceAllStringFunc(line, func(action string) string { return strings.Repeat("x", len(action)) })
	quote := byte(0)
	for i := 0; i < len(line); i++ {
		c, before := line[i], byte(' ')
		if i > 0 {
			before = line[i-1]
		}
		switch {
		case quote == '"' && c == '\\', quote == '\'' && strings.HasPrefix(line[i:], "''"):
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && strings.IndexByte(" \t[{,:", before) >= 0:
			quote = c
		case c == '#' && (before == ' ' || before == '\t'):
			return i
		}
	}
	return -1
}

// ignores returns the reason to ignore a rule, or why the directive gives none.
func (c directive) ignores(rule string) (reason string, fault error) {
	match := understood.FindStringSubmatch(c.text)
	form := "# pullcheck: ignore[" + rule + "] REASON"
	switch {
	case c.text == "" && path.Ext(c.location.Path) == ".json":
		return "", fmt.Errorf("JSON has no comments; where the file is YAML it can have %s", form)
	case c.text == "":
		return "", fmt.Errorf("it stands in a text and not in a comment, expected %s", form)
	case c.behind:
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

func ruleIDs() string {
	ids := make([]string, len(Rules))
	for i, rule := range Rules {
		ids[i] = rule.ID
	}
	return strings.Join(ids, ", ")
}
