package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/fix"
	"github.com/pullcheck/pullcheck/cmd/pullcheck/internal/report"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/argocd"
	"github.com/pullcheck/pullcheck/render/origin"
	"github.com/pullcheck/pullcheck/render/raw"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// checkFlags are the flags of check beside those that say how sources are rendered.
type checkFlags struct {
	sourceFlags
	format, failOn, color string
	since                 string
	jobs                  int
	quiet, fix, diff      bool
	showSuppressed        bool
	ignoreUnknown         bool
	// exempt, if not nil, tells containers that are none of the report's.
	exempt func(check.Affected) bool
}

// proves reports whether the run wants fixes.
func (f *checkFlags) proves() bool { return f.fix || f.diff || f.format == "json" }

// runCheck renders and checks the sources of the paths and prints the report.
func runCheck(ctx context.Context, c *Command, args []string) (int, error) {
	flags := c.newFlags("check")
	var options checkFlags
	flags.StringVar(&options.format, "format", "text", "`form` of the report: text or json")
	flags.StringVar(&options.failOn, "fail-on", "warning", "least `severity` that makes the exit code 1: error, warning, note or never")
	flags.IntVar(&options.jobs, "jobs", runtime.GOMAXPROCS(0), "how many sources to render at a time")
	flags.StringVar(&options.color, "color", "auto", "colours in the text: auto, always or never")
	flags.BoolVarP(&options.quiet, "quiet", "q", false, "print findings, failures and unread manifests only")
	flags.StringVar(&options.since, "since", "", "check only what differs from where HEAD parted from this `revision`, and report only what is new")
	flags.BoolVar(&options.fix, "fix", false, "write the fixes that are proven by rendering again")
	flags.BoolVar(&options.diff, "diff", false, "print these fixes as a unified diff and write nothing")
	flags.BoolVar(&options.showSuppressed, "show-suppressed", false, "list also the findings that a comment keeps on purpose, with its reason")
	flags.BoolVar(&options.ignoreUnknown, "ignore-unknown", false, "take a PATH with nothing to check for clean, and not for a mistake")
	options.register(flags)
	if err := parseFlags(flags, args); err != nil {
		return 0, err
	}
	failOn, err := options.validate()
	if err != nil {
		return 0, err
	}
	paths := flags.Args()
	if len(paths) == 0 {
		paths = []string{"."}
	}
	tree, sources, err := options.discover(ctx, c, newEngines(options.offline), paths)
	if err != nil {
		return 0, err
	}
	var parted *since
	if flags.Changed("since") {
		if parted, err = openSince(ctx, tree, options.since); err != nil {
			return 0, err
		}
		defer parted.base.Close()
	}
	result, files := checkAll(ctx, c, tree, sources, parted, options)
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if parted == nil && !options.ignoreUnknown && !slices.ContainsFunc(result.Sources, isSource) {
		return 0, nothingIn(tree, sources, paths)
	}
	options.printNotes(c, result)
	if options.diff {
		if err := printDiff(c, files, result); err != nil {
			return 0, err
		}
		return exitCode(result, failOn), nil
	}
	var unwritten error
	if options.fix {
		if unwritten = writeFixes(c, tree, files, result); len(files) > 0 {
			result = recheck(ctx, c, tree, sources, parted, options, result)
		}
	}
	if err := errors.Join(options.print(c, result, parted), unwritten); err != nil {
		return 0, err
	}
	return exitCode(result, failOn), nil
}

// recheck checks what --fix has written. What remains keeps the reason why it was not fixed.
func recheck(ctx context.Context, c *Command, tree *workTree, sources []render.Source, parted *since, options checkFlags, before *check.Report) *check.Report {
	options.fix = false
	after, _ := checkAll(ctx, c, tree, sources, parted, options)
	after.KeepFixProblems(before)
	return after
}

// nothingIn is the error for paths without anything to check: the first file that is no YAML says more.
func nothingIn(tree *workTree, sources []render.Source, paths []string) error {
	for _, source := range sources {
		for _, file := range source.Files {
			data, err := file.Read(tree.files)
			if err != nil {
				return err
			}
			if _, err := yamldoc.Parse(data); err != nil {
				return yamldoc.ParseError(file.Path, data, err)
			}
		}
	}
	return nothingError(paths...)
}

