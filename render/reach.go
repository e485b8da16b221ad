package render

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/render/tree"
)

// Reach is the part of a tree from which a source can be rendered: files, and directories with everything below them.
// For example, the reach of a chart with an environment is charts/web and values/prod.yaml.
//
// A reach may be too large, but is never too small: a change outside of the reach does not change the manifests of the
// source. A Reach is for one goroutine at a time while paths are added.
type Reach struct {
	fsys  fs.FS
	paths map[string]bool
}

// NewReach returns an empty reach in a tree.
func NewReach(fsys fs.FS) *Reach { return &Reach{fsys: fsys, paths: map[string]bool{}} }

// Has reports whether a path of the tree is in reach. The path may be absent from the tree.
func (r *Reach) Has(name string) bool {
	for ; name != "."; name = path.Dir(name) {
		if r.paths[name] {
			return true
		}
	}
	return r.paths["."]
}

// HasBelow reports whether a path below a directory of the tree is in reach.
func (r *Reach) HasBelow(dir string) bool {
	for name := range r.paths {
		if strings.HasPrefix(name, dir+"/") {
			return true
		}
	}
	return false
}

// Paths returns the sorted files and directories that are in reach, each directory with everything below.
func (r *Reach) Paths() []string { return slices.Sorted(maps.Keys(r.paths)) }

// File adds a file, or a directory that is read as a whole, with the targets of symbolic links at and below it. The
// path may be absent from the tree: a file that appears there can then change the manifests.
func (r *Reach) File(name string) {
	if r.add(name) {
		r.add(tree.Follow(r.fsys, name))
		r.links(name)
	}
}

// Directory adds a directory with the targets of symbolic links below it. It reports whether the directory is new, so
// that a walk from one source to another visits each directory once.
func (r *Reach) Directory(dir string) bool {
	if !r.add(dir) {
		return false
	}
	r.links(dir)
	return true
}

// add adds a path, and reports whether the path is new.
func (r *Reach) add(name string) bool {
	if !fs.ValidPath(name) || r.paths[name] {
		return false
	}
	r.paths[name] = true
	return true
}

// links adds the targets of the symbolic links at and below a path.
func (r *Reach) links(name string) {
	for _, target := range tree.Links(r.fsys, name) {
		r.File(target)
	}
}
