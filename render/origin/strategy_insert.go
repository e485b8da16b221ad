package origin

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// insertMissingKeys sets keys that no values file sets and that the templates read for a missing field: the key
// image.pullPolicy, where a template has {{ with .Values.image.pullPolicy }}. It needs renders of its own, because a key
// that is set hides the keys and defaults behind it. The keys below .Values.global come last: people first set the key of
// one image.
func insertMissingKeys(t *tracing) {
	for _, q := range t.open() {
		q.isWrittenEmpty = q.value == "" && len(q.lines) > 0
	}
	isMissing := func(q *query) bool { return q.value == "" }
	for _, isGlobal := range []bool{false, true} {
		if !slices.ContainsFunc(t.open(), isMissing) {
			return
		}
		sites := addInsertions(t.run, isGlobal)
		if len(sites) == 0 {
			continue
		}
		for _, in := range t.order {
			for _, s := range in.sites {
				if s.Kind == LineAnchor {
					sites = append(sites, s)
				}
			}
		}
		manifests, err := t.render(tokensAt(sites))
		if err != nil {
			bisect(t, sites)
			continue
		}
		t.decideBy(manifests)
		confirmAlone(t)
	}
}

// addInsertions adds the sites of keys that could be inserted, and returns them.
func addInsertions(r *run, isGlobal bool) []*Site {
	first := len(r.tokens)
	top := r.valuesOf(r.path())
	inputs := slices.Clone(r.order)
	slices.SortStableFunc(inputs, func(a, b *Input) int { return cmp.Compare(a.Use, b.Use) }) // what declares the source last
	for _, in := range inputs {
		values := r.valuesIn(in)
		if values == nil {
			continue
		}
		i := inserter{run: r, valuesFile: values}
		if top != nil && in != top && r.isGiven(in) {
			i.below = top
		}
		if !isGlobal && len(values.Prefix) == 0 {
			i.besideSiblingValues(values.document.Root(), nil)
		}
		for _, read := range r.reads {
			if (read.path[0] == global) == isGlobal {
				i.read(read)
			}
		}
	}
	return r.tokens[first:]
}

// inserter adds the sites of missing keys in one values file.
type inserter struct {
	*run
	*valuesFile
	// below is a file with lower precedence, whose missing keys come first; nil if there is none.
	below *Input
}

// read inserts a key that a template reads: into the values of its own chart or, where the file has a mapping for the
// template's chart, into the values of a chart above. A template that may be a library's reads the values of any chart.
func (i *inserter) read(read valueRead) {
	chart, _, _ := cutLast(read.in.Path, "/templates/")
	isOwn := i.Input == i.valuesOf(chart)
	isGiven := i.Input == i.valuesOf(i.path()) || i.isGiven(i.Input)
	if isOwn || isGiven && chart == i.path() {
		i.insert(pathOf(read.path))
		return
	}
	if isGiven {
		for _, prefix := range i.prefixes(chart) {
			i.insertIntoExisting(pathOf(slices.Concat(prefix, read.path)))
		}
	}
	if strings.HasPrefix(path.Base(read.in.Path), "_") {
		i.insertIntoExisting(pathOf(read.path))
	}
}

// insertIntoExisting inserts a key if the mapping before the last key of its path is there.
func (i *inserter) insertIntoExisting(at yamldoc.Path) {
	holder, _ := yamldoc.Lookup(i.document.Root(), at[:len(at)-1])
	if holder != nil && holder.Kind == yaml.MappingNode {
		i.insert(at)
	}
}

// besideSiblingValues inserts the keys that templates read for fields into every mapping with a part of a sibling field's
// value: where the repository or the tag of the image stands.
func (i *inserter) besideSiblingValues(node *yaml.Node, at yamldoc.Path) {
	if node == nil {
		return
	}
	for n, child := range node.Content {
		switch {
		case node.Kind == yaml.SequenceNode:
			i.besideSiblingValues(child, at.Below(yamldoc.Item(n, child)))
		case node.Kind == yaml.MappingNode && n%2 == 1:
			i.besideSiblingValues(child, at.Below(yamldoc.Key(node.Content[n-1].Value)))
		}
	}
	if node.Kind != yaml.MappingNode || !i.hasSiblingValue(node) {
		return
	}
	keys := slices.Concat(sortedKeys(i.keys), sortedKeys(i.targets.fields))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		i.insert(at.Below(yamldoc.Key(key)))
	}
}

