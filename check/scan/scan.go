package scan

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync/atomic"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/fix"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/origin"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Options say how sources are checked.
type Options struct {
	// Jobs is the number of sources that are rendered at a time. It must be positive.
	Jobs int
	// Prove finds fixes and proves them by rendering again.
	Prove Prove
	// Baseline, if not nil, leaves out what the base has, too.
	Baseline *Baseline
	// Exempt, if not nil, reports whether a container is left out of the report.
	Exempt func(check.Affected) bool
	// Rendered, if not nil, is given what each source rendered to, by the index of the source. It is called from several
	// goroutines. Its error is the source's failure.
	Rendered func(i int, result *render.Result) error
	// Progress, if not nil, is called with the number of rendered sources, of all that are rendered, whenever it rises. It
	// is called from several goroutines.
	Progress func(done, total int)

	// foreign is true for manifests that another program has made: their comments make no exceptions, because nobody keeps
	// the manifests in a repository.
	foreign bool
}

// Prove says which sources a proof of a fix renders.
type Prove int

// The extents of proofs.
const (
	// ProveNothing finds no fixes.
	ProveNothing Prove = iota
	// ProveInTree renders every source of the tree that reads an edited file, also if it is not among the checked sources.
	ProveInTree
	// ProveInSources renders the checked sources only.
	ProveInSources
)

// Result is what a scan found.
type Result struct {
	Report *check.Report
	// Files are the files with all proven fixes made, sorted by path.
	Files []fix.File
	// Unaffected is the number of sources that were left out because the change cannot affect them.
	Unaffected int
	// Findings is the number of findings before those of the base were dropped.
	Findings int
	// Exceptions are the findings that ignore comments of the change itself suppress. It is set with a Baseline only.
	Exceptions []check.Suppression
}

// Scan checks sources of the workspace. On a canceled context the result is not complete.
func (w *Workspace) Scan(ctx context.Context, sources []render.Source, options Options) *Result {
	result := &Result{}
	baseline := options.Baseline
	if baseline != nil {
		affected := baseline.affected(w.tree, sources)
		result.Unaffected = len(sources) - len(affected)
		sources = affected
	}
	s := &scan{Workspace: w, ctx: ctx, options: options, sources: sources, checked: make([]checked, len(sources))}
	outcomes := render.All(ctx, w.tree, sources, options.Jobs, s.check)
	hits := s.hits()
	if baseline != nil {
		result.Findings = len(check.NewReport(hits, nil, nil).Findings)
		hits = baseline.subtract(ctx, s, hits)
	}
	result.Report = check.NewReport(hits, failures(outcomes), s.statuses(outcomes))
	if baseline != nil {
		result.Exceptions = baseline.exceptions(w.tree, result.Report)
	}
	if options.Prove != ProveNothing && len(result.Report.Findings) > 0 {
		prove := fix.Options{Jobs: options.Jobs, HandsOn: w.handsOn}
		result.Files = fix.Prove(ctx, w.tree, s.rendered(outcomes), prove, result.Report)
	}
	return result
}

// scan is the state of one Scan.
type scan struct {
	*Workspace
	ctx     context.Context
	options Options
	sources []render.Source
	checked []checked // by the index of the source
	done    atomic.Int64
}

// checked is what a scan keeps of a rendered source: its findings, and not its manifests.
type checked struct {
	hits       []check.Hit
	containers int
	// before is what the source rendered to, and candidates are the edits that may help, if fixes are proven.
	before     *fix.Snapshot
	candidates map[check.Place][]fix.Candidate
}

// check checks what a source rendered to, and traces its hits.
func (s *scan) check(i int, result *render.Result) error {
	if s.options.Progress != nil {
		defer func() { s.options.Progress(int(s.done.Add(1)), len(s.sources)) }()
	}
	if s.options.Rendered != nil {
		if err := s.options.Rendered(i, result); err != nil {
			return err
		}
	}
	manifests, err := result.Manifests(check.MayHoldContainers)
	if err != nil {
		return err
	}
	c := &s.checked[i]
	c.hits, c.containers = check.Run(s.sources[i], manifests)
	traced := s.trace(s.sources[i], c.hits)
	if s.options.Prove != ProveNothing && len(c.hits) > 0 {
		c.before = fix.NewSnapshot(result)
		c.candidates = fix.Candidates(s.tree, s.sources[i], traced, c.hits)
	}
	return nil
}

