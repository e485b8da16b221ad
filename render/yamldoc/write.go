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

// Place names the mapping of a file into which values are written. It is the mapping at the path At in a document. If
// the value at the path is a block scalar (|) whose text is YAML, such as helm.values of an Application, it is the
// mapping of this text. Documents count from 0.
type Place struct {
	Document int
	At       Path
}

// Document writes keys and values into a mapping of a file. Open makes it. It returns edits, and changes neither the
// text nor the nodes. It is for one goroutine at a time.
//
// A new key has the style of the mapping (block, flow or JSON) and the line breaks of the file. A key of the whole file
// is appended to the file. Any other key comes after the key tag, or after the first scalars of its mapping. For
// example, image.pullPolicy is written into this file at the comment:
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

// Open returns the document at a place of a file. The error says that the text is not YAML, or that the place has no
// mapping. An empty file is an empty mapping.
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

// parseBlock parses the lines of the block scalar whose header ends at an offset, and returns the root node, with its
// positions in the file. It returns nil if the lines are not exactly one YAML document.
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

// IsWhole reports whether the mapping is the root of the only document of the file.
func (d *Document) IsWhole() bool { return d.isWhole }

// Slot is the position of a value in a document, or the position at which the value can be written if it is absent.
// Document.Slot makes it.
type Slot struct {
	// mapping is the mapping for the missing keys. It is nil if a value is replaced, or if the file is empty.
	mapping *yaml.Node
	// keys are the missing keys, the outermost first. If no key is missing, the value is replaced by another scalar.
	keys []string
	// start and end are the offsets of the replaced value. If the key has no value, both are the offset after its
	// colon.
	start, end int
	keyStart   int // the offset of the key of the replaced value
	isReplaced bool
}

// Mapping returns the mapping for the first of the missing keys. It is nil if a value is replaced, or if the file is
// empty.
func (s Slot) Mapping() *yaml.Node { return s.mapping }

// Keys returns the keys that are missing, the outermost first: image and pullPolicy for image: {pullPolicy: …}.
func (s Slot) Keys() []string { return s.keys }

// Span returns the offsets of the value that is replaced. If the key has no value after its colon, it returns the
// offsets of the key with the colon. If a key is missing, it returns 0 and 0.
func (s Slot) Span() (start, end int) {
	if s.isReplaced && s.start == s.end {
		return s.keyStart, s.end
	}
	return s.start, s.end
}

// Slot returns the slot of the value at a path. It returns false if another value is in the way: a list or a scalar on
// the way to the value, or a mapping or a block scalar at the path itself.
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

// descend returns the last mapping or list on a path that exists, and the rest of the path below it.
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

// valueSlot returns the slot of a scalar. rest are the keys on the path below the scalar: they can be written only if
// the scalar is null or empty, and then they replace it.
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

// Write returns the edits that write values into their slots, sorted by offset. file is the path of the file, for the
// edits. All keys for one position become one edit, and keys below the same missing key share this key: if the key a is
// missing, a.b and a.c become a: {b: …, c: …}, in the style of the mapping around them.
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
	// At one offset, the lines of an inner mapping come before the lines of an outer mapping: they begin with more
	// spaces.
	slices.SortFunc(edits, func(a, b Edit) int {
		return cmp.Or(compareEdits(a, b), strings.Compare(a.NewText, b.NewText))
	})
	return edits
}

// writeAt returns the edit for the settings of one position. They are sorted by the text that each of them would write
// alone, so that the result does not depend on their order.
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

// layOut returns the text of entries, and the offsets of the part of the file that the text replaces. first is the
// first of the settings; all have the same position.
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
	case s.mapping == nil,
		s.mapping == d.root && d.isWhole && s.mapping.Style&yaml.FlowStyle == 0 && !d.text.hasEndMarker():
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

// layOutInBlock writes the lines of entries after the neighbour in a mapping in block style, or before its first key.
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

// layOutInFlow writes entries into a mapping in flow style: after the neighbour, before the first key, or into empty
// braces.
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

// neighbour returns the offsets of the key and value after which a new key is written: the key tag, or else the last of
// the scalars at the start of the mapping. It returns false if the first value of the mapping is not a scalar on one
// line.
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

// isFolded reports whether a scalar without quotes has several lines. Bounds returns only the first of them.
func (d *Document) isFolded(value *yaml.Node) bool {
	start, end, ok := d.text.Bounds(value)
	return ok && value.Style == 0 && string(d.text.bytes[start:end]) != value.Value
}

// Append returns the edit that adds items to the list at a key of the document, sorted by their text, before the
// present items. If the document has no such key, the edit adds the key and the items at the end of the file. An item
// is a list of lines without line breaks, and its first line begins with "- ". It is an error if the list is not in
// block style.
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

// entry is a new key, with a scalar as its value or with the entries below it.
type entry struct {
	key, value string
	below      []*entry
}

// addEntry adds a value at a path of keys. If the path already has a value, the earlier value stays.
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

// block returns the lines of an entry in block style, without the last line break.
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

// flowMapping returns a mapping with the entries in flow style or JSON, in braces.
func flowMapping(entries []*entry, asJSON bool) string {
	texts := make([]string, len(entries))
	for i, e := range entries {
		texts[i] = e.flow(asJSON)
	}
	return "{" + strings.Join(texts, ", ") + "}"
}

// safeKey matches keys that need no quotes in YAML.
var safeKey = regexp.MustCompile(`^[\w./][\w./ -]*$`)

// plainKey returns a key without quotes if possible, and otherwise in double quotes.
func plainKey(key string) string {
	if safeKey.MatchString(key) && !strings.HasSuffix(key, " ") {
		return key
	}
	return strconv.Quote(key)
}

// PairBehind returns the text for a new key and value after a key and value in flow style, which are between two
// offsets. The text begins with a comma, has the same white space as its neighbour, and is to be inserted at the end
// offset.
func (t *Text) PairBehind(start, end int, key, value string) string {
	return t.pairBehind(start, end, entry{key: key, value: value})
}

// pairBehind is PairBehind for an entry.
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

// InQuotes returns a value in the same quotes as an old value: "Always" for "Never", and Always for Never. The
// backquotes of templates count as quotes.
func InQuotes(old []byte, value string) string {
	if len(old) > 1 && bytes.IndexByte([]byte("\"'`"), old[0]) >= 0 && old[len(old)-1] == old[0] {
		return string(old[0]) + value + string(old[0])
	}
	return value
}
