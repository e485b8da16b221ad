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

// PullRequest is what is reviewed, and how to reach it on GitHub.
type PullRequest struct {
	// Base and Head are revisions. Head is empty for the working tree.
	Base, Head string
	// Fork is true if the head is in another repository.
	Fork bool
	// Blob is the address of the head's files, ending in a slash; empty where there are no links.
	Blob   string
	GitHub GitHub
	server string // as GITHUB_SERVER_URL
}

// ReadEvent reads GitHub's event pull_request and, for the addresses of GitHub and the token, the environment: getenv returns
// the value of a variable.
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
		Fork:   head.Repo == nil || head.Repo.FullName != base.Repo.FullName, // a fork that is deleted is null
		server: server, Blob: server + "/" + base.Repo.FullName + "/blob/" + head.SHA + "/",
		GitHub: GitHub{
			API:     cmp.Or(getenv("GITHUB_API_URL"), "https://api.github.com"),
			GraphQL: cmp.Or(getenv("GITHUB_GRAPHQL_URL"), "https://api.github.com/graphql"),
			Token:   getenv("GITHUB_TOKEN"),
			Owner:   owner, Repository: repository, Number: event.Number, Head: head.SHA,
		},
	}, nil
}

// Open returns the baseline of the pull request and its head, which is nil for the working tree. dir is a directory of the
// clone, and env the environment of git. Commits that the clone does not have are fetched, unless the run is to write
// nothing (alone).
func (p *PullRequest) Open(ctx context.Context, dir string, env []string, alone bool) (*scan.Baseline, *git.Revision, error) {
	if p.Head == "" {
		baseline, err := scan.Since(ctx, dir, p.Base, env)
		return baseline, nil, err
	}
	repository, err := git.Open(ctx, dir, env)
	if err != nil {
		return nil, nil, err
	}
	commit, err := p.mergeBase(ctx, repository, alone)
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

// mergeBase is where the head and its base parted. A workflow's clone is shallow as a rule, and has the merge of the two.
func (p *PullRequest) mergeBase(ctx context.Context, repository *git.Repository, alone bool) (string, error) {
	commit, err := repository.MergeBase(ctx, p.Base, p.Head)
	if !errors.Is(err, git.ErrMissing) || alone {
		return commit, err
	}
	commit, err = p.GitHub.MergeBase(ctx, p.Base, p.Head)
	if err != nil {
		return "", err
	}
	repository.LogIn(p.server, p.GitHub.Token)
	return commit, repository.Fetch(ctx, commit, p.Head)
}
