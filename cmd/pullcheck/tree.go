package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pullcheck/pullcheck/render"
)

// workTree is the files that a run may read: the git repository around the first path, or, without one, the
// working directory, or that path where it is not below it, or the chart around the templates there. Nothing
// outside is ever read, except for files that a flag names.
type workTree struct {
	files fs.FS  // not embedded: that would hide that symbolic links can be told
	root  string // absolute, symbolic links resolved
	dir   string // the working directory: absolute, symbolic links resolved
}

// pathHint is what to do where a PATH names nothing.
const pathHint = "name a repository, a chart, a kustomization or a manifest"

// openTree opens the tree around the paths, or around the working directory if there are none, and returns each as a slash-separated path in it.
func openTree(paths []string) (*workTree, []string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, nil, err
	}
	tree := &workTree{dir: dir}
	var names []string
	for _, path := range paths {
		if path == "" {
			return nil, nil, usagef(pathHint, "a PATH is empty; the working directory is .")
		}
		real, err := filepath.EvalSymlinks(tree.absolute(path))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, usagef(pathHint, "%s does not exist", path)
		}
		if err != nil {
			return nil, nil, usagef("", "%s cannot be read: %w", path, err)
		}
		if tree.root == "" {
			tree.root = treeRoot(real, dir)
		}
		name, ok := tree.name(real)
		if !ok {
			return nil, nil, usagef("run pullcheck once for each repository", "%s is outside of %s, where the first path is", path, tree.root)
		}
		names = append(names, name)
	}
	if tree.root == "" {
		tree.root = treeRoot(dir, dir)
	}
	root, err := os.OpenRoot(tree.root)
	if err != nil {
		return nil, nil, err
	}
	tree.files = root.FS()
	return tree, names, nil
}

func (t *workTree) absolute(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(t.dir, path)
}

// name is the path in the tree of an absolute path, if it is in it.
func (t *workTree) name(absolute string) (string, bool) {
	if !isBelow(absolute, t.root) {
		return "", false
	}
	relative, _ := filepath.Rel(t.root, absolute) // there is one, to what is below
	return filepath.ToSlash(relative), true
}

// typed is the path to type in the working directory for one in the tree.
func (t *workTree) typed(name string) string {
	absolute := filepath.Join(t.root, filepath.FromSlash(name))
	if relative, err := filepath.Rel(t.dir, absolute); err == nil {
		return relative
	}
	return absolute // on another drive
}

// realName is the path in the tree of a path that the user gave, if it is in it; symbolic links are followed.
func (t *workTree) realName(path string) (string, bool) {
	absolute := t.absolute(path)
	if real, err := filepath.EvalSymlinks(absolute); err == nil {
		absolute = real
	}
	return t.name(absolute)
}

// given is a file that a flag names, which is read here if it is outside of the tree.
func (t *workTree) given(path string) (render.File, error) {
	if name, ok := t.realName(path); ok {
		return render.File{Path: name}, nil
	}
	data, err := os.ReadFile(t.absolute(path))
	return render.File{Path: path, Data: data}, err
}

// treeRoot is the nearest directory with a .git at or above the path; or the working directory if the path is below it;
// or the directory of the path. Without a .git, a directory of templates is part of its chart.
func treeRoot(path, dir string) string {
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

// isBelow tells whether an absolute path is that of a directory or of something in it.
func isBelow(path, dir string) bool {
	relative, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(relative)
}
