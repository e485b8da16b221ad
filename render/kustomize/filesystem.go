package kustomize

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// root is where kustomize, which wants absolute paths, finds the tree. It is no plain "/", so that a path
// that leads out of the tree does not fall back into it, and paths in messages can be told from other text.
const root = "/~tree~"

// maxLinks is how many symbolic links a path may lead over, as filepath.EvalSymlinks has it.
const maxLinks = 255

// files lets kustomize read a tree. When the context ends it reads no more, which ends the build.
type files struct {
	ctx  context.Context
	tree fs.FS
	// probe, if not nil, sees what a path of the tree has and returns what kustomize is to read.
	probe func(name string, data []byte) []byte
}

var _ filesys.FileSystem = files{}

// CleanedAbs returns the true directory and name of a file, as the load restrictor wants them, or the
// true directory and no name.
func (f files) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	file, info, err := f.locate(name)
	if err != nil {
		return "", "", err
	}
	if info.IsDir() {
		return filesys.ConfirmedDir(path.Join(root, file)), "", nil
	}
	return filesys.ConfirmedDir(path.Join(root, path.Dir(file))), path.Base(file), nil
}

func (f files) ReadFile(name string) ([]byte, error) {
	file, info, err := f.locate(name)
	if err == nil && info.IsDir() {
		err = &fs.PathError{Op: "open", Path: name, Err: errors.New("must resolve to a file")} // as the load restrictor says it
	}
	if err != nil {
		return nil, err
	}
	data, err := fs.ReadFile(f.tree, file)
	if err == nil && f.probe != nil {
		data = f.probe(file, data)
	}
	return data, err
}

// locate finds what stands at a path of kustomize.
func (f files) locate(name string) (string, fs.FileInfo, error) {
	if err := f.ctx.Err(); err != nil {
		return "", nil, err
	}
	inside, ok := strings.CutPrefix(path.Clean(name)+"/", root+"/")
	if !ok {
		return "", nil, &fs.PathError{Op: "open", Path: name, Err: errOutside}
	}
	return locate(f.tree, path.Clean(inside))
}

var (
	errOutside      = errors.New("leads out of the tree")
	errTooManyLinks = errors.New("too many symbolic links")
)

// locate follows the symbolic links on a path, relative to the root of the tree, inside the tree. It
// returns the true path.
func locate(fsys fs.FS, name string) (string, fs.FileInfo, error) {
	fail := func(err error) (string, fs.FileInfo, error) {
		return "", nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	at, links := ".", 0
	info, err := fs.Lstat(fsys, at)
	for rest := strings.Split(name, "/"); len(rest) > 0 && err == nil; {
		part := rest[0]
		rest = rest[1:]
		next := path.Join(at, part)
		if next == ".." {
			return fail(errOutside)
		}
		if info, err = fs.Lstat(fsys, next); err != nil {
			break
		}
		if info.Mode().Type() != fs.ModeSymlink {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return fail(errTooManyLinks)
		}
		target, err := fs.ReadLink(fsys, next)
		if err != nil {
			return fail(err)
		}
		if filepath.IsAbs(target) {
			return fail(fmt.Errorf("%w: %s is a symbolic link to %s", errOutside, next, target))
		}
		rest = append(strings.Split(filepath.ToSlash(target), "/"), rest...)
	}
	if failure := (*fs.PathError)(nil); errors.As(err, &failure) {
		err = failure.Err
	}
	if err != nil {
		return fail(err)
	}
	return at, info, nil
}

func (f files) Exists(name string) bool {
	_, _, err := f.locate(name)
	return err == nil
}

func (f files) IsDir(name string) bool {
	_, info, err := f.locate(name)
	return err == nil && info.IsDir()
}

// The rest of filesys.FileSystem is not called in a build: kustomize only writes what it clones, and all
// remote things are mounted before it runs.

var errReadOnly = errors.New("the tree is read-only")

func (files) Create(string) (filesys.File, error)  { return nil, errReadOnly }
func (files) Open(string) (filesys.File, error)    { return nil, errors.ErrUnsupported }
func (files) Mkdir(string) error                   { return errReadOnly }
func (files) MkdirAll(string) error                { return errReadOnly }
func (files) RemoveAll(string) error               { return errReadOnly }
func (files) WriteFile(string, []byte) error       { return errReadOnly }
func (files) ReadDir(string) ([]string, error)     { return nil, errors.ErrUnsupported }
func (files) Glob(string) ([]string, error)        { return nil, errors.ErrUnsupported }
func (files) Walk(string, filepath.WalkFunc) error { return errors.ErrUnsupported }