// isSource tells what was meant to be checked from a file that happens to be YAML.
func isSource(s check.SourceStatus) bool {
	return s.Status != check.Skipped || s.Reason != raw.NoObject
}

func (f *checkFlags) validate() (check.Severity, error) {
	failOn, err := check.ParseSeverity(f.failOn)
	if err != nil {
		return failOn, usagef("pullcheck check --help", "--fail-on %w", err)
	}
	if !slices.Contains([]string{"text", "json"}, f.format) {
		return failOn, usagef("pullcheck check --help", "--format %q, expected text or json", f.format)
	}
	if f.fix && f.diff {
		return failOn, usagef("pullcheck check --help", "--fix writes and --diff does not: give one of them")
	}
	if f.diff && f.format != "text" {
		return failOn, usagef("pullcheck check --help", "--diff prints a diff, and --format %s something else: give one of them", f.format)
	}
	if !slices.Contains([]string{"auto", "always", "never"}, f.color) {
		return failOn, usagef("pullcheck check --help", "--color %q, expected auto, always or never", f.color)
	}
	if f.jobs < 1 {
		return failOn, usagef("pullcheck check --help", "--jobs %d, expected 1 or more", f.jobs)
	}
	return failOn, f.sourceFlags.validate()
}

// checkAll renders and checks the sources, and proves the fixes where they are wanted. Only what was found is kept of
// each source, not its manifests. With a revision to compare with, only the sources that the change affects are
// rendered, and only what is new is reported. It returns the report and the files with the fixes made.
func checkAll(ctx context.Context, c *Command, tree *workTree, all []render.Source, parted *since, options checkFlags) (*check.Report, []fix.File) {
	sources := all
	if parted != nil {
		sources = parted.affected(tree, all)
		parted.unaffected = len(all) - len(sources)
	}
	var done atomic.Int64
	defer c.showProgress(&done, len(sources))()
	type checked struct {
		hits       []check.Hit
		containers int
	}
	results := make([]checked, len(sources))
	engines := newEngines(options.offline)
	recording, recorded := engines, &recorded{reads: map[render.SourceID][]string{}}
	if options.proves() {
		recording = recorded.engines(engines)
	}
	subjects := make([]fix.Rendered, len(sources))
	outcomes := render.All(ctx, tree.files, recording, sources, options.jobs, func(i int, result *render.Result) error {
		defer done.Add(1)
		manifests, err := result.Manifests(check.MayHoldContainers)
		if err != nil {
			return err
		}
		results[i].hits, results[i].containers = check.Run(sources[i], manifests)
		traced := decide(ctx, tree.files, engines, sources[i], results[i].hits)
		subjects[i] = fix.Rendered{Source: sources[i], Reads: recorded.of(sources[i])}
		if options.proves() && len(results[i].hits) > 0 {
			subjects[i].Before = fix.NewSnapshot(result)
			subjects[i].Candidates = fix.Candidates(tree.files, sources[i], traced, results[i].hits)
		}
		return nil
	})
	var hits []check.Hit
	var failures []check.Failure
	var statuses []check.SourceStatus
	for i, outcome := range outcomes {
		hits = append(hits, results[i].hits...)
		if outcome.Err != nil {
			failures = append(failures, newFailure(outcome))
		}
		statuses = append(statuses, newStatus(outcome, results[i].containers))
	}
	if options.exempt != nil {
		hits = slices.DeleteFunc(hits, func(hit check.Hit) bool { return options.exempt(hit.Affected) })
	}
	if parted != nil {
		parted.findings = len(check.NewReport(hits, nil, nil).Findings)
		hits = parted.fresh(ctx, engines, sources, hits, options.jobs)
	}
	result := check.NewReport(hits, failures, statuses)
	if parted != nil && parted.examine != nil {
		parted.examine(result)
	}
	var files []fix.File
	if options.proves() && len(result.Findings) > 0 {
		subjects = append(subjects, unrendered(ctx, tree, sources, &options.sourceFlags, engines)...)
		files = fix.Prove(ctx, tree.files, engines, subjects, fix.Options{Jobs: options.jobs, HandsOn: argocd.HandsOn}, result)
	}
	return result, files
}

