package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/scan"
	"github.com/pullcheck/pullcheck/internal/printable"
	"github.com/pullcheck/pullcheck/internal/report"
	"github.com/pullcheck/pullcheck/internal/review"
	"github.com/pullcheck/pullcheck/render/tree"
)

// reviewFlags are the flags of review. The embedded sourceFlags say how sources are rendered.
type reviewFlags struct {
	sourceFlags
	event, base, head     string // the file of the event; or two revisions instead of an event
	dryRun, requestChange bool
	fetchNew              bool
	format, failOn, trust string   // trust is head or base: the side whose ignore comments count
	reports               []string // json=FILE
	jobs                  int      // sources that are rendered at the same time
}

// register declares the flags. The order is the order of --help.
func (f *reviewFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.event, "event", "",
		"`file` with the event pull_request of a GitHub workflow (default $GITHUB_EVENT_PATH)")
	flags.StringVar(&f.base, "base", "", "with --dry-run instead of an event: the `revision` to merge into")
	flags.StringVar(&f.head, "head", "", "with --base: the `revision` to review (default the working tree)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what a first review would write, and write nothing")
	flags.StringVar(&f.format, "format", "markdown", "`form` in which --dry-run prints: markdown or json")
	flags.StringVar(&f.failOn, "fail-on", "warning",
		"least `severity` of a new finding that makes the exit code 1: error, warning, note or never")
	flags.StringVar(&f.trust, "trust", "head",
		"whose ignore comments count: those of the `head`, or of the base alone, as always where the head comes from a fork")
	flags.BoolVar(&f.fetchNew, "fetch-new", false,
		"for a fork, and for the event pull_request_target, download also what the base does not name yet")
	flags.BoolVar(&f.requestChange, "request-changes", false,
		"let the review ask for changes where there are findings at or above --fail-on")
	flags.StringArrayVar(&f.reports, "report", nil, "write the report to a file: json=`FILE` (repeatable)")
	flags.IntVar(&f.jobs, "jobs", runtime.GOMAXPROCS(0), "how many sources to render at a time")
	f.sourceFlags.register(flags)
}

// runReview is `pullcheck review`: it checks the sources that a pull request affects, and reviews the pull request on
// GitHub. In a workflow it takes everything from the event and the environment. With --dry-run it prints the review.
func runReview(ctx context.Context, c *Command, flags *pflag.FlagSet, args []string) (int, error) {
	var options reviewFlags
	options.register(flags)
	if err := parseFlags(flags, args); err != nil {
		return 0, err
	}
	if flags.NArg() > 0 {
		return 0, usagef("pullcheck review --help",
			"review takes no argument and reviews the whole repository, found %q", flags.Arg(0))
	}
	failOn, err := options.validate()
	if err != nil {
		return 0, err
	}
	pull, err := options.pullRequest(c)
	if err != nil {
		return 0, err
	}
	if err := options.limitFlags.apply(ctx); err != nil {
		return 0, err
	}
	input, result, err := options.check(ctx, c, pull)
	if err != nil {
		return 0, err
	}
	full := input.Report
	// From here on, everything but the files of --report may be read by everybody.
	*input = input.Public()
	if ctx.Err() != nil { // Nothing is written on GitHub: the next run reviews.
		return exitInterrupted, report.Text(c.Stdout, input.Report, report.TextOptions{Unaffected: result.Unaffected})
	}
	reportFile, err := options.writeReports(c, full)
	if err != nil {
		return 0, err
	}
	code := exitCode(input.Report, failOn)
	// Only findings at or above --fail-on block the merge.
	input.Block = options.requestChange && slices.ContainsFunc(input.Report.Findings, func(f check.Finding) bool {
		return f.Severity >= failOn
	})
	if options.dryRun {
		plan := review.New(*input, review.State{})
		if options.format == "json" {
			return code, plan.JSON(exact(c.Stdout))
		}
		return code, plan.Markdown(c.Stdout)
	}
	if err := report.Text(c.Stdout, input.Report, report.TextOptions{Unaffected: result.Unaffected}); err != nil {
		return 0, err
	}
	if err := c.post(ctx, pull, *input); err != nil {
		return 0, err
	}
	return code, review.WriteOutputs(c.getenv, input.Report, result.Findings, reportFile)
}

// validate checks the flags and returns the severity of --fail-on. The error says what would be accepted.
func (f *reviewFlags) validate() (check.Severity, error) {
	const help = "pullcheck review --help"
	failOn, err := check.ParseSeverity(f.failOn)
	switch {
	case err != nil:
		return failOn, usagef(help, "--fail-on %w", err)
	case !slices.Contains([]string{"markdown", "json"}, f.format):
		return failOn, usagef(help, "--format %q, expected markdown or json", f.format)
	case !slices.Contains([]string{"head", "base"}, f.trust):
		return failOn, usagef(help, "--trust %q, expected head or base", f.trust)
	case f.base != "" && (f.event != "" || !f.dryRun):
		return failOn, usagef(help, "--base is for --dry-run without an event: GitHub's event says what to review")
	case f.head != "" && f.base == "":
		return failOn, usagef(help, "--head without --base, expected both")
	case f.jobs < 1:
		return failOn, usagef(help, "--jobs %d, expected 1 or more", f.jobs)
	}
	for _, text := range f.reports {
		if format, file, _ := strings.Cut(text, "="); format != "json" || file == "" || strings.ContainsAny(file, "\r\n") {
			return failOn, usagef(help, "--report %q, expected json=FILE", text)
		}
	}
	return failOn, f.sourceFlags.validate()
}

