package kustomize

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/pullcheck/pullcheck/render/tree"
)

// root is where kustomize, which wants absolute paths, finds the tree. It is no plain "/", so that a path
// that leads out of the tree does not fall back into it, and paths in messages can be told from other text.
const root = "/~tree~"

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

// locate returns the true path in the tree of a path of kustomize, and what is there.
func (f files) locate(name string) (string, fs.FileInfo, error) {
	if err := f.ctx.Err(); err != nil {
		return "", nil, err
	}
	inside, ok := strings.CutPrefix(path.Clean(name)+"/", root+"/")
	if !ok {
		return "", nil, &fs.PathError{Op: "open", Path: name, Err: tree.ErrOutside}
	}
	return tree.Resolve(f.tree, path.Clean(inside), tree.MaxLinks)
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
