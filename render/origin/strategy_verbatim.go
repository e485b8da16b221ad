package origin

import (
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// traceVerbatim decides the queries about files that were not rendered, such as plain manifests, without a render: the
// decision is the field itself or, where the field is missing, the line of its sibling field. An alias is decided where its
// anchor stands.
func traceVerbatim(queries []*query) {
	inputs := map[*render.Document]*Input{}
	for _, q := range queries {
		document := q.Manifest.Document
		if !document.Verbatim {
			continue
		}
		in := inputs[document]
		if in == nil {
			in = &Input{Input: render.Input{Path: document.Path, Use: render.UseResource, Data: document.Text}}
			inputs[document] = in
		}
		decideVerbatim(q, in)
	}
}

// decideVerbatim decides a query about an object of the file.
func decideVerbatim(q *query, in *Input) {
	node, holder := yamldoc.Lookup(q.Manifest.Node, q.Path)
	value := yamldoc.Resolve(node)
	if value != nil && (value.Value != "" || value.Style != 0 || value.Kind != yaml.ScalarNode) {
		s := valueIn(in, value)
		if node != value {
			start, end, _ := in.Text().Bounds(node)
			s.Aliases = []Alias{{Start: start, End: end}}
		}
		q.decided = []*Site{s}
		return
	}
	if q.lines = lineIn(in, node, holder); q.lines == nil && len(q.SiblingField) > 0 {
		sibling, holder := yamldoc.Lookup(q.Manifest.Node, q.SiblingField)
		q.siblingLines = lineIn(in, sibling, holder)
		node = sibling
	}
	if node == nil {
		node = q.Manifest.Node
	}
	if q.lines == nil && q.siblingLines == nil {
		s := valueIn(in, node)
		s.Kind = NameSite
		q.decided = []*Site{s}
	}
}

// valueIn returns the site of a value of the file.
func valueIn(in *Input, node *yaml.Node) *Site {
	s := valueAt(in.Text(), node)
	s.Input = in
	return s
}

// lineIn returns the line on which a mapping gives a value; nothing if it merges the value from elsewhere.
func lineIn(in *Input, value, holder *yaml.Node) []*Site {
	if value == nil || holder.Kind != yaml.MappingNode {
		return nil
	}
	for i := len(holder.Content) - 2; i >= 0; i -= 2 {
		if holder.Content[i+1] == value {
			return []*Site{lineAt(in, 0, in.Text(), holder, holder.Content[i], value)}
		}
	}
	return nil
}
