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
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// root is the directory of the tree for kustomize, which needs absolute paths. For example, kustomize sees apps/web as
// /~tree~/apps/web. A plain "/" would not do: a path above it, such as /../x, would lead into the tree again, and
// messages could contain it by chance.
const root = "/~tree~"

// files is a tree as the file system of kustomize. After the context is canceled, every call fails, which ends the
// build.
type files struct {
	ctx  context.Context
	tree fs.FS
	// probe, if not nil, gets the path and content of a file, and returns the content for kustomize.
	probe func(name string, data []byte) []byte
	// parsed are the files that kustomize parses.
	parsed map[string]bool
}

var _ filesys.FileSystem = files{}

// CleanedAbs implements filesys.FileSystem. It returns the directory and the name of a file with symbolic links
// resolved; for a directory, the name is empty. Kustomize's load restrictor compares these directories.
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

// ReadFile implements filesys.FileSystem.
func (f files) ReadFile(name string) ([]byte, error) {
	file, info, err := f.locate(name)
	if err == nil && info.IsDir() {
		// The message is that of kustomize's load restrictor (api/internal/loader/loadrestrictions.go).
		err = &fs.PathError{Op: "open", Path: name, Err: errors.New("must resolve to a file")}
	}
	if err != nil {
		return nil, err
	}
	data, err := fs.ReadFile(f.tree, file)
	if err == nil && f.parsed[file] {
		err = yamldoc.CheckAliases(data) // Kustomize expands aliases without a limit.
	}
	if err == nil && f.probe != nil {
		data = f.probe(file, data)
	}
	return data, err
}

// locate returns the path in the tree for a path of kustomize, with symbolic links resolved, and the information about
// the file.
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

// Exists implements filesys.FileSystem.
func (f files) Exists(name string) bool {
	_, _, err := f.locate(name)
	return err == nil
}

// IsDir implements filesys.FileSystem.
func (f files) IsDir(name string) bool {
	_, info, err := f.locate(name)
	return err == nil && info.IsDir()
}

// A build does not call the other methods of filesys.FileSystem: kustomize writes only the repositories that it clones,
// and here they are mounted before the build.

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
