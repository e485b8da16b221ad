// Package change says what a pull request, a branch or the working tree changed, from git, and gives a revision of git
// as a file system. It knows nothing of findings.
//
// Git is run without hooks, filters, external diffs and text conversions, and nothing but Fetch uses the
// network, except that in a partial clone git itself fetches the content that it has left out.
package git

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// ErrMissing is in the errors for commits, the history between them and their files that this clone does not have and
// another one may have. Where a command brings them, the render.Error around it says so.
var ErrMissing = errors.New("this clone lacks it")

// unshallow is what to type where history is missing.
const unshallow = "git fetch --unshallow; in a GitHub workflow give actions/checkout fetch-depth: 0"

// Repository is a git repository with a working tree.
type Repository struct {
	root string
	// unfiltered are the arguments that keep git from running the filters that are configured, which it does to compare
	// or note files of the working tree. .gitattributes of the repository says for which.
	unfiltered []string
	// login are the arguments and the variable that LogIn adds.
	login []string
	token string
}

// Open finds the repository that a directory lies in. It may belong to another user: of its configuration nothing
// is run, but for what says how to reach the remote that Fetch, or git in a partial clone, fetches from.
func Open(ctx context.Context, dir string) (*Repository, error) {
	root, err := output(ctx, gitIn(ctx, dir, "rev-parse", "--show-toplevel"))
	if err != nil {
		return nil, err
	}
	r := &Repository{root: filepath.FromSlash(strings.TrimSuffix(root, "\n"))}
	keys, err := r.list(ctx, "config", "--null", "--name-only", "--get-regexp", `^filter\..*\.(clean|smudge|process|required)$`)
	if err != nil && !saidNo(err) {
		return nil, err
	}
	for _, key := range keys {
		r.unfiltered = append(r.unfiltered, "--config-env="+key+"="+nothing) // -c would take the first = in a key for its end
	}
	return r, nil
}

// Origin is the URL of the remote "origin", empty if there is none.
func (r *Repository) Origin(ctx context.Context) string {
	text, err := r.git(ctx, "config", "--get", "remote.origin.url")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(text)
}

// Root is the top directory of the working tree: absolute, symbolic links resolved.
func (r *Repository) Root() string { return r.root }

// LogIn lets git show a token to a GitHub server, given as in GITHUB_SERVER_URL, in the place of the one that
// actions/checkout leaves in the configuration unless it is told not to: GitHub refuses two. The token is handed to git in
// the environment, which other users cannot read.
func (r *Repository) LogIn(server, token string) {
	// In the way of https://github.com/actions/checkout/blob/main/src/git-auth-helper.ts. An empty header removes the others.
	key := "http." + strings.TrimSuffix(server, "/") + "/.extraheader"
	r.login = []string{"--config-env=" + key + "=" + nothing, "--config-env=" + key + "=" + authorization}
	r.token = authorization + "=Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+token))
}

// authorization is the variable with the header of LogIn.
const authorization = "PULLCHECK_AUTHORIZATION"

func (r *Repository) command(ctx context.Context, args ...string) *exec.Cmd {
	command := gitIn(ctx, r.root, slices.Concat(r.unfiltered, r.login, args)...)
	if r.token != "" {
		command.Env = append(command.Env, r.token)
	}
	return command
}

func (r *Repository) git(ctx context.Context, args ...string) (string, error) {
	return output(ctx, r.command(ctx, args...))
}

// list is git for what prints items that end with NUL.
func (r *Repository) list(ctx context.Context, args ...string) ([]string, error) {
	text, err := r.git(ctx, args...)
	items := strings.Split(text, "\x00")
	return items[:len(items)-1], err
}

// fullID is a commit in full, with SHA-1 or with SHA-256.
var fullID = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// Resolve returns the full id of the commit that a revision names, in any way of gitrevisions(7). The error is
// ErrMissing if it may be a commit that this clone only lacks.
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
	unknown := fmt.Errorf("%q names no commit in %s", revision, r.root)
	switch {
	case fullID.MatchString(revision) && shallow:
		return "", &yamldoc.Error{Err: fmt.Errorf("commit %s: %w", revision, ErrMissing), Hint: "git fetch --depth=1 origin " + revision}
	case fullID.MatchString(revision):
		return "", &yamldoc.Error{Err: fmt.Errorf("commit %s: %w", revision, ErrMissing), Hint: "git fetch origin " + revision}
	case onOrigin == nil:
		return "", &yamldoc.Error{Err: unknown, Hint: "origin/" + revision + " names one"}
	case shallow:
		return "", &yamldoc.Error{Err: fmt.Errorf("%q: %w: it is shallow, and no commit in it has that name", revision, ErrMissing), Hint: unshallow}
	}
	return "", &yamldoc.Error{Err: unknown, Hint: "git branch --all and git tag list the names that there are"}
}

func (r *Repository) lookUp(ctx context.Context, revision string) (string, error) {
	commit, err := r.git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	return strings.TrimSpace(commit), err
}

func (r *Repository) shallow(ctx context.Context) (bool, error) {
	answer, err := r.git(ctx, "rev-parse", "--is-shallow-repository")
	return strings.TrimSpace(answer) == "true", err
}

// MergeBase returns the commit where two revisions parted: git's choice, if there are more. The error is
// ErrMissing in a shallow clone whose history does not reach it, or may hide a later one.
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
	base, err := r.git(ctx, "merge-base", a, b)
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
	// What has no parents here lost them where the clone was cut off, and the merge base may be among them.
	between := []string{"rev-list", "--max-count=1", "--max-parents=0", a, b}
	if base != "" {
		between = append(between, "^"+base)
	}
	cut, err := r.git(ctx, between...)
	if err != nil || cut == "" {
		return base, err
	}
	return "", &yamldoc.Error{
		Err:  fmt.Errorf("the merge base of %s and %s: %w: it is shallow, its history is cut off at %s", one, other, ErrMissing, strings.TrimSpace(cut)),
		Hint: unshallow,
	}
}

// Fetch fetches those of some commits, given in full, that the clone lacks from its remote "origin": alone, without
// their history, in a shallow clone, else with their history, as the clone would else become shallow.
func (r *Repository) Fetch(ctx context.Context, commits ...string) error {
	shallow, err := r.shallow(ctx)
	if err != nil {
		return err
	}
	// In a container git runs as root: one pack in a directory that is there leaves nothing that its owner cannot change.
	args := []string{"-c", "fetch.unpackLimit=1", "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"}
	if shallow {
		args = append(args, "--depth=1")
	}
	args = append(args, "origin")
	known := len(args)
	for _, commit := range commits {
		if !fullID.MatchString(commit) {
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
	if _, err := r.git(ctx, args...); err != nil {
		return &yamldoc.Error{Err: fmt.Errorf("fetching %s: %w", strings.Join(args[known:], " "), err),
			Hint: "check that the remote origin can be read: git ls-remote origin"}
	}
	return nil
}
