package tree

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
)

// gitName is the name of git's own files beside the files of a repository: a directory, or a file in a worktree and in
// a submodule. They are no part of any source: their configuration may hold tokens, and actions/checkout leaves one
// there.
const gitName = ".git"

// isGitName reports whether a name is git's, in upper or lower case.
func isGitName(name string) bool { return strings.EqualFold(name, gitName) }

// ErrEscapes is the error of os.Root for a path that leads out of the root over a symbolic link.
var ErrEscapes = errors.New("path escapes from parent")

// WithoutGit returns a tree with the files of fsys without git's own files. Nothing leads to them: not their name in
// another case, not a symbolic link, and not another name that the operating system has for them. Only Lstat shows
// whether a directory has a .git: see IsTracked. A symbolic link to the outside of the tree is an error. The tree is
// safe for concurrent use; it assumes that directories and links stay as they are.
func WithoutGit(fsys fs.FS) fs.FS {
	if done, ok := fsys.(*withoutGit); ok {
		return done
	}
	return &withoutGit{tree: fsys}
}

// withoutGit implements WithoutGit.
type withoutGit struct {
	tree fs.FS
	real sync.Map // directory → the same directory without symbolic links on the way
	git  sync.Map // directory without symbolic links → the fs.FileInfo of its .git, or nil
}

var _ fileSystem = (*withoutGit)(nil)

// check returns the error for a path that a reader may not follow, or whose directory cannot be read.
func (w *withoutGit) check(op, name string) error {
	err := valid(name)
	if err == nil {
		_, err = w.resolve(name)
	}
	return at(op, name, err)
}

// checkParent is check for a path whose last element is not followed.
func (w *withoutGit) checkParent(op, name string) error {
	err := valid(name)
	if err == nil {
		_, err = w.directory(path.Dir(name))
	}
	return at(op, name, err)
}

// maxPath is the length of the longest path, in bytes, as in Linux. Without a limit, a kustomization could name a path
// of many thousand directories that do not exist. To resolve it takes minutes.
const maxPath = 4096

// errTooLong is the error for a path that is longer than maxPath, in the words of the operating system.
var errTooLong = errors.New("file name too long")

// valid returns the error for a path that no file can have.
func valid(name string) error {
	switch {
	case len(name) > maxPath:
		return errTooLong
	case !fs.ValidPath(name):
		return fs.ErrInvalid
	}
	return nil
}

// at returns an error of another path as an error of this one, with the words of os.Root.
func at(op, name string, err error) error {
	if err == nil {
		return nil
	}
	if failure := (*fs.PathError)(nil); errors.As(err, &failure) {
		err = failure.Err
	}
	if errors.Is(err, ErrOutside) {
		err = ErrEscapes
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// directory returns the path of a directory without symbolic links. It remembers the path.
func (w *withoutGit) directory(name string) (string, error) {
	if real, ok := w.real.Load(name); ok {
		return real.(string), nil
	}
	real, err := w.resolve(name)
	if err == nil {
		w.real.Store(name, real)
	}
	return real, err
}

// resolve returns a path without symbolic links. The error is fs.ErrNotExist if git's own files are on the way.
func (w *withoutGit) resolve(name string) (string, error) {
	if name == "." {
		return name, nil
	}
	dir, err := w.directory(path.Dir(name))
	if err != nil {
		return "", err
	}
	real := path.Join(dir, path.Base(name))
	info, err := fs.Lstat(w.tree, real)
	if err == nil && w.isGit(dir, path.Base(name), info) {
		err = fs.ErrNotExist
	}
	if err != nil || info.Mode().Type() != fs.ModeSymlink {
		return real, err
	}
	target, _, err := Resolve(w.tree, real, MaxLinks)
	if err != nil {
		return "", err
	}
	return w.resolve(target) // The target has no links, but may be in git's own files.
}

// isGit reports whether an entry of a directory is git's own. A file system that ignores case, or has short names, has
// several names for one file.
func (w *withoutGit) isGit(dir, name string, info fs.FileInfo) bool {
	if isGitName(name) {
		return true
	}
	own, ok := w.git.Load(dir)
	if !ok {
		own, _ = fs.Lstat(w.tree, path.Join(dir, gitName))
		w.git.Store(dir, own)
	}
	gitInfo, ok := own.(fs.FileInfo)
	return ok && os.SameFile(gitInfo, info)
}

// Open implements fs.FS.
func (w *withoutGit) Open(name string) (fs.File, error) {
	if err := w.check("open", name); err != nil {
		return nil, err
	}
	file, err := w.tree.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil || !info.IsDir() {
		return file, err
	}
	file.Close()
	entries, err := w.ReadDir(name)
	return &mergedDirectory{info, entries}, err
}

// ReadFile implements fs.ReadFileFS.
func (w *withoutGit) ReadFile(name string) ([]byte, error) {
	if err := w.check("open", name); err != nil {
		return nil, err
	}
	return fs.ReadFile(w.tree, name)
}

// Stat implements fs.StatFS.
func (w *withoutGit) Stat(name string) (fs.FileInfo, error) {
	if err := w.check("stat", name); err != nil {
		return nil, err
	}
	return fs.Stat(w.tree, name)
}

// ReadDir implements fs.ReadDirFS.
func (w *withoutGit) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := w.check("open", name); err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(w.tree, name)
	return slices.DeleteFunc(entries, func(entry fs.DirEntry) bool { return isGitName(entry.Name()) }), err
}

// ReadLink implements fs.ReadLinkFS.
func (w *withoutGit) ReadLink(name string) (string, error) {
	if err := w.checkParent("readlink", name); err != nil {
		return "", err
	}
	return fs.ReadLink(w.tree, name)
}

// Lstat implements fs.ReadLinkFS.
func (w *withoutGit) Lstat(name string) (fs.FileInfo, error) {
	if err := w.checkParent("lstat", name); err != nil {
		return nil, err
	}
	return fs.Lstat(w.tree, name)
}
