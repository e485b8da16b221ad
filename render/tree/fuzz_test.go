package tree

import (
	"io/fs"
	"path"
	"strings"
	"testing"
	"testing/fstest"
)

// FuzzIgnore holds that any .gitignore is read, and that a file whose directory is ignored is not tracked.
func FuzzIgnore(f *testing.F) {
	for _, text := range []string{"/out/\n*.yaml\n!a/b.yaml\n", "**/a/**", "[", "a\\", "!", "#a\n\\#a\n", "a/**/b.yaml", "[!a-", "[[:x:]]", strings.Repeat("*a", 30), "**/**/**/**/x", "\xff", "a/ \n", "/"} {
		f.Add(text, "b.yaml")
	}
	f.Fuzz(func(t *testing.T, text, inner string) {
		if strings.Count(text, "*") > 200 {
			return
		}
		fsys := fstest.MapFS{
			".gitignore": {Data: []byte(text)}, "a/.gitignore": {Data: []byte(inner)}, "a/b.yaml": {}, "a/c/d.yaml": {}, "e.yaml": {},
		}
		for name := range fsys {
			tracked := IsTracked(fsys, name)
			if above := IgnoredAbove(fsys, path.Dir(name)); above == nil && tracked && path.Dir(name) != "." && len(IgnorePatterns(fsys, ".")) > 0 {
				t.Errorf("%s is tracked, and its directory is ignored by %q", name, text)
			}
		}
	})
}

// FuzzResolve holds that no path and no symbolic link leads out of a tree or goes on without end.
func FuzzResolve(f *testing.F) {
	for _, name := range []string{"a/link/x", "a/../b", "../x", "/etc/passwd", "loop/loop", "a//b/.", "", "a\x00b", "file/..", "up/../../x"} {
		f.Add(name, "../a", "b/link")
		f.Add(name, "/etc", "loop")
		f.Add(name, ".", "..")
	}
	f.Fuzz(func(t *testing.T, name, link, other string) {
		fsys := fstest.MapFS{
			"a/link": {Data: []byte(link), Mode: fs.ModeSymlink}, "b/link": {Data: []byte(other), Mode: fs.ModeSymlink},
			"loop": {Data: []byte("loop"), Mode: fs.ModeSymlink}, "file": {}, "a/x": {}, "b/x": {},
		}
		Follow(fsys, name)
		real, info, err := Resolve(fsys, name, MaxLinks)
		if err != nil {
			return
		}
		if !fs.ValidPath(real) || info == nil || info.Mode()&fs.ModeSymlink != 0 {
			t.Fatalf("%q leads to %q, %v", name, real, info)
		}
		if _, err := fs.Lstat(fsys, real); err != nil {
			t.Errorf("%q leads to %q: %v", name, real, err)
		}
	})
}
