package kustomize

import (
	"bytes"
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

// checkout returns the directory of the cache with the files of a repository at its ref. It asks the remote repository
// for the commit of a branch or tag in every run, and clones only a commit that the cache lacks. With Offline, or if
// the ref is the hash of a commit in the cache, it does not use the network.
func (e *Engine) checkout(ctx context.Context, r repository) (string, error) {
	if r.isLocal() && !e.LocalRepositories {
		return "", errLocal
	}
	item := "repository " + r.url + " at " + cmp.Or(r.ref, "HEAD")
	if !r.submodules {
		item += " without submodules"
	}
	return fetch.Download(ctx, e.Network, item, func() (string, error) { return e.checkoutOnce(ctx, r) })
}

// checkoutOnce is checkout, without the question whether it is permitted.
func (e *Engine) checkoutOnce(ctx context.Context, r repository) (string, error) {
	if err := e.openCache(); err != nil {
		return "", err
	}
	key := fmt.Sprint(r.url, " ", r.ref, " ", r.submodules, " ", r.timeout)
	return e.checkouts.Get(ctx, key, func() (string, error) {
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

// openCache checks that no other user can change what is in the cache: a checkout has no digest by which it could be
// verified.
func (e *Engine) openCache() error {
	if err := fetch.OpenCache(e.Dir, e.Offline); err != nil {
		return &yamldoc.Error{
			Err: fmt.Errorf("the cache cannot be used: %w", err), Hint: "set XDG_CACHE_HOME to a directory of your own",
		}
	}
	return nil
}

// errLocal is the error for a repository on this machine. Its callers name the repository.
var errLocal = &yamldoc.Error{
	Err:  errors.New("a git repository on this machine is not read for a pull request or an Application"),
	Hint: "name a directory of this repository, or an https:// URL",
}

// directory returns the directory with the files of a commit, below dir, the directory of the repository in the cache.
func (r repository) directory(dir, commit string) string {
	if !r.submodules {
		commit += "-no-submodules"
	}
	return filepath.Join(dir, commit)
}

// remote returns the repository as package git needs it.
func (e *Engine) remote(r repository) git.Remote {
	return git.Remote{
		URL: r.url, Ref: r.ref, Submodules: r.submodules, Local: e.LocalRepositories, Timeout: r.timeout, Env: e.Env,
		Network: e.Network,
	}
}

// commit returns the hash of the commit that the ref names now. With Offline, it returns the commit of the last run,
// from the file remembered. Git runs in dir, the directory of the repository in the cache; commit creates it.
func (e *Engine) commit(ctx context.Context, r repository, dir, remembered string) (string, error) {
	if git.IsCommit(r.ref) {
		return r.ref, nil
	}
	if e.Offline {
		commit, err := os.ReadFile(remembered)
		if err != nil || !git.IsCommit(string(commit)) {
			return "", errOffline
		}
		return string(commit), nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
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

// clone fetches the files of a repository at its ref, without the history, and returns the commit. It fetches them into
// a temporary directory and renames it, so that the directory of the commit is always complete, also if two processes
// clone at the same time.
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

// fetchError returns an error of git with the name of the repository. If the context is canceled, it returns the error
// of the context. URLs in the message have no passwords.
func (r repository) fetchError(ctx context.Context, err error) error {
	failure := (*git.Error)(nil)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, git.ErrNoGit):
		err = fmt.Errorf("git is needed to fetch %s, and %w", r, git.ErrNoGit)
		return &yamldoc.Error{Err: err, Hint: "install git"}
	case errors.Is(err, context.DeadlineExceeded):
		hint := fmt.Sprintf("give it longer with a parameter, as ?timeout=120, up to %d seconds", maxTimeout/time.Second)
		if r.timeout == maxTimeout {
			hint = "this is the longest that ?timeout= can allow: copy the base into this repository"
		}
		return &yamldoc.Error{Err: fmt.Errorf("fetching %s took longer than %s", r, r.timeout), Hint: hint}
	case errors.As(err, &failure):
		return fmt.Errorf("git cannot fetch %s: %s", r, fetch.Redact(failure.Line))
	}
	return err
}

// maxFile is the size limit of a remote file, in bytes. The largest bundles of custom resource definitions have some 10
// MB.
const maxFile = 64 << 20

// httpTimeout is the time limit for the download of one file.
const httpTimeout = time.Minute

// download returns the content of a file over HTTP, and keeps a copy in the cache. With Offline, it returns the copy of
// an earlier run.
func (e *Engine) download(ctx context.Context, address string) ([]byte, error) {
	return fetch.Download(ctx, e.Network, "file "+address, func() ([]byte, error) { return e.downloadOnce(ctx, address) })
}

// downloadOnce is download, without the question whether it is permitted.
func (e *Engine) downloadOnce(ctx context.Context, address string) ([]byte, error) {
	e.once.Do(func() { e.web.Transport = fetch.NewTransport(fetch.Options{Network: e.Network}) })
	return e.downloads.Get(ctx, address, func() ([]byte, error) {
		if err := e.openCache(); err != nil {
			return nil, err
		}
		cached := filepath.Join(e.Dir, "files", cacheName(address))
		if e.Offline {
			return readCached(cached)
		}
		data, err := e.web.Get(ctx, fetch.Request{URL: address, Limit: maxFile, Timeout: httpTimeout})
		if err != nil {
			return nil, err
		}
		return data, fetch.WriteFile(cached, append(digest(data), data...))
	})
}

// digest returns the line with which the cache's copy of a file begins.
func digest(data []byte) []byte {
	sum := sha256.Sum256(data)
	return []byte(hex.EncodeToString(sum[:]) + "\n")
}

// readCached returns the content of a file in the cache, without its digest. A damaged copy counts as missing.
func readCached(name string) ([]byte, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errOffline
	}
	first, data, _ := bytes.Cut(text, []byte("\n"))
	if err == nil && string(first)+"\n" != string(digest(data)) {
		return nil, errOffline
	}
	return data, err
}

// errOffline is the error for a remote base or file that the cache lacks. Its callers name the base or file.
var errOffline = &yamldoc.Error{
	Err:  errors.New("it is not in the cache, and --offline is set"),
	Hint: "run once without --offline",
}

// cacheName returns the name of a URL in the cache. A URL itself may be too long for a file name, and may have a
// password.
func cacheName(url string) string {
	sum := sha256.Sum256([]byte(url))
	return hex.EncodeToString(sum[:16])
}
