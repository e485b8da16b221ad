// Package rendertest has what tests of several packages need to render: sources found without a network, packaged charts,
// repositories, and sources that count their renders. It is test code; the program does not import it.
package rendertest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/discover"
	"github.com/pullcheck/pullcheck/render/helm"
	"github.com/pullcheck/pullcheck/render/helm/chartrepo"
	"github.com/pullcheck/pullcheck/render/kustomize"
)

// Finder returns a finder of the sources of a tree, whose engines download nothing and keep their cache in the directory
// cache.
func Finder(fsys fs.FS, cache string) discover.Finder {
	charts := &chartrepo.Client{Dir: filepath.Join(cache, "charts"), Offline: true}
	chart := &helm.Engine{Charts: charts}
	kustomization := &kustomize.Engine{Charts: charts, Helm: chart, Dir: filepath.Join(cache, "git"), Env: os.Environ(), Offline: true}
	return discover.Finder{
		Tree: fsys, Chart: helm.Source{Engine: chart}, Kustomization: kustomize.Source{Engine: kustomization},
	}
}

// Sources returns the sources of a tree.
func Sources(t testing.TB, fsys fs.FS) []render.Source {
	t.Helper()
	sources, err := Finder(fsys, t.TempDir()).Find(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	return sources
}

// Counter counts the renders of sources. It is safe for concurrent use.
type Counter struct {
	mutex   sync.Mutex
	renders map[render.ID]int
}

// Count returns a source whose renders are counted.
func (c *Counter) Count(source render.Source) render.Source { return counted{source, c} }

// Renders returns the number of renders of each source.
func (c *Counter) Renders() map[render.ID]int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return maps.Clone(c.renders)
}

type counted struct {
	render.Source
	by *Counter
}

func (c counted) Render(ctx context.Context, in render.In) (*render.Result, error) {
	c.by.mutex.Lock()
	if c.by.renders == nil {
		c.by.renders = map[render.ID]int{}
	}
	c.by.renders[c.ID()]++
	c.by.mutex.Unlock()
	return c.Source.Render(ctx, in)
}

// Pack returns a .tgz archive of files, by their names in it.
func Pack(files map[string][]byte) []byte {
	var data bytes.Buffer
	compressed := gzip.NewWriter(&data)
	archive := tar.NewWriter(compressed)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		_ = archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))}) // A buffer takes everything.
		_, _ = archive.Write(files[name])
	}
	_ = archive.Close()
	_ = compressed.Close()
	return data.Bytes()
}

// Commit makes a repository with files in one commit on the branch main, and returns its URL.
func Commit(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "repository")
	for name, data := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	Git(t, dir, "init", "--quiet", "--initial-branch=main")
	Git(t, dir, "add", "--all")
	Git(t, dir, "commit", "--quiet", "--message=test")
	return "file://" + filepath.ToSlash(dir)
}

// Git runs git in a directory, without the configuration of the user.
func Git(t testing.TB, dir string, args ...string) {
	t.Helper()
	command := exec.Command("git", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=test", "GIT_AUTHOR_EMAIL=test", "GIT_COMMITTER_NAME=test", "GIT_COMMITTER_EMAIL=test")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}