// trace finds where the policies of hits were decided.
func (s *scan) trace(source render.Source, hits []check.Hit) *origin.Result {
	traced := traceHits(s.ctx, s.tree, source, hits)
	if !s.options.foreign {
		return traced
	}
	for i := range hits {
		hits[i].Decision.Tracked = false
		for n := range hits[i].Via {
			hits[i].Via[n].Tracked = false
		}
	}
	return traced
}

// traceHits finds where the policies of hits of a source were decided, in a tree.
func traceHits(ctx context.Context, fsys fs.FS, source render.Source, hits []check.Hit) *origin.Result {
	queries := make([]origin.Query, len(hits))
	for i, hit := range hits {
		queries[i] = origin.Query{Manifest: hit.Manifest, Path: hit.Field, SiblingField: hit.ImageField, Replacement: check.Always}
	}
	traced := origin.Find(ctx, fsys, source, queries)
	for i, t := range traced.Traces {
		hits[i].Decide(t.Decisions[0], t.Via, t.Exact)
	}
	return traced
}

// hits returns the hits of all sources that are not exempt.
func (s *scan) hits() []check.Hit {
	var hits []check.Hit
	for _, c := range s.checked {
		hits = append(hits, c.hits...)
	}
	if s.options.Exempt != nil {
		hits = slices.DeleteFunc(hits, func(hit check.Hit) bool { return s.options.Exempt(hit.Affected) })
	}
	return hits
}

// rendered returns the sources that a proof may have to render: the checked sources, and other sources of the tree.
func (s *scan) rendered(outcomes []render.Outcome) []fix.Rendered {
	var sources []fix.Rendered
	known := map[render.ID]bool{}
	for i, source := range s.sources {
		known[source.ID()] = true
		sources = append(sources, fix.Rendered{
			Source: source, Reads: outcomes[i].Reads, Before: s.checked[i].before, Candidates: s.checked[i].candidates,
		})
	}
	if s.options.Prove != ProveInTree {
		return sources
	}
	all, err := s.Sources(s.ctx)
	if err != nil {
		return sources // The tree of standard input has no sources of its own.
	}
	for _, source := range all {
		if _, unrendered := source.(render.Unrendered); !unrendered && !known[source.ID()] {
			sources = append(sources, fix.Rendered{Source: source, Reach: source.Reach(s.tree)})
		}
	}
	return sources
}

// failures returns what could not be rendered.
func failures(outcomes []render.Outcome) []check.Failure {
	var failures []check.Failure
	for _, outcome := range outcomes {
		if outcome.Err == nil {
			continue
		}
		id := outcome.Source.ID()
		failure := check.Failure{Source: id.Path, Environment: id.Environment, Message: outcome.Err.Error()}
		if known := (*yamldoc.Error)(nil); errors.As(outcome.Err, &known) {
			failure.Message, failure.Location, failure.Hint = known.Err.Error(), known.Location, known.Hint
		}
		failures = append(failures, failure)
	}
	return failures
}

// statuses returns what became of each source.
func (s *scan) statuses(outcomes []render.Outcome) []check.SourceStatus {
	var statuses []check.SourceStatus
	for i, outcome := range outcomes {
		id := outcome.Source.ID()
		status := check.SourceStatus{
			Path: id.Path, Kind: id.Kind, Environment: id.Environment,
			Status: check.Rendered, Containers: s.checked[i].containers,
		}
		switch {
		case outcome.Err != nil:
			status.Status, status.Reason = check.Failed, outcome.Err.Error()
		case outcome.Skip != nil:
			status.Status, status.Reason, status.NoObject = check.Skipped, outcome.Skip.Reason, outcome.Skip.NoObject
		}
		statuses = append(statuses, status)
	}
	return statuses
}
