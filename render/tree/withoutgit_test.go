package tree

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestGitsOwnFilesAreNoPartOfATree: nothing leads to them, in the tree on disk, in an overlay and through a probe.
func TestGitsOwnFilesAreNoPartOfATree(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"a/file", ".git/config", ".git/x/y", "a/.git/config", ".GIT/config", "submodule/file", "submodule/.git", "other/config",
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte("token"), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{
		"to-dir": ".git", "to-file": "a/../.git/config", "chain": "to-dir", "a/chain": "../chain/x", "over": ".git/../a/file",
		"into-submodule": "submodule/.git", "harmless": "a/file", "harmless-dir": "a", "absolute": dir + "/.git/config", "out": "../" + filepath.Base(dir) + "/.git/config",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	// This is what a short name of Windows is: another name for the same file.
	if err := os.Link(filepath.Join(dir, "submodule/.git"), filepath.Join(dir, "submodule/GIT~1")); err != nil {
		t.Fatal(err)
	}
	work, err := OpenRoot(dir, dir)
	if err != nil {
		t.Fatal(err)
	}
	overlay := NewOverlay(work.Files)
	overlay.Mount("mounted", WithoutGit(os.DirFS(dir)))
	overlay.Write("mounted/written", nil)
	probed := Probed{NewLinked(overlay), func(_ string, data []byte) []byte { return data }}
	for _, fsys := range []fs.FS{work.Files, WithoutGit(os.DirFS(dir)), overlay, probed} {
		for _, name := range []string{
			".git", ".git/config", ".git/x", "a/.git/config", ".GIT", ".GIT/config", "submodule/.git", "submodule/GIT~1", "to-dir", "to-dir/config", "to-file",
			"chain/x/y", "a/chain/y", "a/chain", "into-submodule", "harmless-dir/.git/config", "harmless-dir/chain/y", "absolute", "out",
		} {
			wantHidden(t, fsys, name)
		}
		for _, name := range []string{"a/file", "over", "harmless", "harmless-dir/file", "other/config", "submodule/file"} {
			if data, err := fs.ReadFile(fsys, name); string(data) != "token" || err != nil {
				t.Errorf("%T: %s: got %q, %v", fsys, name, data, err)
			}
		}
		entries, err := fs.ReadDir(fsys, "submodule")
		if err != nil || slices.ContainsFunc(entries, func(entry fs.DirEntry) bool { return entry.Name() == ".git" }) {
			t.Errorf("%T: got %v, %v", fsys, entries, err)
		}
		if IsTracked(fsys, "submodule/file") || !IsTracked(fsys, "other/config") {
			t.Errorf("%T: submodules are not told apart", fsys)
		}
	}
	for _, name := range []string{"mounted/.git/config", "mounted/to-dir/config"} {
		wantHidden(t, overlay, name)
	}
}

// wantHidden checks that a path cannot be read in any way.
func wantHidden(t *testing.T, fsys fs.FS, name string) {
	t.Helper()
	if data, err := fs.ReadFile(fsys, name); err == nil {
		t.Errorf("%T: %s is read: %q", fsys, name, data)
	}
	if file, err := fsys.Open(name); err == nil {
		t.Errorf("%T: %s is opened: %v", fsys, name, file)
	}
	if info, err := fs.Stat(fsys, name); err == nil {
		t.Errorf("%T: %s is there: %v", fsys, name, info)
	}
	if entries, err := fs.ReadDir(fsys, name); err == nil {
		t.Errorf("%T: %s is listed: %v", fsys, name, entries)
	}
}

// TestLongPathIsRefused: the time to resolve a path grows with the square of its length.
func TestLongPathIsRefused(t *testing.T) {
	t.Parallel()
	files := WithoutGit(fstest.MapFS{})
	name := strings.Repeat("a/", maxPath) + "b"
	wantHidden(t, files, name)
	_, errStat := fs.Stat(files, name)
	_, errLstat := fs.Lstat(files, name)
	_, errLink := fs.ReadLink(files, name)
	for _, err := range []error{errStat, errLstat, errLink} {
		if !errors.Is(err, errTooLong) {
			t.Errorf("got %.100v", err)
		}
	}
}

func TestWithoutGitIsAFileSystem(t *testing.T) {
	files := fstest.MapFS{"a/b/c": {Data: []byte("c")}, "a/.git/config": {}, ".git": {}, "d": {Data: []byte("a/b"), Mode: fs.ModeSymlink}}
	if err := fstest.TestFS(WithoutGit(files), "a/b/c", "d"); err != nil {
		t.Error(err)
	}
}
