package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/scan"
	"github.com/pullcheck/pullcheck/internal/report"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/tree"
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
}

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
	w, err := options.open(ctx, c, paths)
	if err != nil {
		return 0, err
	}
	sources, err := w.Selected(ctx)
	if err != nil {
		return 0, err
	}
	run := scan.Options{Jobs: options.jobs}
	if options.fix || options.diff || options.format == "json" {
		run.Prove = scan.ProveInTree
	}
	if flags.Changed("since") {
		if run.Baseline, err = scan.Since(ctx, w.Work.Root, options.since, c.Env); err != nil {
			return 0, sinceError(err)
		}
		defer run.Baseline.Base.Close()
	}
	result := c.scan(ctx, w, sources, run)
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if run.Baseline == nil && !options.ignoreUnknown && !slices.ContainsFunc(result.Report.Sources, isSource) {
		return 0, w.WhyNothing(sources)
	}
	return options.finish(ctx, c, w, sources, run, result, failOn)
}

// finish writes or prints what was asked for, and returns the exit code.
func (f *checkFlags) finish(ctx context.Context, c *Command, w *scan.Opened, sources []render.Source, run scan.Options, result *scan.Result, failOn check.Severity) (int, error) {
	f.printNotes(c, result.Report)
	if f.diff {
		err := errors.Join(report.Diff(c.Stdout, result.Files), report.Unfixed(c.Stderr, result.Report))
		return exitCode(result.Report, failOn), err
	}
	var unwritten error
	if f.fix {
		if unwritten = writeFixes(ctx, c, w.Work, tree.Disk, result.Files, result.Report); len(result.Files) > 0 {
			result = c.scanFixed(ctx, w, sources, run, result)
		}
	}
	if err := errors.Join(f.print(c, result), unwritten); err != nil {
		return 0, err
	}
	return exitCode(result.Report, failOn), nil
}

func sinceError(err error) error {
	hint := ""
	if failure := (*yamldoc.Error)(nil); errors.As(err, &failure) {
		hint = failure.Hint
	}
	return usagef(hint, "--since: %w", err)
}

// scan scans sources and shows the progress.
func (c *Command) scan(ctx context.Context, w *scan.Opened, sources []render.Source, options scan.Options) *scan.Result {
	if c.isTerminal(c.Stderr) {
		progress := report.NewProgress(c.Stderr)
		defer progress.Stop()
		options.Progress = progress.Rendered
	}
	return w.Scan(ctx, sources, options)
}

// scanFixed scans again after --fix has written its files. A finding that remains keeps the reason why it was not fixed.
func (c *Command) scanFixed(ctx context.Context, w *scan.Opened, sources []render.Source, options scan.Options, before *scan.Result) *scan.Result {
	options.Prove = scan.ProveNothing
	after := c.scan(ctx, w, sources, options)
	after.Report.KeepFixProblems(before.Report)
	return after
}

// isSource reports whether a source was meant to be checked, and is not just any YAML file.
func isSource(s check.SourceStatus) bool { return s.Status != check.Skipped || !s.NoObject }

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

func (f *checkFlags) print(c *Command, result *scan.Result) error {
	if f.format == "json" {
		return report.JSON(c.Stdout, result.Report)
	}
	return report.Text(c.Stdout, result.Report, report.TextOptions{
		Color: f.color == "always" || f.color == "auto" && c.colors(c.Stdout),
		Quiet: f.quiet, Suppressed: f.showSuppressed, Unaffected: result.Unaffected,
	})
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
