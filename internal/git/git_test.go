package git

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// marker returns a file, and a command that writes a word to the file: a test fails if the file has words at the end.
func marker(t *testing.T) (command func(word string) string) {
	ran := filepath.Join(t.TempDir(), "ran")
	t.Cleanup(func() {
		if words, err := os.ReadFile(ran); err == nil {
			t.Errorf("git ran commands:\n%s", words)
		}
	})
	return func(word string) string { return "echo " + word + " >> " + ran + "; exit 1; #" }
}

// hostile configures each program that git can start, in a file that .git/config includes.
func (s scratch) hostile(command func(word string) string) {
	s.Helper()
	s.write(".git/hooks/post-index-change", "#!/bin/sh\n"+command("a hook")+"\n")
	s.do(os.Chmod(s.path(".git/hooks/post-index-change"), 0o777))
	s.git("config", "include.path", "included")
	for _, key := range []string{
		"core.fsmonitor", "diff.external", "diff.d.command", "diff.d.textconv", "filter.f.clean", "filter.f.smudge",
		"filter.x=y.clean", "filter.p.process", "core.pager", "pager.diff", "pager.status", "core.sshCommand", "core.askPass", "core.gitProxy",
		"core.alternateRefsCommand", "core.editor", "credential.helper", "credential.https://127.0.0.1.helper", "remote.origin.uploadpack",
		"remote.origin.receivepack", "uploadpack.packObjectsHook", "gc.recentObjectsHook", "gpg.program", "hook.h.command", "merge.d.driver",
		"alias.diff", "alias.status", "alias.rev-parse", "submodule.inner.update", "interactive.diffFilter", "trailer.t.command",
	} {
		s.git("config", "--file", ".git/included", key, "!"+command(key))
		if !strings.HasPrefix(key, "alias.") && key != "credential.helper" && !strings.HasPrefix(key, "submodule.") {
			s.git("config", "--file", ".git/included", key, command(key))
		}
	}
	for key, value := range map[string]string{
		"filter.f.required": "true", "hook.h.event": "post-index-change", "protocol.allow": "always", "protocol.ext.allow": "always",
		"protocol.file.allow": "always", "core.hooksPath": s.path(".git/hooks"), "core.worktree": s.TempDir(),
	} {
		s.git("config", "--file", ".git/included", key, value)
	}
}

// TestConfiguredCommandsAreNotRun configures each command that git could run for the functions of this package, and
// calls all of them.
func TestConfiguredCommandsAreNotRun(t *testing.T) {
	t.Parallel()
	command := marker(t)
	inner := newScratch(t)
	inner.commit()
	s := newScratch(t)
	s.write(".gitattributes", "a diff=d filter=f\nb filter=x=y\nc filter=p\n")
	for _, name := range []string{"a", "b", "c"} {
		s.write(name, "a\n")
	}
	s.git("submodule", "--quiet", "add", "file://"+inner.dir, "inner")
	base := s.commit()
	scratch{t, s.path("inner")}.git("config", "core.fsmonitor", command("of a submodule"))
	nested := scratch{t, s.path("nested")}
	s.do(os.Mkdir(nested.dir, 0o777))
	nested.git("init", "--quiet")
	nested.commit()
	nested.git("config", "core.fsmonitor", command("of a nested repository"))
	s.hostile(command)
	for _, name := range []string{"a", "b", "c", "new"} {
		s.write(name, "b\n")
	}
	r := s.open()
	files, err := r.DiffWorkingTree(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := paths(files), "modified a, modified b, modified c, added nested, added new"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := r.Diff(t.Context(), base, base); err != nil {
		t.Error(err)
	}
	if _, err := s.revision(base).ReadFile("a"); err != nil {
		t.Error(err)
	}
	if _, err := r.Uncommitted(t.Context(), []string{"a", "b", "c", "new", "inner", "nested"}); err != nil {
		t.Error(err)
	}
	if _, err := r.MergeBase(t.Context(), base, "HEAD"); err != nil {
		t.Error(err)
	}
	if origin := r.Origin(t.Context()); origin != "" {
		t.Error(origin)
	}
}

// TestFetchRunsNoConfiguredCommand fetches from a server that asks for a password, over ssh, over a transport that is a
// command, and from a path.
func TestFetchRunsNoConfiguredCommand(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="a"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(server.Close) // after the parallel cases
	other := newScratch(t)
	head := other.commit()
	for name, url := range map[string]string{
		"password": server.URL + "/a/b", "ssh": "ssh://git@127.0.0.1:1/a/b", "ext": "ext::sh -c 'echo ext'", "git": "git://127.0.0.1:1/a/b",
		"helper of another name": "foo::bar", "path": other.dir, "file": "file://" + other.dir, "insteadOf": "https://example.com/a/b",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScratch(t)
			s.commit()
			s.git("remote", "add", "origin", url)
			s.git("config", "url.file://"+other.dir+".insteadOf", "https://example.com/a/b")
			s.write(".git/objects/info/alternates", other.path(".git/objects")+"\n")
			s.hostile(marker(t))
			if err := s.open().Fetch(t.Context(), strings.Repeat("ab", 20)); err == nil {
				t.Error("an absent commit was fetched")
			}
		})
	}
	s := newScratch(t)
	s.commit()
	s.git("remote", "add", "origin", other.dir)
	alternate := newScratch(t)
	alternate.commit()
	s.write(".git/objects/info/alternates", alternate.path(".git/objects")+"\n")
	s.git("config", "core.alternateRefsCommand", marker(t)("alternateRefsCommand"))
	if err := s.open().Fetch(t.Context(), head); err != nil {
		t.Errorf("without a command, a path is fetched: %v", err)
	}
}

