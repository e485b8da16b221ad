package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/pullcheck/pullcheck/render/tree"
)

func TestRevision(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.write("a/b/c", "c\r\n")
	s.write("a/ü \"x\"\t", "\x00\xff")
	s.write("empty", "")
	s.write("large", strings.Repeat("x", 1<<20))
	s.write("run", "x")
	s.do(os.Chmod(s.path("run"), 0o755))
	s.write(".gitattributes", "pointer filter=lfs diff=lfs\na/b/c text eol=lf\n")
	pointer := "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
	s.write("pointer", pointer)
	s.link("a/b", "l")
	commit := s.commit()
	s.remove("a")
	s.write("empty", "no more")
	s.commit()
	tree := s.revision(commit)
	if err := fstest.TestFS(tree, "a/b/c", "a/ü \"x\"\t", "empty", "large", "run", "pointer", "l"); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"a/b/c": "c\n", "l/c": "c\n", "a/ü \"x\"\t": "\x00\xff", "empty": "", "pointer": pointer} {
		if data, err := tree.ReadFile(name); string(data) != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", name, data, err, want)
		}
	}
	if info, err := tree.Stat("run"); err != nil || info.Mode() != 0o555 {
		t.Errorf("run: got %v, %v", info, err)
	}
}

// TestRevisionIsLikeACheckout compares a revision with os.Root on a checkout of the same commit.
func TestRevisionIsLikeACheckout(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.write("d/e/f", "f")
	s.write("file", "file")
	for link, target := range map[string]string{
		"to-file": "file", "to-dir": "d", "d/up": "../file", "d/e/up-up": "../../d/e/f", "d/self": ".", "d/parent": "..",
		"absent": "no/thing", "absent-up": "no/../file", "file-up": "file/../file", "file-slash": "file/", "dir-slash": "d/",
		"file-dot": "file/.", "out": "../file", "d/out": "../../file", "absolute": "/etc/passwd", "loop": "loop", "loop-a": "loop-b",
		"loop-b": "loop-a", "to-link": "to-dir/e", "double": "d//e///f", "through": "to-dir/up", "weird": "to-dir/../file",
	} {
		s.link(target, link)
	}
	s.link("file", "chain0")
	for i := range 10 {
		s.link(fmt.Sprint("chain", i), fmt.Sprint("chain", i+1))
	}
	s.commit()
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	s.remove(".git/index")
	var names []string
	for _, first := range topLevel(s.dir) {
		names = append(names, first)
		for _, below := range []string{"f", "e", "e/f", "d/e/f", "up", "d/up", "x", "e/up-up", "parent/file", "self/self/up", "file", "out"} {
			names = append(names, first+"/"+below)
		}
	}
	names = append(names, ".", "", "/file", "d/../file", "d/", "./file", "no", "\xff")
	tree := s.revision("HEAD")
	for _, name := range names {
		if got, want := seen(tree, name), seen(root.FS(), name); got != want {
			t.Errorf("%q: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

func topLevel(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, entry := range entries {
		if entry.Name() != ".git" {
			names = append(names, entry.Name())
		}
	}
	return names
}

// seen returns everything that a tree shows at a path.
func seen(fsys fs.FS, name string) string {
	var text strings.Builder
	note := func(what string, err error, value ...any) {
		failure := (*fs.PathError)(nil)
		switch {
		case err == nil:
			fmt.Fprintln(&text, what, value)
		case errors.Is(err, fs.ErrNotExist):
			fmt.Fprintln(&text, what, "nothing")
		case errors.As(err, &failure):
			fmt.Fprintln(&text, what, failure.Err)
		default:
			fmt.Fprintln(&text, what, "no path in the error", err)
		}
	}
	about := func(info fs.FileInfo, err error) []any {
		if err != nil {
			return nil
		}
		if info.IsDir() {
			return []any{info.Name(), info.Mode().Type()}
		}
		return []any{info.Name(), info.Mode().Type(), info.Size()}
	}
	info, err := fs.Stat(fsys, name)
	note("stat", err, about(info, err)...)
	info, err = fs.Lstat(fsys, name)
	note("lstat", err, about(info, err)...)
	data, err := fs.ReadFile(fsys, name)
	note("file", err, string(data))
	target, err := fs.ReadLink(fsys, name)
	note("link", err, target)
	entries, err := fs.ReadDir(fsys, name)
	entries = slices.DeleteFunc(entries, func(entry fs.DirEntry) bool { return entry.Name() == ".git" })
	note("directory", err, fmt.Sprint(entries))
	file, err := fsys.Open(name)
	note("open", err)
	if err == nil {
		info, err := file.Stat()
		note("of the open file", err, about(info, err)[1:]...)
		file.Close()
	}
	return text.String()
}

func TestRevisionConcurrently(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	const count = 50
	for i := range count {
		s.write(fmt.Sprint("f", i), strings.Repeat(fmt.Sprint(i, " "), i*100))
	}
	s.commit()
	tree := s.revision("HEAD")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for i := range count {
				if data, err := tree.ReadFile(fmt.Sprint("f", i)); err != nil || string(data) != strings.Repeat(fmt.Sprint(i, " "), i*100) {
					t.Errorf("f%d: %d bytes, %v", i, len(data), err)
				}
			}
		})
	}
	group.Wait()
}

func TestRevisionOfNothing(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.commit()
	if entries, err := s.revision("HEAD").ReadDir("."); len(entries) != 0 || err != nil {
		t.Errorf("got %v, %v", entries, err)
	}
}

func TestRevisionSubmodule(t *testing.T) {
	t.Parallel()
	inner := newScratch(t)
	inner.write("x", "x\n")
	inner.commit()
	s := newScratch(t)
	s.git("submodule", "--quiet", "add", "file://"+inner.dir, "modules/inner")
	s.commit()
	tree := s.revision("HEAD")
	if info, err := tree.Stat("modules/inner"); err != nil || !info.IsDir() {
		t.Errorf("got %v, %v, want a directory", info, err)
	}
	if entries, err := tree.ReadDir("modules/inner"); len(entries) != 0 || err != nil {
		t.Errorf("got %v, %v, want nothing", entries, err)
	}
	if err := fstest.TestFS(tree, "modules/inner"); err != nil {
		t.Error(err)
	}
}

// TestMissingObjectLeavesOthersReadable removes the object of one file. Other files can still be read.
func TestMissingObjectLeavesOthersReadable(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.write("a", "a")
	s.write("b", "b")
	s.commit()
	tree := s.revision("HEAD")
	id := s.git("rev-parse", "HEAD:a")
	s.remove(".git/objects/" + id[:2])
	if _, err := tree.ReadFile("a"); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "readfile a: object "+id) {
		t.Errorf("got %v", err)
	}
	if data, err := tree.ReadFile("b"); string(data) != "b" || err != nil {
		t.Errorf("got %q, %v", data, err)
	}
}

// TestRevisionHasNoHugeFile: a file is refused by the size that git lists, before its content is in memory.
func TestRevisionHasNoHugeFile(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.write("a", "a")
	s.commit()
	revision := s.revision("HEAD")
	revision.root.children["a"].size = tree.MaxFile + 1
	if data, err := revision.ReadFile("a"); !errors.Is(err, tree.ErrTooLarge) {
		t.Errorf("read %q, %v", data, err)
	}
	if _, err := revision.Open("a"); !errors.Is(err, tree.ErrTooLarge) {
		t.Errorf("opened it, %v", err)
	}
}

// TestClosedRevisionCannotBeRead: neither after Close nor after the end of the context.
func TestClosedRevisionCannotBeRead(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.write("a", "a")
	s.commit()
	tree, err := s.open().Revision(t.Context(), "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := tree.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if _, err := tree.ReadFile("a"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after close: got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if tree, err = s.open().Revision(ctx, "HEAD"); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := tree.ReadFile("a"); !errors.Is(err, context.Canceled) {
		t.Errorf("after the context: got %v", err)
	}
	if err := tree.Close(); err != nil {
		t.Errorf("close after the context: %v", err)
	}
}
