package origin

import (
	"slices"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// decide reads the tokens in the objects of a render. A query is decided by the sites whose tokens stand in its field, if the
// field with the values of these sites in their place is the field as it was. It also keeps the lines that the render shows
// to write the field. For example, imagePullPolicy of Pod/api comes out as zq0000012: site 12, values.yaml:14, decides.
func (t tokens) decide(manifests []render.Manifest, queries []*query) {
	for _, q := range queries {
		if q.Manifest.Document.Verbatim {
			continue
		}
		m := t.find(q, manifests)
		if m == nil {
			continue
		}
		value, holder := t.lookup(m.Node, q.Path)
		if sites := t.sitesIn(value); q.decided == nil && sites != nil && join(yamldoc.Resolve(value).Value, sites) == q.value {
			q.decided = sites
		}
		if lines := t.linesOf(value, holder, q.Path.Last()); q.lines == nil {
			q.lines = lines
		}
		if q.siblingLines == nil && len(q.SiblingField) > 0 {
			value, holder := t.lookup(m.Node, q.SiblingField)
			q.siblingLines = t.linesOf(value, holder, q.SiblingField.Last())
		}
	}
}

// find returns the object of a query in another render: the object of the same name, tokens taken out, or at the same
// position, where the name is drawn at random.
func (t tokens) find(q *query, manifests []render.Manifest) *render.Manifest {
	var byName, byPosition *render.Manifest
	for i := range manifests {
		m := &manifests[i]
		if m.Document.Path != q.Manifest.Document.Path || t.withoutTokens(m.Kind) != q.Manifest.Kind ||
			t.withoutTokens(m.APIVersion) != q.Manifest.APIVersion {
			continue
		}
		hasName := t.withoutTokens(m.Name) == q.Manifest.Name && t.withoutTokens(m.Namespace) == q.Manifest.Namespace
		hasPosition := m.Part == q.Manifest.Part && m.Item == q.Manifest.Item
		switch {
		case hasName && hasPosition:
			return m
		case hasName && byName == nil:
			byName = m
		case hasPosition:
			byPosition = m
		}
	}
	if byName != nil {
		return byName
	}
	return byPosition
}

// lookup is yamldoc.Lookup for a render in which the names of items may be tokens: containers[api] is the item whose name
// comes out as zq0000007, if api stands at site 7.
func (t tokens) lookup(root *yaml.Node, path yamldoc.Path) (value, holder *yaml.Node) {
	path = slices.Clone(path)
	for i, step := range path {
		list, _ := yamldoc.Lookup(root, path[:i])
		if list = yamldoc.Resolve(list); step.Name == "" || list == nil {
			continue
		}
		for index, item := range list.Content {
			if t.withoutTokens(yamldoc.Scalar(item, "name")) == step.Name && (path[i].Name != "" || index == step.Index) {
				path[i] = yamldoc.Step{Index: index}
			}
		}
	}
	return yamldoc.Lookup(root, path)
}

// sitesIn returns the sites whose tokens are in a value, in order; nil if there are none.
func (t tokens) sitesIn(value *yaml.Node) []*Site {
	value = yamldoc.Resolve(value)
	if value == nil || value.Kind != yaml.ScalarNode {
		return nil
	}
	var sites []*Site
	for _, match := range tokenPattern.FindAllStringSubmatch(value.Value, -1) {
		if s := t.site(match); s != nil {
			sites = append(sites, s)
		}
	}
	return sites
}

// join returns a value with the values of sites in the place of its tokens: example/zq0000001:zq0000002 is example/api:1.2 by
// the sites of api and 1.2. A value that is not the rendered one then was put together in another way.
func join(value string, sites []*Site) string {
	i := -1
	return tokenPattern.ReplaceAllStringFunc(value, func(string) string {
		if i++; i < len(sites) {
			return sites[i].Value
		}
		return ""
	})
}

// linesOf returns the lines that write a key, by the tokens at its value and in the mapping or list that holds the value:
// those of resources before those of patches, because an edit of a resource is for all.
func (t tokens) linesOf(value, holder *yaml.Node, key string) []*Site {
	var resources, patches []*Site
	add := func(text string) {
		match := tokenPattern.FindStringSubmatch(text)
		if match == nil {
			return
		}
		s := t.site(match)
		if s == nil || !s.isLine() || s.Field != key {
			return
		}
		switch s.Input.Use {
		case render.UsePatch, render.UseKustomization, render.UseDeclaration:
			patches = append(patches, s)
		default:
			resources = append(resources, s)
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
