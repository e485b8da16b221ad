package tree

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// Steps are the steps of Replace that touch the disk. Tests use steps that fail.
type Steps struct {
	Create func(dir, pattern string) (*os.File, error) // creates a temporary file, as os.CreateTemp does
	Write  func(*os.File, []byte) (int, error)
	Rename func(from, to string) error
}

// Disk has the steps of package os.
var Disk = Steps{os.CreateTemp, (*os.File).Write, os.Rename}

// Replace replaces the content of a file of the tree, and keeps its mode and owner. It writes a temporary file beside
// the file and renames it, so that at every moment, also if the program is killed, a reader sees either the old or the
// new content as a whole. The error names the file. Replace changes nothing, and returns an error, if the content of
// the file is no longer before, or if the path leads over a symbolic link.
func (w *Work) Replace(path string, before, after []byte, steps Steps) error {
	name := filepath.Join(w.Root, filepath.FromSlash(path))
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if real != name {
		return fmt.Errorf("%s: a symbolic link leads there, which is not written through", path)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if !bytes.Equal(data, before) {
		return fmt.Errorf("%s has changed since it was read: run pullcheck again", path)
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	temporary, err := steps.Create(filepath.Dir(name), ".pullcheck-*")
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer os.Remove(temporary.Name()) // After the rename there is nothing left to remove.
	_, err = steps.Write(temporary, after)
	if err == nil {
		err = temporary.Chmod(info.Mode().Perm())
	}
	if err == nil {
		err = keepOwner(temporary, info)
	}
	if err == nil {
		err = temporary.Sync()
	}
	if closeErr := temporary.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return steps.Rename(temporary.Name(), name)
}
