package git

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pullcheck/pullcheck/internal/fetch"
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
	// Local says whether URL may be a path of this machine, or a file:// URL. Never set it for a URL of a stranger.
	Local bool
	// Timeout limits each command of git. Its error is context.DeadlineExceeded.
	Timeout time.Duration
	// Env is the environment of which git gets variables, in the form of os.Environ.
	Env []string
	// Network has the rules for the requests of git. Over HTTPS and HTTP they hold for each request of git, also for
	// redirects and submodules. For ssh the host of URL is checked before, and a submodule has no ssh. Git has no other
	// transport, apart from files.
	Network fetch.Network
}

// Commit asks the remote for the full id of the commit that Ref names now. The id is empty if the remote has no such
// ref. Git runs in dir, and ignores a repository around dir. The directory must exist, and must hold no file of the
// input, because git would read a configuration there.
func (r Remote) Commit(ctx context.Context, dir string) (string, error) {
	git, proxy, err := r.in(ctx, dir)
	if err != nil {
		return "", err
	}
	defer proxy.Close()
	ref := cmp.Or(r.Ref, "HEAD")
	listed, err := r.output(ctx, git, "ls-remote", "--", r.URL, ref, ref+"^{}")
	return pickRef(listed, ref), proxy.Explain(err)
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
	git, proxy, err := r.in(ctx, dir)
	if err != nil {
		return "", err
	}
	defer proxy.Close()
	for _, step := range [][]string{
		{"init", "--quiet", "--template="},
		{"remote", "add", "--", "origin", r.URL}, // A relative URL of a submodule is relative to the URL of origin.
		{"fetch", "--quiet", "--depth=1", "--", r.URL, cmp.Or(r.Ref, "HEAD")},
		{"checkout", "--quiet", "FETCH_HEAD"},
		{"submodule", "--quiet", "update", "--init", "--recursive", "--checkout"},
		{"rev-parse", "HEAD"},
	} {
		runner := *git
		if step[0] == "submodule" {
			if !r.Submodules {
				continue
			}
			runner.protocols = submoduleProtocols
		}
		if commit, err = r.output(ctx, &runner, step...); err != nil {
			return "", proxy.Explain(err)
		}
	}
	return strings.TrimSpace(commit), os.RemoveAll(filepath.Join(dir, ".git"))
}

// in returns a runner for a directory, and the proxy that the runner uses, which the caller must close. Git looks for no
// repository above the directory.
func (r Remote) in(ctx context.Context, dir string) (*runner, *fetch.Proxy, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, nil, err
	}
	limited, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	if err := r.permit(limited); err != nil {
		return nil, nil, err
	}
	git := newRunner(absolute, r.Env)
	git.env = append(git.env, "GIT_CEILING_DIRECTORIES="+filepath.Dir(absolute))
	protocols := remoteProtocols
	if r.Local {
		protocols = localProtocols
	}
	if err := git.disarm(limited, protocols); err != nil {
		return nil, nil, err
	}
	proxy, err := r.Network.StartProxy(maxRepository)
	if err != nil {
		return nil, nil, err
	}
	// The variables would lead git around the proxy.
	git.env = slices.DeleteFunc(git.env, func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return strings.EqualFold(name, "NO_PROXY")
	})
	git.settings = append(git.settings, "-c", "http.proxy="+proxy.URL)
	return &git, proxy, nil
}

// maxRepository is the size limit of all that git downloads over HTTP for one repository and its submodules, in bytes.
const maxRepository = 1 << 30

// scpHost matches the beginning of a URL in the form of scp: USER@HOST:PATH or HOST:PATH.
var scpHost = regexp.MustCompile(`^(?:[^/@:]*@)?(\[[^\]]*\]|[^/:]+):`)

// permit returns an error for a URL that git may not be given. For HTTPS and HTTP, the proxy decides.
func (r Remote) permit(ctx context.Context) error {
	scheme, _, ok := strings.Cut(r.URL, "://")
	if match := scpHost.FindStringSubmatch(r.URL); !ok && match != nil {
		return r.Network.PermitHost(ctx, strings.Trim(match[1], "[]"), "22")
	}
	switch scheme {
	case "https", "http", "file":
		return nil
	case "ssh":
		u, err := url.Parse(r.URL)
		if err != nil {
			return errors.New("its URL cannot be parsed") // err may quote a password
		}
		return r.Network.PermitHost(ctx, u.Hostname(), cmp.Or(u.Port(), "22"))
	}
	return errors.New("git is asked by https, ssh and file only")
}

// output runs git with the time limit for one command.
func (r Remote) output(ctx context.Context, git *runner, args ...string) (string, error) {
	limited, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	return git.output(limited, args...)
}
