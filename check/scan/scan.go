package scan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync/atomic"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/fix"
	"github.com/pullcheck/pullcheck/internal/child"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/origin"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Options say how Scan checks sources. The functions must be safe for concurrent use.
type Options struct {
	// Jobs is the number of sources that are rendered at the same time. It must be positive. Rendering is bound by the
	// processors, so runtime.GOMAXPROCS(0) is a good number.
	Jobs int
	// Prove says whether to find fixes, and which sources to render for their proof.
	Prove Prove
	// Baseline, if not nil, leaves out sources that the change cannot affect, and findings that the base has, too.
	Baseline *Baseline
	// Suppressed, if not nil, reports whether a container is suppressed. The report has no finding for such a container,
	// not even among its suppressed findings.
	Suppressed func(check.Affected) bool
	// Rendered, if not nil, is called once for each rendered source, with its index in the sources that are checked. Its
	// error makes the source a failure.
	Rendered func(i int, result *render.Result) error
	// UnreachedIn are directories of the tree in which to look for written policies that no render has reached. It is for a
	// scan that renders every source of these directories.
	UnreachedIn []string
	// Progress, if not nil, is called after each rendered source, with the number of rendered sources and of all sources.
	Progress func(done, total int)

	// foreign is true for manifests that another program has made. Their comments suppress nothing, because the manifests
	// are in no repository where somebody reviews the comments.
	foreign bool
}

// Prove says which sources a proof of a fix renders. The more sources, the more a proof says, and the more it costs.
type Prove int

// The values of Options.Prove.
const (
	// ProveNothing looks for no fixes.
	ProveNothing Prove = iota
	// ProveInTree renders every source of the tree that reads an edited file, also sources that the scan does not check.
	// For example, an edit of a base is proven in all its overlays. Charts that the scan does not check are rendered
	// without the values of Config.Helm.
	ProveInTree
	// ProveInSources renders only checked sources. It is for manifests without a tree, such as standard input.
	ProveInSources
)

// Result is the result of a scan.
type Result struct {
	Report *check.Report
	// Files are the files that proven fixes edit, with their content before and after all fixes, sorted by path. Scan
	// writes none of them.
	Files []fix.File
	// Unreached are the locations of policies that are written in a directory of UnreachedIn, and that decide no container.
	Unreached []yamldoc.Location
	// Unaffected is the number of sources that were left out because the change cannot affect them.
	Unaffected int
	// Findings is the number of findings before the findings of the base were dropped. It is set with a Baseline only.
	Findings int
	// SuppressedByChange are the findings that ignore comments of the change itself suppress, or would suppress if the
	// Baseline did not distrust them. It is set with a Baseline only.
	SuppressedByChange []check.Suppression
	// SkippedByChange are the sources that are skipped, as a whole or in part, and that the base does not have or does not
	// skip. It is set with a Baseline only.
	SkippedByChange []check.SourceStatus
}

// Scan checks sources of the workspace, in the steps that the package comment lists. A source that cannot be rendered
// is a failure in the report and no error. If the context is canceled, the report is not complete: the caller must
// look at ctx.Err().
func (w *Workspace) Scan(ctx context.Context, sources []render.Source, options Options) *Result {
	result := &Result{}
	baseline := options.Baseline
	var since *comparison
	if baseline != nil {
		since = baseline.compare(ctx, w, sources)
		affected := baseline.affected(w.tree, sources)
		result.Unaffected = len(sources) - len(affected)
		sources = since.with(affected)
	}
	s := &scan{Workspace: w, ctx: ctx, options: options, since: since, sources: sources}
	all := render.AllOptions{Jobs: options.Jobs, Keep: options.Rendered == nil} // Another child cannot repeat the call.
	var outcomes []render.Outcome
	outcomes, s.checked = render.All(ctx, w.tree, sources, all, s.check)
	outcomes = s.withFault(outcomes)
	hits := s.hits()
	var kept map[exception]bool
	if baseline != nil {
		before := check.NewReport(hits, nil, nil)
		result.Findings = len(before.Findings)
		hits, kept = baseline.subtract(ctx, s, hits, before.Suppressed)
	}
	if ctx.Err() != nil && baseline != nil {
		hits = s.dropUncompared(outcomes)
	}
	j := judged{failures: failures(outcomes), statuses: s.statuses(outcomes)}
	if ctx.Err() == nil && baseline != nil {
		j = since.judge(s, outcomes)
		result.SkippedByChange = j.skipped
	}
	result.Report = check.NewReport(hits, j.failures, j.statuses)
	cutFindings(result.Report)
	if baseline != nil {
		result.SuppressedByChange = baseline.suppressedByChange(w.tree, result.Report, kept)
	}
	if len(options.UnreachedIn) > 0 {
		// A failure of the unit ends only the count.
		result.Unreached, _ = child.Do(ctx, "unreached", func(context.Context) []yamldoc.Location {
			return s.unreached(outcomes, options.UnreachedIn)
		})
	}
	if options.Prove != ProveNothing && len(result.Report.Findings) > 0 {
		prove := fix.Options{Jobs: options.Jobs, HandsOn: w.handsOn}
		result.Files = fix.Prove(ctx, w.tree, s.rendered(outcomes), prove, result.Report)
	}
	return result
}

