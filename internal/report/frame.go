package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pullcheck/pullcheck/internal/printable"
	"github.com/pullcheck/pullcheck/render/yamldoc"
	"golang.org/x/text/width"
)

// Trace is a field of a rendered object, and the locations that decide it.
type Trace struct {
	// Field is the path to the field in the object, as yamldoc.Path writes it.
	Field string
	// Missing is true if the object does not have the field, or if the field is empty.
	Missing bool
	// Decisions are the locations that decide the field, and Via the locations between them and the object. Exact is true
	// if a render has shown that the decisions decide. See package render/origin.
	Decisions, Via []yamldoc.Location
	Exact          bool
}

// frame writes the line of a decision and underlines the decision. If the field is missing, it names the key that is
// not set:
//
//	3 | image:
//	  | ^^^^^ image.pullPolicy is not set here
func (t *text) frame(trace Trace, at yamldoc.Location, color string) {
	if at.Snippet == "" {
		return
	}
	source, indent, underline := layOut(at)
	if key := unsetKey(trace, at); key != "" {
		underline += " " + printable.Line(key) + " is not set here"
	}
	fmt.Fprintf(t, "%s %s\n", t.gutter(trace, strconv.Itoa(at.Line)), source)
	fmt.Fprintf(t, "%s %s%s\n", t.gutter(trace, ""), indent, t.paint(color, underline))
}

// via writes the lines between the decisions and the object. Above them it says whether the decision was not
// demonstrated.
func (t *text) via(trace Trace) {
	switch {
	case trace.Exact:
	case trace.Decisions[0].Line > 0:
		t.WriteString("    this line writes the field; the line that decides could not be shown\n")
	default:
		t.WriteString("    the line that decides could not be shown\n")
	}
	for _, at := range trace.Via {
		fmt.Fprintf(t, "    via %s\n", printable.Line(at.String()))
		if at.Snippet != "" {
			source, _, _ := layOut(at)
			fmt.Fprintf(t, "%s %s\n", t.gutter(trace, strconv.Itoa(at.Line)), source)
		}
	}
}

// gutter returns the start of a line of a frame: a line number or spaces, as wide as the widest line number of the
// trace.
func (t *text) gutter(trace Trace, number string) string {
	digits := 0
	for _, at := range slices.Concat(trace.Decisions, trace.Via) {
		digits = max(digits, len(strconv.Itoa(at.Line)))
	}
	return t.paint(printable.Faint, fmt.Sprintf("    %*s |", digits, number))
}

// unsetKey returns the key that would set a missing field if somebody wrote it at a location. In a values file it is
// the path to the value, such as image.pullPolicy, and in all other files it is the key of the field. It is "" if the
// field is not missing, or if the location already shows the key, for example with an empty value.
func unsetKey(trace Trace, at yamldoc.Location) string {
	if !trace.Missing {
		return ""
	}
	last := lastKey(trace.Field)
	name := last
	if key := lastKey(at.Key); similarKeys(key, last) && !sameKeys(at.Key, trace.Field) {
		name, last = at.Key, key
	}
	start, end := span(at)
	before := strings.TrimRight(at.Snippet[:start], " \t:\"'")
	rest, isKey := strings.CutPrefix(strings.TrimLeft(at.Snippet[start:end], `"'`), last)
	isKey = isKey && strings.HasPrefix(strings.TrimLeft(rest, `"' `), ":")
	if isKey || strings.HasSuffix(before, last) {
		return ""
	}
	return name
}

// lastKey returns the last key of a path; empty if it has no key.
func lastKey(path string) string {
	parsed, _ := yamldoc.ParsePath(path)
	return parsed.Last()
}

// similarKeys reports whether one key ends with the other, without regard to case. So pullPolicy is the key of a value
// for imagePullPolicy. If the keys are not similar, the location is in another text, such as a ConfigMap that holds
// values.
func similarKeys(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	return a != "" && (strings.HasSuffix(a, b) || strings.HasSuffix(b, a))
}

// sameKeys reports whether two paths have the same keys. One may name an item of a list by its name and the other by
// its index.
func sameKeys(a, b string) bool {
	pathA, errA := yamldoc.ParsePath(a)
	pathB, errB := yamldoc.ParsePath(b)
	sameKey := func(a, b yamldoc.Step) bool { return a.Key == b.Key }
	return errA == nil && errB == nil && slices.EqualFunc(pathA, pathB, sameKey)
}

// span returns the offsets of a location in its snippet. A location that goes on in the next line ends with the
// snippet.
func span(at yamldoc.Location) (start, end int) {
	end = len(at.Snippet)
	if at.EndLine == at.Line {
		end = min(end, at.EndColumn-1)
	}
	return min(at.Column-1, end), end
}

// Widths in columns of a terminal. Of a line that is wider than maxWidth, such as JSON on one line, a frame shows a
// part.
const (
	maxWidth  = 120
	maxBefore = 30 // The part begins this much before the location.
	tabWidth  = 4
)

// layOut returns the line of a location as a terminal shows it, and for the line below it the indent and the marks (^)
// under the location.
func layOut(at yamldoc.Location) (source, indent, marks string) {
	start, end := span(at)
	from, to := window(at.Snippet, start)
	if from > 0 {
		source, indent = "…", " "
	}
	for i := from; i < to; {
		character, columns, size := display(at.Snippet[i:])
		source += character
		switch {
		case i < start:
			indent += strings.Repeat(" ", columns)
		case i < end:
			marks += strings.Repeat("^", columns)
		}
		i += size
	}
	if to < len(at.Snippet) {
		source += "…"
	}
	// "##[" begins a workflow command in an old syntax, anywhere in a line. The replacement is as wide, so that the marks
	// stay below their characters.
	return strings.ReplaceAll(source, "##[", "#\u266f["), indent, cmp.Or(marks, "^")
}

// window returns the part of a line to show, from one offset to another: the whole line if it is not too wide, else
// the part around an offset.
func window(line string, offset int) (from, to int) {
	if fittingLength(line, maxWidth) == len(line) {
		return 0, len(line)
	}
	from = offset
	for left := maxBefore; from > 0; {
		_, size := utf8.DecodeLastRuneInString(line[:from])
		_, columns, _ := display(line[from-size:])
		if left -= columns; left < 0 {
			break
		}
		from -= size
	}
	return from, from + fittingLength(line[from:], maxWidth)
}

// fittingLength returns the length in bytes of the part of a text that fits into some columns.
func fittingLength(text string, columns int) int {
	for i := 0; i < len(text); {
		_, wide, size := display(text[i:])
		if columns -= wide; columns < 0 {
			return i
		}
		i += size
	}
	return len(text)
}

// display returns the text that a terminal is to show for the first character of a text, its width in columns, and the
// size of the character in bytes. A combining mark has no width, and a wide character of an Asian script takes two
// columns.
func display(text string) (shown string, columns, size int) {
	r, size := utf8.DecodeRuneInString(text)
	shown = printable.Character(text[:size])
	kind := width.LookupRune(r).Kind()
	switch {
	case r == '\t':
		return strings.Repeat(" ", tabWidth), tabWidth, size
	case shown != text[:size]:
		return shown, len(shown), size
	case unicode.In(r, unicode.Mn, unicode.Me):
		return shown, 0, size
	case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
		return shown, 2, size
	}
	return shown, 1, size
}