// TestMissingObjectsAreFetchedWithoutCommands: in a partial clone, git itself fetches what is missing, but only where
// revisions are compared.
func TestMissingObjectsAreFetchedWithoutCommands(t *testing.T) {
	t.Parallel()
	origin, _, head := pullRequest(t)
	origin.git("config", "uploadpack.allowFilter", "true")
	origin.git("config", "uploadpack.allowAnySHA1InWant", "true")
	c := origin.clone("--filter=blob:none", "--no-checkout")
	if data, err := c.revision(head).ReadFile("a"); err != nil || len(data) == 0 {
		t.Errorf("got %q, %v", data, err)
	}
	c = origin.clone("--filter=tree:0", "--no-checkout")
	if _, err := c.open().Uncommitted(t.Context(), []string{"a"}); err == nil {
		t.Error("status has fetched a tree")
	}
	c.hostile(marker(t))
	if _, err := c.open().Revision(t.Context(), head); err == nil {
		t.Error("a remote with a command of its own was asked")
	}
}

// TestEnvironmentIsWhatGitNeeds has a git that prints its environment.
func TestEnvironmentIsWhatGitNeeds(t *testing.T) {
	secret := []string{
		"GITHUB_TOKEN", "GH_TOKEN", "GITHUB_ENV", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "INPUT_TOKEN", "CI_JOB_TOKEN",
		"ARGOCD_ENV_TOKEN", "ARGOCD_APP_PARAMETERS", "REDIS_PASSWORD", "AWS_SECRET_ACCESS_KEY", "VAULT_TOKEN", "NPM_TOKEN", "SSH_PRIVATE_KEY",
		"KUBECONFIG", "DATABASE_URL", "PULLCHECK_X",
	}
	needed := []string{"HOME", "PATH", "https_proxy", "HTTPS_PROXY", "no_proxy", "SSH_AUTH_SOCK", "GIT_ASKPASS", "GIT_SSL_CAINFO", "GIT_TOKEN",
		"SSL_CERT_FILE", "XDG_CONFIG_HOME", "SystemRoot"}
	var caller []string
	for _, name := range append(secret, needed...) {
		caller = append(caller, name+"=of the caller")
	}
	env := environment(caller)
	for _, name := range secret {
		if slices.Contains(env, name+"=of the caller") {
			t.Errorf("git gets %s", name)
		}
	}
	for _, name := range needed {
		if !slices.Contains(env, name+"=of the caller") {
			t.Errorf("git does not get %s", name)
		}
	}
}

// TestHooksOfTheConfigurationAreOff: git 2.54 and later run them whatever core.hooksPath says.
func TestHooksOfTheConfigurationAreOff(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.git("config", "hook.a.b=c.command", "touch x")
	if r := s.open(); !slices.Contains(r.settings, "--config-env=hook.a.b=c.enabled="+emptyVariable) {
		t.Errorf("got %q", r.settings)
	}
}

// TestUserForbidsProtocols: GIT_ALLOW_PROTOCOL of the user counts where it permits less.
func TestUserForbidsProtocols(t *testing.T) {
	for user, want := range map[string]string{"https:ext": "https:none", "": "none", "file:ssh:http:https": "https:http:ssh:none"} {
		r := newRunner("", []string{"GIT_ALLOW_PROTOCOL=" + user})
		r.protocols = remoteProtocols
		if got := r.allowed(); got != want {
			t.Errorf("%q: got %q, want %q", user, got, want)
		}
	}
}

// TestBareRepositoryIsNotDiscovered: a directory of the input that looks like a bare repository is a directory of the
// repository around it.
func TestBareRepositoryIsNotDiscovered(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.write("chart/values.yaml", "a: b\n")
	s.commit()
	s.git("init", "--quiet", "--bare", "chart")
	if got := s.git("-C", "chart", "rev-parse", "--is-bare-repository"); got != "true" {
		t.Fatal("git does not take the directory for a repository")
	}
	if r, err := Open(t.Context(), s.path("chart"), os.Environ()); err != nil || r.Root() != s.open().Root() {
		t.Errorf("got %v, %v", r, err)
	}
	alone := scratch{t, t.TempDir()}
	alone.git("init", "--quiet", "--bare")
	alone.git("config", "core.bare", "false")
	alone.git("config", "core.worktree", s.dir)
	if r, err := Open(t.Context(), alone.dir, os.Environ()); err == nil {
		t.Errorf("alone: got %v", r)
	}
}

func TestOpenOutsideOfARepository(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), t.TempDir(), os.Environ())
	if err == nil || !strings.Contains(err.Error(), "not a git repository") {
		t.Errorf("got %v", err)
	}
}

func TestWithoutGit(t *testing.T) {
	s := newScratch(t)
	t.Setenv("PATH", "")
	_, err := Open(t.Context(), s.dir, os.Environ())
	if err == nil || err.Error() != "there is no git on the PATH" {
		t.Errorf("got %v", err)
	}
}
