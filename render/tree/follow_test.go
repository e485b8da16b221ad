package tree

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

// linked makes a tree with links, in memory and on the disk.
func linked(t *testing.T) []fs.FS {
	t.Helper()
	memory := fstest.MapFS{"dir/sub/file": {}, "file": {}, "other": {}}
	for link, target := range map[string]string{
		"to-file": "file", "to-dir": "dir", "dir/up": "../to-file", "dir/sub/self": ".", "slash": "dir/",
		"double": "dir//sub///file", "dangling": "none/x", "out": "dir/../../file", "absolute": "/etc/passwd",
		"loop": "dir/../loop", "file-slash": "file/", "file-dot": "file/.", "file-up": "file/../other",
		"dir-up": "to-dir/../other", "1": "file", "2": "1", "3": "2", "4": "3",
	} {
		memory[link] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink}
	}
	dir := filepath.Join(t.TempDir(), "tree")
	if err := os.CopyFS(dir, memory); err != nil {
		t.Fatal(err)
	}
	disk, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	return []fs.FS{memory, disk.FS()}
}

// TestResolve follows links in memory and on the disk. Follow gives the same path; where Resolve has none, it gives
// what the test says.
func TestResolveFollowsLinksInsideTheTree(t *testing.T) {
	for _, fsys := range linked(t) {
		for _, test := range []struct {
			name, want, follow string
			err                error
		}{
			{name: ".", want: "."},
			{name: "dir/sub", want: "dir/sub"},
			{name: "to-dir/sub/file", want: "dir/sub/file"},
			{name: "to-dir/up", want: "file"},
			{name: "dir/sub/self/self/file", want: "dir/sub/file"},
			{name: "slash/sub", want: "dir/sub"},
			{name: "double", want: "dir/sub/file"},
			{name: "dir-up", want: "other"},
			{name: "3", want: "file"},
			{name: "none", follow: "none", err: fs.ErrNotExist},
			{name: "to-dir/none/more", follow: "dir/none/more", err: fs.ErrNotExist},
			{name: "dangling/y", follow: "none/x/y", err: fs.ErrNotExist},
			{name: "file-slash", follow: "file", err: ErrNotDirectory},
			{name: "file-dot", follow: "file", err: ErrNotDirectory},
			{name: "file-up", follow: "other", err: ErrNotDirectory},
			{name: "4", follow: "file", err: ErrTooManyLinks},
			{name: "loop/x", follow: "loop/x", err: ErrTooManyLinks},
			{name: "out", follow: "out", err: ErrOutside},
			{name: "absolute/x", follow: "absolute/x", err: ErrOutside},
			{name: "../x", follow: "../x", err: ErrOutside},
		} {
			got, info, err := Resolve(fsys, test.name, 3)
			failure := (*fs.PathError)(nil)
			if test.err != nil && (got != "" || info != nil ||
				!errors.Is(err, test.err) || !errors.As(err, &failure) || failure.Path != test.name) {
				t.Errorf("%T, %s: got %q, %v, %v, want %v", fsys, test.name, got, info, err, test.err)
			} else if test.err == nil {
				test.follow = test.want
				if want, _ := fs.Lstat(fsys, test.want); got != test.want || err != nil || info.Mode() != want.Mode() {
					t.Errorf("%T, %s: got %q, %v, %v, want %q", fsys, test.name, got, info, err, test.want)
				}
			}
			if got := Follow(fsys, test.name); got != test.follow {
				t.Errorf("%T, %s: followed to %q, want %q", fsys, test.name, got, test.follow)
			}
		}
	}
}
