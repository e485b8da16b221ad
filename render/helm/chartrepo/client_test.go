package chartrepo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render/yamldoc"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/registry"
	"helm.sh/helm/v3/pkg/repo"
)

// local is a network on which this machine may be asked.
var local = func() fetch.Network {
	host, err := fetch.ParseHost("127.0.0.1")
	if err != nil {
		panic(err)
	}
	return fetch.Network{Allowed: []fetch.Host{host}}
}()

// wantFailure calls Pull, which must fail, and checks what the message and the hint contain.
func wantFailure(t *testing.T, err error, message, hint string) {
	t.Helper()
	failure := (*yamldoc.Error)(nil)
	if !errors.As(err, &failure) {
		t.Fatalf("got the error %v, want a *yamldoc.Error", err)
	}
	if !strings.Contains(failure.Error(), message) {
		t.Errorf("got the error %q, want %q in it", failure, message)
	}
	if !strings.Contains(failure.Hint, hint) || hint == "" && failure.Hint != "" {
		t.Errorf("got the hint %q, want %q", failure.Hint, hint)
	}
	if strings.Contains(failure.Error()+failure.Hint, "s3cret") {
		t.Errorf("%q (%q) holds a credential", failure, failure.Hint)
	}
}

// wantPull calls Pull, which must succeed, and checks the version in the chart.
func wantPull(t *testing.T, c *Client, repository, name, version, want string) {
	t.Helper()
	data, err := c.Pull(t.Context(), repository, name, version)
	if err != nil {
		t.Fatal(err)
	}
	if got := packedVersion(t, data); got != want {
		t.Errorf("%s %s: got version %s, want %s", name, version, got, want)
	}
}

func TestChooseTakesTheVersionThatHelmTakes(t *testing.T) {
	many := []string{"1.0.0", "v1.2.3", "1.2.3+b", "1.2.3+a", "1.10.0", "2.0.0-rc.1", "2.0.0-rc.2", "2.0", "3", "junk", "1.9.9",
		"0.1.0", "0.2.0", "0.3.0", "0.4.0", "0.5.0", "0.6.0"}
	for _, versions := range [][]string{many, many[:4], {"1.0.0-a", "1.0.0-b"}, {"junk"}, {}} {
		index := &repo.IndexFile{Entries: map[string]repo.ChartVersions{"x": {}}}
		for _, v := range versions {
			index.Entries["x"] = append(index.Entries["x"], &repo.ChartVersion{Metadata: &chart.Metadata{Version: v}})
		}
		index.SortEntries()
		for _, asked := range []string{"", "*", "1.2.3", "1.2.3+b", "v1.2.3", "^1", "~1.2", ">=1.0.0-0", ">1 <2", "2.0.0-rc.1", "2.x", "3", "0.x", "9", "no"} {
			want := ""
			if release, err := index.Get("x", asked); err == nil && release.Version != "junk" {
				want = release.Version
			}
			got := ""
			if i, err := choose(versions, asked); err == nil {
				got = versions[i]
			}
			if got != want {
				t.Errorf("choose(%q, %q) = %q, Helm takes %q", versions, asked, got, want)
			}
		}
	}
	tags := []string{"2.0.0-rc.1", "1.2.3+b", "1.2.3", "1.0.0"} // sorted, as Helm's Tags returns them
	for _, asked := range []string{"", "^1", "1.2.3", "1.2.3+b", ">=1-0", "1.0.x", "7"} {
		want, _ := registry.GetTagMatchingVersionOrConstraint(tags, asked)
		got := ""
		if i, err := choose(tags, asked); err == nil {
			got = tags[i]
		}
		if got != want {
			t.Errorf("choose(%q, %q) = %q, Helm takes %q", tags, asked, got, want)
		}
	}
}

func TestVersionNotFoundNamesTheNearest(t *testing.T) {
	versions := []string{"1.0.0", "1.1.0", "1.2.0", "1.3.0", "2.0.0", "2.1.0"}
	for asked, want := range map[string]string{
		"1.2.5": "the nearest are 2.0.0, 1.3.0, 1.2.0, 1.1.0, 1.0.0",
		"9.0.0": "the nearest are 2.1.0, 2.0.0, 1.3.0, 1.2.0, 1.1.0",
		"0.1.0": "the nearest are 1.1.0, 1.0.0",
		"^3":    "the newest are 2.1.0, 2.0.0, 1.3.0, 1.2.0, 1.1.0",
		"x.y":   `"x.y" is neither a version (1.2.3) nor a constraint`,
	} {
		if _, err := choose(versions, asked); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("choose(%q): got the error %v, want %q in it", asked, err, want)
		}
	}
}

