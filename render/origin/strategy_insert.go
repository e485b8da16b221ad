package origin

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// insertMissingKeys finds the key that could set a missing field: image.pullPolicy, where a template has {{ with
// .Values.image.pullPolicy }} and no values file sets it. It writes the keys that templates read for the field,
// with tokens as their values, and renders. It cannot share the render of dye, because a new key hides the keys and
// defaults behind it. The keys below .Values.global get a second render of their own: people first set the key of
// one image. So it costs at most two renders, each with one more by confirmAlone, plus bisection.
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

// addInsertions adds a KeyInsertion for each missing key of each values file, and returns these sites. The
// declaration of the source comes last. isGlobal chooses between the keys below .Values.global and the other keys.
func addInsertions(r *run, isGlobal bool) []*Site {
	first := len(r.tokens)
	top := r.valuesOf(r.path())
	inputs := slices.Clone(r.order)
	slices.SortStableFunc(inputs, func(a, b *Input) int { return cmp.Compare(a.Use, b.Use) }) // the declaration last
	for _, in := range inputs {
		values := r.valuesIn(in)
		if values == nil {
			continue
		}
		i := inserter{run: r, valuesFile: values}
		if top != nil && in != top && r.isGiven(in) {
			i.lowerFile = top
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

// inserter adds the KeyInsertions of one values file.
type inserter struct {
	*run
	*valuesFile
	// lowerFile is the values file with lower precedence; nil if there is none. A key that was inserted there is
	// not inserted again.
	lowerFile *Input
}

// read inserts the key that a template reads. The values.yaml of the template's own chart gets the key directly,
// and so does each file that gives values to this chart. For a chart below the source's chart, a file gets the key
// below the prefix of the chart, if it already has a mapping there. A template whose file name starts with "_" may
// be a library's: it reads the values of whichever chart includes it.
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

// insertIntoExisting inserts a key if the file already has the mapping around it.
func (i *inserter) insertIntoExisting(at yamldoc.Path) {
	holder, _ := yamldoc.Lookup(i.document.Root(), at[:len(at)-1])
	if holder != nil && holder.Kind == yaml.MappingNode {
		i.insert(at)
	}
}

// besideSiblingValues inserts keys into each mapping that holds a part of a sibling field's value: the mapping with
// the repository or the tag of the image. It inserts the keys that templates read for fields, and the fields
// themselves. It so finds image.pullPolicy where a template reads .pullPolicy from a mapping that an include passes
// on.
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

// hasSiblingValue reports whether a mapping holds a part of a sibling field's value. A single digit does not count:
// it is a part of most tags, and equal to many other values.
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

// insert adds the KeyInsertion for a missing key. The missing mappings around the key are written with it.
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
		if s.SpanStart, s.SpanEnd, s.isBesideSibling = i.siblingLine(mapping, slot.Keys()); !s.isBesideSibling {
			s.SpanStart, s.SpanEnd = i.holderBounds(full[:len(full)-len(slot.Keys())])
		}
	}
	s.Start = max(s.SpanStart, 0)
	s.End = s.Start
	i.add(s)
}

// isKnown reports whether there is nothing to insert: the file has the value, or this file or the lower file has a
// KeyInsertion for it.
func (i *inserter) isKnown(full yamldoc.Path) bool {
	key := full.String()
	for _, in := range []*Input{i.Input, i.lowerFile} {
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

// siblingLine returns the bounds of the sibling field's line in a mapping that holds a whole container: {name: api,
// image: example/api:1.2}. The missing field goes beside this line. ok is false for any other mapping.
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

// holderBounds returns the bounds of the key whose mapping gets the missing key, because reports show this key. An
// item of a list has no key, and neither have all values of a declaration: the bounds are then the bounds of the
// first key in the mapping. They are 0 if the mapping is the whole file.
func (i *inserter) holderBounds(at yamldoc.Path) (start, end int) {
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
