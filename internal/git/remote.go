package git

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Remote is a repository on a server, of which no clone is kept. For example, a kustomization has a base in another
// repository. Its methods may be called concurrently, with different directories.
type Remote struct {
	// URL is in any form that git accepts.
	URL string
	// Ref is a branch, a tag or a commit. If it is empty, it is the HEAD of the remote.
	Ref string
	// Submodules says whether Checkout also fetches the submodules.
	Submodules bool
	// Timeout limits each command of git. Its error is context.DeadlineExceeded.
	Timeout time.Duration
	// Env is the environment for git, in the form of os.Environ.
	Env []string
}

// Commit asks the remote for the full id of the commit that Ref names now. The id is empty if the remote has no such
// ref. Git runs in dir, and ignores a repository around dir. The directory must exist, and must hold no file of the
// input, because git would read a configuration there.
func (r Remote) Commit(ctx context.Context, dir string) (string, error) {
	git, err := r.in(ctx, dir)
	if err != nil {
		return "", err
	}
	ref := cmp.Or(r.Ref, "HEAD")
	listed, err := r.output(ctx, git, "ls-remote", "--", r.URL, ref, ref+"^{}")
	return pickRef(listed, ref), err
}

// pickRef returns the commit of a ref in what git ls-remote lists, by the rules of gitrevisions(7). An annotated tag
// has an object of its own; its commit is listed with the mark ^{}.
func pickRef(listed, ref string) string {
	commits := map[string]string{}
	for line := range strings.Lines(listed) {
		if hash, name, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			commits[name] = hash
		}
	}
	for _, prefix := range []string{"", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/"} {
		for _, suffix := range []string{"^{}", ""} {
			if commit, ok := commits[prefix+ref+suffix]; ok {
				return commit
			}
		}
	}
	return ""
}

// Checkout fetches the files of Ref, without the history, into dir, an empty directory, and returns the full id of the
// commit. It takes the steps of kustomize (api/internal/git/cloner.go). The repository in dir is removed at the end:
// only files are left.
func (r Remote) Checkout(ctx context.Context, dir string) (commit string, err error) {
	git, err := r.in(ctx, dir)
	if err != nil {
		return "", err
	}
	for _, step := range [][]string{
		{"init", "--quiet", "--template="},
		{"remote", "add", "--", "origin", r.URL}, // A relative URL of a submodule is relative to the URL of origin.
		{"fetch", "--quiet", "--depth=1", "--", r.URL, cmp.Or(r.Ref, "HEAD")},
		{"checkout", "--quiet", "FETCH_HEAD"},
		{"submodule", "--quiet", "update", "--init", "--recursive"},
		{"rev-parse", "HEAD"},
	} {
		if step[0] == "submodule" && !r.Submodules {
			continue
		}
		if commit, err = r.output(ctx, git, step...); err != nil {
			return "", err
		}
	}
	return strings.TrimSpace(commit), os.RemoveAll(filepath.Join(dir, ".git"))
}

// in returns a runner for a directory. Git looks for no repository above the directory.
func (r Remote) in(ctx context.Context, dir string) (*runner, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	git := newRunner(absolute, r.Env)
	git.env = append(git.env, "GIT_CEILING_DIRECTORIES="+filepath.Dir(absolute))
	limited, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	return &git, git.disarm(limited)
}

// output runs git with the time limit for one command.
func (r Remote) output(ctx context.Context, git *runner, args ...string) (string, error) {
	limited, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	return git.output(limited, args...)
}