// dropUncompared makes every source with hits a failure, because the scan was interrupted before the hits of the base
// were known. It returns no hits.
func (s *scan) dropUncompared(outcomes []render.Outcome) []check.Hit {
	for i := range outcomes {
		if outcomes[i].Err == nil && len(s.checked[i].Hits) > 0 {
			outcomes[i].Err = render.UnitError(outcomes[i].Source.ID().Path, child.ErrInterrupted)
		}
	}
	return nil
}

// maxFindings is how many findings a report holds. The largest public repositories have some hundreds.
const maxFindings = 20_000

// cutFindings leaves maxFindings findings in a report, and adds a failure if there were more.
func cutFindings(report *check.Report) {
	more := len(report.Findings) - maxFindings
	if more <= 0 {
		return
	}
	first := report.Findings[maxFindings]
	report.Findings = report.Findings[:maxFindings:maxFindings]
	report.Failures = append(report.Failures, check.Failure{
		Source: first.Affected[0].Source, Environment: first.Affected[0].Environment, Location: first.Decision,
		Message: fmt.Sprintf("%d more findings, from this one on, are not in the report: it holds %d at most", more, maxFindings),
		Hint:    "check parts of the repository: pullcheck check PATH",
	})
}

// scan is the state of one call of Scan.
type scan struct {
	*Workspace
	ctx     context.Context
	options Options
	since   *comparison // nil without a Baseline
	sources []render.Source
	checked []checked // by the index of the source
	done    atomic.Int64
}

// checked is what a scan keeps of a rendered source. It keeps no manifests: hundreds of sources would fill the memory.
type checked struct {
	Hits       []check.Hit
	Containers int
	// Held and Rest are for a comparison with a base: the containers, and the part that was skipped.
	Held   []container
	Rest   *render.Skip
	Before *fix.Snapshot // the manifests in a compact form, if a proof needs them
	// Candidates are the edits that may set a policy to Always, if a proof needs them.
	Candidates map[check.ContainerRef][]fix.Candidate
}

// check checks the result of one render, and traces the hits.
func (s *scan) check(ctx context.Context, i int, result *render.Result) (c checked, err error) {
	if s.options.Progress != nil {
		defer func() { s.options.Progress(int(s.done.Add(1)), len(s.sources)) }()
	}
	if s.options.Rendered != nil {
		if err := s.options.Rendered(i, result); err != nil {
			return c, err
		}
	}
	manifests, err := result.Manifests(check.MayHoldContainers)
	if err != nil {
		return c, err
	}
	c.Rest = result.Rest
	if s.since != nil {
		c.Held = containersOf(manifests)
		if s.since.isUnaffected(i) {
			return c, nil
		}
	}
	c.Hits, c.Containers = check.Run(s.sources[i], manifests)
	traced := s.trace(ctx, s.sources[i], c.Hits)
	if s.options.Prove != ProveNothing && len(c.Hits) > 0 {
		c.Before = fix.NewSnapshot(result)
		c.Candidates = fix.Candidates(s.tree, s.sources[i], traced, c.Hits)
	}
	return c, nil
}

