//go:build unix

package fetch

import (
	"bytes"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFailedWriteLeavesTheOldFile: a file of the cache that cannot be written whole, or cannot be put in its place, stays
// as it was, and nothing is left beside it. It must not run in parallel: the limit is that of the process.
func TestFailedWriteLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	name, taken := filepath.Join(dir, "chart.tgz"), filepath.Join(dir, "taken", "x")
	if err := errors.Join(WriteFile(name, []byte("old")), os.MkdirAll(taken, 0o777)); err != nil {
		t.Fatal(err)
	}
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	limited := before
	limited.Cur = 1000
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limited); err != nil {
		t.Fatal(err)
	}
	written := WriteFile(name, bytes.Repeat([]byte("x"), 2000))
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	signal.Reset(syscall.SIGXFSZ)
	if !errors.Is(written, syscall.EFBIG) {
		t.Errorf("the error is %v", written)
	}
	if err := WriteFile(filepath.Dir(taken), []byte("new")); err == nil {
		t.Error("a directory is replaced")
	}
	if err := WriteFile(filepath.Join(name, "below"), []byte("new")); err == nil {
		t.Error("a file is a directory")
	}
	if data, err := os.ReadFile(name); err != nil || string(data) != "old" {
		t.Errorf("it is %q, %v", data, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("there are %v, %v", entries, err)
	}
}
