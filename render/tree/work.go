package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Work is the tree on disk that a run may read: the git repository around the first path, or, without a repository, the
// working directory, or that path where it is not below the working directory, or the chart around the templates there.
// Nothing outside of it is ever read, except for files that a flag names.
type Work struct {
	// Files reads the tree. It is not embedded, because an embedded fs.FS would hide the symbolic links.
	Files fs.FS
	// Root is the root of the tree and Dir the working directory: absolute, with symbolic links resolved.
	Root, Dir string
}

// PathError is the error for a path that names nothing in a tree.
type PathError struct {
	Err error
	// Hint is the next thing to do; it may be empty.
	Hint string
}

// Error implements error.
func (e *PathError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PathError) Unwrap() error { return e.Err }

// PathHint is the hint for a path at which there is nothing to check.
const PathHint = "name a repository, a chart, a kustomization or a manifest"

// OpenWork opens the tree around the paths, or around the working directory dir if there are none, and returns each path
// as a path of the tree. The paths are as typed in dir. The error is a *PathError for a path that cannot be used.
func OpenWork(dir string, paths []string) (*Work, []string, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, nil, err
	}
	work := &Work{Dir: dir}
	var names []string
	for _, path := range paths {
		name, err := work.add(path)
		if err != nil {
			return nil, nil, err
		}
		names = append(names, name)
	}
	if work.Root == "" {
		work.Root = rootOf(dir, dir)
	}
	root, err := os.OpenRoot(work.Root)
	if err != nil {
		return nil, nil, err
	}
	work.Files = root.FS()
	return work, names, nil
}

// add returns a path as a path of the tree. The first path decides the root.
func (w *Work) add(path string) (string, error) {
	if path == "" {
		return "", &PathError{fmt.Errorf("a PATH is empty; the working directory is %s", "."), PathHint}
	}
	real, err := filepath.EvalSymlinks(w.absolute(path))
	if errors.Is(err, fs.ErrNotExist) {
		return "", &PathError{fmt.Errorf("%s does not exist", path), PathHint}
	}
	if err != nil {
		return "", &PathError{fmt.Errorf("%s cannot be read: %w", path, err), ""}
	}
	if w.Root == "" {
		w.Root = rootOf(real, w.Dir)
	}
	name, ok := w.name(real)
	if !ok {
		return "", &PathError{fmt.Errorf("%s is outside of %s, where the first path is", path, w.Root), "run pullcheck once for each repository"}
	}
	return name, nil
}

// OpenRoot opens the tree of a repository whose root is known. It may have no .git.
func OpenRoot(root, dir string) (*Work, error) {
	opened, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	return &Work{Files: opened.FS(), Root: root, Dir: dir}, nil
}

func (w *Work) absolute(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(w.Dir, path)
}

// name returns an absolute path as a path of the tree, if it is in the tree.
func (w *Work) name(absolute string) (string, bool) {
	if !isBelow(absolute, w.Root) {
		return "", false
	}
	relative, _ := filepath.Rel(w.Root, absolute) // A path below the root is relative to it.
	return filepath.ToSlash(relative), true
}

// Typed returns what to type in the working directory for a path of the tree.
func (w *Work) Typed(name string) string {
	absolute := filepath.Join(w.Root, filepath.FromSlash(name))
	if relative, err := filepath.Rel(w.Dir, absolute); err == nil {
		return relative
	}
	return absolute // The tree is on another drive.
}

// Name returns a path that the user typed as a path of the tree, if it is in the tree. Symbolic links are resolved.
func (w *Work) Name(path string) (string, bool) {
	absolute := w.absolute(path)
	if real, err := filepath.EvalSymlinks(absolute); err == nil {
		absolute = real
	}
	return w.name(absolute)
}

// ReadOutside returns the content of a file outside of the tree, which a flag names.
func (w *Work) ReadOutside(path string) ([]byte, error) { return os.ReadFile(w.absolute(path)) }

// rootOf returns the nearest directory with a .git at or above a path; without one, the working directory dir if the path
// is below it, or else the directory of the path. A directory of templates then belongs to the chart around it.
func rootOf(path, dir string) string {
	start := path
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		start = filepath.Dir(path)
	}
	chart := ""
	for parent := start; ; parent = filepath.Dir(parent) {
		if _, err := os.Lstat(filepath.Join(parent, ".git")); err == nil {
			return parent
		}
		if parent == filepath.Dir(parent) {
			break
		}
		if _, err := os.Stat(filepath.Join(parent, "..", "Chart.yaml")); err == nil && filepath.Base(parent) == "templates" {
			chart = filepath.Dir(parent)
		}
	}
	root := start
	if isBelow(path, dir) {
		root = dir
	}
	if chart != "" && isBelow(root, chart) {
		root = chart
	}
	return root
}

// isBelow reports whether an absolute path is a directory or lies below it.
func isBelow(path, dir string) bool {
	relative, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(relative)
}