// withFault adds a source that failed, if a read of the tree has failed by a fault of the machine: the sources may lack
// one, and those that there are may lack a file.
func (s *scan) withFault(outcomes []render.Outcome) []render.Outcome {
	fault := s.watched.Fault()
	if fault == nil {
		return outcomes
	}
	err := &yamldoc.Error{Err: fault, Hint: "run pullcheck again"}
	source := render.Unrendered{As: render.ID{Kind: render.Raw, Path: fault.Path}, Err: err}
	s.sources, s.checked = append(slices.Clip(s.sources), source), append(s.checked, checked{})
	return append(outcomes, render.Outcome{Source: source, Err: err})
}

// trace finds the lines that decide the policies of hits. In foreign manifests, no line counts as part of a repository.
func (s *scan) trace(ctx context.Context, source render.Source, hits []check.Hit) *origin.Result {
	traced := traceHits(ctx, s.tree, source, hits)
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

// traceHits finds the lines of a tree that decide the policies of a source's hits, and stores them in the hits.
func traceHits(ctx context.Context, fsys fs.FS, source render.Source, hits []check.Hit) *origin.Result {
	queries := make([]origin.Query, len(hits))
	for i, hit := range hits {
		queries[i] = origin.Query{
			Manifest: hit.Manifest, Path: hit.Field, SiblingField: hit.ImageField, Replacement: check.Always,
		}
	}
	traced := origin.Find(ctx, fsys, source, queries)
	for i, t := range traced.Traces {
		hits[i].Decide(t.Decisions[0], t.Via, t.Exact)
	}
	return traced
}

// hits returns the hits of all sources, without suppressed containers.
func (s *scan) hits() []check.Hit {
	var hits []check.Hit
	for _, c := range s.checked {
		hits = append(hits, c.Hits...)
	}
	if s.options.Suppressed != nil {
		hits = slices.DeleteFunc(hits, func(hit check.Hit) bool { return s.options.Suppressed(hit.Affected) })
	}
	return hits
}

// rendered returns the sources that a proof may have to render: the checked sources and, with ProveInTree, all other
// sources of the tree. For the other sources, the files that they may read are known before a render (Reach).
func (s *scan) rendered(outcomes []render.Outcome) []fix.Rendered {
	var sources []fix.Rendered
	known := map[render.ID]bool{}
	for i, source := range s.sources {
		known[source.ID()] = true
		sources = append(sources, fix.Rendered{
			Source: source, Reads: outcomes[i].Reads, Before: s.checked[i].Before, Candidates: s.checked[i].Candidates,
		})
	}
	if s.options.Prove != ProveInTree {
		return sources
	}
	all, err := s.otherSources(s.ctx)
	if err != nil {
		return sources // There is nothing to walk: standard input is in no tree.
	}
	for _, source := range all {
		if _, unrendered := source.(render.Unrendered); !unrendered && !known[source.ID()] {
			sources = append(sources, fix.Rendered{Source: source, Reach: source.Reach(s.tree)})
		}
	}
	return sources
}

// failures returns the sources that could not be rendered, with the location and the hint of the error if it has them.
func failures(outcomes []render.Outcome) []check.Failure {
	var failures []check.Failure
	for _, outcome := range outcomes {
		if outcome.Err == nil {
			continue
		}
		id := outcome.Source.ID()
		failure := check.Failure{
			Source: id.Path, Environment: id.Environment, Message: outcome.Err.Error(), Downloaded: outcome.Downloaded,
		}
		if known := (*yamldoc.Error)(nil); errors.As(outcome.Err, &known) {
			failure.Message, failure.Location, failure.Hint = known.Err.Error(), known.Location, known.Hint
		}
		failures = append(failures, failure)
	}
	return failures
}

// statuses returns the status of each source.
func (s *scan) statuses(outcomes []render.Outcome) []check.SourceStatus {
	var statuses []check.SourceStatus
	for i, outcome := range outcomes {
		id := outcome.Source.ID()
		status := check.SourceStatus{
			Path: id.Path, Kind: id.Kind, Environment: id.Environment,
			Status: check.Rendered, Containers: s.checked[i].Containers, Downloaded: outcome.Downloaded,
		}
		switch {
		case outcome.Err != nil:
			status.Status, status.Reason = check.Failed, outcome.Err.Error()
		case outcome.Skip != nil:
			status.Status, status.Reason, status.NoObject = check.Skipped, outcome.Skip.Reason, outcome.Skip.NoObject
		case s.checked[i].Rest != nil:
			status.Reason = s.checked[i].Rest.Reason
		}
		statuses = append(statuses, status)
	}
	return statuses
}
