package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func (s scratch) remote(ref string) Remote {
	return Remote{URL: "file://" + filepath.ToSlash(s.dir), Ref: ref, Timeout: time.Minute, Env: os.Environ()}
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
