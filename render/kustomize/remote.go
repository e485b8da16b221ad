package kustomize

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/internal/git"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// checkout returns the directory of the cache that holds the files of a repository at its ref. Only a commit's hash
// that is in the cache, and --offline, need no network.
func (e *Engine) checkout(ctx context.Context, r repository) (string, error) {
	return e.checkouts.Get(ctx, fmt.Sprint(r.url, " ", r.ref, " ", r.submodules, " ", r.timeout), func() (string, error) {
		dir := filepath.Join(e.Dir, cacheName(r.url))
		remembered := filepath.Join(dir, "refs", url.PathEscape("ref "+r.ref))
		commit, err := e.commit(ctx, r, dir, remembered)
		if err != nil {
			return "", err
		}
		if _, err := os.Stat(r.directory(dir, commit)); err != nil {
			if e.Offline {
				return "", errOffline
			}
			if commit, err = e.clone(ctx, r, dir); err != nil {
				return "", err
			}
		}
		if e.Offline {
			return r.directory(dir, commit), nil
		}
		return r.directory(dir, commit), fetch.WriteFile(remembered, []byte(commit))
	})
}

// directory is where the cache has a commit.
func (r repository) directory(dir, commit string) string {
	if !r.submodules {
		commit += "-no-submodules"
	}
	return filepath.Join(dir, commit)
}

// remote is a repository for git.
func (e *Engine) remote(r repository) git.Remote {
	return git.Remote{URL: r.url, Ref: r.ref, Submodules: r.submodules, Timeout: r.timeout, Env: e.Env}
}

// commit returns the hash of the commit that a ref names now, or with --offline the remembered one. Git runs in dir,
// the repository's directory in the cache, which is made first.
func (e *Engine) commit(ctx context.Context, r repository, dir, remembered string) (string, error) {
	if git.IsCommit(r.ref) {
		return r.ref, nil
	}
	if e.Offline {
		commit, err := os.ReadFile(remembered)
		if err != nil {
			return "", errOffline
		}
		return string(commit), nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	commit, err := e.remote(r).Commit(ctx, dir)
	if err != nil {
		return "", r.fetchError(ctx, err)
	}
	if commit == "" {
		return "", fmt.Errorf("%s has no branch or tag %q", fetch.Redact(r.url), cmp.Or(r.ref, "HEAD"))
	}
	return commit, nil
}

// clone fetches the files of a repository at its ref, without the history, and returns their commit. The commit's
// directory in the cache appears when it is complete.
func (e *Engine) clone(ctx context.Context, r repository, dir string) (string, error) {
	work, err := fetch.MakePartial(dir)
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	commit, err := e.remote(r).Checkout(ctx, work)
	if err != nil {
		return "", r.fetchError(ctx, err)
	}
	err = os.Rename(work, r.directory(dir, commit))
	if _, missing := os.Stat(r.directory(dir, commit)); missing == nil {
		err = nil // Another process may have been quicker.
	}
	return commit, err
}

// fetchError names the repository in an error of git.
func (r repository) fetchError(ctx context.Context, err error) error {
	failure := (*git.Error)(nil)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, git.ErrNoGit):
		err = fmt.Errorf("git is needed to fetch %s, and %w", r, git.ErrNoGit)
		return &yamldoc.Error{Err: err, Hint: "install git"}
	case errors.Is(err, context.DeadlineExceeded):
		return &yamldoc.Error{Err: fmt.Errorf("fetching %s took longer than %s", r, r.timeout),
			Hint: "give it longer with a parameter, as ?timeout=120"}
	case errors.As(err, &failure):
		return fmt.Errorf("git cannot fetch %s: %s", r, fetch.Redact(failure.Line))
	}
	return err
}

// maxFile bounds a remote file, in bytes. The largest bundles of custom resource definitions have some 10 MB.
const maxFile = 64 << 20

// httpTimeout is how long a server gets for one file.
const httpTimeout = time.Minute

// download gets a file over HTTP, or with --offline the copy of an earlier run.
func (e *Engine) download(ctx context.Context, address string) ([]byte, error) {
	return e.downloads.Get(ctx, address, func() ([]byte, error) {
		cached := filepath.Join(e.Dir, "files", cacheName(address))
		if e.Offline {
			data, err := os.ReadFile(cached)
			if errors.Is(err, fs.ErrNotExist) {
				err = errOffline
			}
			return data, err
		}
		data, err := e.web.Get(ctx, fetch.Request{URL: address, Limit: maxFile, Timeout: httpTimeout})
		if err != nil {
			return nil, err
		}
		return data, fetch.WriteFile(cached, data)
	})
}

// errOffline goes with the entry that names what is missing.
var errOffline = &yamldoc.Error{Err: errors.New("it is not in the cache, and --offline is set"), Hint: "run once without --offline"}

func cacheName(url string) string {
	sum := sha256.Sum256([]byte(url))
	return hex.EncodeToString(sum[:16])
}
