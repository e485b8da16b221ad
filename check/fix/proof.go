package fix

import (
	"context"
	"io/fs"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/child"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/tree"
)

// verdict is the comparison of one source before and after some attempts.
type verdict struct {
	hits    map[check.ContainerRef]bool // the hits with the edits made
	isWorse bool                        // the source fails, has a new hit, or differs in more than pull policies
}

// examiner renders sources over an edited tree and compares the results. It decides nothing about attempts.
type examiner struct {
	ctx        context.Context
	tree       fs.FS
	options    Options
	sources    []Rendered
	suppressed map[check.ContainerRef]bool // hits that the user keeps on purpose
}

// verdicts renders the given sources over an edited tree, Jobs at a time. It returns the verdicts by the index of
// the source.
func (e *examiner) verdicts(edited *tree.Overlay, sources []int) map[int]*verdict {
	verdicts := make([]*verdict, len(sources))
	var group errgroup.Group
	group.SetLimit(e.options.Jobs)
	for n, i := range sources {
		group.Go(func() error {
			rendered := &e.sources[i]
			v, err := child.Do(e.ctx, "proof: "+render.Unit(rendered.Source), func(ctx context.Context) *verdict {
				return e.examine(ctx, linkedOverlay{edited, e.tree}, rendered)
			})
			if err != nil {
				v = &verdict{isWorse: true} // Nothing is proven.
			}
			verdicts[n] = v
			return nil
		})
	}
	_ = group.Wait() // The functions return no error.
	byIndex := map[int]*verdict{}
	for n, i := range sources {
		byIndex[i] = verdicts[n]
	}
	return byIndex
}

// linkedOverlay is an overlay that follows the symbolic links of the tree. Without it, a source that reads
// values.yaml through a link would read the old text.
type linkedOverlay struct {
	*tree.Overlay
	tree fs.FS
}

// Open implements fs.FS.
func (f linkedOverlay) Open(name string) (fs.File, error) {
	return f.Overlay.Open(tree.Follow(f.tree, name))
}

// ReadFile implements fs.ReadFileFS.
func (f linkedOverlay) ReadFile(name string) ([]byte, error) {
	return f.Overlay.ReadFile(tree.Follow(f.tree, name))
}

// examine renders a source of the edited tree and compares the result with the result before. A source that did not
// render before is not worse: an edit cannot be blamed.
func (e *examiner) examine(ctx context.Context, edited fs.FS, rendered *Rendered) (v *verdict) {
	v = &verdict{hits: map[check.ContainerRef]bool{}, isWorse: true}
	defer func() { _ = recover() }() // A panic of an engine is a fault of the edits.
	before, err := e.before(ctx, rendered)
	if err != nil {
		v.isWorse = false
		return v
	}
	after, err := e.renderSource(ctx, edited, rendered.Source)
	if err != nil {
		return v
	}
	was, err := hits(rendered.Source, before)
	if err != nil {
		return v
	}
	if v.hits, err = hits(rendered.Source, after); err != nil {
		return v
	}
	v.isWorse = e.changesHits(was, v.hits) || !e.onlyPoliciesDiffer(ctx, rendered, before, after)
	return v
}

// changesHits reports whether the edits cause a new hit, or remove a hit that the user keeps on purpose.
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

// before returns what a source rendered to before any edit: from the snapshot, or by one more render.
func (e *examiner) before(ctx context.Context, rendered *Rendered) (*render.Result, error) {
	if rendered.Before != nil {
		return rendered.Before.result()
	}
	return e.renderSource(ctx, e.tree, rendered.Source)
}

// onlyPoliciesDiffer reports whether two results differ in pull policies alone. A chart may draw a value at random,
// such as a password. If there is another difference, it renders the unedited source once more, and ignores the
// values that differ in this render, too. This extra render is made once for each source.
func (e *examiner) onlyPoliciesDiffer(
	ctx context.Context, rendered *Rendered, before, after *render.Result,
) bool {
	differences, ok := e.compare(before, after)
	if !ok || len(differences) == 0 {
		return ok
	}
	if rendered.volatile == nil {
		again, err := e.renderSource(ctx, e.tree, rendered.Source)
		if err != nil {
			return false
		}
		volatile, ok := e.compare(before, again)
		if !ok {
			return false
		}
		rendered.volatile = map[difference]bool{}
		for _, d := range volatile {
			rendered.volatile[d] = true
		}
	}
	return !slices.ContainsFunc(differences, func(d difference) bool { return !rendered.volatile[d] })
}
