package git

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// ErrMissing is in the errors for commits, for the history between them and for files that this clone lacks and another
// clone may have. Where a command fetches them, the *yamldoc.Error around it has the command as its hint.
var ErrMissing = errors.New("this clone lacks it")

// unshallow is the hint for missing history.
const unshallow = "git fetch --unshallow; in a GitHub workflow give actions/checkout fetch-depth: 0"

// Repository is a git repository with a working tree. It may be used concurrently, except for LogIn.
type Repository struct {
	runner // in the top directory of the working tree
}

// Open finds the repository around a directory: the nearest directory with a .git at or above it. Git gets variables of
// env, which has the form of os.Environ, in this call and in all later ones. The repository may belong to another user.
func Open(ctx context.Context, dir string, env []string) (*Repository, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	root, ok := tree.RepositoryAround(dir)
	if !ok {
		return nil, fmt.Errorf("%s: not a git repository, nor is a directory above it", dir)
	}
	r := &Repository{newRunner(root, env)}
	// Git itself does not look for a repository: before version 2.38, it would take a directory for a bare repository.
	r.env = append(r.env, "GIT_DIR="+filepath.Join(root, ".git"), "GIT_WORK_TREE="+root)
	return r, r.disarm(ctx, localProtocols)
}

// Origin returns the URL of the remote "origin"; empty if there is no such remote.
func (r *Repository) Origin(ctx context.Context) string {
	text, err := r.output(ctx, "config", "--get", "remote.origin.url")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(text)
}

// Root returns the top directory of the working tree: absolute, with symbolic links resolved.
func (r *Repository) Root() string { return r.dir }

// LogIn makes git show a token to a GitHub server, whose URL has the form of GITHUB_SERVER_URL. The token replaces the
// token that actions/checkout leaves in the configuration by default: GitHub refuses two. Git gets the token in the
// environment, which other users cannot read.
func (r *Repository) LogIn(server, token string) {
	// The header is the same as in https://github.com/actions/checkout/blob/main/src/git-auth-helper.ts. An empty value
	// before it removes the headers that the configuration has.
	key := "http." + strings.TrimSuffix(server, "/") + "/.extraheader"
	r.settings = append(r.settings, "--config-env="+key+"="+emptyVariable, "--config-env="+key+"="+authorization)
	basic := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + token))
	r.env = append(r.env, authorization+"=Authorization: Basic "+basic)
}

// authorization is the environment variable with the header of LogIn.
const authorization = "PULLCHECK_AUTHORIZATION"

// Uncommitted returns which of some files differ from the last commit: changed, staged, untracked or ignored files.
// Paths are slash-separated and relative to the top of the repository.
func (r *Repository) Uncommitted(ctx context.Context, names []string) (map[string]bool, error) {
	status := []string{
		"--literal-pathspecs", "status", "--porcelain", "-z", "--no-renames", "--ignored", "--untracked-files=normal",
		"--ignore-submodules=all", "--",
	}
	offline := r.runner
	offline.protocols = noProtocol // The last commit is there, also in a partial clone.
	entries, err := offline.list(ctx, append(status, names...)...)
	if err != nil {
		return nil, err
	}
	uncommitted := map[string]bool{}
	for _, entry := range entries {
		const state = "XY " // An entry begins with two letters, for the index and for the working tree (git-status(1)).
		if len(entry) > len(state) {
			uncommitted[entry[len(state):]] = true
		}
	}
	return uncommitted, nil
}

// fullID matches the full id of a commit, with SHA-1 or SHA-256.
var fullID = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// IsCommit reports whether a text is the full id of a commit.
func IsCommit(text string) bool { return fullID.MatchString(text) }

