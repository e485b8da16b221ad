package yamldoc

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Place names a mapping of a file into which values can be written: the mapping at a path in a document, or, where a
// scalar in block style (|) stands at the path, the mapping that its text is. Documents count from 0.
type Place struct {
	Document int
	At       Path
}

// Document is a mapping of a file into which keys and values can be written. It is made by Open, is for one goroutine at a
// time, and changes neither text nor nodes: it returns edits.
//
// A key is written as people write it: in the style of the mapping (block, flow or JSON), with the file's line endings, at
// the end of the file if it is a key of the whole file, else behind a tag or the first scalars of its mapping. For example,
// image.pullPolicy goes into
//
//	image:
//	  repository: example/api
//	  tag: "1.2"
//	  # pullPolicy: Always, on a line of its own, is inserted here
//	resources: {}
type Document struct {
	text *Text
	root *yaml.Node // a mapping; nil if the file has no document
	// isWhole is true if the mapping is all that the file has, so that a key can be appended at the end of the file.
	isWhole bool
}

// Open returns the document at a place of a file. It fails if the text is no YAML, or if neither a mapping nor the text of
// a mapping stands at the place. An empty file is an empty mapping.
func Open(text *Text, place Place) (*Document, error) {
	roots, err := Parse(text.bytes)
	if err != nil {
		return nil, err
	}
	if len(roots) == 0 && len(place.At) == 0 {
		return &Document{text: text, isWhole: true}, nil
	}
	if place.Document >= len(roots) {
		return nil, fmt.Errorf("found %d documents, expected more than %d", len(roots), place.Document)
	}
	found, _ := Lookup(roots[place.Document], place.At)
	root := Resolve(found)
	if root != nil && root.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		_, end, _ := text.Bounds(root)
		root = text.parseBlock(end)
	}
	if root == nil || root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("found no mapping at %q", place.At.String())
	}
	return &Document{text: text, root: root, isWhole: len(roots) == 1 && len(place.At) == 0}, nil
}

// parseBlock returns the one document in the lines of the block scalar whose header ends at an offset, with the positions
// of the file; nil if the lines are not one YAML document.
func (t *Text) parseBlock(header int) *yaml.Node {
	from, to := t.BlockLines(header)
	roots, err := Parse(t.bytes[from:to])
	if err != nil || len(roots) != 1 {
		return nil
	}
	shift(roots[0], bytes.Count(t.bytes[:from], []byte("\n")), 0)
	return roots[0]
}

// Root returns the mapping; nil if the file is empty.
func (d *Document) Root() *yaml.Node { return d.root }

// IsWhole reports whether the file has nothing but the mapping.
func (d *Document) IsWhole() bool { return d.isWhole }

// Slot is where a value of a document stands, or where it can be written. It is made by Document.Slot.
type Slot struct {
	// mapping gets the keys; it is nil if a value is replaced, or if the file is empty.
	mapping *yaml.Node
	// keys are written one in the other. A value is replaced by another scalar if there are none.
	keys []string
	// start and end are the bounds of the replaced value. They are equal if a key has no value, behind its colon.
	start, end int
	keyStart   int // of the key of the replaced value
	isReplaced bool
}

// Mapping returns the mapping that gets the first of the missing keys; nil where an empty value is replaced, or where the
// file is empty.
func (s Slot) Mapping() *yaml.Node { return s.mapping }

// Keys returns the keys that are missing, the outermost first. They are written one in the other.
func (s Slot) Keys() []string { return s.keys }

// Span returns the bounds of the empty value that is replaced, or of its key where nothing stands behind the colon; 0 and 0
// where a key is missing.
func (s Slot) Span() (start, end int) {
	if s.isReplaced && s.start == s.end {
		return s.keyStart, s.end
	}
	return s.start, s.end
}

