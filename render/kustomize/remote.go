package kustomize

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pullcheck/pullcheck/render/internal/cache"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

var commitHash = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// checkout returns the directory of the cache that holds what a repository has at its ref. Only a
// commit's hash that is in the cache, and --offline, need no network.
func (e *Engine) checkout(ctx context.Context, r repository) (string, error) {
	return e.checkouts.Get(ctx, fmt.Sprint(r.url, " ", r.ref, " ", r.submodules, " ", r.timeout), func() (string, error) {
		dir := filepath.Join(e.Dir, cacheName(r.url))
		remembered := filepath.Join(dir, "refs", url.PathEscape("ref "+r.ref))
		commit, err := e.commit(ctx, r, remembered)
		if err != nil {
			return "", err
		}
		if _, err := os.Stat(r.directory(dir, commit)); err != nil {
			if e.Offline {
				return "", errOffline
			}
			if commit, err = clone(ctx, r, dir); err != nil {
				return "", err
			}
		}
		if e.Offline {
			return r.directory(dir, commit), nil
		}
		return r.directory(dir, commit), cache.WriteFile(remembered, []byte(commit))
	})
}

// directory is where the cache has a commit.
func (r repository) directory(dir, commit string) string {
	if !r.submodules {
		commit += "-no-submodules"
	}
	return filepath.Join(dir, commit)
}

// commit finds the hash that a ref stands for now, or with --offline the remembered one.
func (e *Engine) commit(ctx context.Context, r repository, remembered string) (string, error) {
	if commitHash.MatchString(r.ref) {
		return r.ref, nil
	}
	if e.Offline {
		commit, err := os.ReadFile(remembered)
		if err != nil {
			return "", errOffline
		}
		return string(commit), nil
	}
	ref := cmp.Or(r.ref, "HEAD")
	listed, err := git(ctx, r, "", "ls-remote", "--", r.url, ref, ref+"^{}")
	if err != nil {
		return "", err
	}
	commit := pickRef(listed, ref)
	if commit == "" {
		return "", fmt.Errorf("%s has no branch or tag %q", shownURL(r.url), ref)
	}
	return commit, nil
}

// pickRef finds the commit of a ref in what git ls-remote lists, by the rules of gitrevisions(7). A tag
// with a message has an object of its own and, marked ^{}, its commit.
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

// clone fetches what a repository has at its ref as kustomize does (api/internal/git/cloner.go), without
// the history, and returns its commit. The commit's directory in the cache appears when it is complete.
func clone(ctx context.Context, r repository, dir string) (string, error) {
	work, err := cache.MakePartial(dir)
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	commit := ""
	for _, step := range [][]string{
		{"init", "--quiet", "--template="},
		{"remote", "add", "origin", r.url}, // which a submodule's relative URL is relative to
		{"fetch", "--quiet", "--depth=1", "--", r.url, cmp.Or(r.ref, "HEAD")},
		{"checkout", "--quiet", "FETCH_HEAD"},
		{"submodule", "--quiet", "update", "--init", "--recursive"},
		{"rev-parse", "HEAD"},
	} {
		if step[0] == "submodule" && !r.submodules {
			continue
		}
		if commit, err = git(ctx, r, work, step...); err != nil {
			return "", err
		}
	}
	if err := os.RemoveAll(filepath.Join(work, ".git")); err != nil {
		return "", err
	}
	commit = strings.TrimSpace(commit)
	err = os.Rename(work, r.directory(dir, commit))
	if _, missing := os.Stat(r.directory(dir, commit)); missing == nil {
		err = nil // Another process may have been quicker.
	}
	return commit, err
}

// perRepository are the variables that bind git to a repository (git rev-parse --local-env-vars), which
// are set where the program runs in a hook of git, but not those that hold configuration.
var perRepository = []string{"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_OBJECT_DIRECTORY", "GIT_DIR", "GIT_WORK_TREE",
	"GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_COMMON_DIR"}

// quietSSH is the variable that keeps ssh from asking for passwords and for trust in hosts: in a process group of its own
// it would wait for the terminal without end. Where the user has chosen a command it is theirs to be quiet.
func quietSSH(ctx context.Context, dir string) []string {
	for _, name := range []string{"GIT_SSH_COMMAND", "GIT_SSH"} {
		if _, ok := os.LookupEnv(name); ok {
			return nil
		}
	}
	configured := exec.CommandContext(ctx, "git", "config", "--get", "core.sshCommand")
	configured.Dir = dir
	if configured.Run() == nil {
		return nil
	}
	return []string{"GIT_SSH_COMMAND=ssh -oBatchMode=yes"}
}

// git runs git without hooks and prompts, for at most the repository's timeout.
func git(ctx context.Context, r repository, dir string, args ...string) (string, error) {
	limited, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	command := exec.CommandContext(limited, "git", append([]string{"-c", "core.hooksPath=" + os.DevNull}, args...)...)
	command.Dir = dir
	command.Env = append(slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains(perRepository, name)
	}), "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	command.Env = append(command.Env, quietSSH(limited, dir)...)
	command.WaitDelay = time.Second / 2 // for what git itself has started
	killWithChildren(command)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdout, err := command.Output()
	switch {
	case err == nil:
		return string(stdout), nil
	case errors.Is(err, exec.ErrNotFound):
		return "", &yamldoc.Error{Err: fmt.Errorf("git is needed to fetch %s, and there is no git on the PATH", r), Hint: "install git"}
	case ctx.Err() != nil:
		return "", ctx.Err()
	case limited.Err() != nil:
		return "", &yamldoc.Error{Err: fmt.Errorf("fetching %s took longer than %s", r, r.timeout),
			Hint: "give it longer with a parameter, as ?timeout=120"}
	}
	return "", fmt.Errorf("git cannot fetch %s: %s", r, shownURL(firstLine(stderr.String(), err)))
}

// firstLine is what git, or what it runs, said first of a failure. What follows is more general.
func firstLine(stderr string, err error) string {
	for line := range strings.Lines(stderr) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(strings.ToLower(line), "warning: ") {
			return line
		}
	}
	return err.Error()
}

// maxFile bounds a remote file. The largest bundles of custom resource definitions have some 10 MB.
const maxFile = 64 << 20

// download gets a file over HTTP, always anew, and keeps it for --offline.
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
		data, err := get(ctx, address, maxFile)
		if err != nil {
			return nil, err
		}
		return data, cache.WriteFile(cached, data)
	})
}

var client = http.Client{Timeout: time.Minute}

func get(ctx context.Context, address string, limit int64) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if failure := (*url.Error)(nil); errors.As(err, &failure) {
		err = errors.New(shownURL(failure.Err.Error())) // which quotes the address of a redirect
	}
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return nil, fmt.Errorf("the server says %s", response.Status)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	return data, err
}

// errOffline goes with the entry that names what is missing.
var errOffline = &yamldoc.Error{Err: errors.New("it is not in the cache, and --offline is set"), Hint: "run once without --offline"}

func cacheName(url string) string {
	sum := sha256.Sum256([]byte(url))
	return hex.EncodeToString(sum[:16])
}