// pullRequest returns the pull request of the event, or one made from --base and --head. Without a token there is only
// a dry run.
func (f *reviewFlags) pullRequest(c *Command) (*review.PullRequest, error) {
	if f.base != "" {
		return &review.PullRequest{Base: f.base, Head: f.head}, nil
	}
	path := cmp.Or(f.event, c.getenv("GITHUB_EVENT_PATH"))
	if path == "" {
		return nil, usagef("pullcheck review --dry-run --base main",
			"no pull request: expected --event, or GITHUB_EVENT_PATH as in a GitHub workflow")
	}
	data, err := os.ReadFile(c.path(path))
	if err != nil {
		return nil, usagef("", "--event: %w", err)
	}
	pull, err := review.ReadEvent(data, c.getenv)
	if err != nil {
		return nil, usagef("let the workflow run on: pull_request", "the event in %s: %w", path, err)
	}
	if pull.GitHub.Token == "" && !f.dryRun {
		return nil, usagef("give the step env: GITHUB_TOKEN: ${{ github.token }}, or try --dry-run",
			"no GITHUB_TOKEN to write the review with")
	}
	return pull, nil
}

// check checks the sources that the pull request affects, in the head commit and without a checkout, and returns the
// findings that the base does not have. The ignore comments of a fork never count. The author of a fork does not choose
// what is downloaded, and nobody does who may only open a pull request.
func (f *reviewFlags) check(
	ctx context.Context, c *Command, pull *review.PullRequest,
) (*review.Input, *scan.Result, error) {
	work, _, err := tree.OpenWork(c.Dir, nil)
	if err != nil {
		return nil, nil, err
	}
	baseline, head, err := pull.Open(ctx, work.Root, c.Env, f.dryRun)
	if err != nil {
		return nil, nil, err
	}
	defer baseline.Base.Close()
	if head != nil {
		// Everything is read from the head commit: the working tree of a workflow is the merge of base and head.
		defer head.Close()
		work.Files = head
	}
	baseline.DistrustComments = f.trust != "head" || pull.Fork
	config, err := f.config(ctx, c, work)
	if err != nil {
		return nil, nil, err
	}
	config.Tree = work.Files
	if (pull.Fork || pull.Target) && !f.fetchNew {
		if config, err = config.OnlyNamed(ctx, baseline, f.jobs); err != nil {
			return nil, nil, err
		}
	}
	w := scan.New(config)
	sources, err := w.Sources(ctx)
	if err != nil {
		return nil, nil, err
	}
	// A proven fix becomes a suggestion in a comment.
	result := w.Scan(ctx, sources, scan.Options{Jobs: f.jobs, Prove: scan.ProveInTree, Baseline: baseline})
	input := &review.Input{
		Report: result.Report, Files: baseline.Files, Blob: pull.Blob,
		SuppressedByChange: result.SuppressedByChange, SkippedByChange: result.SkippedByChange,
	}
	return input, result, nil
}

// post writes the review on GitHub, and the whole report to the job summary of the workflow. If the review cannot be
// written, for example because the token of a fork may only read, it prints annotations with the findings. That is no
// error: the exit code still tells whether there are findings.
func (c *Command) post(ctx context.Context, pull *review.PullRequest, input review.Input) error {
	_, err := pull.GitHub.Post(ctx, input)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		fmt.Fprintf(c.Stderr, "pullcheck: no review was written: %s\n", printable.Lines(err.Error()))
	}
	if err != nil && !errors.Is(err, review.ErrMoved) {
		if err := report.GitHub(exact(c.Stdout), input.Report); err != nil {
			return err
		}
	}
	return review.WriteJobSummary(c.getenv, input)
}

// writeReports writes the files of --report, and returns the path of the first as typed. The checkout of a pull request
// could have a symbolic link there, which leads out of the workspace. So an existing file is deleted first and not
// written through, and the directories above it must stay in the repository.
func (f *reviewFlags) writeReports(c *Command, result *check.Report) (first string, err error) {
	for _, text := range f.reports {
		_, typed, _ := strings.Cut(text, "=")
		first = cmp.Or(first, typed)
		if err := tree.CheckLinks(c.Dir, filepath.Dir(typed)); err != nil {
			return "", err
		}
		name := c.path(typed)
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return "", err
		}
		if err := errors.Join(report.JSON(file, result), file.Close()); err != nil {
			return "", err
		}
	}
	return first, nil
}
