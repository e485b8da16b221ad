package fetch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// partial is the beginning of the names of files and directories that are not complete yet.
const partial = ".partial-"

// abandonedAfter is the age after which an incomplete file counts as abandoned by a process that was killed. The age
// counts from the last change: each write changes the time of a file, and each new entry the time of a directory.
const abandonedAfter = time.Hour

// WriteFile writes a file of a cache, and makes its directory if needed. Other processes may read or write the same
// file at the same time: they see either the complete content or no file.
func WriteFile(name string, data []byte) error {
	dir := filepath.Dir(name)
	if err := prepare(dir); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, partial)
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // After the rename, no file has this name.
	_, err = file.Write(data)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), name)
}

// MakePartial makes a new directory below dir and returns its path. The caller fills it and renames it when it is
// complete, or removes it.
func MakePartial(dir string) (string, error) {
	if err := prepare(dir); err != nil {
		return "", err
	}
	return os.MkdirTemp(dir, partial)
}

// prepare makes a directory of a cache and removes the incomplete files that killed processes have left in it.
func prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !strings.HasPrefix(entry.Name(), partial) || time.Since(info.ModTime()) < abandonedAfter {
			continue // An error means that another process has removed the file.
		}
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}
