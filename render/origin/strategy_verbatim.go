package origin

import (
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// traceVerbatim decides the queries about plain manifests. No engine changes these files, so it needs no render and
// comes before all other strategies. The decision is the field itself or, if the field is missing, the line of its
// sibling field. For an alias (*policy), the decision is the value at the anchor (&policy).
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

// decideVerbatim decides a query about an object in the file. It decides nothing if the object has no position there:
// see yamldoc.ParseStream.
func decideVerbatim(q *query, in *Input) {
	if _, ok := in.Text().Offset(q.Manifest.Node); !ok {
		return
	}
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

// valueIn returns the ValueSite of a node of the file.
func valueIn(in *Input, node *yaml.Node) *Site {
	s := valueAt(in.Text(), node)
	s.Input = in
	return s
}

// lineIn returns the LineAnchor of the line on which a mapping writes a value. It returns nothing if the mapping
// merges the value from another mapping (<<).
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
