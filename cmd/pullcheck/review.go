package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/cmd/pullcheck/internal/report"
	"github.com/pullcheck/pullcheck/cmd/pullcheck/internal/review"
	"github.com/pullcheck/pullcheck/internal/git"
	"github.com/pullcheck/pullcheck/render"
)

// reviewFlags are the flags of review beside those that say how sources are rendered.
type reviewFlags struct {
	sourceFlags
	event, base, head     string
	dryRun, requestChange bool
	format, failOn, trust string
	reports               []string
	jobs                  int
}

// runReview checks what a pull request changed and reviews it on GitHub.
func runReview(ctx context.Context, c *Command, args []string) (int, error) {
	flags := c.newFlags("review")
	var options reviewFlags
	flags.StringVar(&options.event, "event", "", "`file` with the event pull_request of a GitHub workflow (default $GITHUB_EVENT_PATH)")
	flags.StringVar(&options.base, "base", "", "with --dry-run instead of an event: the `revision` to merge into")
	flags.StringVar(&options.head, "head", "", "with --base: the `revision` to review (default the working tree)")
	flags.BoolVar(&options.dryRun, "dry-run", false, "print what a first review would write, and write nothing")
	flags.StringVar(&options.format, "format", "markdown", "`form` in which --dry-run prints: markdown or json")
	flags.StringVar(&options.failOn, "fail-on", "warning", "least `severity` of a new finding that makes the exit code 1: error, warning, note or never")
	flags.StringVar(&options.trust, "trust", "head", "whose ignore comments count: those of the `head`, or of the base alone, as always where the head comes from a fork")
	flags.BoolVar(&options.requestChange, "request-changes", false, "let the review ask for changes where there are findings at or above --fail-on")
	flags.StringArrayVar(&options.reports, "report", nil, "write the report to a file: json=`FILE` (repeatable)")
	flags.IntVar(&options.jobs, "jobs", runtime.GOMAXPROCS(0), "how many sources to render at a time")
	options.register(flags)
	if err := parseFlags(flags, args); err != nil {
		return 0, err
	}
	if flags.NArg() > 0 {
		return 0, usagef("pullcheck review --help", "review takes no argument and reviews the whole repository, found %q", flags.Arg(0))
	}
	failOn, err := options.validate()
	if err != nil {
		return 0, err
	}
	pull, err := options.pullRequest()
	if err != nil {
		return 0, err
	}
	subject, parted, err := options.check(ctx, c, pull)
	if err != nil {
		return 0, err
	}
	if err := options.writeReports(subject.Report); err != nil {
		return 0, err
	}
	code := exitCode(subject.Report, failOn)
	subject.Block = options.requestChange && slices.ContainsFunc(subject.Report.Findings, func(f check.Finding) bool { return f.Severity >= failOn })
	if options.dryRun {
		plan := review.New(*subject, review.State{})
		if options.format == "json" {
			return code, plan.JSON(c.Stdout)
		}
		return code, plan.Markdown(c.Stdout)
	}
	if err := report.Text(c.Stdout, subject.Report, report.TextOptions{Unaffected: parted.unaffected}); err != nil {
		return 0, err
	}
	if err := pull.post(ctx, c, *subject); err != nil {
		return 0, err
	}
	return code, options.writeOutputs(subject, parted.findings)
}

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

// pullRequest is what is reviewed, and how to reach it on GitHub.
type pullRequest struct {
	base, head string // head is empty for the working tree
	fork       bool
	server     string // as GITHUB_SERVER_URL
	blob       string
	github     review.GitHub
}

// pullRequest is the one of the event, or made of the revisions.
func (f *reviewFlags) pullRequest() (*pullRequest, error) {
	if f.base != "" {
		return &pullRequest{base: f.base, head: f.head}, nil
	}
	path := cmp.Or(f.event, os.Getenv("GITHUB_EVENT_PATH"))
	if path == "" {
		return nil, usagef("pullcheck review --dry-run --base main", "no pull request: expected --event, or GITHUB_EVENT_PATH as in a GitHub workflow")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("", "--event: %w", err)
	}
	pull, err := readEvent(data)
	if err != nil {
		return nil, usagef("let the workflow run on: pull_request", "the event in %s: %w", path, err)
	}
	if pull.github.Token == "" && !f.dryRun {
		return nil, usagef("give the step env: GITHUB_TOKEN: ${{ github.token }}, or try --dry-run", "no GITHUB_TOKEN to write the review with")
	}
	return pull, nil
}

// readEvent reads GitHub's event pull_request and, for where GitHub is, the environment.
func readEvent(data []byte) (*pullRequest, error) {
	type side struct {
		SHA  string `json:"sha"`
		Repo *struct {
			FullName string `json:"full_name"`
		} `json:"repo"`
	}
	var event struct {
		Number      int `json:"number"`
		PullRequest *struct {
			Base side `json:"base"`
			Head side `json:"head"`
		} `json:"pull_request"`
	}
	if err := json.Unmarshal(data, &event); err != nil {
		return nil, err
	}
	if event.PullRequest == nil || event.PullRequest.Base.Repo == nil {
		return nil, errors.New("it is no event of a pull request")
	}
	base, head := event.PullRequest.Base, event.PullRequest.Head
	owner, repository, _ := strings.Cut(base.Repo.FullName, "/")
	server := strings.TrimSuffix(cmp.Or(os.Getenv("GITHUB_SERVER_URL"), "https://github.com"), "/")
	return &pullRequest{
		base: base.SHA, head: head.SHA,
		fork:   head.Repo == nil || head.Repo.FullName != base.Repo.FullName, // a fork that is deleted is null
		server: server, blob: server + "/" + base.Repo.FullName + "/blob/" + head.SHA + "/",
		github: review.GitHub{
			API:     cmp.Or(os.Getenv("GITHUB_API_URL"), "https://api.github.com"),
			GraphQL: cmp.Or(os.Getenv("GITHUB_GRAPHQL_URL"), "https://api.github.com/graphql"),
			Token:   os.Getenv("GITHUB_TOKEN"),
			Owner:   owner, Repository: repository, Number: event.Number, Head: head.SHA,
		},
	}, nil
}

