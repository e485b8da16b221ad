package origin

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/pullcheck/pullcheck/render"
)

// text finds the sites in text at an offset of the input: the lines that write fields, and values.
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

// line adds the sites of a line that writes a key. The key stands between two offsets, its colon ends at a third one, and
// rest is the text from there on. The anchor goes behind the colon. The sibling goes before the key, on a line of its own,
// unless something else than white space and dashes stands there. For example, image: {{ .Values.image }} becomes
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
		anchor.hasSibling = true
		sibling := *anchor
		sibling.Start, sibling.End, sibling.Kind, sibling.mayBeEmpty = start, start, LineSibling, false
		indent := strings.Repeat(" ", len(before))
		sibling.encode = func(token string) string { return token + `: ""` + "\n" + indent }
		s.add(&sibling)
	}
	s.add(anchor)
}

// endOfKey matches what stands behind a key.
var endOfKey = regexp.MustCompile(`^(?:["'][ \t]*:|[ \t]*:(?:\s|$))`)

// words finds the values in text that are words of their own and no keys, or that stand behind the key of a field. Of the
// value 80, which is not distinct, "port: 80" has a site if the field is a port, and "seconds: 80" has none.
func (s *scanner) words(offset int, text string) {
	for from := 0; s.targets.words != nil && from < len(text); {
		match := s.targets.words.FindStringSubmatchIndex(text[from:])
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

// keyAndValue matches a key and a value on one line.
var keyAndValue = regexp.MustCompile(`([\w-]+)["']?[:=][ \t]*["']?([^\s"',{}]+)`)

// isInFlow reports whether what stands before a key on its line opens a mapping in flow style.
func isInFlow(before []byte) bool {
	before = actions.ReplaceAll(before[max(len(before)-maxFlow, 0):], nil)
	return bytes.Count(before, []byte("{")) > bytes.Count(before, []byte("}"))
}

// maxFlow is how far before a key, in bytes, isInFlow looks for the start of its mapping.
const maxFlow = 4096

// actions matches the actions of a template, {{ … }}, on one line.
var actions = regexp.MustCompile(`\{\{.*?\}\}`)

// flowEnd returns where the value in flow style ends that stands between two offsets.
func flowEnd(data []byte, start, end int) int {
	mask := func(action []byte) []byte { return bytes.Repeat([]byte("x"), len(action)) }
	masked := actions.ReplaceAllFunc(data[start:end], mask)
	if i := bytes.IndexAny(masked, ",}"); i >= 0 {
		end = start + i
	}
	return start + len(bytes.TrimRight(data[start:end], " "))
}
