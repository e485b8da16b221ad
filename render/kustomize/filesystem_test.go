package kustomize

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/pullcheck/pullcheck/render/tree"
)

func TestCleanedAbsResolvesLinksInsideTheTree(t *testing.T) {
	memory := treeOf(`
-- base/a.yaml --
a
-- base/sub/b.yaml --
b
-- app/file.yaml -> ../base/a.yaml --
-- app/dir -> ../base/sub --
-- app/chain -> dir --
-- app/loop -> loop --
-- app/out -> ../../etc/passwd --
-- app/absolute -> /etc/passwd --
-- app/dangling -> none --
`)
	// The same on the disk.
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "tree"), memory); err != nil {
		t.Fatal(err)
	}
	disk, err := os.OpenRoot(filepath.Join(dir, "tree"))
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	tests := []struct {
		path, dir, file string
		err             error
	}{
		{".", ".", "", nil},
		{"base", "base", "", nil},
		{"base/a.yaml", "base", "a.yaml", nil},
		{"app/../base/a.yaml", "base", "a.yaml", nil},
		{"app/file.yaml", "base", "a.yaml", nil},
		{"app/dir", "base/sub", "", nil},
		{"app/chain/b.yaml", "base/sub", "b.yaml", nil},
		{"app/chain/../dir/b.yaml", "base/sub", "b.yaml", nil},
		{"none", "", "", fs.ErrNotExist},
		{"app/dangling", "", "", fs.ErrNotExist},
		{"app/loop", "", "", tree.ErrTooManyLinks},
		{"app/out", "", "", tree.ErrOutside},
		{"app/absolute", "", "", tree.ErrOutside},
		{"../tree/base", "", "", tree.ErrOutside},
		{"../../../base", "", "", tree.ErrOutside},
	}
	for _, from := range []fs.FS{memory, disk.FS()} {
		f := files{context.Background(), from, nil, nil}
		for _, test := range tests {
			dir, file, err := f.CleanedAbs(root + "/" + test.path)
			if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
				t.Errorf("%T: %s: got error %v, want %v", from, test.path, err, test.err)
				continue
			}
			want := filesys.ConfirmedDir("")
			if test.err == nil {
				want = filesys.ConfirmedDir(filepath.Join(root, test.dir))
			}
			if dir != want || file != test.file {
				t.Errorf("%T: %s: got %s and %q, want %s and %q", from, test.path, dir, file, want, test.file)
			}
		}
		if data, err := f.ReadFile(root + "/app/chain/b.yaml"); err != nil || string(data) != "b\n" {
			t.Errorf("%T: got %q, %v", from, data, err)
		}
		if !f.Exists(root+"/app/file.yaml") || f.IsDir(root+"/app/file.yaml") || !f.IsDir(root+"/app/dir") || f.Exists(root+"/none") {
			t.Errorf("%T: what exists is wrong", from)
		}
	}
	if err := (files{context.Background(), memory, nil, nil}).WriteFile(root+"/a", nil); err == nil {
		t.Error("the tree can be written")
	}
}
