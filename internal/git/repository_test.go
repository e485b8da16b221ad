package git

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pullcheck/pullcheck/render/yamldoc"
)

func TestOpenFromBelow(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.write("a/b/c", "")
	r, err := Open(t.Context(), s.path("a/b"), os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := filepath.EvalSymlinks(s.dir); r.Root() != want {
		t.Errorf("got %s, want %s", r.Root(), want)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	first := s.commit()
	s.git("tag", "-a", "v1", "-m", "annotated")
	second := s.commit()
	s.git("branch", "--", "topic/ü")
	s.git("update-ref", "refs/remotes/origin/only-remote", second)
	absent := strings.Repeat("0123456789", 4)
	r := s.open()
	for _, test := range []struct{ revision, want, err, hint string }{
		{revision: "HEAD", want: second},
		{revision: "HEAD~1", want: first},
		{revision: "v1", want: first},
		{revision: "topic/ü", want: second},
		{revision: first[:12], want: first},
		{revision: first, want: first},
		{revision: absent, err: "commit " + absent + ": this clone lacks it", hint: "git fetch origin " + absent},
		{revision: "only-remote", err: `"only-remote" names no commit`, hint: "origin/only-remote names one"},
		{revision: "HEAD~9", err: `"HEAD~9" names no commit in ` + r.Root(), hint: "git branch --all"},
		{revision: "", err: `"" names no commit`},
		{revision: "--output=x", err: `"--output=x" names no commit`},
		{revision: "--all", err: `"--all" names no commit`},
	} {
		got, err := r.Resolve(t.Context(), test.revision)
		if got != test.want {
			t.Errorf("%s: got %s, want %s", test.revision, got, test.want)
		}
		checkError(t, test.revision, err, test.err, test.hint)
		if lacks := test.revision == absent; errors.Is(err, ErrMissing) != lacks {
			t.Errorf("%s: got ErrMissing %v, want %v", test.revision, !lacks, lacks)
		}
	}
}

// checkError checks that the message and the hint of an error contain two texts. Without a text there must be no
// error, and without a hint any hint is right.
func checkError(t *testing.T, name string, err error, text, hint string) {
	t.Helper()
	if text == "" {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return
	}
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: got error %v, want %q in it", name, err, text)
		return
	}
	if failure := (*yamldoc.Error)(nil); hint != "" && (!errors.As(err, &failure) || !strings.Contains(failure.Hint, hint)) {
		t.Errorf("%s: got error %#v, want hint %q", name, err, hint)
	}
}

func TestMergeBase(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	parted := s.commit()
	s.git("checkout", "--quiet", "-b", "topic")
	s.commit()
	s.git("checkout", "--quiet", "main")
	s.write("a", "a")
	merged := s.commit()
	s.git("checkout", "--quiet", "--orphan", "other")
	s.commit()
	r := s.open()
	for _, test := range []struct{ one, other, want, err string }{
		{one: "main", other: "topic", want: parted},
		{one: "main", other: parted, want: parted},
		{one: "main", other: "other", err: "main and other have no history in common"},
		{one: "main", other: "absent", err: `"absent" names no commit`},
	} {
		got, err := r.MergeBase(t.Context(), test.one, test.other)
		if got != test.want {
			t.Errorf("%s, %s: got %s, want %s", test.one, test.other, got, test.want)
		}
		checkError(t, test.one+", "+test.other, err, test.err, "")
	}
	s.git("checkout", "--quiet", "topic")
	s.git("merge", "--quiet", "--message=m", "main")
	if got, err := r.MergeBase(t.Context(), "main", "topic"); got != merged || err != nil {
		t.Errorf("after a merge of main: got %s, %v, want %s", got, err, merged)
	}
}

// pullRequest makes a repository with the branches main and topic. The topic changes one line, and main has moved on
// since.
func pullRequest(t *testing.T) (s scratch, base, head string) {
	s = newScratch(t)
	s.write("a", numbered(1, 9))
	s.commit()
	s.write("b", "b\n")
	base = s.commit()
	s.git("checkout", "--quiet", "-b", "topic")
	s.write("a", numbered(1, 4)+"changed\n"+numbered(6, 9))
	s.commit()
	head = s.commit()
	s.git("checkout", "--quiet", "main")
	s.write("b", "c\n")
	s.commit()
	return s, base, head
}

func TestShallowClone(t *testing.T) {
	t.Parallel()
	origin, base, head := pullRequest(t)
	s := origin.clone("--depth=1", "--branch=topic", "--no-single-branch")
	r := s.open()
	_, err := r.MergeBase(t.Context(), "origin/main", "HEAD")
	checkError(t, "merge base", err, "the merge base of origin/main and HEAD: this clone lacks it: it is shallow", "fetch-depth: 0")
	if !errors.Is(err, ErrMissing) {
		t.Errorf("merge base: got %v, want ErrMissing", err)
	}
	_, err = r.Resolve(t.Context(), "HEAD~1")
	checkError(t, "HEAD~1", err, `"HEAD~1": this clone lacks it: it is shallow`, "fetch-depth: 0")
	_, err = r.Diff(t.Context(), base, head)
	checkError(t, "diff", err, base, "git fetch --depth=1 origin "+base)
	if !errors.Is(err, ErrMissing) {
		t.Errorf("diff: got %v, want ErrMissing", err)
	}
	if err := r.Fetch(t.Context(), base, head); err != nil {
		t.Fatal(err)
	}
	files, err := r.Diff(t.Context(), base, head)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := paths(files), "modified a"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := s.revision(base).ReadFile("a"); err != nil {
		t.Error(err)
	}
	s.git("fetch", "--quiet", "--unshallow", "origin")
	if got, err := r.MergeBase(t.Context(), "origin/main", "HEAD"); got != base || err != nil {
		t.Errorf("unshallow: got %s, %v, want %s", got, err, base)
	}
}

// TestShallowCloneHidesMergeBase has a clone in which an old commit looks like the merge base, because only the longer
// path to the real merge base is cut off.
func TestShallowCloneHidesMergeBase(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	old := s.commit()
	base := s.commit()
	s.git("branch", "topic")
	for range 4 {
		s.commit()
	}
	s.git("checkout", "--quiet", "-b", "side", old)
	s.commit()
	s.git("checkout", "--quiet", "main")
	s.git("merge", "--quiet", "--message=m", "side")
	s.git("checkout", "--quiet", "topic")
	s.commit()
	c := s.clone("--depth=3", "--branch=topic", "--no-single-branch")
	if got := c.git("merge-base", "origin/main", "HEAD"); got != old {
		t.Fatalf("git finds %s, the clone does not show the case", got)
	}
	got, err := c.open().MergeBase(t.Context(), "origin/main", "HEAD")
	if !errors.Is(err, ErrMissing) {
		t.Errorf("got %s, %v, want ErrMissing", got, err)
	}
	if got, err := s.open().MergeBase(t.Context(), "main", "topic"); got != base || err != nil {
		t.Errorf("got %s, %v, want %s", got, err, base)
	}
}

func TestShallowCloneShowsMergeBase(t *testing.T) {
	t.Parallel()
	origin, base, _ := pullRequest(t)
	c := origin.clone("--depth=3", "--branch=topic", "--no-single-branch")
	if got := c.git("rev-parse", "--is-shallow-repository"); got != "true" {
		t.Fatal("the clone is complete")
	}
	if got, err := c.open().MergeBase(t.Context(), "origin/main", "HEAD"); got != base || err != nil {
		t.Errorf("got %s, %v, want %s", got, err, base)
	}
}

// TestFetchKeepsCompleteClone: fetching a commit into a complete clone does not make it shallow.
func TestFetchKeepsCompleteClone(t *testing.T) {
	t.Parallel()
	origin, base, head := pullRequest(t)
	c := origin.clone("--single-branch", "--branch=main")
	r := c.open()
	_, err := r.Resolve(t.Context(), head)
	checkError(t, "head", err, head, "")
	if err := r.Fetch(t.Context(), base, head); err != nil {
		t.Fatal(err)
	}
	if got, err := r.MergeBase(t.Context(), "HEAD", head); got != base || err != nil {
		t.Errorf("got %s, %v, want %s", got, err, base)
	}
	if got := c.git("rev-parse", "--is-shallow-repository"); got != "false" {
		t.Error("the clone has become shallow")
	}
	if _, err := os.Stat(c.path(".git/FETCH_HEAD")); err == nil {
		t.Error("FETCH_HEAD was written")
	}
}

func TestFetchErrors(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	head := s.commit()
	r := s.open()
	if err := r.Fetch(t.Context(), head); err != nil {
		t.Errorf("what is there: %v", err)
	}
	checkError(t, "no commit", r.Fetch(t.Context(), "--upload-pack=x"), `"--upload-pack=x" is no commit in full`, "")
	absent := strings.Repeat("ab", 20)
	checkError(t, "no remote", r.Fetch(t.Context(), absent), "fetching "+absent+": git: ", "git ls-remote origin")
}

// TestTokenIsSentToTheServerOnly: the server gets one header with the token, and not the header of the configuration.
// Another server gets none.
func TestTokenIsSentToTheServerOnly(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := map[string][]string{}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked[r.Host] = r.Header.Values("Authorization")
		http.NotFound(w, r)
	})
	server, other := httptest.NewServer(handler), httptest.NewServer(handler)
	defer server.Close()
	defer other.Close()
	s := newScratch(t)
	s.commit()
	s.git("config", "http."+server.URL+"/.extraheader", "Authorization: Basic b2xk")
	for _, url := range []string{server.URL, other.URL} {
		s.git("remote", "add", "origin", url+"/acme/apps")
		r := s.open()
		r.LogIn(server.URL+"/", "secret")
		err := r.Fetch(t.Context(), strings.Repeat("ab", 20))
		checkError(t, url, err, "not found", "")
		if text := fmt.Sprint(err); strings.Contains(text, "secret") || strings.Contains(text, "eC1hY2Nlc3MtdG9rZW46c2VjcmV0") {
			t.Errorf("the token is in the error: %s", text)
		}
		s.git("remote", "remove", "origin")
	}
	host := strings.TrimPrefix(server.URL, "http://")
	if got := asked[host]; !slices.Equal(got, []string{"Basic eC1hY2Nlc3MtdG9rZW46c2VjcmV0"}) {
		t.Errorf("the server got %q", got)
	}
	if got, ok := asked[strings.TrimPrefix(other.URL, "http://")]; !ok || len(got) > 0 {
		t.Errorf("the other server got %q", got)
	}
}

func TestUncommitted(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	names := []string{"clean", "changed", "staged", "dir/untracked", "ignored", "*", "ü \"x\""}
	for _, name := range []string{"clean", "changed", "staged", "*", "ü \"x\""} {
		s.write(name, "a\n")
	}
	s.write(".gitignore", "ignored\n")
	s.commit()
	s.git("config", "status.showUntrackedFiles", "no")
	for _, name := range []string{"changed", "staged", "dir/untracked", "ignored", "ü \"x\"", "not asked for"} {
		s.write(name, "b\n")
	}
	s.git("add", "staged")
	got, err := s.open().Uncommitted(t.Context(), names)
	want := map[string]bool{"changed": true, "staged": true, "dir/untracked": true, "ignored": true, "ü \"x\"": true}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}