// Slot returns the slot of the value at a path. It reports false if another value is in the way: a list, a scalar on the
// way to the value, a mapping or a text in block style at its end.
func (d *Document) Slot(path Path) (Slot, bool) {
	mapping, rest := d.descend(path)
	keys := make([]string, len(rest))
	for i, step := range rest {
		if step.Index >= 0 {
			return Slot{}, false
		}
		keys[i] = step.Key
	}
	switch {
	case len(keys) == 0 || mapping != nil && mapping.Kind != yaml.MappingNode:
		return Slot{}, false
	case mapping == nil:
		return Slot{keys: keys}, true
	}
	for i := len(mapping.Content) - 2; i >= 0; i -= 2 {
		if mapping.Content[i].Value == keys[0] {
			return d.valueSlot(mapping.Content[i], mapping.Content[i+1], keys[1:])
		}
	}
	if len(mapping.Content) == 0 {
		_, _, ok := d.text.Bounds(mapping)
		return Slot{mapping: mapping, keys: keys}, ok && mapping.Style&yaml.FlowStyle != 0
	}
	_, ok := d.text.Offset(mapping.Content[0])
	return Slot{mapping: mapping, keys: keys}, ok
}

// descend returns the last mapping or list on a path that is there, and the rest of the path behind it.
func (d *Document) descend(path Path) (*yaml.Node, Path) {
	node := d.root
	for len(path) > 1 && node != nil {
		next, _ := Lookup(node, path[:1])
		next = Resolve(next)
		if next == nil || next.Kind != yaml.MappingNode && next.Kind != yaml.SequenceNode {
			break
		}
		node, path = next, path[1:]
	}
	return node, path
}

// valueSlot returns the slot of a scalar, or of what is missing below a value that is null or empty.
func (d *Document) valueSlot(key, value *yaml.Node, rest []string) (Slot, bool) {
	isEmpty := value.Value == "" || value.Tag == "!!null"
	isText := value.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
	if value.Kind != yaml.ScalarNode || len(rest) > 0 && !isEmpty || !isEmpty && isText {
		return Slot{}, false
	}
	keyStart, end, ok := d.text.Bounds(key)
	if !ok {
		return Slot{}, false
	}
	s := Slot{keys: rest, keyStart: keyStart, isReplaced: true}
	if value.Value == "" && value.Style == 0 {
		s.start = end + bytes.IndexByte(d.text.bytes[end:], ':') + 1
		s.end = s.start
		return s, true
	}
	s.start, s.end, ok = d.text.Bounds(value)
	return s, ok
}

// Setting is a value for a slot. The value is a scalar without quotes, such as Always.
type Setting struct {
	Slot  Slot
	Value string
}

// Write returns the edits that write values into their slots of the file at a path, sorted by offset. Keys that come to
// stand at one place become one edit, in which keys below the same missing key share that key: a.b and a.c, where there is
// no a, become a: {b: …, c: …} in the style of the mapping around.
func (d *Document) Write(file string, settings []Setting) []Edit {
	type target struct {
		mapping    *yaml.Node
		start, end int
	}
	groups := map[target][]Setting{}
	var order []target
	for _, s := range settings {
		at := target{s.Slot.mapping, s.Slot.start, s.Slot.end}
		if groups[at] == nil {
			order = append(order, at)
		}
		groups[at] = append(groups[at], s)
	}
	var edits []Edit
	for _, at := range order {
		edits = append(edits, d.writeAt(file, groups[at]))
	}
	// At one offset, the lines of a mapping further in come first: they begin with more white space.
	slices.SortFunc(edits, func(a, b Edit) int { return cmp.Or(compareEdits(a, b), strings.Compare(a.NewText, b.NewText)) })
	return edits
}

// writeAt returns the edit for settings of one place. What they would write alone gives their order.
func (d *Document) writeAt(file string, settings []Setting) Edit {
	if len(settings) > 1 {
		alone := map[string]string{}
		id := func(s Setting) string { return strings.Join(append(s.Slot.keys, s.Value), "\x00") }
		for _, s := range settings {
			alone[id(s)] = d.writeAt(file, []Setting{s}).NewText
		}
		settings = slices.Clone(settings)
		slices.SortStableFunc(settings, func(a, b Setting) int { return strings.Compare(alone[id(a)], alone[id(b)]) })
	}
	var entries []*entry
	for _, s := range settings {
		entries = addEntry(entries, s.Slot.keys, s.Value)
	}
	start, end, text := d.layOut(settings[0], entries)
	return d.text.Edit(file, start, end, text)
}