// unrendered are the sources of the tree that were not asked for, or that no change affects. A fix may affect them.
func unrendered(ctx context.Context, tree *workTree, rendered []render.Source, options *sourceFlags, engines map[render.Kind]render.Engine) []fix.Rendered {
	all, err := render.Discover(ctx, tree.files, ".")
	if err != nil || len(all) == 0 {
		return nil // There are those that were found below the paths, or what came over standard input.
	}
	all = options.applications(ctx, tree, engines, all)
	known := map[render.SourceID]bool{}
	for _, source := range rendered {
		known[source.ID()] = true
	}
	var subjects []fix.Rendered
	for _, source := range all {
		if !known[source.ID()] && source.Skip == "" {
			subjects = append(subjects, fix.Rendered{Source: source, Reach: render.ReachOf(tree.files, source)})
		}
	}
	return subjects
}

// decide finds out where the pull policies of hits were decided.
func decide(ctx context.Context, fsys fs.FS, engines map[render.Kind]render.Engine, source render.Source, hits []check.Hit) *origin.Result {
	queries := make([]origin.Query, len(hits))
	for i, hit := range hits {
		queries[i] = origin.Query{Manifest: hit.Manifest, Path: hit.Field, SiblingField: hit.ImageField, Replacement: check.Always}
	}
	traced := origin.Find(ctx, fsys, engines[source.Kind], source, queries)
	for i, t := range traced.Traces {
		hits[i].Decide(t.Decisions[0], t.Via, t.Exact)
	}
	return traced
}

func newFailure(outcome render.Outcome) check.Failure {
	failure := check.Failure{
		Source:      outcome.Source.Path,
		Environment: outcome.Source.Environment,
		Message:     outcome.Err.Error(),
	}
	if known := (*yamldoc.Error)(nil); errors.As(outcome.Err, &known) {
		failure.Message, failure.Location, failure.Hint = known.Err.Error(), known.Location, known.Hint
	}
	return failure
}

func newStatus(outcome render.Outcome, containers int) check.SourceStatus {
	status := check.SourceStatus{
		Path:        outcome.Source.Path,
		Kind:        outcome.Source.Kind,
		Environment: outcome.Source.Environment,
		Status:      check.Rendered,
		Containers:  containers,
	}
	switch {
	case outcome.Err != nil:
		status.Status, status.Reason = check.Failed, outcome.Err.Error()
	case outcome.Skipped != "":
		status.Status, status.Reason = check.Skipped, outcome.Skipped
	}
	return status
}

// showProgress counts on standard error, if that is a terminal and it takes longer than a second. The
// result ends it and takes the line away.
func (c *Command) showProgress(done *atomic.Int64, total int) (stop func()) {
	if !isTerminal(c.Stderr) {
		return func() {}
	}
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		shown := false
		for {
			select {
			case <-ticker.C:
				fmt.Fprintf(c.Stderr, "\r%d of %d sources rendered", done.Load(), total)
				shown = true
			case <-quit:
				if shown {
					fmt.Fprint(c.Stderr, "\r\x1b[K")
				}
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-ended
	}
}

func (f *checkFlags) print(c *Command, result *check.Report, parted *since) error {
	if f.format == "json" {
		return report.JSON(c.Stdout, result)
	}
	// https://no-color.org: set and not empty.
	color := f.color == "always" || f.color == "auto" && isTerminal(c.Stdout) && os.Getenv("NO_COLOR") == ""
	options := report.TextOptions{Color: color, Quiet: f.quiet, Suppressed: f.showSuppressed}
	if parted != nil {
		options.Unaffected = parted.unaffected
	}
	return report.Text(c.Stdout, result, options)
}

// printNotes prints on standard error the notes that the report will not show.
func (f *checkFlags) printNotes(c *Command, result *check.Report) {
	for _, finding := range result.Findings {
		shown := f.format == "text" && !f.diff && !(f.fix && finding.Fix != nil)
		if finding.Note != "" && !shown {
			fmt.Fprintf(c.Stderr, "pullcheck: %s: %s: %s\n", report.Line(finding.Decision.String()), finding.Rule, report.Line(finding.Note))
		}
	}
}

// exitCode is 3 where a source failed, whatever was found.
func exitCode(result *check.Report, failOn check.Severity) int {
	if len(result.Failures) > 0 {
		return exitFailures
	}
	if slices.ContainsFunc(result.Findings, func(f check.Finding) bool { return f.Severity >= failOn }) {
		return exitFindings
	}
	return exitClean
}
