package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/spf13/pflag"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/scan"
	"github.com/pullcheck/pullcheck/internal/child"
	"github.com/pullcheck/pullcheck/internal/printable"
	"github.com/pullcheck/pullcheck/internal/report"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/tree"
)

// checkFlags are the flags of check. The embedded sourceFlags say how sources are rendered.
type checkFlags struct {
	sourceFlags
	format, failOn, color string
	since                 string // a revision; empty if the flag is not given
	jobs                  int    // sources that are rendered at the same time
	quiet, fix, diff      bool
	showSuppressed        bool
	showUnreached         bool
	ignoreUnknown         bool // A path without a source is no error: pre-commit passes any changed file.
}

// register declares the flags. The order is the order of --help.
func (f *checkFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.format, "format", "text", "`form` of the report: text or json")
	flags.StringVar(&f.failOn, "fail-on", "warning",
		"least `severity` that makes the exit code 1: error, warning, note or never")
	flags.IntVar(&f.jobs, "jobs", runtime.GOMAXPROCS(0), "how many sources to render at a time")
	flags.StringVar(&f.color, "color", "auto", "colours in the text: auto, always or never")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print findings, failures and unread manifests only")
	flags.StringVar(&f.since, "since", "",
		"check only what differs from where HEAD parted from this `revision`, and report only what is new")
	flags.BoolVar(&f.fix, "fix", false, "write the fixes that are proven by rendering again")
	flags.BoolVar(&f.diff, "diff", false, "print these fixes as a unified diff and write nothing")
	flags.BoolVar(&f.showSuppressed, "show-suppressed", false,
		"list also the findings that a comment keeps on purpose, with its reason")
	flags.BoolVar(&f.showUnreached, "show-unreached", false,
		"report also each written policy other than Always that no render has put into a container")
	flags.BoolVar(&f.ignoreUnknown, "ignore-unknown", false,
		"take a PATH with nothing to check for clean, and not for a mistake")
	f.sourceFlags.register(flags)
}

// runCheck is `pullcheck check`: it checks the sources at the given paths, prints the report, and with --fix or --diff
// writes or prints the proven fixes. Without a path it checks the working directory.
func runCheck(ctx context.Context, c *Command, flags *pflag.FlagSet, args []string) (int, error) {
	var options checkFlags
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
	run, err := options.scanOptions(ctx, c, w, flags.Changed("since"))
	if err != nil {
		return 0, err
	}
	if run.Baseline != nil {
		defer run.Baseline.Base.Close()
	}
	if options.showUnreached && run.UnreachedIn == nil {
		return 0, usagef("pullcheck check --show-unreached",
			"--show-unreached needs every render: give directories, and not --since")
	}
	result := c.scan(ctx, w, sources, run)
	if ctx.Err() != nil {
		return exitInterrupted, options.print(c, result) // Sources that are not finished are failures.
	}
	// With --since, no affected source is a good result. Without, it is probably a typing error in a path.
	if run.Baseline == nil && !options.ignoreUnknown && !slices.ContainsFunc(result.Report.Sources, isSource) {
		return 0, w.WhyNothing(sources)
	}
	options.addUnreached(result)
	options.printNotes(c, result.Report)
	if options.diff {
		err := errors.Join(report.Diff(exact(c.Stdout), result.Files), report.Unfixed(c.Stderr, result.Report))
		return exitCode(result.Report, failOn), err
	}
	var unwritten error
	if options.fix {
		unwritten = writeFixes(ctx, c, w.Work, tree.Disk, result.Files, result.Report)
		if len(result.Files) > 0 {
			child.Forget(ctx) // The files are not those that were checked.
			result = options.scanFixed(ctx, c, w, sources, run, result)
			options.addUnreached(result)
		}
	}
	// The report is printed even if a file could not be written: it then shows the finding that is still there.
	return exitCode(result.Report, failOn), errors.Join(options.print(c, result), unwritten)
}

// scanOptions returns the options of the scan. With --since they have a baseline, whose Base the caller must close.
func (f *checkFlags) scanOptions(ctx context.Context, c *Command, w *scan.Opened, since bool) (scan.Options, error) {
	options := scan.Options{Jobs: f.jobs}
	// A proof takes further renders, so fixes are only looked for if the output has them.
	if f.fix || f.diff || f.format == "json" {
		options.Prove = scan.ProveInTree
	}
	if since {
		baseline, err := scan.Since(ctx, w.Work.Root, f.since, c.Env)
		if err != nil {
			return options, usagef("", "--since: %w", err)
		}
		baseline.Paths = w.Names()
		options.Baseline = baseline
	} else if f.showUnreached || f.format == "text" && !f.quiet && !f.diff {
		options.UnreachedIn = w.Directories()
	}
	return options, nil
}

