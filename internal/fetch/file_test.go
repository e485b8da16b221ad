package fetch

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestAbandonedFilesAreRemoved: the incomplete files of killed processes are removed, and those of running processes
// stay.
func TestAbandonedFilesAreRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made")
	if err := WriteFile(filepath.Join(dir, "first"), []byte("1")); err != nil {
		t.Fatal(err)
	}
	for name, age := range map[string]time.Duration{".partial-old": 2 * time.Hour, ".partial-new": time.Minute, "other": 2 * time.Hour} {
		child, then := filepath.Join(dir, name), time.Now().Add(-age)
		err := os.MkdirAll(filepath.Join(child, "base"), 0o777)
		if err := errors.Join(err, os.Chtimes(child, then, then)); err != nil {
			t.Fatal(err)
		}
	}
	if err := WriteFile(filepath.Join(dir, "first"), []byte("2")); err != nil {
		t.Fatal(err)
	}
	var names []string
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if want := []string{".partial-new", "first", "other"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("the directory has %v, %v, want %v", names, err, want)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "first")); err != nil || string(data) != "2" {
		t.Errorf("got %q, %v", data, err)
	}
}
