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
)

const (
	mainRef = "refs/heads/main"
	pullRef = "refs/pull/1/head"
	// mergeRef is what a workflow checks out for the event pull_request.
	mergeRef   = "refs/pull/1/merge"
	headBranch = "change"
)

// Dir is the bare repository. It can be fetched from, by commit too, as GitHub allows. The pull request's head is
// refs/pull/1/head, and refs/heads/change unless it comes from a fork; the merge of head and main is refs/pull/1/merge
// where they do not conflict. Commits that a test makes there by itself can be given to Push.
func (s *Server) Dir() string { return s.dir }

// Main is the commit at which the main branch stands.
func (s *Server) Main() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.main
}

// Head is the commit at which the pull request's head stands.
func (s *Server) Head() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.head
}

// Commit stores a commit on top of parent ("" for none), in which files are written and removed are gone, and
// returns its name. No branch moves.
func (s *Server) Commit(parent string, files map[string]string, removed ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commit(parent, "Change files", files, removed...)
}

// Open opens the pull request of the commit head, from a branch of the repository itself.
func (s *Server) Open(head string) { s.open(head, false) }

// OpenFromFork opens the pull request of the commit head, from a branch of Contributor's fork.
func (s *Server) OpenFromFork(head string) { s.open(head, true) }

func (s *Server) open(head string, fork bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fork = fork
	s.moveHead(head)
}

// Push moves the pull request's head to a commit, by force where it does not descend from the last.
// Comments follow their lines, or are outdated.
func (s *Server) Push(commit string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moveHead(commit)
}

// PushBase moves the main branch to a commit. The pull request goes on naming the old one as its base.sha until the
// next Push.
func (s *Server) PushBase(commit string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.main = commit
	s.updateRefs()
}

func (s *Server) moveHead(commit string) {
	s.head, s.baseSHA = commit, s.main
	s.updateRefs()
}

// updateRefs has the repository say where the branches are.
func (s *Server) updateRefs() {
	var update strings.Builder
	fmt.Fprintf(&update, "update %s %s\n", mainRef, s.main)
	if s.head != "" {
		fmt.Fprintf(&update, "update %s %s\n", pullRef, s.head)
		if !s.fork {
			fmt.Fprintf(&update, "update refs/heads/%s %s\n", headBranch, s.head)
		}
		// In a conflict, GitHub too leaves the last merge where it was.
		if tree, err := s.try("", "merge-tree", "--write-tree", s.main, s.head); err == nil {
			message := fmt.Sprintf("Merge %s into %s", s.head, s.main)
			fmt.Fprintf(&update, "update %s %s\n", mergeRef, s.git("", "commit-tree", "-p", s.main, "-p", s.head, "-m", message, tree))
		}
	}
	s.git(update.String(), "update-ref", "--stdin")
}

// mergeBase is where the diff of a commit of the pull request begins.
func (s *Server) mergeBase(commit string) string {
	key := s.main + "..." + commit
	if s.mergeBases[key] == "" {
		s.mergeBases[key] = s.git("", "merge-base", s.main, commit)
	}
	return s.mergeBases[key]
}

// resolve returns the commit that a revision names, also as OWNER:BRANCH, or "".
func (s *Server) resolve(revision string) string {
	switch owner, branch, found := strings.Cut(revision, ":"); {
	case found && owner == s.headOwner() && branch == headBranch:
		return s.head
	case found && owner == Owner:
		revision = branch
	}
	commit, _ := s.try("", "rev-parse", "--quiet", "--verify", "--end-of-options", revision+"^{commit}")
	return commit
}

func (s *Server) headOwner() string {
	if s.fork {
		return Contributor
	}
	return Owner
}

func (s *Server) initialize() {
	s.git("", "init", "--quiet", "--bare", "--template=", "--initial-branch=main")
	config, err := os.OpenFile(filepath.Join(s.dir, "config"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		s.tb.Fatal(err)
	}
	defer config.Close()
	// As GitHub is set up: any commit can be fetched by its name.
	fmt.Fprint(config, "[uploadpack]\n\tallowAnySHA1InWant = true\n\tallowFilter = true\n[gc]\n\tauto = 0\n")
}

// commit writes a commit in one run of git, without an index or a work tree.
func (s *Server) commit(parent, message string, files map[string]string, removed ...string) string {
	const ref = "refs/githubtest/commit"
	var stream bytes.Buffer
	fmt.Fprintf(&stream, "commit %s\nmark :1\ncommitter %s <%s> %d +0000\n", ref, author, authorMail, s.now.Unix())
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
	return s.git(stream.String(), "fast-import", "--quiet", "--force")
}

const (
	author     = "Developer"
	authorMail = "developer@example.com"
)

// git runs git on the repository and returns what it prints without the end of the last line; a failure fails the test.
func (s *Server) git(input string, args ...string) string {
	output, err := s.try(input, args...)
	if err != nil {
		s.tb.Errorf("githubtest: git %s: %v", strings.Join(args, " "), err)
	}
	return output
}

// try is git where a failure is an answer.
func (s *Server) try(input string, args ...string) (string, error) {
	output, err := s.run(input, args...)
	return strings.TrimSuffix(output, "\n"), err
}

// run runs git without the user's and the machine's configuration and returns what it prints.
func (s *Server) run(input string, args ...string) (string, error) {
	command := exec.Command("git", args...)
	command.Stdin = strings.NewReader(input)
	var problem bytes.Buffer
	command.Stderr = &problem
	date := fmt.Sprintf("%d +0000", s.now.Unix())
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "GIT_DIR=" + s.dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "LC_ALL=C",
		"GIT_AUTHOR_NAME=" + author, "GIT_AUTHOR_EMAIL=" + authorMail, "GIT_AUTHOR_DATE=" + date,
		"GIT_COMMITTER_NAME=" + author, "GIT_COMMITTER_EMAIL=" + authorMail, "GIT_COMMITTER_DATE=" + date,
	}
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, problem.String())
	}
	return string(output), nil
}
