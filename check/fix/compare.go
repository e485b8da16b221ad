package fix

import (
	"bytes"
	"maps"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// difference is a value that is not the same in two results.
type difference struct {
	document, object int
	path             string
}

// compare returns the values that differ in two results, other than pull policies that have become Always. It reports false
// if the results have different numbers of documents or objects, or do not parse.
func (e *examiner) compare(before, after *render.Result) (differences []difference, ok bool) {
	if len(before.Documents) != len(after.Documents) {
		return nil, false
	}
	for i := range before.Documents {
		if bytes.Equal(before.Documents[i].Text, after.Documents[i].Text) {
			continue
		}
		was, err := objects(before.Documents[i])
		if err != nil {
			return nil, false
		}
		is, err := objects(after.Documents[i])
		if err != nil || len(was) != len(is) {
			return nil, false
		}
		for n := range is {
			policies := map[string]bool{}
			for _, c := range check.Containers(is[n]) {
				if c.Written == check.Always {
					policies[c.Field.String()] = true
				}
			}
			visit := func(path yamldoc.Path) {
				if text := path.String(); !policies[text] && !e.isHandedOn(is[n], path) {
					differences = append(differences, difference{i, n, text})
				}
			}
			walk(was[n].Node, is[n].Node, nil, visit)
		}
	}
	return differences, true
}

// isHandedOn is HandsOn of the options; without that no field is handed on.
func (e *examiner) isHandedOn(m render.Manifest, path yamldoc.Path) bool {
	return e.options.HandsOn != nil && e.options.HandsOn(m, path)
}

// objects returns the objects of a document.
func objects(document render.Document) ([]render.Manifest, error) {
	result := render.Result{Documents: []render.Document{document}}
	return result.Manifests(func([]byte) bool { return true })
}

// walk visits the paths at which two nodes differ, in keys and scalars, not in form.
func walk(a, b *yaml.Node, path yamldoc.Path, visit func(yamldoc.Path)) {
	a, b = yamldoc.Resolve(a), yamldoc.Resolve(b)
	switch {
	case a == nil || b == nil:
		if a != b {
			visit(path)
		}
	case a.Kind != b.Kind:
		visit(path)
	case a.Kind == yaml.MappingNode:
		if yamldoc.Duplicates(b) > yamldoc.Duplicates(a) {
			visit(path)
		}
		was, is := fields(a), fields(b)
		both := maps.Clone(was)
		maps.Copy(both, is)
		for _, key := range slices.Sorted(maps.Keys(both)) {
			walk(was[key], is[key], path.Below(yamldoc.Key(key)), visit)
		}
	case a.Kind == yaml.SequenceNode:
		for i := range max(len(a.Content), len(b.Content)) {
			walk(at(a, i), at(b, i), path.Below(yamldoc.Step{Index: i}), visit)
		}
	case a.Value != b.Value || a.Tag != b.Tag:
		visit(path)
	}
}

// fields returns the values of a mapping by their keys.
func fields(mapping *yaml.Node) map[string]*yaml.Node {
	values := map[string]*yaml.Node{}
	for key, value := range yamldoc.Fields(mapping) {
		values[key.Value] = value
	}
	return values
}

// at returns the item of a list at an index; nil if the list is shorter.
func at(sequence *yaml.Node, i int) *yaml.Node {
	if i < len(sequence.Content) {
		return sequence.Content[i]
	}
	return nil
}
