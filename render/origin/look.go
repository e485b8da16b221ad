package origin

import (
	"slices"
	"strconv"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// look answers the questions whose fields have tokens in a dyed render, and keeps the lines that it shows.
func (t *tracer) look(manifests []render.Manifest) {
	for _, q := range t.questions {
		if q.Manifest.Document.Verbatim {
			continue
		}
		m := t.object(q, manifests)
		if m == nil {
			continue
		}
		value, holder := t.lookup(m.Node, q.Path)
		if places := t.tokens(value); q.decided == nil && places != nil && join(yamldoc.Resolve(value).Value, places) == q.value {
			q.decided = places
		}
		if lines := t.marks(value, holder, q.Path.Last()); q.lines == nil {
			q.lines = lines
		}
		if q.near == nil && len(q.Near) > 0 {
			near, holder := t.lookup(m.Node, q.Near)
			q.near = t.marks(near, holder, q.Near.Last())
		}
	}
}

// object finds the question's object in another render: by its name, or what it would be without tokens, or by its
// position, where the name is drawn at random.
func (t *tracer) object(q *question, manifests []render.Manifest) *render.Manifest {
	var byName, byPosition *render.Manifest
	for i := range manifests {
		m := &manifests[i]
		if m.Document.Path != q.Manifest.Document.Path || t.plain(m.Kind) != q.Manifest.Kind || t.plain(m.APIVersion) != q.Manifest.APIVersion {
			continue
		}
		named := t.plain(m.Name) == q.Manifest.Name && t.plain(m.Namespace) == q.Manifest.Namespace
		placed := m.Part == q.Manifest.Part && m.Item == q.Manifest.Item
		switch {
		case named && placed:
			return m
		case named && byName == nil:
			byName = m
		case placed:
			byPosition = m
		}
	}
	if byName != nil {
		return byName
	}
	return byPosition
}

// lookup is render.Lookup where the names of items may be tokens.
func (t *tracer) lookup(root *yaml.Node, path yamldoc.Path) (value, holder *yaml.Node) {
	path = slices.Clone(path)
	for i, step := range path {
		list, _ := yamldoc.Lookup(root, path[:i])
		if list = yamldoc.Resolve(list); step.Name == "" || list == nil {
			continue
		}
		for index, item := range list.Content {
			if t.plain(yamldoc.Scalar(item, "name")) == step.Name && (path[i].Name != "" || index == step.Index) {
				path[i] = yamldoc.Step{Index: index}
			}
		}
	}
	return yamldoc.Lookup(root, path)
}

// plain is a text with the originals in the place of tokens.
func (t *tracer) plain(text string) string {
	return token.ReplaceAllStringFunc(text, func(found string) string {
		if p := t.place(token.FindStringSubmatch(found)); p != nil {
			return p.original
		}
		return found
	})
}

// tokens are the places whose tokens are in a value, in order; nil if there is none.
func (t *tracer) tokens(value *yaml.Node) []*place {
	value = yamldoc.Resolve(value)
	if value == nil || value.Kind != yaml.ScalarNode {
		return nil
	}
	var places []*place
	for _, match := range token.FindAllStringSubmatch(value.Value, -1) {
		if p := t.place(match); p != nil {
			places = append(places, p)
		}
	}
	return places
}

// place is the place of a token.
func (t *tracer) place(match []string) *place {
	number, err := strconv.Atoi(match[1] + match[2])
	if err != nil || number >= len(t.places) {
		return nil
	}
	return t.places[number]
}

// join is a value with the originals in the place of the tokens.
func join(value string, places []*place) string {
	i := -1
	return token.ReplaceAllStringFunc(value, func(string) string {
		if i++; i < len(places) {
			return places[i].original
		}
		return ""
	})
}

// marks are the lines that write a key: resources before patches, because an edit of the former is for all.
func (t *tracer) marks(value, holder *yaml.Node, key string) []*place {
	var resources, patches []*place
	add := func(text string) {
		match := token.FindStringSubmatch(text)
		if match == nil {
			return
		}
		if p := t.place(match); p == nil || p.kind != mark && p.kind != sibling || p.mark != key {
			return
		} else if slices.Contains([]render.Use{render.UsePatch, render.UseKustomization, render.UseDeclaration}, p.in.Use) {
			patches = append(patches, p)
		} else {
			resources = append(resources, p)
		}
	}
	if value != nil {
		add(value.Anchor)
	}
	if holder != nil && holder.Kind == yaml.SequenceNode {
		add(holder.Anchor) // The line writes the list that the value is an item of.
	}
	if holder != nil && holder.Kind == yaml.MappingNode {
		for i := 0; i < len(holder.Content); i += 2 {
			add(holder.Content[i].Value)
		}
	}
	return append(resources, patches...)
}
