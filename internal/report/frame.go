package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pullcheck/pullcheck/render/yamldoc"
	"golang.org/x/text/width"
)

// Trace is a field of a rendered object and where it was decided.
type Trace struct {
	// Field is the path to it, as render.Path writes it.
	Field string
	// Missing says that the object does not have the field, or nothing in it.
	Missing bool
	// Decisions, Via and Exact are those of origin.Trace.
	Decisions, Via []yamldoc.Location
	Exact          bool
}

// frame shows the line of a decision, the place in it underlined, and what is not set there.
func (t *text) frame(trace Trace, at yamldoc.Location, color string) {
	if at.Snippet == "" {
		return
	}
	source, indent, underline := layOut(at)
	if key := absent(trace, at); key != "" {
		underline += " " + Line(key) + " is not set here"
	}
	fmt.Fprintf(t, "%s %s\n", t.gutter(trace, strconv.Itoa(at.Line)), source)
	fmt.Fprintf(t, "%s %s%s\n", t.gutter(trace, ""), indent, t.paint(color, underline))
}

// way says what could not be shown, and shows the lines between the decisions and the object.
func (t *text) way(trace Trace) {
	switch {
	case trace.Exact:
	case trace.Decisions[0].Line > 0:
		t.WriteString("    this line writes the field; the line that decides could not be shown\n")
	default:
		t.WriteString("    the line that decides could not be shown\n")
	}
	for _, at := range trace.Via {
		fmt.Fprintf(t, "    via %s\n", Line(at.String()))
		if at.Snippet != "" {
			source, _, _ := layOut(at)
			fmt.Fprintf(t, "%s %s\n", t.gutter(trace, strconv.Itoa(at.Line)), source)
		}
	}
}

// gutter is the start of a line: a number, or none, as wide as the widest of the trace.
func (t *text) gutter(trace Trace, number string) string {
	digits := 0
	for _, at := range slices.Concat(trace.Decisions, trace.Via) {
		digits = max(digits, len(strconv.Itoa(at.Line)))
	}
	return t.paint(faint, fmt.Sprintf("    %*s |", digits, number))
}

// absent is the key that would set a missing field if it stood at a place, or "" where the place shows that key. It
// is the path in a values file, and the field's own key in all other files.
func absent(trace Trace, at yamldoc.Location) string {
	if !trace.Missing {
		return ""
	}
	last := lastKey(trace.Field)
	name := last
	if key := lastKey(at.Key); alike(key, last) && !sameKeys(at.Key, trace.Field) {
		name, last = at.Key, key
	}
	start, end := span(at)
	before, inside := strings.TrimRight(at.Snippet[:start], " \t:\"'"), strings.TrimLeft(at.Snippet[start:end], `"'`)
	if rest, ok := strings.CutPrefix(inside, last); strings.HasSuffix(before, last) || ok && strings.HasPrefix(strings.TrimLeft(rest, `"' `), ":") {
		return ""
	}
	return name
}

// lastKey is the last key on a path, empty if there is none.
func lastKey(path string) string {
	parsed, _ := yamldoc.ParsePath(path)
	return parsed.Last()
}

// alike tells a key that templates read for a field, as pullPolicy for imagePullPolicy, from that of a text in which
// the place is.
func alike(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	return a != "" && (strings.HasSuffix(a, b) || strings.HasSuffix(b, a))
}

// sameKeys reports whether two paths differ at most in how they name items.
func sameKeys(a, b string) bool {
	pathA, errA := yamldoc.ParsePath(a)
	pathB, errB := yamldoc.ParsePath(b)
	return errA == nil && errB == nil && slices.EqualFunc(pathA, pathB, func(a, b yamldoc.Step) bool { return a.Key == b.Key })
}

// span is where a place starts and ends in the snippet, at the latest where that does.
func span(at yamldoc.Location) (start, end int) {
	end = len(at.Snippet)
	if at.EndLine == at.Line {
		end = min(end, at.EndColumn-1)
	}
	return min(at.Column-1, end), end
}

// Of a line that is wider, such as JSON on one line, a frame shows what is around the place. The unit is the column of
// a terminal.
const (
	maxWidth  = 120
	maxBefore = 30 // the place
	tabWidth  = 4
)

// layOut returns the line of a place as a terminal shows it, and the indent and the marks of the line below it.
func layOut(at yamldoc.Location) (source, indent, marks string) {
	start, end := span(at)
	from, to := window(at.Snippet, start)
	if from > 0 {
		source, indent = "…", " "
	}
	for i, r := range at.Snippet[from:to] {
		character, columns := show(r)
		source += character
		switch i += from; {
		case i < start:
			indent += strings.Repeat(" ", columns)
		case i < end:
			marks += strings.Repeat("^", columns)
		}
	}
	if to < len(at.Snippet) {
		source += "…"
	}
	// "##[" begins a workflow command of old, wherever it stands; the marks stay below their characters.
	return strings.ReplaceAll(source, "##[", "#\u266f["), indent, cmp.Or(marks, "^")
}

// window is the part of a line to show: all of it, or what is around an offset.
func window(line string, offset int) (from, to int) {
	if fitting(line, maxWidth) == len(line) {
		return 0, len(line)
	}
	from = offset
	for left := maxBefore; from > 0; {
		r, size := utf8.DecodeLastRuneInString(line[:from])
		_, columns := show(r)
		if left -= columns; left < 0 {
			break
		}
		from -= size
	}
	return from, from + fitting(line[from:], maxWidth)
}

// fitting is how much of a text fits into some columns.
func fitting(text string, columns int) int {
	for i, r := range text {
		_, wide := show(r)
		if columns -= wide; columns < 0 {
			return i
		}
	}
	return len(text)
}

// show returns how a terminal is to show a character, and in how many columns. What would not be seen, or would change
// the order of what is, is escaped.
func show(r rune) (string, int) {
	kind := width.LookupRune(r).Kind()
	switch {
	case r == '\t':
		return strings.Repeat(" ", tabWidth), tabWidth
	case unicode.In(r, unicode.Mn, unicode.Me):
		return string(r), 0
	case !unicode.IsPrint(r):
		escaped := strings.Trim(strconv.QuoteRune(r), "'")
		return escaped, len(escaped)
	case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
		return string(r), 2
	}
	return string(r), 1
}
