package origin

import (
	"bytes"
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// absent finds the keys that no values file sets and that the templates read for a field that is missing: in a
// render of its own, since a key that is set hides the keys and defaults behind it. Keys of all charts come last,
// because people set those of one image first.
func (t *tracer) absent() {
	for _, q := range t.open() {
		q.reads = q.value == "" && len(q.lines) > 0
	}
	for _, global := range []bool{false, true} {
		if !t.missing() {
			return
		}
		places := t.insertions(global)
		if len(places) == 0 {
			continue
		}
		for _, in := range t.order {
			for _, p := range in.places {
				if p.kind == mark {
					places = append(places, p)
				}
			}
		}
		manifests, err := t.render(only(places))
		if err != nil {
			t.narrow(places)
			continue
		}
		t.look(manifests)
		t.confirm()
	}
}

// missing reports whether the field of an open question is missing.
func (t *tracer) missing() bool {
	return slices.ContainsFunc(t.open(), func(q *question) bool { return q.value == "" })
}

// insertions adds the places where keys could be inserted, and returns them.
func (t *tracer) insertions(global bool) []*place {
	first := len(t.places)
	top := t.valuesOf(t.path())
	files := slices.Clone(t.order)
	slices.SortStableFunc(files, func(a, b *input) int { return cmp.Compare(a.Use, b.Use) }) // what declares the source last
	for _, in := range files {
		w := t.newInsertWalk(in)
		if w == nil {
			continue
		}
		if top != nil && in != top && t.isGiven(in) {
			w.below = top
		}
		if !global && w.prefix == nil {
			w.beside(w.root, nil)
		}
		for _, c := range t.chains {
			if (c.path[0] == "global") == global {
				w.chain(c)
			}
		}
	}
	return t.places[first:]
}

// valuesOf is the values file of the chart at a path, nil if there is none.
func (t *tracer) valuesOf(chart string) *input { return t.inputs[path.Join(chart, "values.yaml")] }

// isGiven reports whether values were given beside those of the charts.
func (t *tracer) isGiven(in *input) bool {
	return in.Use == render.UseDeclaration || slices.ContainsFunc(t.valuesFiles(), func(f render.File) bool { return f.Path == in.Path && (f.Data != nil) == in.Outside })
}

// insertWalk finds the places for keys in a values file.
type insertWalk struct {
	*tracer
	in    *input
	text  *yamldoc.Text
	root  *yaml.Node // nil for an empty file
	below *input     // a file with lower precedence that comes first
	// prefix leads from the root to the values, where they are not there yet.
	prefix []string
}

// newInsertWalk returns the walk through the values in a file; nil where it has none.
func (t *tracer) newInsertWalk(in *input) *insertWalk {
	w := &insertWalk{tracer: t, in: in, text: in.text()}
	roots, err := decode(in.Data)
	switch {
	case err != nil:
		return nil
	case in.Use == render.UseDeclaration && in == t.declaration():
		return w.inDeclaration(roots)
	case in.Use != render.UseValues, len(roots) > 1:
		return nil
	case len(roots) == 1 && roots[0].Kind != yaml.MappingNode:
		return nil
	case len(roots) == 1:
		w.root = roots[0]
	}
	return w
}

// declaration is the file that declares the source, nil if there is none or it was not seen.
func (t *tracer) declaration() *input {
	declaredBy := t.declaredBy()
	if declaredBy == nil {
		return nil
	}
	return t.inputs[declaredBy.Path]
}

// inDeclaration finds the values that an Application gives a chart: as a mapping, or as text that is one. Without any
// there is a place for them.
func (w *insertWalk) inDeclaration(roots []*yaml.Node) *insertWalk {
	declared := w.declaredBy()
	if !w.isChart() || declared.Document >= len(roots) {
		return nil
	}
	object, _ := yamldoc.Lookup(roots[declared.Document], declared.Object)
	if object == nil || object.Kind != yaml.MappingNode {
		return nil
	}
	helm := yamldoc.Field(object, "helm")
	values := yamldoc.Field(helm, "values")
	switch {
	case yamldoc.Field(helm, "valuesObject") != nil:
		w.root = yamldoc.Field(helm, "valuesObject")
	case values == nil || values.Value == "":
		w.root, w.prefix = object, []string{"helm", "valuesObject"}
	case values.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		_, end, _ := w.text.Bounds(values)
		from, to := blockLines(w.in.Data, end)
		inner, err := decode(w.in.Data[from:to])
		if err != nil || len(inner) != 1 {
			return nil
		}
		w.root = inner[0]
		lower(w.root, bytes.Count(w.in.Data[:from], []byte("\n")))
	}
	if w.root == nil || w.root.Kind != yaml.MappingNode {
		return nil
	}
	return w
}

// lower moves a node and what is in it some lines down: to where it stands in the file.
func lower(node *yaml.Node, lines int) {
	node.Line += lines
	for _, child := range node.Content {
		lower(child, lines)
	}
}

// chain inserts the key that a template reads: in the values of its own chart or, where the file has a mapping for
// it, of a chart above. What may be a library's template reads those of any chart.
func (w *insertWalk) chain(c chain) {
	chart, _, _ := cutLast(c.in.Path, "/templates/")
	own := w.in == w.valuesOf(chart)
	given := w.in == w.valuesOf(w.path()) || w.isGiven(w.in)
	if own || given && chart == w.path() {
		w.insert(c.path)
		return
	}
	if given {
		for _, prefix := range w.prefixes(chart) {
			w.insertBelow(append(slices.Clone(prefix), c.path...))
		}
	}
	if strings.HasPrefix(path.Base(c.in.Path), "_") {
		w.insertBelow(c.path)
	}
}

// insertBelow inserts the key at the end of a path if the mapping before it is there.
func (w *insertWalk) insertBelow(keys []string) {
	if holder, _ := yamldoc.Lookup(w.root, pathOf(keys[:len(keys)-1])); holder != nil && holder.Kind == yaml.MappingNode {
		w.insert(keys)
	}
}

// beside inserts the keys that templates read in every mapping with a part of what is near a missing field: where
// the image's repository or tag stands.
func (w *insertWalk) beside(node *yaml.Node, at yamldoc.Path) {
	if node == nil {
		return
	}
	for i, child := range node.Content {
		switch {
		case node.Kind == yaml.SequenceNode:
			w.beside(child, at.Below(yamldoc.Item(i, child)))
		case node.Kind == yaml.MappingNode && i%2 == 1:
			w.beside(child, at.Below(yamldoc.Key(node.Content[i-1].Value)))
		}
	}
	if node.Kind != yaml.MappingNode || !w.holdsNear(node) {
		return
	}
	for _, key := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(sortedKeys(w.keys), sortedKeys(w.fields))))) {
		w.put(node, at, []string{key})
	}
}

