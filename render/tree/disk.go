package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// MaxFile is the size of the largest file that is read, from disk or from git, in bytes. The largest files that Helm and kustomize
// read in public repositories, bundles of custom resource definitions, have some 10 MB.
const MaxFile = 128 << 20

// ErrTooLarge is the error for a file that is larger than MaxFile.
var ErrTooLarge = fmt.Errorf("it is larger than %d MiB", MaxFile>>20)

// disk is a directory on disk as a tree. It reads regular files only: to open a named pipe could wait without end.
type disk struct {
	fs.FS
	root *os.Root
}

var _ fileSystem = disk{}

// newDisk returns the tree of a directory.
func newDisk(root *os.Root) disk { return disk{root.FS(), root} }

// Open implements fs.FS. The error for a file that is neither regular nor a directory names its type.
func (d disk) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	file, err := d.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular() && !info.IsDir():
		err = &fs.PathError{Op: "open", Path: name, Err: errors.New("it is no regular file: " + info.Mode().Type().String())}
	case info.Size() > MaxFile && !info.IsDir():
		err = &fs.PathError{Op: "open", Path: name, Err: ErrTooLarge}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// ReadFile implements fs.ReadFileFS.
func (d disk) ReadFile(name string) ([]byte, error) {
	file, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	var data bytes.Buffer
	data.Grow(int(info.Size()) + bytes.MinRead) // The buffer then grows no more, unless the file does.
	if _, err := data.ReadFrom(io.LimitReader(file, MaxFile+1)); err != nil {
		return nil, err
	}
	if data.Len() > MaxFile {
		return nil, &fs.PathError{Op: "read", Path: name, Err: ErrTooLarge} // It has grown.
	}
	return data.Bytes(), nil
}

// Stat implements fs.StatFS.
func (d disk) Stat(name string) (fs.FileInfo, error) { return fs.Stat(d.FS, name) }

// ReadDir implements fs.ReadDirFS.
func (d disk) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(d.FS, name) }

// ReadLink implements fs.ReadLinkFS.
func (d disk) ReadLink(name string) (string, error) { return fs.ReadLink(d.FS, name) }

// Lstat implements fs.ReadLinkFS.
func (d disk) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(d.FS, name) }
