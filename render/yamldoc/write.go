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

// Place names a mapping of a file into which values can be written. The mapping stands at the path At of a
// document. A scalar in block style (|) may stand there instead, if its text is a mapping: the field helm.values of
// an Application. Documents count from 0.
type Place struct {
	Document int
	At       Path
}

// Document is a mapping of a file into which keys and values can be written. Open makes it. It is for one goroutine
// at a time. It changes neither text nor nodes: it returns edits.
//
// A new key is written as people write it: in the style of the mapping (block, flow or JSON), and with the line
// endings of the file. A key of the whole file goes to the end of the file. Any other key goes behind a tag, or
// behind the first scalars of its mapping. For example, image.pullPolicy goes into
//
//	image:
//	  repository: example/api
//	  tag: "1.2"
//	  # pullPolicy: Always, on a line of its own, is inserted here
//	resources: {}
type Document struct {
	text *Text
	root *yaml.Node // a mapping; nil if the file has no document
	// isWhole is true if the file has only this mapping, so that a key can be appended at the end of the file.
	isWhole bool
}

// Open returns the document at a place of a file. An empty file is an empty mapping. It fails if the text is not
// YAML or is in UTF-16, or if the place has neither a mapping nor the text of a mapping.
func Open(text *Text, place Place) (*Document, error) {
	roots, err := Parse(text.bytes)
	if err != nil {
		return nil, err
	}
	if len(text.lines) == 0 {
		return nil, errors.New("the file is in UTF-16, in which nothing is written")
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

// parseBlock parses the lines of a block scalar, whose header ends at an offset, as one YAML document. The nodes
// have the positions of the file. It returns nil if the lines are not one YAML document.
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

// IsWhole reports whether the file has only this mapping: it is one document, and the place is its root.
func (d *Document) IsWhole() bool { return d.isWhole }

// Slot is the place in the text where one value of a document is written. Document.Slot makes it. There are three
// kinds, by the example of image.pullPolicy: an existing scalar is replaced (pullPolicy: Never), an empty value is
// filled (image: null), or missing keys are added to a mapping (image: {tag: a}).
type Slot struct {
	// mapping gets the missing keys. It is nil if a value is replaced, or if the file is empty.
	mapping *yaml.Node
	// keys are the missing keys, the outermost first: each is written inside the one before. If there are none, a
	// value is replaced by another scalar.
	keys []string
	// start and end are the bounds of the replaced value. They are equal, behind the colon, if the key has no value.
	start, end int
	keyStart   int // of the key of the replaced value
	isReplaced bool
}

// Mapping returns the mapping that gets the first of the missing keys. It is nil if an empty value is replaced, or
// if the file is empty.
func (s Slot) Mapping() *yaml.Node { return s.mapping }

// Keys returns the missing keys, the outermost first: [image pullPolicy] if the file has no image.
func (s Slot) Keys() []string { return s.keys }

// Span returns the bounds of the text that a report shows: the empty value that is replaced, or its key if nothing
// stands behind the colon. Both are 0 if keys are missing.
func (s Slot) Span() (start, end int) {
	if s.isReplaced && s.start == s.end {
		return s.keyStart, s.end
	}
	return s.start, s.end
}

// Slot returns the slot of the value at a path. It reports false if another value is in the way: a list, a scalar
// that is not empty before the end of the path, or a mapping or a text on several lines without quotes at the end.
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

// descend returns the last mapping or list on a path that exists, and the rest of the path. With image: {tag: a},
// the path image.pullPolicy gives the mapping of image and the rest pullPolicy.
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

// valueSlot returns the slot of a scalar, or of the keys that are missing below a null or empty value.
func (d *Document) valueSlot(key, value *yaml.Node, rest []string) (Slot, bool) {
	isEmpty := value.Value == "" || value.Tag == "!!null"
	isText := value.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 || d.isMultiline(value)
	if value.Kind != yaml.ScalarNode || len(rest) > 0 && !isEmpty || isText {
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

// Setting is a slot and the value to write there: a scalar without quotes, such as Always. Write takes several
// settings of one document together.
type Setting struct {
	Slot  Slot
	Value string
}

// Write returns the edits that write settings into the file at a path, sorted by offset. Settings at the same place
// become one edit, and share new keys: if the file has no a, then a.b and a.c become a: {b: …, c: …}, in the style
// of the mapping around a.
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
	// At one offset, the lines of the inner mapping come first. They begin with more white space, so their text is less.
	slices.SortFunc(edits, func(a, b Edit) int {
		return cmp.Or(compareEdits(a, b), strings.Compare(a.NewText, b.NewText))
	})
	return edits
}

// writeAt returns the edit for settings at one place. It sorts the settings by the text that each would write
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

// layOut returns the text of the new entries, and the bounds of the text of the file that it replaces. It chooses
// the way to write them by the kind of the slot.
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
		return s.start, s.end, flowMapping(entries, d.text.isJSON(s.start))
	case s.mapping == nil:
		return d.layOutAtEnd(entries)
	case s.mapping.Style&yaml.FlowStyle != 0:
		return d.layOutInFlow(s.mapping, entries)
	case s.mapping == d.root && d.isWhole && s.mapping.Content[0].Column == 1 && !d.text.hasEndMarker():
		return d.layOutAtEnd(entries)
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

// layOutInBlock writes entries as lines of a mapping in block style: behind the neighbour, or before the first key
// if there is no neighbour.
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

// layOutInFlow writes entries into a mapping in flow style: behind the neighbour, before the first key, or between
// empty braces.
func (d *Document) layOutInFlow(mapping *yaml.Node, entries []*entry) (start, end int, text string) {
	if start, end, ok := d.neighbour(mapping); ok {
		for _, e := range entries {
			text += d.text.pairBehind(start, end, *e)
		}
		return end, end, text
	}
	start, _, _ = d.text.Bounds(mapping)
	asJSON := d.text.isJSON(start)
	if len(mapping.Content) == 0 {
		return start + 1, start + 1, strings.TrimSuffix(strings.TrimPrefix(flowMapping(entries, asJSON), "{"), "}")
	}
	for _, e := range entries {
		text += e.flow(asJSON) + ", "
	}
	first, _ := d.text.Offset(mapping.Content[0])
	return first, first, text
}

// neighbour returns the bounds of the pair behind which a new key goes: the tag, or else the last of the scalars at
// the start of the mapping. ok is false if the mapping starts with a value that is not a scalar on one line.
func (d *Document) neighbour(mapping *yaml.Node) (start, end int, ok bool) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		if value.Kind != yaml.ScalarNode || value.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 || d.isMultiline(value) {
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

// isMultiline reports whether a scalar without quotes stands on several lines. Bounds has only its first line.
func (d *Document) isMultiline(value *yaml.Node) bool {
	start, end, ok := d.text.Bounds(value)
	return ok && value.Style == 0 && string(d.text.bytes[start:end]) != value.Value
}

// Append returns the edit that adds items to the list at a key of the document: before the existing items, or at
// the end of the file together with the key if the key is missing. An item is its lines without line ends; the
// first line begins with "- ". Items are sorted by their text. It fails if the list is not in block style.
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

// entry is a new key, with a scalar or with new keys below it.
type entry struct {
	key, value string
	below      []*entry
}

// addEntry adds a value at a path of keys. Of two values for the same keys the first counts.
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

// block returns the lines of an entry in block style. The last line has no line end.
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

// flow returns an entry in flow style or JSON, without the braces around it.
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

// safeKey matches keys that need no quotes in YAML.
var safeKey = regexp.MustCompile(`^[\w./][\w./ -]*$`)

// plainKey returns a key as it is written: in quotes if it would not be a string without, as y, which is true in YAML 1.1.
func plainKey(key string) string {
	if safeKey.MatchString(key) && !strings.HasSuffix(key, " ") && !yaml.IsValueNonString(key) {
		return key
	}
	return strconv.Quote(key)
}

// PairBehind returns a new pair in flow style, to be inserted at end. start and end are the bounds of the pair
// before it. The text begins with a comma, and has the white space of the pair before: it is ", b: 2" behind "a:
// 1", and stands on a line of its own if the pair before does.
func (t *Text) PairBehind(start, end int, key, value string) string {
	return t.pairBehind(start, end, entry{key: key, value: value})
}

func (t *Text) pairBehind(start, end int, e entry) string {
	asJSON := t.isJSON(start)
	comma, text, before := ", ", e.flow(asJSON), t.textBefore(start)
	_, rest, _ := bytes.Cut(t.bytes[start:end], []byte(":"))
	if isTight := asJSON && len(rest) > 0 && rest[0] != ' '; isTight {
		comma, text = ",", strings.ReplaceAll(text, ": ", ":")
	}
	if len(bytes.TrimSpace(before)) == 0 {
		comma = "," + t.Newline() + string(before)
	}
	return comma + text
}

// InQuotes returns a value in the same quotes as an old value, if the old value has any: "Never" becomes "Always"
// with the quotes. The backquotes of templates count as quotes.
func InQuotes(old []byte, value string) string {
	if len(old) > 1 && bytes.IndexByte([]byte("\"'`"), old[0]) >= 0 && old[len(old)-1] == old[0] {
		return string(old[0]) + value + string(old[0])
	}
	return value
}