func TestCacheHitAsksNobody(t *testing.T) {
	server := newChartServer(t)
	server.add("redis", "19.0.0", "v20.0.0")
	dir := t.TempDir()
	for _, version := range []string{"19.0.0", "v20.0.0"} {
		wantPull(t, &Client{Network: local, Dir: dir}, server.URL, "redis", version, version)
	}
	server.forget()
	for _, version := range []string{"19.0.0", "v20.0.0"} {
		wantPull(t, &Client{Network: local, Dir: dir}, server.URL+"/", "redis", version, version)
	}
	if got := server.requests(); len(got) != 0 {
		t.Errorf("got the requests %v for charts in the cache", got)
	}
}

func TestConstraintAsksForTheIndexOnly(t *testing.T) {
	server := newChartServer(t)
	server.add("redis", "19.0.0", "19.1.0")
	dir := t.TempDir()
	wantPull(t, &Client{Network: local, Dir: dir}, server.URL, "redis", "^19", "19.1.0")
	server.forget()
	wantPull(t, &Client{Network: local, Dir: dir}, server.URL, "redis", "^19", "19.1.0")
	if got := server.requests(); len(got) != 1 || got["/index.yaml"] != 1 {
		t.Errorf("got the requests %v, want one for index.yaml", got)
	}
}

func TestReplacedVersionIsDownloadedAnew(t *testing.T) {
	server := newChartServer(t)
	server.add("redis", "19.0.0")
	dir := t.TempDir()
	wantPull(t, &Client{Network: local, Dir: dir}, server.URL, "redis", "^19", "19.0.0")
	server.replace("redis", "19.0.0", "replaced")
	data, err := (&Client{Network: local, Dir: dir}).Pull(t.Context(), server.URL, "redis", "^19")
	if err != nil {
		t.Fatal(err)
	}
	if got := packed(t, data).Metadata.Description; got != "replaced" {
		t.Errorf("got the chart described as %q", got)
	}
	if got := cachedFiles(t, dir); len(got) != 1 {
		t.Errorf("the cache holds %v, want the new file alone", got)
	}
}

