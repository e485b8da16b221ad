//go:build unix

package fetch

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestCacheIsClosedToOthers also holds for a directory that an earlier version made for everybody.
func TestCacheIsClosedToOthers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pullcheck", "charts")
	if err := OpenCache(dir, true); err != nil {
		t.Errorf("offline, no cache: %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("offline, a directory was made")
	}
	for range 2 {
		if err := OpenCache(dir, false); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{dir, filepath.Dir(dir)} {
			if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("%s: got %v, %v", name, info.Mode(), err)
			}
		}
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
}

// owned is a file of a user.
type owned struct {
	fs.FileInfo
	uid uint32
}

func (o owned) Sys() any { return &syscall.Stat_t{Uid: o.uid} }

func TestForeignOwner(t *testing.T) {
	self := uint32(os.Geteuid())
	for uid, want := range map[uint32]bool{self: false, 0: false, self + 4711: true} {
		if got := isForeign(owned{uid: uid}); got != want {
			t.Errorf("%d: got %v", uid, got)
		}
	}
}

// TestCacheOfAnotherUserIsRefused: of the directory itself, of the directory above it, and of a link to an own directory.
func TestCacheOfAnotherUserIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory to another user")
	}
	for _, foreign := range []string{"pullcheck", "pullcheck/charts", "link"} {
		top := t.TempDir()
		dir := filepath.Join(top, "pullcheck", "charts")
		if err := OpenCache(dir, false); err != nil {
			t.Fatal(err)
		}
		if foreign == "link" {
			if err := os.Symlink("pullcheck/charts", filepath.Join(top, "link")); err != nil {
				t.Fatal(err)
			}
			dir = filepath.Join(top, "link")
		}
		if err := os.Lchown(filepath.Join(top, foreign), 4711, 4711); err != nil {
			t.Fatal(err)
		}
		for _, offline := range []bool{false, true} {
			if err := OpenCache(dir, offline); err == nil || !strings.Contains(err.Error(), "belongs to another user") {
				t.Errorf("%s: got %v", foreign, err)
			}
		}
	}
}
