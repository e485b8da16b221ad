package fix

import (
	"context"
	"io/fs"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/tree"
)

// verdict is what became of a source by some attempts.
type verdict struct {
	hits    map[check.ContainerRef]bool
	isWorse bool // it does not render, has a new finding, or differs in more than pull policies
}

// examiner renders sources over an edited tree and compares.
type examiner struct {
	ctx        context.Context
	tree       fs.FS
	options    Options
	sources    []Rendered
	suppressed map[check.ContainerRef]bool // hits that are kept on purpose
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

// examine renders a source of the edited tree and compares it with what it was. A source that did not render before either
// is not worse.
func (e *examiner) examine(edited fs.FS, subject *Rendered) (v *verdict) {
	v = &verdict{hits: map[check.ContainerRef]bool{}, isWorse: true}
	defer func() { _ = recover() }() // A panic of an engine is a fault of the edits.
	before, err := e.before(subject)
	if err != nil {
		v.isWorse = false
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
	v.isWorse = e.changesHits(was, v.hits) || !e.same(subject, before, after)
	return v
}

// changesHits reports whether there are hits that were not there before, or hits gone that are kept on purpose.
func (e *examiner) changesHits(was, is map[check.ContainerRef]bool) bool {
	for place := range is {
		if !was[place] {
			return true
		}
	}
	for place := range was {
		if e.suppressed[place] && !is[place] {
			return true
		}
	}
	return false
}

// hits returns the containers of a result that break a rule.
func hits(source render.Source, result *render.Result) (map[check.ContainerRef]bool, error) {
	manifests, err := result.Manifests(check.MayHoldContainers)
	if err != nil {
		return nil, err
	}
	places := map[check.ContainerRef]bool{}
	found, _ := check.Run(source, manifests)
	for _, hit := range found {
		places[hit.Ref] = true
	}
	return places, nil
}

// before returns what a source rendered to before any edit.
func (e *examiner) before(subject *Rendered) (*render.Result, error) {
	if subject.Before != nil {
		return subject.Before.result()
	}
	return e.renderSource(e.tree, subject.Source)
}

// same reports whether two results differ in pull policies alone. Values that differ between two renders of the same files
// do not count: charts draw random values.
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
		subject.volatile = map[difference]bool{}
		for _, d := range volatile {
			subject.volatile[d] = true
		}
	}
	return !slices.ContainsFunc(differences, func(d difference) bool { return !subject.volatile[d] })
}