func TestDamagedCacheIsReplaced(t *testing.T) {
	server := newChartServer(t)
	server.add("redis", "19.0.0")
	dir := t.TempDir()
	wantPull(t, &Client{Network: local, Dir: dir}, server.URL, "redis", "19.0.0", "19.0.0")
	for _, damage := range []string{"", "half a chart"} {
		file := cachedFiles(t, dir)[0]
		if err := os.WriteFile(file, []byte(damage), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := (&Client{Network: local, Dir: dir, Offline: true}).Pull(t.Context(), server.URL, "redis", "19.0.0")
		wantFailure(t, err, "the cache's copy is damaged: "+file, "run once without --offline")
		wantPull(t, &Client{Network: local, Dir: dir}, server.URL, "redis", "19.0.0", "19.0.0")
		if got := cachedFiles(t, dir); len(got) != 1 {
			t.Errorf("the cache holds %v, want one file", got)
		}
	}
}

func TestOfflineTakesTheBestOfTheCache(t *testing.T) {
	server := newChartServer(t)
	server.add("redis", "18.0.0", "19.0.0", "20.0.0-rc.1")
	dir := t.TempDir()
	for _, version := range []string{"18.0.0", "19.0.0", "20.0.0-rc.1"} {
		wantPull(t, &Client{Network: local, Dir: dir}, server.URL, "redis", version, version)
	}
	server.forget()
	offline := &Client{Network: local, Dir: dir, Offline: true}
	for version, want := range map[string]string{"18.0.0": "18.0.0", ">=18": "19.0.0", "": "19.0.0", ">=20-0": "20.0.0-rc.1"} {
		wantPull(t, offline, server.URL, "redis", version, want)
	}
	for _, test := range []struct{ repository, name, version, message string }{
		{"https://example.com/charts", "redis", "19.0.0", "redis 19.0.0 of https://example.com/charts: not in the cache"},
		{"oci://example.com/charts", "redis", "^19", "redis ^19 of oci://example.com/charts: not in the cache"},
		{server.URL, "other", "19.0.0", ": not in the cache"},
		{server.URL, "redis", "19.0.1", ": not in the cache: there is no such version: the nearest are 20.0.0-rc.1, 19.0.0, 18.0.0"},
	} {
		_, err := offline.Pull(t.Context(), test.repository, test.name, test.version)
		wantFailure(t, err, test.message, "run once without --offline; a dependency can be vendored with: helm dependency build")
	}
	if got := server.requests(); len(got) != 0 {
		t.Errorf("got the requests %v while offline", got)
	}
}

func TestConcurrentPullsAskOnce(t *testing.T) {
	server := newChartServer(t)
	server.add("redis", "19.0.0")
	server.add("postgresql", "1.0.0")
	c := &Client{Network: local, Dir: t.TempDir()}
	var wait sync.WaitGroup
	for i := range 40 {
		wait.Go(func() {
			name, version := "redis", "19.0.0"
			if i%2 == 0 {
				name, version = "postgresql", "1.0.0"
			}
			if _, err := c.Pull(t.Context(), server.URL, name, version); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for path, n := range server.requests() {
		if n != 1 {
			t.Errorf("%s was asked for %d times", path, n)
		}
	}
	if got := len(server.requests()); got != 3 {
		t.Errorf("got %d different requests, want the index and two charts", got)
	}
}

// TestConcurrentWritersLeaveOneFile: two processes, or two constraints with the same answer, write the same file at
// the same time.
func TestConcurrentWritersLeaveOneFile(t *testing.T) {
	server := newChartServer(t)
	server.add("redis", "19.0.0")
	dir := t.TempDir()
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if _, err := (&Client{Network: local, Dir: dir}).Pull(t.Context(), server.URL, "redis", "^19"); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if got := cachedFiles(t, dir); len(got) != 1 {
		t.Errorf("the cache holds %v, want one file", got)
	}
}

func TestCancelWhileTheServerStalls(t *testing.T) {
	server := newChartServer(t)
	server.add("redis", "19.0.0")
	for _, stalled := range []string{"/index.yaml", "/redis-19.0.0.tgz"} {
		t.Run(stalled, func(t *testing.T) {
			c := &Client{Network: local, Dir: t.TempDir()}
			arrived, release := server.stall(stalled)
			defer release()
			ctx, cancel := context.WithCancel(t.Context())
			failed := make(chan error)
			for range 2 { // one that fetches, one that waits for it
				go func() {
					_, err := c.Pull(ctx, server.URL, "redis", "19.0.0")
					failed <- err
				}()
			}
			<-arrived
			cancel()
			for range 2 {
				if err := <-failed; !errors.Is(err, context.Canceled) {
					t.Errorf("got the error %v, want context.Canceled", err)
				}
			}
			if got := cachedFiles(t, c.Dir); len(got) != 0 {
				t.Errorf("the cache holds %v", got)
			}
			release()
			wantPull(t, c, server.URL, "redis", "19.0.0", "19.0.0")
		})
	}
}

// TestCanceledCallerLeavesTheOther: of two callers with contexts of their own, one is canceled, and the other gets its
// chart.
func TestCanceledCallerLeavesTheOther(t *testing.T) {
	server := newChartServer(t)
	server.add("redis", "19.0.0")
	c := &Client{Network: local, Dir: t.TempDir()}
	arrived, release := server.stall("/index.yaml")
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error), make(chan error)
	go func() {
		_, err := c.Pull(ctx, server.URL, "redis", "19.0.0")
		first <- err
	}()
	<-arrived
	go func() {
		_, err := c.Pull(t.Context(), server.URL, "redis", "19.0.0")
		second <- err
	}()
	gone, leave := context.WithCancel(t.Context())
	leave()
	for range 10 { // a select may look at the context only every other time
		if _, err := c.Pull(gone, server.URL, "redis", "19.0.0"); !errors.Is(err, context.Canceled) {
			t.Errorf("got the error %v, want context.Canceled at once", err)
		}
	}
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("got the error %v, want context.Canceled", err)
	}
	release()
	if err := <-second; err != nil {
		t.Error(err)
	}
}

func TestFailureIsNotAskedForAgain(t *testing.T) {
	server := newChartServer(t)
	server.answer("/index.yaml", 500, "")
	c := &Client{Network: local, Dir: t.TempDir()}
	for _, name := range []string{"redis", "redis", "postgresql"} {
		_, err := c.Pull(t.Context(), server.URL, name, "1.0.0")
		wantFailure(t, err, "/index.yaml: 500 Internal Server Error", "")
	}
	if got := server.requests()["/index.yaml"]; got != 1 {
		t.Errorf("index.yaml was asked for %d times", got)
	}
}

func TestHostileNamesWriteNoFile(t *testing.T) {
	server := newChartServer(t)
	server.add("redis", "19.0.0")
	index := server.index()
	index["entries"].(map[string]any)["evil"] = []map[string]any{
		{"version": "../../../evil", "urls": []string{"redis-19.0.0.tgz"}},
		{"version": "1.0.0/../../evil", "urls": []string{"redis-19.0.0.tgz"}},
		{"version": "2.0.0", "urls": []string{"file:///etc/passwd"}},
	}
	server.setIndex(index)
	parent := t.TempDir()
	c := &Client{Network: local, Dir: filepath.Join(parent, "a", "b", "cache")}
	for _, test := range []struct{ repository, name, version, message, hint string }{
		{server.URL, "../redis", "19.0.0", `"../redis" is no name of a chart`, ""},
		{server.URL, "..", "19.0.0", `".." is no name of a chart`, ""},
		{server.URL, "", "19.0.0", `"" is no name of a chart`, ""},
		{server.URL, `a\b`, "19.0.0", "is no name of a chart", ""},
		{server.URL, "redis", "../19.0.0", `"../19.0.0" is neither a version`, ""},
		{server.URL, "evil", "../../../evil", "is neither a version", ""},
		{server.URL, "evil", "<2", "there is no such version: the newest are 2.0.0", changeVersionHint},
		{server.URL, "evil", "2.0.0", "a download has a URL with https://", ""},
		{"oci://127.0.0.1:1/a/../b", "redis", "1.0.0", "invalid reference", ""},
		{"oci://127.0.0.1:1/a", "redis", "1.0.0@sha256:00", "is neither a version", ""},
		{"file:///etc", "redis", "1.0.0", "a repository to download from is https://", "vendor it"},
		{"s3://bucket", "redis", "1.0.0", "a repository to download from is https://", "vendor it"},
		{"stable", "redis", "1.0.0", "a repository to download from is https://", "vendor it"},
	} {
		_, err := c.Pull(t.Context(), test.repository, test.name, test.version)
		wantFailure(t, err, test.message, test.hint)
	}
	if got := cachedFiles(t, parent); len(got) != 0 {
		t.Errorf("there are the files %v", got)
	}
}

func TestCacheThatCannotBeWritten(t *testing.T) {
	server := newChartServer(t)
	server.add("redis", "19.0.0")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := (&Client{Network: local, Dir: filepath.Join(file, "cache")}).Pull(t.Context(), server.URL, "redis", "19.0.0")
	wantFailure(t, err, "the cache cannot be used: ", "XDG_CACHE_HOME")

	c := &Client{Network: local, Dir: t.TempDir()}
	wantPull(t, c, server.URL, "redis", "19.0.0", "19.0.0")
	held := cachedFiles(t, c.Dir)[0]
	if err := errors.Join(os.Remove(held), os.Mkdir(held, 0o755)); err != nil {
		t.Fatal(err)
	}
	_, err = (&Client{Network: local, Dir: c.Dir}).Pull(t.Context(), server.URL, "redis", "19.0.0")
	wantFailure(t, err, "the cache cannot be used: ", "XDG_CACHE_HOME")
	if got := cachedFiles(t, c.Dir); len(got) != 0 {
		t.Errorf("the failed write left %v", got)
	}
}

// cachedFiles lists the files below a directory, half-written ones too.
func cachedFiles(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return files
}