func (w *insertWalk) holdsNear(mapping *yaml.Node) bool {
	for i := 1; i < len(mapping.Content); i += 2 {
		if value := mapping.Content[i]; value.Kind == yaml.ScalarNode && !isDigit(value.Value) && isPartOf(w.nearValues, value.Value) {
			return true
		}
	}
	return false
}

// isDigit tells a value that is a part of most tags, and of much else.
func isDigit(value string) bool { return len(value) == 1 && isNumber(value) }

// insert inserts the key at the end of a path, with the mappings before it that are missing.
func (w *insertWalk) insert(keys []string) {
	node := w.root
	keys = slices.Concat(w.prefix, keys)
	var at yamldoc.Path
	for len(keys) > 1 && node != nil {
		next := yamldoc.Field(node, keys[0])
		if next == nil || next.Kind != yaml.MappingNode {
			break
		}
		node, at, keys = next, at.Below(yamldoc.Key(keys[0])), keys[1:]
	}
	w.put(node, at, keys)
}

// put adds the place for keys that lead from a mapping to a missing value.
func (w *insertWalk) put(mapping *yaml.Node, at yamldoc.Path, keys []string) {
	full := at
	for _, key := range keys {
		full = full.Below(yamldoc.Key(key))
	}
	if w.exists(full) {
		return
	}
	p := &place{kind: insertion, key: full.String(), keys: keys, mapping: mapping, top: mapping == w.root && w.in.Use == render.UseValues}
	if mapping == nil {
		p.start, p.end = len(w.in.Data), len(w.in.Data)
		p.quoted = func(value string) string { return "\n" + nested(keys, value) + "\n" }
		w.add(w.in, p)
		return
	}
	for i := len(mapping.Content) - 2; i >= 0; i -= 2 {
		if mapping.Content[i].Value == keys[0] {
			w.fill(p, mapping.Content[i], mapping.Content[i+1], keys[1:])
			return
		}
	}
	w.insertKey(p, mapping, keys)
	if p.quoted != nil {
		if p.shown, p.beside = w.nearLine(mapping, keys); !p.beside {
			p.shown = w.holder(at)
		}
		w.add(w.in, p)
	}
}

