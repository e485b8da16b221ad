package githubtest

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	author     = "Developer"
	authorMail = "developer@example.com"
)

// repository is the bare git repository behind the pull request. A commit never changes, so the computed diffs and
// merge bases are kept.
type repository struct {
	tb         testing.TB
	clock      *clock
	dir        string
	diffs      map[string][]*file // by from..to
	mergeBases map[string]string  // by one...other
}

func newRepository(tb testing.TB, clock *clock) *repository {
	tb.Helper()
	r := &repository{tb: tb, clock: clock, dir: tb.TempDir(), diffs: map[string][]*file{}, mergeBases: map[string]string{}}
	r.git("", "init", "--quiet", "--bare", "--template=", "--initial-branch=main")
	config, err := os.OpenFile(filepath.Join(r.dir, "config"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		tb.Fatal(err)
	}
	defer config.Close()
	// GitHub lets a client fetch any commit by its name.
	fmt.Fprint(config, "[uploadpack]\n\tallowAnySHA1InWant = true\n\tallowFilter = true\n[gc]\n\tauto = 0\n")
	return r
}

// mergeBase returns the best common ancestor of two commits.
func (r *repository) mergeBase(one, other string) string {
	key := one + "..." + other
	if r.mergeBases[key] == "" {
		r.mergeBases[key] = r.git("", "merge-base", one, other)
	}
	return r.mergeBases[key]
}

// commit stores a commit on top of parent ("" for a root commit) and returns its name. It writes files (path →
// content) and removes the paths in removed. One process of git does all of it (fast-import), without an index and
// a work tree.
func (r *repository) commit(parent, message string, files map[string]string, removed ...string) string {
	const ref = "refs/githubtest/commit"
	var stream bytes.Buffer
	fmt.Fprintf(&stream, "commit %s\nmark :1\ncommitter %s <%s> %d +0000\n", ref, author, authorMail, r.clock.now.Unix())
	fmt.Fprintf(&stream, "data %d\n%s\n", len(message), message)
	if parent != "" {
		fmt.Fprintf(&stream, "from %s\n", parent)
	}
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	for _, path := range removed {
		fmt.Fprintf(&stream, "D \"%s\"\n", quote.Replace(path))
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&stream, "M 100644 inline \"%s\"\ndata %d\n%s\n", quote.Replace(path), len(files[path]), files[path])
	}
	stream.WriteString("get-mark :1\n")
	return r.git(stream.String(), "fast-import", "--quiet", "--force")
}

// git runs git in the repository and returns its output without the last line end. The test fails if git fails.
func (r *repository) git(input string, args ...string) string {
	output, err := r.run(input, args...)
	if err != nil {
		r.tb.Errorf("githubtest: git %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSuffix(output, "\n")
}

// run runs git and returns its output. It ignores the configuration of the user and of the machine, and uses the
// simulated clock, so that a test makes the same commits in every run.
func (r *repository) run(input string, args ...string) (string, error) {
	command := exec.Command("git", args...)
	command.Stdin = strings.NewReader(input)
	var problem bytes.Buffer
	command.Stderr = &problem
	date := fmt.Sprintf("%d +0000", r.clock.now.Unix())
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "GIT_DIR=" + r.dir,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_AUTHOR_NAME=" + author, "GIT_AUTHOR_EMAIL=" + authorMail, "GIT_AUTHOR_DATE=" + date,
		"GIT_COMMITTER_NAME=" + author, "GIT_COMMITTER_EMAIL=" + authorMail, "GIT_COMMITTER_DATE=" + date,
	}
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, problem.String())
	}
	return string(output), nil
}
