package tree

import (
	"errors"
	"io/fs"
	"slices"
	"sync"
	"syscall"
)

// Watched is a file system that remembers the first read that failed by a fault of the machine, such as a broken disk or
// too many open files. A reader that asks whether a file exists takes such an error for a no. The check is then of
// another tree than the one that is there, so that its caller must ask for the Fault at the end. It is safe for
// concurrent use.
type Watched struct {
	fs.FS
	mutex sync.Mutex
	fault *fs.PathError
}

var _ fileSystem = (*Watched)(nil)

// faults are the errors that say nothing about the tree.
var faults = []error{syscall.EIO, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ESTALE}

// Fault returns the first fault, with its path; nil if there was none.
func (w *Watched) Fault() *fs.PathError {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.fault
}

// note remembers an error if it is the first fault, and returns it unchanged.
func (w *Watched) note(op, name string, err error) error {
	if err == nil || !slices.ContainsFunc(faults, func(fault error) bool { return errors.Is(err, fault) }) {
		return err
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.fault == nil {
		w.fault = &fs.PathError{Op: op, Path: name, Err: err}
		if inner := (*fs.PathError)(nil); errors.As(err, &inner) {
			w.fault.Err = inner.Err
		}
	}
	return err
}

// Open implements fs.FS.
func (w *Watched) Open(name string) (fs.File, error) {
	file, err := w.FS.Open(name)
	return file, w.note("open", name, err)
}

// ReadFile implements fs.ReadFileFS.
func (w *Watched) ReadFile(name string) ([]byte, error) {
	data, err := fs.ReadFile(w.FS, name)
	return data, w.note("read", name, err)
}

// Stat implements fs.StatFS.
func (w *Watched) Stat(name string) (fs.FileInfo, error) {
	info, err := fs.Stat(w.FS, name)
	return info, w.note("stat", name, err)
}

// ReadDir implements fs.ReadDirFS.
func (w *Watched) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(w.FS, name)
	return entries, w.note("readdir", name, err)
}

// ReadLink implements fs.ReadLinkFS.
func (w *Watched) ReadLink(name string) (string, error) {
	target, err := fs.ReadLink(w.FS, name)
	return target, w.note("readlink", name, err)
}

// Lstat implements fs.ReadLinkFS.
func (w *Watched) Lstat(name string) (fs.FileInfo, error) {
	info, err := fs.Lstat(w.FS, name)
	return info, w.note("lstat", name, err)
}