// addUnreached adds the findings about unreached policies to the report, if the user asks for them.
func (f *checkFlags) addUnreached(result *scan.Result) {
	if f.showUnreached {
		result.Report.Add(check.Unreached(result.Unreached))
		result.Unreached = nil
	}
}

// scan scans sources, and counts them on standard error if that is a terminal.
func (c *Command) scan(
	ctx context.Context, w *scan.Opened, sources []render.Source, options scan.Options,
) *scan.Result {
	if c.isTerminal(c.Stderr) {
		progress := report.NewProgress(exact(c.Stderr))
		defer progress.Stop()
		options.Progress = progress.Rendered
	}
	return w.Scan(ctx, sources, options)
}

// scanFixed scans again after --fix has written files, so that the report is about the files on disk. A finding that is
// still there keeps the reason why it has no fix. Only JSON gets further fixes, because the text does not show them.
func (f *checkFlags) scanFixed(
	ctx context.Context, c *Command, w *scan.Opened, sources []render.Source, options scan.Options, before *scan.Result,
) *scan.Result {
	if f.format != "json" {
		options.Prove = scan.ProveNothing
	}
	after := c.scan(ctx, w, sources, options)
	after.Report.KeepFixProblems(before.Report)
	return after
}

// isSource reports whether a source is more than a YAML file without a Kubernetes object. A path with only such files
// is probably mistyped.
func isSource(s check.SourceStatus) bool { return s.Status != check.Skipped || !s.NoObject }

// validate checks the flags and returns the severity of --fail-on. The error says what would be accepted.
func (f *checkFlags) validate() (check.Severity, error) {
	const help = "pullcheck check --help"
	failOn, err := check.ParseSeverity(f.failOn)
	switch {
	case err != nil:
		return failOn, usagef(help, "--fail-on %w", err)
	case !slices.Contains([]string{"text", "json"}, f.format):
		return failOn, usagef(help, "--format %q, expected text or json", f.format)
	case f.fix && f.diff:
		return failOn, usagef(help, "--fix writes and --diff does not: give one of them")
	case f.diff && f.format != "text":
		return failOn, usagef(help, "--diff prints a diff, and --format %s something else: give one of them", f.format)
	case !slices.Contains([]string{"auto", "always", "never"}, f.color):
		return failOn, usagef(help, "--color %q, expected auto, always or never", f.color)
	case f.jobs < 1:
		return failOn, usagef(help, "--jobs %d, expected 1 or more", f.jobs)
	}
	return failOn, f.sourceFlags.validate()
}

// print prints the report in the format of --format.
func (f *checkFlags) print(c *Command, result *scan.Result) error {
	if f.format == "json" {
		return report.JSON(exact(c.Stdout), result.Report)
	}
	color := f.color == "always" || f.color == "auto" && c.colors(c.Stdout)
	unreached, _ := check.Unreached(result.Unreached)
	return report.Text(styled(c.Stdout, color), result.Report, report.TextOptions{
		Color: color,
		Quiet: f.quiet, Suppressed: f.showSuppressed, Unaffected: result.Unaffected,
		Unreached: len(unreached),
	})
}

// printNotes prints the notes of findings on standard error, if the report on standard output will not show them: JSON
// has no notes, --diff prints no findings, and after --fix a fixed finding is not in the report.
func (f *checkFlags) printNotes(c *Command, result *check.Report) {
	for _, finding := range result.Findings {
		shown := f.format == "text" && !f.diff && !(f.fix && finding.Fix != nil)
		if finding.Note != "" && !shown {
			fmt.Fprintf(c.Stderr, "pullcheck: %s: %s: %s\n",
				printable.Line(finding.Decision.String()), finding.Rule, printable.Line(finding.Note))
		}
	}
}

// exitCode returns the exit code for a report. A failure counts more than findings, because the findings of a source
// that failed are not known.
func exitCode(result *check.Report, failOn check.Severity) int {
	if len(result.Failures) > 0 {
		return exitFailures
	}
	if slices.ContainsFunc(result.Findings, func(f check.Finding) bool { return f.Severity >= failOn }) {
		return exitFindings
	}
	return exitClean
}
