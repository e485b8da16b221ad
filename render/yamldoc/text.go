package yamldoc

import (
	"bytes"
	"sort"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Text finds the positions of nodes in the text from which they were parsed. It translates between two ways of
// counting: the YAML parser counts columns in characters, and ends a line also at a lone carriage return, NEL, LS or
// PS; a Location counts columns in bytes, and lines as editors and git do. A Text is for one goroutine at a time.
type Text struct {
	bytes []byte
	lines []textLine
	last  position // the result of the last call of Offset
	// snippets has the lines that were copied for locations, by offset. All locations on a line share one copy, because
	// JSON can have 500 containers on one line of 5 MB.
	snippets map[int]string
	regions  []jsonRegion // the documents about which isJSON was asked
	inside   []Inside     // by the line of an editor; nil until a location was asked for
}

// position is a position in the text: the line and column as the parser counts them, and the offset in bytes.
type position struct{ line, column, offset int }

// textLine is a line as the parser counts lines. Several of them can be parts of one line of an editor.
type textLine struct {
	start  int // offset of the line, in bytes
	number int // number of the line in an editor, from 1
	origin int // offset of the start of the editor's line, in bytes
}

// NewText returns the Text of a file, or of a part of a file. In a text in UTF-16, no node has a position.
func NewText(content []byte) *Text {
	t := &Text{bytes: content, snippets: map[int]string{}}
	if bytes.HasPrefix(content, []byte("\xff\xfe")) || bytes.HasPrefix(content, []byte("\xfe\xff")) {
		return t // UTF-16
	}
	line := textLine{number: 1}
	if bytes.HasPrefix(content, []byte("\ufeff")) {
		line.start, line.origin = len("\ufeff"), len("\ufeff") // neither the parser nor an editor counts it
	}
	t.lines = append(t.lines, line)
	for i := line.start; i < len(content); {
		width := breakAt(content[i:])
		if width == 0 {
			i++
			continue
		}
		i += width
		line.start = i
		if content[i-1] == '\n' {
			line.number, line.origin = line.number+1, i
		}
		t.lines = append(t.lines, line)
	}
	return t
}

// breakAt returns the length in bytes of the line break at the start of a text; 0 if the text starts with another
// character. The parser has the same line breaks (is_break in yamlprivateh.go of go.yaml.in/yaml).
func breakAt(text []byte) int {
	const nel, ls, ps = "\u0085", "\u2028", "\u2029"
	switch text[0] {
	case '\n':
		return 1
	case '\r':
		if len(text) > 1 && text[1] == '\n' {
			return 2
		}
		return 1
	case nel[0]:
		if bytes.HasPrefix(text, []byte(nel)) {
			return len(nel)
		}
	case ls[0]:
		if bytes.HasPrefix(text, []byte(ls)) || bytes.HasPrefix(text, []byte(ps)) {
			return len(ls)
		}
	}
	return 0
}

// Bounds returns the offsets of the start and the end of a value, in bytes, without its anchor and tag. Quotes are part
// of the value. If a value without quotes has several lines, the end is the end of its first line. ok is false if the
// node has no position in the text.
func (t *Text) Bounds(node *yaml.Node) (start, end int, ok bool) {
	start, ok = t.Offset(node)
	if !ok {
		return 0, 0, false
	}
	start = t.skipProperties(start)
	return start, t.end(start, node), true
}

// Edit returns the edit of the file at a path that replaces the part of the text between two offsets by a new text. The
// text must be the content of the file.
func (t *Text) Edit(file string, start, end int, newText string) Edit {
	at := t.Location(start, end)
	at.Path, at.Snippet, at.Above = file, "", ""
	at.SnippetInside, at.AboveInside = InNothing, InNothing
	return Edit{Location: at, Start: start, End: end, OldText: string(t.bytes[start:end]), NewText: newText}
}

// Location returns the location of the part of the text between two offsets. Its path is empty. It is the zero Location
// if the text is in UTF-16.
func (t *Text) Location(start, end int) Location {
	var l Location
	if len(t.lines) == 0 {
		return l
	}
	first := t.line(start)
	l.Line, l.Column = first.number, start-first.origin+1
	last := t.line(end)
	l.EndLine, l.EndColumn = last.number, end-last.origin+1
	l.Snippet, l.SnippetInside = t.lineFrom(first.origin), t.insideLine(first.number)
	if first.number > 1 {
		l.Above = t.lineFrom(bytes.LastIndexByte(t.bytes[:first.origin-1], '\n') + 1)
		l.AboveInside = t.insideLine(first.number - 1)
	}
	return l
}

// insideLine returns in which scalar a line of an editor begins; lines count from 1.
func (t *Text) insideLine(number int) Inside {
	if t.inside == nil {
		t.inside = insideLines(bytes.TrimPrefix(t.bytes, []byte("\ufeff")))
	}
	if number > len(t.inside) {
		return InNothing // behind the last line break
	}
	return t.inside[number-1]
}

// lineFrom returns the text of the editor's line that starts at an offset, without its line break.
func (t *Text) lineFrom(origin int) string {
	if snippet, ok := t.snippets[origin]; ok {
		return snippet
	}
	rest := t.bytes[origin:]
	rest = bytes.TrimPrefix(rest, []byte("\ufeff"))
	snippet := string(bytes.TrimSuffix(rest[:until(rest, "\n")], []byte("\r")))
	t.snippets[origin] = snippet
	return snippet
}

// Span returns the location of a value, from its Bounds; the zero Location if the node has no position in the text.
func (t *Text) Span(node *yaml.Node) Location {
	start, end, ok := t.Bounds(node)
	if !ok {
		return Location{}
	}
	return t.Location(start, end)
}

// Offset returns the offset of a node in bytes. If the node has an anchor or a tag, the offset is the start of the
// anchor or tag. The bool is false if the node has no position in the text.
func (t *Text) Offset(node *yaml.Node) (int, bool) {
	if node.Line < 1 || node.Line > len(t.lines) {
		return 0, false
	}
	// Count on from the last call if it was before this node on the line: callers mostly ask in the order of the text,
	// and to count each node of a long line from the start of the line would take quadratic time.
	if t.last.line != node.Line || t.last.column > node.Column {
		t.last = position{node.Line, 1, t.lines[node.Line-1].start}
	}
	for ; t.last.column < node.Column; t.last.column++ {
		_, width := utf8.DecodeRune(t.bytes[t.last.offset:])
		t.last.offset += width
	}
	return t.last.offset, true
}

// skipProperties returns the offset of the value after the anchor and tag at an offset. The value may be on a later
// line.
func (t *Text) skipProperties(offset int) int {
	for offset < len(t.bytes) {
		switch t.bytes[offset] {
		case '&', '!':
			offset += until(t.bytes[offset:], " \t\r\n")
		case '#':
			offset += until(t.bytes[offset:], "\r\n")
		case ' ', '\t', '\r', '\n':
			offset++
		default:
			return offset
		}
	}
	return offset
}

// end returns the offset of the end of the value that begins at start: after the closing quote, after the alias, after
// the text of a scalar, or else the end of the line.
func (t *Text) end(start int, node *yaml.Node) int {
	rest := t.bytes[start:]
	switch {
	case node.Style&yaml.DoubleQuotedStyle != 0:
		for i := 1; i < len(rest); i++ {
			switch rest[i] {
			case '\\':
				i++
			case '"':
				return start + i + 1
			}
		}
	case node.Style&yaml.SingleQuotedStyle != 0:
		for i := 1; i < len(rest); i++ {
			if rest[i] == '\'' {
				if i++; i == len(rest) || rest[i] != '\'' {
					return start + i
				}
			}
		}
	case node.Kind == yaml.AliasNode:
		return start + len("*") + len(node.Value)
	case node.Kind == yaml.ScalarNode && bytes.HasPrefix(rest, []byte(node.Value)):
		return start + len(node.Value)
	}
	return start + len(bytes.TrimRight(rest[:until(rest, "\r\n")], " \t"))
}

// until returns the index of the first character in the text that is one of chars; the length of the text if there is
// no such character.
func until(text []byte, chars string) int {
	if i := bytes.IndexAny(text, chars); i >= 0 {
		return i
	}
	return len(text)
}

// line returns the line that contains an offset.
func (t *Text) line(offset int) textLine {
	return t.lines[sort.Search(len(t.lines), func(i int) bool { return t.lines[i].start > offset })-1]
}
