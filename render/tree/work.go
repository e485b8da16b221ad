package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	work.Files = WithoutGit(newDisk(root))
	return work, names, nil
}

// add returns a path as a path of the tree. The first path decides the root.
func (w *Work) add(path string) (string, error) {
	if path == "" {
		return "", &PathError{fmt.Errorf("a PATH is empty; the working directory is %s", "."), PathHint}
	}
	if err := CheckLinks(w.Dir, path); err != nil {
		return "", err
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
	return &Work{Files: WithoutGit(newDisk(opened)), Root: root, Dir: dir}, nil
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

// ReadOutside returns the content of a file that a flag names. The path is as typed, and may lead out of the tree, but
// not over a symbolic link of a repository: see CheckLinks.
func (w *Work) ReadOutside(path string) ([]byte, error) {
	if err := CheckLinks(w.Dir, path); err != nil {
		return nil, err
	}
	return os.ReadFile(w.absolute(path))
}

// CheckLinks returns a *PathError if a path, as typed in the directory dir, leads over a symbolic link in a git
// repository to the outside of that repository, or to git's own files. A pull request can make such a link, and must
// not choose which files of this machine are read or written. A link outside of repositories is the user's own. The
// path need not exist.
func CheckLinks(dir, path string) error {
	at, err := filepath.EvalSymlinks(dir) // The user is there, whatever led to it.
	if err != nil {
		return err
	}
	rest := path
	if filepath.IsAbs(path) {
		at, rest = rootDirectory(path)
	}
	elements := strings.Split(filepath.ToSlash(rest), "/")
	for links := 0; len(elements) > 0 && links < MaxLinks; {
		next := filepath.Join(at, elements[0])
		elements = elements[1:]
		target, err := os.Readlink(next)
		if err != nil {
			at = next // It is no link, or it does not exist.
			continue
		}
		links++
		real, err := filepath.EvalSymlinks(next)
		if root, ok := RepositoryAround(at); err == nil && ok && !isOfRepository(real, root) {
			return &PathError{
				fmt.Errorf("%s: the symbolic link %s leads out of the repository %s", path, next, root),
				"name the target itself if you trust it: " + filepath.Join(append([]string{real}, elements...)...),
			}
		}
		if filepath.IsAbs(target) {
			at, target = rootDirectory(target)
		}
		elements = append(strings.Split(filepath.ToSlash(target), "/"), elements...)
	}
	return nil
}

// rootDirectory splits an absolute path into the root of its file system and the rest.
func rootDirectory(path string) (root, rest string) {
	volume := filepath.VolumeName(path)
	return volume + string(filepath.Separator), path[len(volume):]
}

// isOfRepository reports whether an absolute path is in the repository at root, and not one of git's own files.
func isOfRepository(path, root string) bool {
	relative, err := filepath.Rel(root, path)
	return err == nil && filepath.IsLocal(relative) &&
		!slices.ContainsFunc(strings.Split(filepath.ToSlash(relative), "/"), isGitName)
}

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