// layOut returns the text of entries, and the part of the file that the text replaces.
func (d *Document) layOut(first Setting, entries []*entry) (start, end int, text string) {
	s, data := first.Slot, d.text.bytes
	switch {
	case s.isReplaced && len(s.keys) == 0 && s.start < s.end:
		return s.start, s.end, InQuotes(data[s.start:s.end], first.Value)
	case s.isReplaced && len(s.keys) == 0:
		return s.start, s.end, " " + first.Value
	case s.isReplaced && s.start == s.end:
		return s.start, s.end, " " + flowMapping(entries, false)
	case s.isReplaced:
		return s.start, s.end, flowMapping(entries, d.text.IsJSON(s.start))
	case s.mapping == nil, s.mapping == d.root && d.isWhole && s.mapping.Style&yaml.FlowStyle == 0 && !d.text.hasEndMarker():
		return d.layOutAtEnd(entries)
	case s.mapping.Style&yaml.FlowStyle != 0:
		return d.layOutInFlow(s.mapping, entries)
	}
	return d.layOutInBlock(s.mapping, entries)
}

// layOutAtEnd appends the lines of entries to the file.
func (d *Document) layOutAtEnd(entries []*entry) (start, end int, text string) {
	newline, size := d.text.Newline(), len(d.text.bytes)
	hasNewline := size == 0 || d.text.bytes[size-1] == '\n'
	for _, e := range entries {
		if lines := e.block("", newline); hasNewline {
			text += lines + newline
		} else {
			text += newline + lines
		}
	}
	return size, size, text
}

// layOutInBlock writes the lines of entries behind the neighbour in a mapping, or before its first key.
func (d *Document) layOutInBlock(mapping *yaml.Node, entries []*entry) (start, end int, text string) {
	newline := d.text.Newline()
	first, _ := d.text.Offset(mapping.Content[0])
	indent := strings.Repeat(" ", max(mapping.Content[0].Column-1, 0))
	if _, end, ok := d.neighbour(mapping); ok {
		for _, e := range entries {
			text += newline + e.block(indent, newline)
		}
		end = d.text.LineEnd(end)
		return end, end, text
	}
	for _, e := range entries {
		text += strings.TrimLeft(e.block(indent, newline), " ") + newline + indent
	}
	return first, first, text
}

// layOutInFlow writes entries behind the neighbour in a mapping, before its first key, or into its empty braces.
func (d *Document) layOutInFlow(mapping *yaml.Node, entries []*entry) (start, end int, text string) {
	if start, end, ok := d.neighbour(mapping); ok {
		for _, e := range entries {
			text += d.text.pairBehind(start, end, *e)
		}
		return end, end, text
	}
	start, _, _ = d.text.Bounds(mapping)
	asJSON := d.text.IsJSON(start)
	if len(mapping.Content) == 0 {
		return start + 1, start + 1, strings.TrimSuffix(strings.TrimPrefix(flowMapping(entries, asJSON), "{"), "}")
	}
	for _, e := range entries {
		text += e.flow(asJSON) + ", "
	}
	first, _ := d.text.Offset(mapping.Content[0])
	return first, first, text
}

// neighbour returns the bounds of the pair behind which people look for a key: the pair of a tag, or the last of the scalars
// that begin the mapping. It reports false if the mapping begins with another value.
func (d *Document) neighbour(mapping *yaml.Node) (start, end int, ok bool) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		if value.Kind != yaml.ScalarNode || value.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 || d.isFolded(value) {
			break
		}
		start, end, ok = d.text.Bounds(key)
		if value.Value != "" || value.Style != 0 {
			_, end, ok = d.text.Bounds(value)
		} else if mapping.Style&yaml.FlowStyle != 0 {
			end += bytes.IndexByte(d.text.bytes[end:], ':') + 1
		}
		if key.Value == "tag" {
			break
		}
	}
	return start, end, ok
}

// isFolded reports whether a scalar without quotes stands on several lines, of which Bounds has the first alone.
func (d *Document) isFolded(value *yaml.Node) bool {
	start, end, ok := d.text.Bounds(value)
	return ok && value.Style == 0 && string(d.text.bytes[start:end]) != value.Value
}