// Resolve returns the full id of the commit that a revision names, in any form of gitrevisions(7). The error is
// ErrMissing if another clone may have that commit.
func (r *Repository) Resolve(ctx context.Context, revision string) (string, error) {
	commit, err := r.lookUp(ctx, revision)
	if err == nil || !saidNo(err) {
		return commit, err
	}
	shallow, err := r.shallow(ctx)
	if err != nil {
		return "", err
	}
	_, onOrigin := r.lookUp(ctx, "origin/"+revision)
	unknown := fmt.Errorf("%q names no commit in %s", revision, r.dir)
	lacking := fmt.Errorf("commit %s: %w", revision, ErrMissing)
	switch {
	case IsCommit(revision) && shallow:
		return "", &yamldoc.Error{Err: lacking, Hint: "git fetch --depth=1 origin " + revision}
	case IsCommit(revision):
		return "", &yamldoc.Error{Err: lacking, Hint: "git fetch origin " + revision}
	case onOrigin == nil:
		return "", &yamldoc.Error{Err: unknown, Hint: "origin/" + revision + " names one"}
	case shallow:
		lacking = fmt.Errorf("%q: %w: it is shallow, and no commit in it has that name", revision, ErrMissing)
		return "", &yamldoc.Error{Err: lacking, Hint: unshallow}
	}
	return "", &yamldoc.Error{Err: unknown, Hint: "git branch --all and git tag list the names that there are"}
}

// lookUp returns the full id of the commit that a revision names. The error satisfies saidNo if there is no such
// commit.
func (r *Repository) lookUp(ctx context.Context, revision string) (string, error) {
	commit, err := r.output(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	return strings.TrimSpace(commit), err
}

// shallow reports whether the clone lacks a part of the history.
func (r *Repository) shallow(ctx context.Context) (bool, error) {
	answer, err := r.output(ctx, "rev-parse", "--is-shallow-repository")
	return strings.TrimSpace(answer) == "true", err
}

// MergeBase returns the full id of the best common ancestor of two revisions; if there are several, the one that git
// chooses. The error is ErrMissing in a shallow clone whose history ends before the merge base, or may hide a better
// one.
func (r *Repository) MergeBase(ctx context.Context, one, other string) (string, error) {
	a, err := r.Resolve(ctx, one)
	if err != nil {
		return "", err
	}
	b, err := r.Resolve(ctx, other)
	if err != nil {
		return "", err
	}
	shallow, err := r.shallow(ctx)
	if err != nil {
		return "", err
	}
	base, err := r.output(ctx, "merge-base", a, b)
	base = strings.TrimSpace(base)
	if err != nil && !saidNo(err) {
		return "", err
	}
	if !shallow {
		if base == "" {
			return "", fmt.Errorf("%s and %s have no history in common", one, other)
		}
		return base, nil
	}
	// In a shallow clone, a commit without parents is where the history was cut off. The merge base may be one of the
	// commits that were cut off.
	between := []string{"rev-list", "--max-count=1", "--max-parents=0", a, b}
	if base != "" {
		between = append(between, "^"+base)
	}
	cut, err := r.output(ctx, between...)
	if err != nil || cut == "" {
		return base, err
	}
	err = fmt.Errorf("the merge base of %s and %s: %w: it is shallow, its history is cut off at %s",
		one, other, ErrMissing, strings.TrimSpace(cut))
	return "", &yamldoc.Error{Err: err, Hint: unshallow}
}

// Fetch fetches commits, given by their full ids, from the remote "origin", unless the clone has them. A shallow clone
// gets the commits without their history. A complete clone gets the history too: without the history, it would become a
// shallow clone.
func (r *Repository) Fetch(ctx context.Context, commits ...string) error {
	shallow, err := r.shallow(ctx)
	if err != nil {
		return err
	}
	// In a container git runs as root. It writes one pack into an existing directory instead of new directories that
	// the owner of the repository could not change.
	args := []string{
		"-c", "fetch.unpackLimit=1",
		"fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head",
	}
	if shallow {
		args = append(args, "--depth=1")
	}
	args = append(args, "origin")
	known := len(args)
	for _, commit := range commits {
		if !IsCommit(commit) {
			return fmt.Errorf("%q is no commit in full, and nothing else can be fetched", commit)
		}
		if _, err := r.lookUp(ctx, commit); saidNo(err) {
			args = append(args, commit)
		} else if err != nil {
			return err
		}
	}
	if len(args) == known {
		return nil
	}
	if _, err := r.output(ctx, args...); err != nil {
		return &yamldoc.Error{Err: fmt.Errorf("fetching %s: %w", strings.Join(args[known:], " "), err),
			Hint: "check that the remote origin can be read: git ls-remote origin"}
	}
	return nil
}
