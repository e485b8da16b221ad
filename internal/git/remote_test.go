package git

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pullcheck/pullcheck/internal/fetch"
)

func (s scratch) remote(ref string) Remote {
	return Remote{URL: "file://" + filepath.ToSlash(s.dir), Ref: ref, Local: true, Timeout: time.Minute, Env: os.Environ()}
}

func TestRemoteCommit(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	first := s.commit()
	s.git("tag", "-a", "v1", "-m", "annotated")
	second := s.commit()
	s.git("branch", "v1") // a tag goes before a branch
	for ref, want := range map[string]string{
		"": second, "main": second, "refs/heads/main": second, "heads/v1": second, "v1": first, "v2": "", "--upload-pack=x": "",
	} {
		if got, err := s.remote(ref).Commit(t.Context(), t.TempDir()); got != want || err != nil {
			t.Errorf("%q: got %q, %v, want %q", ref, got, err, want)
		}
	}
	none := s.remote("main")
	none.URL += "/none"
	_, err := none.Commit(t.Context(), t.TempDir())
	if failure := (*Error)(nil); !errors.As(err, &failure) || failure.Line != "fatal: '"+s.dir+"/none' does not appear to be a git repository" {
		t.Errorf("no repository: got %v", err)
	}
	short := s.remote("main")
	short.Timeout = 1
	if _, err := short.Commit(t.Context(), t.TempDir()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no time: got %v", err)
	}
}

func TestRemoteCheckout(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.write("a", "a\n")
	first := s.commit()
	s.write("a", "b\n")
	second := s.commit()
	for ref, want := range map[string]string{"": second, first: first} {
		dir := t.TempDir()
		if got, err := s.remote(ref).Checkout(t.Context(), dir); got != want || err != nil {
			t.Errorf("%q: got %s, %v, want %s", ref, got, err, want)
		}
		if got := topLevel(dir); len(got) != 1 || got[0] != "a" {
			t.Errorf("%q: the directory has %v", ref, got)
		}
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			t.Errorf("%q: the repository is left", ref)
		}
	}
}

// TestRemoteIgnoresRepositoriesAround runs git in a directory that looks like a bare repository, inside of another
// repository. The configuration of both would send git to another URL and make it run a command.
func TestRemoteIgnoresRepositoriesAround(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	head := s.commit()
	around := newScratch(t)
	inside := scratch{t, around.path("cache")}
	s.do(os.Mkdir(inside.dir, 0o777))
	inside.git("init", "--quiet", "--bare")
	ran := filepath.Join(t.TempDir(), "ran")
	for _, repository := range []scratch{around, inside} {
		repository.git("config", "url.ssh://example.com/.insteadOf", "file://")
		repository.git("config", "core.sshCommand", "touch "+ran+"; false")
	}
	if got, err := s.remote("main").Commit(t.Context(), inside.dir); got != head || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, head)
	}
	below := around.path("below")
	s.do(os.Mkdir(below, 0o777))
	if got, err := s.remote("main").Commit(t.Context(), below); got != head || err != nil {
		t.Errorf("below: got %q, %v, want %q", got, err, head)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a command of the configuration was run")
	}
}

// TestCheckoutRunsNoFilter checks out a file with a filter that the user has configured, as Git LFS does.
func TestCheckoutRunsNoFilter(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.write(".gitattributes", "a filter=f\n")
	s.write("a", "pointer\n")
	s.commit()
	remote, dir, ran := s.remote("main"), t.TempDir(), filepath.Join(t.TempDir(), "ran")
	config := filepath.Join(t.TempDir(), "config")
	s.do(os.WriteFile(config, []byte("[filter \"f\"]\n\trequired = true\n\tsmudge = touch "+ran+"; cat\n"), 0o666))
	remote.Env = append(remote.Env, "GIT_CONFIG_GLOBAL="+config)
	if _, err := remote.Checkout(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "a")); string(data) != "pointer\n" || err != nil {
		t.Errorf("got %q, %v", data, err)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("the filter was run")
	}
}

// TestRemoteObeysTheRules has URLs, redirects and submodules that lead to a server on this machine. It is not asked, and
// the error says why.
func TestRemoteObeysTheRules(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(inside.Close)
	redirecting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, inside.URL+r.URL.Path, http.StatusFound)
	}))
	t.Cleanup(redirecting.Close)
	secure := "https" + strings.TrimPrefix(inside.URL, "http")
	allowed, err := fetch.ParseHost(strings.TrimPrefix(redirecting.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ url, submodule, want string }{
		{inside.URL + "/a", "", inside.URL[len("http://"):] + " is at 127.0.0.1, a loopback address: only --allow-host "},
		{secure + "/a", "", "a loopback address: only --allow-host "},
		{redirecting.URL + "/a", "", inside.URL[len("http://"):] + " is at 127.0.0.1, a loopback address: only --allow-host "},
		{"ssh://git@127.0.0.1:1/a", "", "127.0.0.1 is at 127.0.0.1, a loopback address: only --allow-host 127.0.0.1 permits"},
		{"git@localhost:a", "", "a loopback address: only --allow-host localhost permits"},
		{"[::1]:a", "", "::1 is at ::1, a loopback address: only --allow-host ::1 permits"},
		{"git://127.0.0.1/a", "", "git is asked by https, ssh and file only"},
		{"ftp://127.0.0.1/a", "", "git is asked by https, ssh and file only"},
		{"", inside.URL + "/a", ", a loopback address: only --allow-host "},
		{"", secure + "/a", "a loopback address: only --allow-host "},
		{"", redirecting.URL + "/a", ", a loopback address: only --allow-host "},
		{"", "git@127.0.0.1:a", "transport 'ssh' not allowed"},
		{"", "git://127.0.0.1/a", "transport 'git' not allowed"},
		{"", "ftp://127.0.0.1/a", "transport 'ftp' not allowed"},
	} {
		remote := Remote{URL: test.url, Ref: "main", Submodules: true, Local: true, Timeout: time.Minute}
		if test.submodule != "" {
			s := newScratch(t)
			s.write(".gitmodules", "[submodule \"m\"]\n\tpath = m\n\turl = "+test.submodule+"\n")
			s.commit()
			s.git("update-index", "--add", "--cacheinfo", "160000,"+s.git("rev-parse", "HEAD")+",m")
			s.git("commit", "--quiet", "-m", "m")
			remote.URL = s.remote("main").URL
		}
		remote.Network.Allowed = []fetch.Host{allowed}
		remote.Env = append(os.Environ(), "NO_PROXY=*", "no_proxy=*")
		_, err := remote.Checkout(t.Context(), t.TempDir())
		if err == nil || !strings.Contains(err.Error(), test.want) || asked.Load() > 0 {
			t.Errorf("%s%s: got the error %v, want %q, %d requests", test.url, test.submodule, err, test.want, asked.Load())
		}
	}
}