// Append returns the edit that adds items, in the order of their text, to the list at a key of the document: before the
// items that are there, or, if there is no such key, with the key at the end of the file. An item is lines without their
// ends, of which the first begins with "- ". It fails if the list is not in block style.
func (d *Document) Append(file, key string, items [][]string) (Edit, error) {
	newline, data := d.text.Newline(), d.text.bytes
	at, indent := len(data), ""
	var texts []string
	list := Field(d.root, key)
	switch {
	case list != nil && list.Kind == yaml.SequenceNode && list.Style&yaml.FlowStyle == 0 && len(list.Content) > 0:
		first, _ := d.text.Offset(list.Content[0])
		at = bytes.LastIndexByte(data[:first], '\n') + 1
		indent = leadingSpaces(data[at:first])
	case list != nil:
		return Edit{}, errors.New("the value of " + key + " is no list in block style")
	}
	for _, lines := range items {
		texts = append(texts, indent+strings.Join(lines, newline+indent))
	}
	slices.Sort(texts)
	texts = slices.Compact(texts)
	if list == nil {
		texts = append([]string{key + ":"}, texts...)
	}
	if at > 0 && data[at-1] != '\n' {
		return d.text.Edit(file, at, at, newline+strings.Join(texts, newline)), nil
	}
	return d.text.Edit(file, at, at, strings.Join(texts, newline)+newline), nil
}

// entry is a key that is written, with a scalar or with the keys below it.
type entry struct {
	key, value string
	below      []*entry
}

// addEntry adds a value below keys, one in the other. The first of two values for the same keys counts.
func addEntry(entries []*entry, keys []string, value string) []*entry {
	if len(keys) == 0 {
		return entries
	}
	for _, e := range entries {
		if e.key == keys[0] {
			if e.value == "" {
				e.below = addEntry(e.below, keys[1:], value)
			}
			return entries
		}
	}
	e := &entry{key: keys[0]}
	if len(keys) == 1 {
		e.value = value
	}
	e.below = addEntry(nil, keys[1:], value)
	return append(entries, e)
}

// block returns the lines of an entry in block style, without the end of the last line.
func (e *entry) block(indent, newline string) string {
	text := indent + plainKey(e.key) + ":"
	if len(e.below) == 0 {
		return text + " " + e.value
	}
	for _, below := range e.below {
		text += newline + below.block(indent+"  ", newline)
	}
	return text
}

// flow returns an entry in flow style or JSON, without braces around it.
func (e *entry) flow(asJSON bool) string {
	key, value := plainKey(e.key), e.value
	if asJSON {
		key, value = strconv.Quote(e.key), strconv.Quote(e.value)
	}
	if len(e.below) > 0 {
		value = flowMapping(e.below, asJSON)
	}
	return key + ": " + value
}

func flowMapping(entries []*entry, asJSON bool) string {
	texts := make([]string, len(entries))
	for i, e := range entries {
		texts[i] = e.flow(asJSON)
	}
	return "{" + strings.Join(texts, ", ") + "}"
}

// safeKey matches the keys that need no quotes.
var safeKey = regexp.MustCompile(`^[\w./][\w./ -]*$`)

func plainKey(key string) string {
	if safeKey.MatchString(key) && !strings.HasSuffix(key, " ") {
		return key
	}
	return strconv.Quote(key)
}

// PairBehind returns the text of a key and a value that follow the pair between two offsets, which stands in flow style, with
// the white space of that pair. The text begins with a comma and goes to the end offset.
func (t *Text) PairBehind(start, end int, key, value string) string {
	return t.pairBehind(start, end, entry{key: key, value: value})
}

func (t *Text) pairBehind(start, end int, e entry) string {
	asJSON := t.IsJSON(start)
	comma, text, before := ", ", e.flow(asJSON), t.before(start)
	_, rest, _ := bytes.Cut(t.bytes[start:end], []byte(":"))
	if isTight := asJSON && len(rest) > 0 && rest[0] != ' '; isTight {
		comma, text = ",", strings.ReplaceAll(text, ": ", ":")
	}
	if len(bytes.TrimSpace(before)) == 0 {
		comma = "," + t.Newline() + string(before)
	}
	return comma + text
}

// InQuotes returns a value in the quotes that stand around an old value, if there are any. The backquotes of templates
// count as quotes.
func InQuotes(old []byte, value string) string {
	if len(old) > 1 && bytes.IndexByte([]byte("\"'`"), old[0]) >= 0 && old[len(old)-1] == old[0] {
		return string(old[0]) + value + string(old[0])
	}
	return value
}
