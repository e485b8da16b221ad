package review

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/pullcheck/pullcheck/check/scan"
	"github.com/pullcheck/pullcheck/internal/git"
)

// PullRequest is a pull request, and how to reach it on GitHub. Without GitHub it is a pair of revisions, for a dry
// run.
type PullRequest struct {
	// Base and Head are revisions. Head is empty for the working tree.
	Base, Head string
	// Fork is true if the head is in another repository, whose author cannot be trusted.
	Fork bool
	// Target is true for the event pull_request_target, whose workflow has a token that may write and the secrets of the
	// base, whoever opens the pull request.
	Target bool
	// Blob is the URL of the files at the head commit, with a slash at the end. If it is empty, paths are not linked.
	Blob   string
	GitHub GitHub
	server string // the value of GITHUB_SERVER_URL
}

// ReadEvent reads the event pull_request of a GitHub workflow: the JSON file that GITHUB_EVENT_PATH names. The URLs of
// GitHub and the token come from the environment: getenv returns the value of a variable. The error says that data is
// no JSON, or that the event is of another type.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request
func ReadEvent(data []byte, getenv func(name string) string) (*PullRequest, error) {
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
	server := strings.TrimSuffix(cmp.Or(getenv("GITHUB_SERVER_URL"), "https://github.com"), "/")
	return &PullRequest{
		Base: base.SHA, Head: head.SHA,
		Fork:   head.Repo == nil || head.Repo.FullName != base.Repo.FullName, // null means that the fork was deleted
		Target: getenv("GITHUB_EVENT_NAME") == "pull_request_target",
		server: server, Blob: server + "/" + base.Repo.FullName + "/blob/" + head.SHA + "/",
		GitHub: GitHub{
			API:     cmp.Or(getenv("GITHUB_API_URL"), "https://api.github.com"),
			GraphQL: cmp.Or(getenv("GITHUB_GRAPHQL_URL"), "https://api.github.com/graphql"),
			Token:   getenv("GITHUB_TOKEN"),
			Owner:   owner, Repository: repository, Number: event.Number, Head: head.SHA,
		},
	}, nil
}

// Open returns the baseline of the pull request and its head. The head is nil if it is the working tree. dir is a
// directory of the clone, and env the environment for git. Commits that the clone lacks are fetched into it, unless
// dryRun is set. The caller must close both revisions.
func (p *PullRequest) Open(
	ctx context.Context, dir string, env []string, dryRun bool,
) (*scan.Baseline, *git.Revision, error) {
	if p.Head == "" {
		baseline, err := scan.Since(ctx, dir, p.Base, env)
		return baseline, nil, err
	}
	repository, err := git.Open(ctx, dir, env)
	if err != nil {
		return nil, nil, err
	}
	commit, err := p.mergeBase(ctx, repository, dryRun)
	if err != nil {
		return nil, nil, err
	}
	files, err := repository.Diff(ctx, commit, p.Head)
	if err != nil {
		return nil, nil, err
	}
	base, err := repository.Revision(ctx, commit)
	if err != nil {
		return nil, nil, err
	}
	head, err := repository.Revision(ctx, p.Head)
	if err != nil {
		base.Close()
		return nil, nil, err
	}
	return &scan.Baseline{Base: base, Files: files}, head, nil
}

// mergeBase returns the merge base of base and head. The clone of a workflow usually holds one commit, the merge of
// the two, and no history. Then GitHub is asked for the merge base, and the commits are fetched.
func (p *PullRequest) mergeBase(ctx context.Context, repository *git.Repository, dryRun bool) (string, error) {
	commit, err := repository.MergeBase(ctx, p.Base, p.Head)
	if !errors.Is(err, git.ErrMissing) || dryRun {
		return commit, err
	}
	commit, err = p.GitHub.MergeBase(ctx, p.Base, p.Head)
	if err != nil {
		return "", err
	}
	repository.LogIn(p.server, p.GitHub.Token)
	return commit, repository.Fetch(ctx, commit, p.Head)
}
