package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Work is the tree on disk that a run may read. Its root is the git repository around the first path of the command
// line. If there is no repository, the root is the working directory; if the path is not below the working directory,
// the root is the directory of the path; and if that is the templates directory of a chart, the root is the chart.
//
// The program reads no file outside of the tree, except for files that a flag names, and none of git's own files.
type Work struct {
	// Files reads the tree. It is a field and not embedded, because an embedded fs.FS would hide the method ReadLink.
	Files fs.FS
	// Root is the root of the tree, and Dir the working directory. Both are absolute, with symbolic links resolved.
	Root, Dir string
}

// PathError is the error for a path on the command line that is missing, cannot be read or is outside of the tree.
type PathError struct {
	Err error
	// Hint is the next thing to do; it may be empty.
	Hint string
}

// Error implements error.
func (e *PathError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PathError) Unwrap() error { return e.Err }

// PathHint is the hint for a path without any source.
const PathHint = "name a repository, a chart, a kustomization or a manifest"

// OpenWork opens the tree around the paths, and returns each path as a path of the tree. The paths are as typed in dir,
// the working directory. Without paths it opens the tree around dir. The error is a *PathError for a path that cannot
// be used.
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
	work.Files = WithoutGit(root.FS())
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
		err := fmt.Errorf("%s is outside of %s, where the first path is", path, w.Root)
		return "", &PathError{err, "run pullcheck once for each repository"}
	}
	return name, nil
}

// OpenRoot opens the tree at root, which need not be a git repository. dir is the working directory. Both must be
// absolute, with symbolic links resolved.
func OpenRoot(root, dir string) (*Work, error) {
	opened, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	return &Work{Files: WithoutGit(opened.FS()), Root: root, Dir: dir}, nil
}

// absolute returns a path that was typed in the working directory as an absolute path.
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

// Typed returns a path of the tree as a user types it in the working directory: relative to it, with the separators of
// the operating system. It is the reverse of Name.
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

// ReadOutside returns the content of a file that a flag names. The path is as typed, and may lead out of the tree.
func (w *Work) ReadOutside(path string) ([]byte, error) { return os.ReadFile(w.absolute(path)) }

// rootOf returns the root of the tree for an absolute path: the nearest directory with a .git at or above the path. If
// there is no such directory, it returns the working directory dir if the path is below dir, or else the directory of
// the path. If the result is inside the templates of a chart, it returns the directory of the chart.
func rootOf(path, dir string) string {
	start := path
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		start = filepath.Dir(path)
	}
	if root, ok := RepositoryAround(start); ok {
		return root
	}
	chart := ""
	for parent := start; parent != filepath.Dir(parent); parent = filepath.Dir(parent) {
		_, err := os.Stat(filepath.Join(parent, "..", "Chart.yaml"))
		if err == nil && filepath.Base(parent) == "templates" {
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

// RepositoryAround returns the nearest directory at or above an absolute path that has a .git, which is the top of a
// git repository, a worktree or a submodule.
func RepositoryAround(dir string) (root string, ok bool) {
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, gitName)); err == nil {
			return dir, true
		}
		if dir == filepath.Dir(dir) {
			return "", false
		}
	}
}

// isBelow reports whether an absolute path is dir itself or below dir.
func isBelow(path, dir string) bool {
	relative, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(relative)
}
