//go:build unix

package tree

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestDiskReadsRegularFilesOnly: a named pipe is refused at once, and so is a file that no honest repository has.
func TestDiskReadsRegularFilesOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "large"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "large"), MaxFile+1); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	files := newDisk(root)
	for name, want := range map[string]string{
		"pipe": "open pipe: it is no regular file: p---------", "large": "open large: it is larger than 128 MiB",
		"none": "no such file", "../file": "invalid argument",
	} {
		if data, err := files.ReadFile(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: read %d bytes, %v", name, len(data), err)
		}
	}
	if data, err := files.ReadFile("file"); string(data) != "text" || err != nil {
		t.Errorf("read %q, %v", data, err)
	}
}
