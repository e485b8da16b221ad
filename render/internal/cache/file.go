package cache

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// partial begins the names of files and directories that are not complete yet.
const partial = ".partial-"

// WriteFile writes the whole file or none, and makes its directory: other processes may read or write the same file.
func WriteFile(name string, data []byte) error {
	dir := filepath.Dir(name)
	if err := prepare(dir); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, partial)
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // after the rename there is nothing left to remove
	_, err = file.Write(data)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), name)
}

// MakePartial makes a directory below another one, for what is renamed once it is complete or else removed.
func MakePartial(dir string) (string, error) {
	if err := prepare(dir); err != nil {
		return "", err
	}
	return os.MkdirTemp(dir, partial)
}

// prepare makes a directory of the cache and removes what processes that were killed have left in it. What is still
// being written was touched within the last hour: a directory whenever an entry of it is made.
func prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !strings.HasPrefix(entry.Name(), partial) || time.Since(info.ModTime()) < time.Hour {
			continue // An error means that another process was quicker.
		}
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}