// exists reports whether the file, or one that comes first, has another place for the value, or the value itself.
func (w *insertWalk) exists(full yamldoc.Path) bool {
	key := full.String()
	for _, in := range []*input{w.in, w.below} {
		if in == nil {
			continue
		}
		if slices.ContainsFunc(in.places, func(p *place) bool { return p.kind == insertion && p.key == key }) {
			return true
		}
	}
	return w.root != nil && yamldoc.ScalarAt(w.root, full) != ""
}

// fill makes a place of a value that is null or empty.
func (w *insertWalk) fill(p *place, key, value *yaml.Node, rest []string) {
	if value.Kind != yaml.ScalarNode || value.Value != "" && value.Tag != "!!null" {
		return
	}
	_, end, ok := w.text.Bounds(key)
	if !ok {
		return
	}
	p.mapping, p.keys = nil, rest
	p.start = end + bytes.IndexByte(w.in.Data[end:], ':') + 1
	p.end = p.start
	if value.Value != "" || value.Style != 0 {
		if p.start, p.end, ok = w.text.Bounds(value); !ok {
			return
		}
		p.shown = [2]int{p.start, p.end}
	} else {
		start, _, _ := w.text.Bounds(key)
		p.shown = [2]int{start, p.start}
	}
	p.quoted = func(value string) string { return " " + nestedIn(rest, value) }
	w.add(w.in, p)
}

// insertKey puts the key before the first of a mapping.
func (w *insertWalk) insertKey(p *place, mapping *yaml.Node, keys []string) {
	flow := mapping.Style&yaml.FlowStyle != 0
	if len(mapping.Content) == 0 {
		start, _, ok := w.text.Bounds(mapping)
		if !ok || !flow {
			return
		}
		p.start, p.end = start+1, start+1
		p.quoted = func(value string) string { return nested(keys, value) }
		return
	}
	first := mapping.Content[0]
	offset, ok := w.text.Offset(first)
	if !ok {
		return
	}
	between := "\n" + strings.Repeat(" ", max(first.Column-1, 0))
	if flow {
		between = ", "
	}
	p.start, p.end = offset, offset
	p.quoted = func(value string) string { return nested(keys, value) + between }
}

// nearLine is the line of what is near in a mapping that holds a whole container, where the field goes beside it.
func (w *insertWalk) nearLine(mapping *yaml.Node, keys []string) ([2]int, bool) {
	if len(keys) > 1 || !w.fields[keys[0]] {
		return [2]int{}, false
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if key, value := mapping.Content[i], mapping.Content[i+1]; w.nears[key.Value] && w.nearValues[value.Value] {
			start, _, _ := w.text.Bounds(key)
			_, end, _ := w.text.Bounds(value)
			return [2]int{start, end}, true
		}
	}
	return [2]int{}, false
}

// holder is where the key of a mapping, or the first key in the item of a list or in an Application's values, stands;
// nothing for the whole file.
func (w *insertWalk) holder(at yamldoc.Path) [2]int {
	if len(at) == 0 && w.in.Use == render.UseValues {
		return [2]int{}
	}
	value, holder := yamldoc.Lookup(w.root, at)
	for i := 0; holder != nil && holder.Kind == yaml.MappingNode && i+1 < len(holder.Content); i += 2 {
		if holder.Content[i+1] == value {
			value = holder.Content[i]
		}
	}
	if value != nil && value.Kind == yaml.MappingNode && len(value.Content) > 0 {
		value = value.Content[0]
	}
	if value == nil {
		return [2]int{}
	}
	start, end, _ := w.text.Bounds(value)
	return [2]int{start, end}
}

// nested writes keys, one in the other, and a value in flow style.
func nested(keys []string, value string) string {
	return strconv.Quote(keys[0]) + ": " + nestedIn(keys[1:], value)
}

func nestedIn(keys []string, value string) string {
	if len(keys) == 0 {
		return quote(value)
	}
	return "{" + nested(keys, value) + "}"
}
