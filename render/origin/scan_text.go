package origin

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/pullcheck/pullcheck/render"
)

// text finds the sites in a text that starts at an offset of the input: the lines that write fields, and the
// values. The text of a template between two actions is such a text.
func (s *scanner) text(offset int, data []byte) {
	text := string(data)
	if s.in.Use != render.UseFlag && s.mentionsKey(text) {
		for _, match := range s.lineKey.FindAllStringSubmatchIndex(text, -1) {
			s.line(offset+match[2], offset+match[3], offset+match[1], text[match[1]:])
		}
	}
	if s.hasIndistinct || s.mentionsValue(text) {
		s.words(offset, text)
	}
}

// line adds the two sites of a line that writes a key. start and end are the offsets of the key, colon is the
// offset behind the colon, and rest is the text from there on. The anchor is written behind the colon. The sibling
// is written before the key, on a line of its own; there is none if the line has more than white space and dashes
// before the key. For example, image: {{ .Values.image }} becomes
//
//	image: &zq0000004 {{ .Values.image }}
//
// with the token of the anchor, and with the token of the sibling
//
//	zq0000003: ""
//	image: {{ .Values.image }}
func (s *scanner) line(start, end, colon int, rest string) {
	if rest != "" && !strings.ContainsRune(" \t\r\n", rune(rest[0])) {
		return // It is no key.
	}
	if rest = strings.TrimLeft(rest, " "); rest != "" && strings.ContainsRune("&*!", rune(rest[0])) {
		return // The value has an anchor, or can have none.
	}
	data, key := s.in.Data, string(s.in.Data[start:end])
	if start > 0 && (data[start-1] == '"' || data[start-1] == '\'') {
		start--
	}
	anchor := &Site{
		Start: colon, End: colon, Kind: LineAnchor, Field: key, mayBeEmpty: true,
		encode:    func(token string) string { return " &" + token },
		SpanStart: start, SpanEnd: s.in.Text().LineEnd(colon),
	}
	before := data[bytes.LastIndexByte(data[:start], '\n')+1 : start]
	if isInFlow(before) {
		anchor.InFlow, anchor.SpanEnd = true, flowEnd(data, colon, anchor.SpanEnd)
	}
	if len(bytes.TrimLeft(before, " -")) == 0 {
		anchor.hasLineSibling = true
		sibling := *anchor
		sibling.Start, sibling.End, sibling.Kind, sibling.mayBeEmpty = start, start, LineSibling, false
		indent := strings.Repeat(" ", len(before))
		sibling.encode = func(token string) string { return token + `: ""` + "\n" + indent }
		s.add(&sibling)
	}
	s.add(anchor)
}

// endOfKey matches the text behind a word if the word is a key: the colon and what follows.
var endOfKey = regexp.MustCompile(`^(?:["'][ \t]*:|[ \t]*:(?:\s|$))`)

// words finds the values of fields in a text. A distinct value, such as IfNotPresent, counts wherever it is a word
// of its own and not a key. A value that occurs by chance, such as 80, counts only behind the key of a field:
// "port: 80" is a site if the field is a port, and "seconds: 80" is not.
func (s *scanner) words(offset int, text string) {
	for from := 0; s.wordPattern != nil && from < len(text); {
		match := s.wordPattern.FindStringSubmatchIndex(text[from:])
		if match == nil {
			break
		}
		start, end := from+match[2], from+match[3]
		if !endOfKey.MatchString(text[end:]) {
			s.add(&Site{Start: offset + start, End: offset + end, Value: text[start:end], encode: verbatim})
		}
		from = end
	}
	if !s.hasIndistinct {
		return
	}
	for _, match := range keyAndValue.FindAllStringSubmatchIndex(text, -1) {
		key, value := text[match[2]:match[3]], text[match[4]:match[5]]
		if s.fields[key] && s.values[value] && !isDistinct(value) {
			site := &Site{Start: offset + match[4], End: offset + match[5], Value: value, encode: verbatim}
			site.isNumber = isWholeNumber(value)
			s.add(site)
		}
	}
}

func verbatim(value string) string { return value }

// keyAndValue matches a key and a value on one line: port: 80, or PORT=80.
var keyAndValue = regexp.MustCompile(`([\w-]+)["']?[:=][ \t]*["']?([^\s"',{}]+)`)

// isInFlow reports whether a key stands in a mapping in flow style, {…}. before is the text before the key on its
// line.
func isInFlow(before []byte) bool {
	before = actions.ReplaceAll(before[max(len(before)-maxFlow, 0):], nil)
	return bytes.Count(before, []byte("{")) > bytes.Count(before, []byte("}"))
}

// maxFlow limits how far isInFlow looks back, in bytes. Without a limit, a file in one long line would take
// quadratic time.
const maxFlow = 4096

// actions matches the actions of a template, {{ … }}, on one line.
var actions = regexp.MustCompile(`\{\{.*?\}\}`)

// flowEnd returns the offset where a value in flow style ends: at the next comma or brace between two offsets. A
// brace of a template action does not count.
func flowEnd(data []byte, start, end int) int {
	mask := func(action []byte) []byte { return bytes.Repeat([]byte("x"), len(action)) }
	masked := actions.ReplaceAllFunc(data[start:end], mask)
	if i := bytes.IndexAny(masked, ",}"); i >= 0 {
		end = start + i
	}
	return start + len(bytes.TrimRight(data[start:end], " "))
}