// hasSiblingValue reports whether a mapping has a part of a sibling field's value. A digit is a part of most tags, and of
// much else.
func (i *inserter) hasSiblingValue(mapping *yaml.Node) bool {
	for n := 1; n < len(mapping.Content); n += 2 {
		value := mapping.Content[n]
		isDigit := len(value.Value) == 1 && isWholeNumber(value.Value)
		if value.Kind == yaml.ScalarNode && !isDigit && isPartOf(i.targets.siblingValues, value.Value) {
			return true
		}
	}
	return false
}

// insert adds the site of a key that is missing, with the mappings before it that are missing.
func (i *inserter) insert(at yamldoc.Path) {
	full := i.Prefix.Below(at...)
	if i.isKnown(full) {
		return
	}
	slot, ok := i.document.Slot(full)
	if !ok {
		return
	}
	s := &Site{Input: i.Input, Kind: KeyInsertion, Key: full.String(), Place: i.Place, Path: full, slot: slot}
	s.SpanStart, s.SpanEnd = slot.Span()
	if mapping := slot.Mapping(); mapping != nil {
		if s.SpanStart, s.SpanEnd, s.isSibling = i.siblingLine(mapping, slot.Keys()); !s.isSibling {
			s.SpanStart, s.SpanEnd = i.holder(full[:len(full)-len(slot.Keys())])
		}
	}
	s.Start = max(s.SpanStart, 0)
	s.End = s.Start
	i.add(s)
}

// isKnown reports whether the file, or the file below it, has another site for the value, or the file has the value.
func (i *inserter) isKnown(full yamldoc.Path) bool {
	key := full.String()
	for _, in := range []*Input{i.Input, i.below} {
		if in == nil {
			continue
		}
		if slices.ContainsFunc(in.sites, func(s *Site) bool { return s.Kind == KeyInsertion && s.Key == key }) {
			return true
		}
	}
	root := i.document.Root()
	return root != nil && yamldoc.ScalarAt(root, full) != ""
}

// siblingLine returns the bounds of the sibling field in a mapping that holds a whole container, where the field goes
// beside it.
func (i *inserter) siblingLine(mapping *yaml.Node, keys []string) (start, end int, ok bool) {
	if len(keys) > 1 || !i.targets.fields[keys[0]] {
		return 0, 0, false
	}
	for n := 0; n+1 < len(mapping.Content); n += 2 {
		key, value := mapping.Content[n], mapping.Content[n+1]
		if i.targets.siblings[key.Value] && i.targets.siblingValues[value.Value] {
			start, _, _ = i.Input.Text().Bounds(key)
			_, end, _ = i.Input.Text().Bounds(value)
			return start, end, true
		}
	}
	return 0, 0, false
}

// holder returns the bounds of the key of a mapping, or of the first key in it if it is the item of a list or all values of
// a declaration; nothing if it is all of a values file.
func (i *inserter) holder(at yamldoc.Path) (start, end int) {
	if len(at) == 0 && i.document.IsWhole() {
		return 0, 0
	}
	value, holder := yamldoc.Lookup(i.document.Root(), at)
	for n := 0; holder != nil && holder.Kind == yaml.MappingNode && n+1 < len(holder.Content); n += 2 {
		if holder.Content[n+1] == value {
			value = holder.Content[n]
		}
	}
	if value != nil && value.Kind == yaml.MappingNode && len(value.Content) > 0 {
		value = value.Content[0]
	}
	if value == nil {
		return 0, 0
	}
	start, end, _ = i.Input.Text().Bounds(value)
	return start, end
}
