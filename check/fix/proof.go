package fix

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

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

// verdict is what became of a source by some edits.
type verdict struct {
	hits  map[check.ContainerRef]bool
	fault bool // it does not render, has a new finding, or differs in more than pull policies
}

// render renders the sources that the attempts affect, with edits.
func (p *prover) render(edits []yamldoc.Edit, attempts []*attempt) map[int]*verdict {
	var affected []int
	for _, a := range attempts {
		affected = append(affected, p.affected(a.edits)...)
	}
	slices.Sort(affected)
	affected = slices.Compact(affected)
	verdicts := make([]*verdict, len(affected))
	edited, err := p.edit(edits)
	if err != nil {
		return nil
	}
	var group errgroup.Group
	group.SetLimit(p.jobs)
	for n, i := range affected {
		group.Go(func() error {
			verdicts[n] = p.examine(edited, &p.subjects[i])
			return nil
		})
	}
	_ = group.Wait() // No one returns an error.
	byIndex := map[int]*verdict{}
	for n, i := range affected {
		byIndex[i] = verdicts[n]
	}
	return byIndex
}

// edit is the tree with edits made in it.
func (p *prover) edit(edits []yamldoc.Edit) (fs.FS, error) {
	overlay := tree.NewOverlay(p.tree)
	for path, edits := range byPath(edits) {
		data := p.originals[path]
		if data == nil {
			var err error
			if data, err = fs.ReadFile(p.tree, path); err != nil {
				return nil, err
			}
			p.originals[path] = data
		}
		for _, e := range edits {
			if e.End > len(data) || string(data[e.Start:e.End]) != e.OldText {
				return nil, fmt.Errorf("%s is not what it was", path)
			}
		}
		overlay.Write(path, yamldoc.Apply(data, edits))
	}
	return followed{overlay, p.tree}, nil
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
func (p *prover) examine(edited fs.FS, subject *Subject) (v *verdict) {
	v = &verdict{hits: map[check.ContainerRef]bool{}, fault: true}
	defer func() { _ = recover() }() // A panic of an engine is a fault of the edits.
	before, err := p.before(subject)
	if err != nil {
		v.fault = false // It did not render before either.
		return v
	}
	after, err := subject.Source.Render(p.ctx, render.In{Tree: edited})
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
	isNew := func(ref check.ContainerRef) bool { return !was[ref] }
	isGone := func(ref check.ContainerRef) bool { return p.kept[ref] && !v.hits[ref] }
	v.fault = slices.ContainsFunc(slices.Collect(maps.Keys(was)), isGone) || slices.ContainsFunc(slices.Collect(maps.Keys(v.hits)), isNew) || !p.same(subject, before, after)
	return v
}

func hits(source render.Source, result *render.Result) (map[check.ContainerRef]bool, error) {
	manifests, err := result.Manifests(check.MayHoldContainers)
	if err != nil {
		return nil, err
	}
	refs := map[check.ContainerRef]bool{}
	found, _ := check.Run(source, manifests)
	for _, hit := range found {
		refs[hit.Ref] = true
	}
	return refs, nil
}

func (p *prover) before(subject *Subject) (*render.Result, error) {
	if subject.Before != nil {
		return subject.Before.result()
	}
	return subject.Source.Render(p.ctx, render.In{Tree: p.tree})
}

// same reports whether two results differ in pull policies alone. What differs between two renders of the same
// files is left out: charts draw random values.
func (p *prover) same(subject *Subject, before, after *render.Result) bool {
	differences, ok := compare(before, after)
	if !ok || len(differences) == 0 {
		return ok
	}
	if subject.volatile == nil {
		again, err := subject.Source.Render(p.ctx, render.In{Tree: p.tree})
		if err != nil {
			return false
		}
		volatile, ok := compare(before, again)
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
func compare(before, after *render.Result) (differences []difference, ok bool) {
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
				if text := path.String(); !policies[text] && !isGiven(is[n], path) {
					differences = append(differences, difference{i, n, text})
				}
			}
			walk(was[n].Node, is[n].Node, nil, visit)
		}
	}
	return differences, true
}

// isGiven reports whether a path is in what an Application of Argo CD gives its sources: what that changes is in them.
func isGiven(m render.Manifest, path yamldoc.Path) bool {
	return strings.HasPrefix(m.APIVersion, "argoproj.io/") && strings.HasPrefix(m.Kind, "Application") &&
		slices.ContainsFunc(path, func(step yamldoc.Step) bool {
			return slices.Contains([]string{"helm", "kustomize", "plugin", "generators"}, step.Key)
		})
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
		if repeats(b) > repeats(a) {
			visit(path) // Which of two values counts depends on who reads it.
		}
		for _, key := range keys(a, b) {
			walk(yamldoc.Field(a, key), yamldoc.Field(b, key), path.Below(yamldoc.Key(key)), visit)
		}
	case a.Kind == yaml.SequenceNode:
		for i := range max(len(a.Content), len(b.Content)) {
			walk(at(a, i), at(b, i), path.Below(yamldoc.Step{Index: i}), visit)
		}
	case a.Value != b.Value || a.Tag != b.Tag:
		visit(path)
	}
}

// repeats is how many keys of a mapping are there again.
func repeats(mapping *yaml.Node) int {
	set := map[string]bool{}
	for i := 0; i < len(mapping.Content); i += 2 {
		set[mapping.Content[i].Value] = true
	}
	return len(mapping.Content)/2 - len(set)
}

// keys are those of two mappings, with what they merge.
func keys(mappings ...*yaml.Node) []string {
	set := map[string]bool{}
	var add func(*yaml.Node)
	add = func(node *yaml.Node) {
		node = yamldoc.Resolve(node)
		if node.Kind == yaml.SequenceNode {
			for _, item := range node.Content {
				add(item)
			}
			return
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Tag == "!!merge" {
				add(node.Content[i+1])
			} else {
				set[node.Content[i].Value] = true
			}
		}
	}
	for _, mapping := range mappings {
		add(mapping)
	}
	return slices.Sorted(maps.Keys(set))
}

func at(sequence *yaml.Node, i int) *yaml.Node {
	if i < len(sequence.Content) {
		return sequence.Content[i]
	}
	return nil
}
