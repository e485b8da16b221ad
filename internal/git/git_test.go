package git

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1",
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "c", "GIT_COMMITTER_EMAIL": "c@example.com",
	} {
		os.Setenv(name, value)
	}
	os.Exit(m.Run())
}

// scratch is a repository for a test.
type scratch struct {
	*testing.T
	dir string
}

func newScratch(t *testing.T, initArgs ...string) scratch {
	t.Helper()
	s := scratch{t, t.TempDir()}
	s.git(append([]string{"init", "--quiet", "--initial-branch=main"}, initArgs...)...)
	return s
}

func (s scratch) git(args ...string) string {
	s.Helper()
	command := exec.Command("git", append([]string{"-c", "protocol.file.allow=always"}, args...)...)
	command.Dir = s.dir
	text, err := command.CombinedOutput()
	if err != nil {
		s.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, text)
	}
	return strings.TrimSuffix(string(text), "\n")
}

func (s scratch) path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

func (s scratch) write(name, content string) {
	s.Helper()
	s.do(os.MkdirAll(filepath.Dir(s.path(name)), 0o777), os.WriteFile(s.path(name), []byte(content), 0o666))
}

func (s scratch) remove(name string) {
	s.Helper()
	s.do(os.RemoveAll(s.path(name)))
}

func (s scratch) link(target, name string) {
	s.Helper()
	s.do(os.MkdirAll(filepath.Dir(s.path(name)), 0o777), os.Symlink(target, s.path(name)))
}

func (s scratch) do(errs ...error) {
	s.Helper()
	if err := errors.Join(errs...); err != nil {
		s.Fatal(err)
	}
}

// commits numbers commits, so that two commits of the same files in the same second have different ids.
var commits atomic.Int64

// commit commits all files and returns the id of the commit.
func (s scratch) commit() string {
	s.Helper()
	s.git("add", "--all")
	s.git("commit", "--quiet", "--allow-empty", fmt.Sprintf("--message=%d", commits.Add(1)))
	return s.git("rev-parse", "HEAD")
}

// clone returns a clone. It is made over file://, because git ignores --depth for a path.
func (s scratch) clone(args ...string) scratch {
	s.Helper()
	c := scratch{s.T, s.TempDir()}
	c.git(append(append([]string{"clone", "--quiet"}, args...), "file://"+filepath.ToSlash(s.dir), ".")...)
	return c
}

func (s scratch) open() *Repository {
	s.Helper()
	r, err := Open(s.Context(), s.dir, os.Environ())
	if err != nil {
		s.Fatal(err)
	}
	return r
}

func (s scratch) revision(revision string) *Revision {
	s.Helper()
	tree, err := s.open().Revision(s.Context(), revision)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		if err := tree.Close(); err != nil {
			s.Error(err)
		}
	})
	return tree
}

// numbered returns the lines from one number to another.
func numbered(from, to int) string {
	var text strings.Builder
	for i := from; i <= to; i++ {
		fmt.Fprintf(&text, "line %d\n", i)
	}
	return text.String()
}

