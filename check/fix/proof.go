package fix

import (
	"bytes"
	"compress/flate"
	"context"
	"io"
	"io/fs"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Snapshot is what a source was rendered to, in little memory.
type Snapshot struct {
	text      []byte // compressed
	documents []render.Document
	lengths   []int
}

// NewSnapshot keeps the documents of a result.
func NewSnapshot(result *render.Result) *Snapshot {
	s := &Snapshot{}
	var text bytes.Buffer
	w, err := flate.NewWriter(&text, flate.BestSpeed)
	if err != nil {
		panic(err) // The level is a constant.
	}
	for _, document := range result.Documents {
		_, _ = w.Write(document.Text) // A buffer takes everything.
		s.lengths = append(s.lengths, len(document.Text))
		document.Text = nil
		s.documents = append(s.documents, document)
	}
	_ = w.Close()
	s.text = text.Bytes()
	return s
}

// result is what the snapshot was made of, without the text between documents.
func (s *Snapshot) result() (*render.Result, error) {
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(s.text)))
	if err != nil {
		return nil, err
	}
	result := &render.Result{Documents: slices.Clone(s.documents)}
	for i, length := range s.lengths {
		result.Documents[i].Text, text = text[:length], text[length:]
	}
	return result, nil
}

// verdict is what became of a source by some attempts.
type verdict struct {
	hits    map[check.Place]bool
	isWorse bool // it does not render, has a new finding, or differs in more than pull policies
}

// examiner renders sources over an edited tree and compares.
type examiner struct {
	ctx        context.Context
	tree       fs.FS
	options    Options
	sources    []Rendered
	suppressed map[check.Place]bool // hits that are kept on purpose
}

// verdicts returns, by the index of the source, what becomes of some sources over an edited tree.
func (e *examiner) verdicts(edited *tree.Overlay, sources []int) map[int]*verdict {
	verdicts := make([]*verdict, len(sources))
	var group errgroup.Group
	group.SetLimit(e.options.Jobs)
	for n, i := range sources {
		group.Go(func() error {
			verdicts[n] = e.examine(followed{edited, e.tree}, &e.sources[i])
			return nil
		})
	}
	_ = group.Wait() // No one returns an error.
	byIndex := map[int]*verdict{}
	for n, i := range sources {
		byIndex[i] = verdicts[n]
	}
	return byIndex
}

// followed is an overlay in which symbolic links of the tree lead to the files that were written.
type followed struct {
	*tree.Overlay
	tree fs.FS
}

// Open implements fs.FS.
func (f followed) Open(name string) (fs.File, error) {
	return f.Overlay.Open(tree.Follow(f.tree, name))
}

// ReadFile implements fs.ReadFileFS.
func (f followed) ReadFile(name string) ([]byte, error) {
	return f.Overlay.ReadFile(tree.Follow(f.tree, name))
}

// examine renders a source of the edited tree and compares.
func (e *examiner) examine(edited fs.FS, subject *Rendered) (v *verdict) {
	v = &verdict{hits: map[check.Place]bool{}, isWorse: true}
	defer func() { _ = recover() }() // A panic of an engine is a fault of the edits.
	before, err := e.before(subject)
	if err != nil {
		v.isWorse = false // It did not render before either.
		return v
	}
	after, err := e.renderSource(edited, subject.Source)
	if err != nil {
		return v
	}
	was, err := hits(subject.Source, before)
	if err != nil {
		return v
	}
	if v.hits, err = hits(subject.Source, after); err != nil {
		return v
	}
	isNew := func(place check.Place) bool { return !was[place] }
	isGone := func(place check.Place) bool { return e.suppressed[place] && !v.hits[place] }
	v.isWorse = slices.ContainsFunc(slices.Collect(maps.Keys(was)), isGone) || slices.ContainsFunc(slices.Collect(maps.Keys(v.hits)), isNew) || !e.same(subject, before, after)
	return v
}

func hits(source render.Source, result *render.Result) (map[check.Place]bool, error) {
	manifests, err := result.Manifests(check.MayHoldContainers)
	if err != nil {
		return nil, err
	}
	places := map[check.Place]bool{}
	found, _ := check.Run(source, manifests)
	for _, hit := range found {
		places[hit.Place] = true
	}
	return places, nil
}

func (e *examiner) before(subject *Rendered) (*render.Result, error) {
	if subject.Before != nil {
		return subject.Before.result()
	}
	return e.renderSource(e.tree, subject.Source)
}

// same reports whether two results differ in pull policies alone. What differs between two renders of the same
// files is left out: charts draw random values.
func (e *examiner) same(subject *Rendered, before, after *render.Result) bool {
	differences, ok := e.compare(before, after)
	if !ok || len(differences) == 0 {
		return ok
	}
	if subject.volatile == nil {
		again, err := e.renderSource(e.tree, subject.Source)
		if err != nil {
			return false
		}
		volatile, ok := e.compare(before, again)
		if !ok {
			return false
		}
		subject.volatile = append([]difference{}, volatile...)
	}
	return !slices.ContainsFunc(differences, func(d difference) bool { return !slices.Contains(subject.volatile, d) })
}

// difference is a value that is not the same in two results.
type difference struct {
	document, object int
	path             string
}

// compare returns the values that differ, other than pull policies that have become Always. It is not ok where the
// objects are not the same ones.
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

// isHandedOn reports whether an object hands a field on to sources that it declares: what a change of it changes is in
// these sources.
func (e *examiner) isHandedOn(m render.Manifest, path yamldoc.Path) bool {
	return e.options.HandsOn != nil && e.options.HandsOn(m, path)
}

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

func at(sequence *yaml.Node, i int) *yaml.Node {
	if i < len(sequence.Content) {
		return sequence.Content[i]
	}
	return nil
}
