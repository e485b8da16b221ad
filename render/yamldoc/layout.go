package yamldoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// Newline returns the line ending of the text, "\n" or "\r\n". The first line decides.
func (t *Text) Newline() string {
	if i := bytes.IndexByte(t.bytes, '\n'); i > 0 && t.bytes[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// LineEnd returns the offset of the end of the line around an offset, without the white space at its end.
func (t *Text) LineEnd(offset int) int {
	line := t.bytes[offset:]
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	return offset + len(bytes.TrimRight(line, " \t\r"))
}

// Indent returns the white space with which another line starts in the same column as an offset. In "  - image: a",
// the indent of image is four spaces, because the new key belongs to the same list item. If another text stands
// before the offset on its line, the indent is the white space at the start of the line.
func (t *Text) Indent(offset int) string {
	before := t.textBefore(offset)
	if len(bytes.TrimLeft(before, " -")) > 0 {
		return leadingSpaces(before)
	}
	return strings.Repeat(" ", len(before))
}

// textBefore returns the part of the line before an offset.
func (t *Text) textBefore(offset int) []byte {
	return t.bytes[bytes.LastIndexByte(t.bytes[:offset], '\n')+1 : offset]
}

func leadingSpaces(line []byte) string {
	return string(line[:len(line)-len(bytes.TrimLeft(line, " "))])
}

// BlockLines returns the bounds of the lines of a block scalar. header is the offset where its header (|, >-) ends.
func (t *Text) BlockLines(header int) (from, to int) {
	data := t.bytes
	newline := bytes.IndexByte(data[header:], '\n')
	if newline < 0 {
		return len(data), len(data)
	}
	from = header + newline + 1
	indent := -1
	for to = from; to < len(data); {
		end := to + bytes.IndexByte(data[to:], '\n') + 1
		if end == to {
			end = len(data)
		}
		line := bytes.TrimRight(data[to:end], " \t\r\n")
		if spaces := len(line) - len(bytes.TrimLeft(line, " ")); len(line) > 0 {
			if indent < 0 {
				indent = spaces
			}
			if spaces < indent || indent == 0 {
				break
			}
		}
		to = end
	}
	return from, to
}

// separator is the line between two documents, with its line ends.
const separator = "\n---\n"

// jsonRegion is a document of the text, and whether it is written in JSON. YAML accepts all of JSON, and more.
type jsonRegion struct {
	start, end int
	isJSON     bool
}

// isJSON reports whether the document around an offset is written in JSON. A new key then needs quotes. It reads
// each document once, however many keys are written.
func (t *Text) isJSON(offset int) bool {
	for _, r := range t.regions {
		if r.start <= offset && offset <= r.end {
			return r.isJSON
		}
	}
	r := jsonRegion{start: 0, end: len(t.bytes)}
	if i := bytes.LastIndex(t.bytes[:offset], []byte(separator)); i >= 0 {
		r.start = i + len(separator)
	}
	if i := bytes.Index(t.bytes[offset:], []byte(separator)); i >= 0 {
		r.end = offset + i
	}
	r.isJSON = isJSONText(bytes.TrimPrefix(t.bytes[r.start:r.end], []byte("---\n")))
	t.regions = append(t.regions, r)
	return r.isJSON
}

func isJSONText(document []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(document))
	for values := 0; ; values++ {
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return values > 0 && errors.Is(err, io.EOF)
		}
	}
}

// hasEndMarker reports whether the text has a line "...", which ends a document. A key that is appended behind it
// would be in the next document.
func (t *Text) hasEndMarker() bool {
	return bytes.HasPrefix(t.bytes, []byte("...")) || bytes.Contains(t.bytes, []byte("\n..."))
}
