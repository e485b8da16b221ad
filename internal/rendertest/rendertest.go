// Package rendertest helps tests of several packages to render: it finds sources without a network, packs charts,
// makes git repositories, and counts the renders of sources. It is test code: the program does not import it, and a
// test in cmd/pullcheck holds it to that.
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

// Finder returns a finder for the sources of a tree. Its engines download nothing, and have their cache in the
// directory cache. Sources found by one finder share the engines.
func Finder(fsys fs.FS, cache string) discover.Finder {
	charts := &chartrepo.Client{Dir: filepath.Join(cache, "charts"), Offline: true}
	chart := &helm.Engine{Charts: charts}
	kustomization := &kustomize.Engine{
		Charts: charts, Helm: chart, Dir: filepath.Join(cache, "git"), Env: os.Environ(), Offline: true, LocalRepositories: true,
	}
	return discover.Finder{
		Tree: fsys, Chart: helm.Source{Engine: chart}, Kustomization: kustomize.Source{Engine: kustomization},
	}
}

// Sources returns the sources of a tree that are files. It ends the test if they cannot be found.
func Sources(t testing.TB, fsys fs.FS) []render.Source {
	t.Helper()
	sources, err := Finder(fsys, t.TempDir()).Find(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	return sources
}

// Counter counts the renders of sources. Tests use it to hold the program to its costs. The zero value is ready to
// use. It is safe for concurrent use.
type Counter struct {
	mutex   sync.Mutex
	renders map[render.ID]int
}

// Count returns a source that renders as the given source does, and counts its renders.
func (c *Counter) Count(source render.Source) render.Source { return counted{source, c} }

// Renders returns the number of renders of each source until now.
func (c *Counter) Renders() map[render.ID]int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return maps.Clone(c.renders)
}

// counted is a source that counts its renders.
type counted struct {
	render.Source
	by *Counter
}

// Render implements render.Source.
func (c counted) Render(ctx context.Context, in render.In) (*render.Result, error) {
	c.by.mutex.Lock()
	if c.by.renders == nil {
		c.by.renders = map[render.ID]int{}
	}
	c.by.renders[c.ID()]++
	c.by.mutex.Unlock()
	return c.Source.Render(ctx, in)
}

// Pack returns a .tgz archive with files, by their names in the archive. The same files make the same bytes.
func Pack(files map[string][]byte) []byte {
	var data bytes.Buffer
	compressed := gzip.NewWriter(&data)
	archive := tar.NewWriter(compressed)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		// Errors are ignored: writing to a buffer does not fail.
		_ = archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))})
		_, _ = archive.Write(files[name])
	}
	_ = archive.Close()
	_ = compressed.Close()
	return data.Bytes()
}

// Commit makes a git repository with one commit of files on the branch main, and returns its URL (file://). The
// repository is deleted with the test.
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

// Git runs git in a directory, without the configuration of the user. It ends the test if git fails.
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