func TestFirstErrorLine(t *testing.T) {
	for _, test := range []struct{ name, stderr, want string }{
		{"fatal before all", "warning: w\nhint: h\nfatal: no\nmore\n", "no"},
		{"first line", "warning: w\nssh: cannot connect\nand more\n", "ssh: cannot connect"},
		{"fatal behind the cause", "Warning: w\nssh: cannot connect\nfatal: no\n", "ssh: cannot connect"},
		{"error before fatal", "error: e\nfatal: f\n", "e"},
		{"nothing said", "", "exit status 3"},
		{"token in a URL", "fatal: unable to access 'https://x-access-token:ghs_secret@example.com/a/b/': no\n", "unable to access 'https://example.com/a/b/': no"},
		{"at sign in a password", "fatal: https://a:b@c@example.com/\n", "https://example.com/"},
		{"words of the server", "remote: words\nfatal: f\n", "f"},
		{"slash in a password", "fatal: no https://a:b/c@example.com/\n", "no https://example.com/"},
	} {
		err := &Error{Line: firstErrorLine(test.stderr, errors.New("exit status 3"))}
		if got := strings.TrimPrefix(err.Error(), "git: "); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// TestEnvironmentOfAHookIsIgnored sets the variables that git sets for a hook of another repository.
func TestEnvironmentOfAHookIsIgnored(t *testing.T) {
	s := newScratch(t)
	s.write("a", "a\n")
	base := s.commit()
	s.write("a", "b\n")
	s.write("b", "b\n")
	other := newScratch(t)
	other.commit()
	for name, value := range map[string]string{
		"GIT_DIR": other.path(".git"), "GIT_WORK_TREE": other.dir, "GIT_INDEX_FILE": other.path(".git/index"), "GIT_PREFIX": "x/",
		"GIT_OBJECT_DIRECTORY": other.path(".git/objects"), "GIT_EXTERNAL_DIFF": "false", "GIT_DIFF_OPTS": "-u0", "GIT_CONFIG": os.DevNull,
		"LC_ALL": "de_DE.UTF-8",
	} {
		t.Setenv(name, value)
	}
	r := s.open()
	files, err := r.DiffWorkingTree(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := paths(files), "modified a, added b"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestRepositoryOfAnotherUserIsRead makes git believe that another user owns all files.
func TestRepositoryOfAnotherUserIsRead(t *testing.T) {
	s := newScratch(t)
	s.write("a", "a\n")
	base := s.commit()
	s.write("a", "b\n")
	t.Setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
	if exec.Command("git", "-C", s.dir, "status").Run() == nil {
		t.Fatal("git does not mind the owner")
	}
	files, err := s.open().DiffWorkingTree(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := paths(files), "modified a"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := s.revision("HEAD").ReadFile("a"); err != nil {
		t.Error(err)
	}
}

// TestConfiguredCommandsAreNotRun configures each command that git could run for the functions of this package.
func TestConfiguredCommandsAreNotRun(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.write(".gitattributes", "a diff=d filter=f\nb filter=x=y\nc filter=p\n")
	for _, name := range []string{"a", "b", "c"} {
		s.write(name, "a\n")
	}
	base := s.commit()
	ran := filepath.Join(t.TempDir(), "ran")
	command := func(key string) string { return "echo " + key + " >> " + ran + "; cat" }
	s.write(".git/hooks/post-index-change", "#!/bin/sh\n"+command("a hook")+"\n")
	s.do(os.Chmod(s.path(".git/hooks/post-index-change"), 0o777))
	s.git("config", "filter.f.required", "true")
	for _, key := range []string{
		"core.fsmonitor", "diff.external", "diff.d.command", "diff.d.textconv", "filter.f.clean", "filter.f.smudge",
		"filter.x=y.clean", "filter.p.process", "core.pager", "pager.diff", "core.sshCommand",
	} {
		s.git("config", key, command(key))
	}
	for _, name := range []string{"a", "b", "c", "new"} {
		s.write(name, "b\n")
	}
	r := s.open()
	files, err := r.DiffWorkingTree(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := paths(files), "modified a, modified b, modified c, added new"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := r.Diff(t.Context(), base, base); err != nil {
		t.Error(err)
	}
	if _, err := s.revision(base).ReadFile("a"); err != nil {
		t.Error(err)
	}
	if _, err := r.Uncommitted(t.Context(), []string{"a", "b", "c", "new"}); err != nil {
		t.Error(err)
	}
	if commands, err := os.ReadFile(ran); err == nil {
		t.Errorf("git ran commands of the configuration:\n%s", commands)
	}
}

// TestBareRepositoryIsNotDiscovered: a directory of the input that looks like a bare repository configures nothing.
func TestBareRepositoryIsNotDiscovered(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.write("chart/values.yaml", "a: b\n")
	s.commit()
	s.git("init", "--quiet", "--bare", "chart")
	if got := s.git("-C", "chart", "rev-parse", "--is-bare-repository"); got != "true" {
		t.Fatal("git does not take the directory for a repository")
	}
	r, err := Open(t.Context(), s.path("chart"), os.Environ())
	if err == nil || !strings.Contains(err.Error(), "safe.bareRepository") {
		t.Errorf("got %v, %v", r, err)
	}
}

func TestOpenOutsideOfARepository(t *testing.T) {
	t.Setenv("GIT_CEILING_DIRECTORIES", os.TempDir())
	_, err := Open(t.Context(), t.TempDir(), os.Environ())
	if err == nil || !strings.Contains(err.Error(), "not a git repository") {
		t.Errorf("got %v", err)
	}
}

func TestWithoutGit(t *testing.T) {
	t.Setenv("PATH", "")
	_, err := Open(t.Context(), t.TempDir(), os.Environ())
	if err == nil || err.Error() != "there is no git on the PATH" {
		t.Errorf("got %v", err)
	}
}
