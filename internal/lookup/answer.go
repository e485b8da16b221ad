package lookup

import (
	"context"
	"io/fs"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/origin"
	"github.com/pullcheck/pullcheck/render/yamldoc"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Answer says where the value of a field was decided: the decision, and the locations on the way to the manifest.
type Answer struct {
	origin.Trace
	// Title names the object and the field, with the value of the field: Deployment/api spec.replicas = 3.
	Title string
	// Missing is true if the field is absent, null or empty.
	Missing bool
}

// Answer renders the sources, finds the field, and traces it. The error is an *Error if the sources do not have exactly
// one such object, or if the object cannot have a scalar at the field. If the context is canceled, the answer is
// incomplete, and the error is the error of the context.
func (q Query) Answer(ctx context.Context, fsys fs.FS, sources []render.Source) (*Answer, error) {
	var manifests []render.Manifest
	var from []render.Source // the source of the manifest with the same index
	for _, source := range sources {
		result, err := source.Render(ctx, render.In{Tree: fsys})
		if err != nil {
			return nil, err
		}
		found, err := result.Manifests(func([]byte) bool { return true })
		if err != nil {
			return nil, err
		}
		manifests = append(manifests, found...)
		from = append(from, slices.Repeat([]render.Source{source}, len(found))...)
	}
	manifest, path, err := q.Find(manifests)
	if err != nil {
		return nil, err
	}
	source := from[0]
	for i := range manifests {
		if &manifests[i] == manifest {
			source = from[i]
		}
	}
	value := yamldoc.ScalarAt(manifest.Node, path)
	query := origin.Query{Manifest: manifest, Path: path, SiblingField: near(manifest, path), Replacement: instead(value)}
	answer := &Answer{Trace: origin.Find(ctx, fsys, source, []origin.Query{query}).Traces[0], Missing: value == ""}
	answer.Title = objectName(manifest) + " " + q.Field + " " + describe(query, answer.Trace)
	return answer, ctx.Err()
}

// describe returns the value of a field for the title: "= 3", with only the first line of the value, or "is not set".
// If the field is absent, and neither a values key nor a template line can set it, the user may have misspelt it; then
// describe names the fields beside it.
func describe(q origin.Query, answer origin.Trace) string {
	node, holder := yamldoc.Lookup(q.Manifest.Node, q.Path)
	if node == nil && len(holder.Content) > 0 && len(answer.Via) == 0 && answer.Decisions[0].Key == "" {
		return "is not set; beside it stand " + strings.Join(fieldsOf(holder), ", ")
	}
	if node = yamldoc.Resolve(node); isNull(node) {
		return "is not set"
	}
	first, _, more := strings.Cut(node.Value, "\n")
	switch {
	case more:
		first += "…"
	case first == "":
		first = `""`
	}
	return "= " + first
}

// fieldsOf returns the keys of a mapping, in their order.
func fieldsOf(mapping *yaml.Node) []string {
	var keys []string
	for i := 0; i < len(mapping.Content); i += 2 {
		keys = append(keys, yamldoc.Path{yamldoc.Key(mapping.Content[i].Value)}.String())
	}
	return keys
}