// check finds what is new in what the pull request affects.
func (f *reviewFlags) check(ctx context.Context, c *Command, pull *pullRequest) (*review.Subject, *since, error) {
	tree, _, err := openTree(nil)
	if err != nil {
		return nil, nil, err
	}
	parted, head, err := pull.open(ctx, tree.root, f.dryRun)
	if err != nil {
		return nil, nil, err
	}
	defer parted.base.Close()
	if head != nil {
		defer head.Close()
		tree.files = head
	}
	sources, err := render.Discover(ctx, tree.files, ".")
	if err != nil {
		return nil, nil, err
	}
	if sources, err = f.apply(c, tree, sources); err != nil {
		return nil, nil, err
	}
	sources = f.applications(ctx, tree, newEngines(f.offline), sources)
	subject := &review.Subject{Files: parted.files, Blob: pull.blob}
	parted.examine = func(result *check.Report) {
		subject.Exceptions = review.Distrust(result, tree.files, parted.files, f.trust == "head" && !pull.fork)
	}
	// With diff, fixes are proven: they become suggestions.
	subject.Report, _ = checkAll(ctx, c, tree, sources, parted, checkFlags{sourceFlags: f.sourceFlags, jobs: f.jobs, diff: true})
	return subject, parted, ctx.Err()
}

// open finds the merge base, what changed since, and the head, which is nil for the working tree. What the clone lacks is
// fetched, unless the run is to stay by itself.
func (p *pullRequest) open(ctx context.Context, dir string, alone bool) (*since, *git.Revision, error) {
	repository, err := git.Open(ctx, dir, os.Environ())
	if err != nil {
		return nil, nil, err
	}
	if p.head == "" {
		commit, err := repository.MergeBase(ctx, p.base, "HEAD")
		if err != nil {
			return nil, nil, err
		}
		files, err := repository.DiffWorkingTree(ctx, commit)
		if err != nil {
			return nil, nil, err
		}
		base, err := repository.Revision(ctx, commit)
		return &since{base: base, files: files}, nil, err
	}
	commit, err := p.mergeBase(ctx, repository, alone)
	if err != nil {
		return nil, nil, err
	}
	files, err := repository.Diff(ctx, commit, p.head)
	if err != nil {
		return nil, nil, err
	}
	base, err := repository.Revision(ctx, commit)
	if err != nil {
		return nil, nil, err
	}
	head, err := repository.Revision(ctx, p.head)
	if err != nil {
		base.Close()
		return nil, nil, err
	}
	return &since{base: base, files: files}, head, nil
}

// mergeBase is where the head and its base parted. A workflow's clone is shallow as a rule, and has the merge of the two.
func (p *pullRequest) mergeBase(ctx context.Context, repository *git.Repository, alone bool) (string, error) {
	commit, err := repository.MergeBase(ctx, p.base, p.head)
	if !errors.Is(err, git.ErrMissing) || alone {
		return commit, err
	}
	commit, err = p.github.MergeBase(ctx, p.base, p.head)
	if err != nil {
		return "", err
	}
	repository.LogIn(p.server, p.github.Token)
	return commit, repository.Fetch(ctx, commit, p.head)
}

// post writes the review, or, where that is not possible, says the same in annotations, and in any case in the summary of
// the workflow's run.
func (p *pullRequest) post(ctx context.Context, c *Command, subject review.Subject) error {
	_, err := p.github.Post(ctx, subject)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		fmt.Fprintf(c.Stderr, "pullcheck: no review was written: %s\n", report.Lines(err.Error()))
	}
	if err != nil && !errors.Is(err, review.ErrMoved) {
		if err := report.GitHub(c.Stdout, subject.Report); err != nil {
			return err
		}
	}
	return appendFile(os.Getenv("GITHUB_STEP_SUMMARY"), review.JobSummary(subject))
}

// writeReports writes the files of --report. What stands there goes before: it may be a link that the pull request brings.
func (f *reviewFlags) writeReports(result *check.Report) error {
	for _, text := range f.reports {
		_, name, _ := strings.Cut(text, "=")
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		if err := errors.Join(report.JSON(file, result), file.Close()); err != nil {
			return err
		}
	}
	return nil
}

// writeOutputs gives the following steps of a workflow the numbers, and the path of the first report.
func (f *reviewFlags) writeOutputs(subject *review.Subject, all int) error {
	path := ""
	if len(f.reports) > 0 {
		_, path, _ = strings.Cut(f.reports[0], "=")
		path = filepath.ToSlash(path)
	}
	return appendFile(os.Getenv("GITHUB_OUTPUT"), fmt.Sprintf("findings=%d\nnew-findings=%d\nfailures=%d\nreport=%s\n",
		all, len(subject.Report.Findings), len(subject.Report.Failures), path))
}

// appendFile appends to a file that a workflow names; without one it does nothing.
func appendFile(name, text string) error {
	if name == "" {
		return nil
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}
