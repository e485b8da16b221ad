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

// Answer says where a field of an object was decided.
type Answer struct {
	origin.Trace
	// Title names the object and the field, with the value of the field: Deployment/api spec.replicas = 3.
	Title string
	// Missing is true if the field has no value.
	Missing bool
}

// Answer renders the sources and traces the field. The error is an *Error if the query means no field of an object.
func (q Query) Answer(ctx context.Context, fsys fs.FS, sources []render.Source) (*Answer, error) {
	var manifests []render.Manifest
	var from []render.Source // the source of each manifest
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

// describe returns the value of a field, of which it shows the first line. A field that is missing, and that no line is known
// to write, may be misspelt: then it names the fields beside it.
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
