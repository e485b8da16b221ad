package render

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/render/tree"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Reach is the part of a tree that a source can be rendered from: files, and directories with all that is below
// them. It is never too little: what is outside does not change what the source renders to.
type Reach struct {
	tree  fs.FS
	paths map[string]bool
}

// ReachOf returns the reach of a source in a tree. Nothing is rendered; what cannot be read reaches no further.
func ReachOf(fsys fs.FS, source Source) *Reach {
	r := &Reach{tree: fsys, paths: map[string]bool{}}
	for _, file := range slices.Concat(source.Files, source.Helm.ValuesFiles) {
		if file.Data == nil {
			r.file(file.Path)
		}
	}
	for _, file := range source.Helm.SetFiles {
		r.file(file.Path)
	}
	if source.Declared != nil {
		for _, name := range source.Declared.Reads {
			r.file(name)
		}
	}
	switch source.Kind {
	case Helm:
		r.chart(source.Path)
	case Kustomize:
		r.kustomization(source.Path)
	}
	return r
}

// Has reports whether a path of the tree is in reach, or would be if it were there.
func (r *Reach) Has(name string) bool {
	for ; name != "."; name = path.Dir(name) {
		if r.paths[name] {
			return true
		}
	}
	return r.paths["."]
}

// add adds a path, and reports whether it is new.
func (r *Reach) add(name string) bool {
	if !fs.ValidPath(name) || r.paths[name] {
		return false
	}
	r.paths[name] = true
	return true
}

// file adds a file and what it is a symbolic link to.
func (r *Reach) file(name string) {
	if r.add(name) {
		r.add(tree.Follow(r.tree, name))
		r.links(name)
	}
}

// chart adds a chart's directory, with the charts that it depends on by file://.
func (r *Reach) chart(dir string) {
	if !r.add(dir) {
		return
	}
	r.links(dir)
	data, err := fs.ReadFile(r.tree, path.Join(dir, "Chart.yaml"))
	var chart struct {
		Dependencies []struct{ Repository string }
	}
	if err != nil || yaml.Unmarshal(data, &chart) != nil {
		return
	}
	for _, dependency := range chart.Dependencies {
		if local, ok := strings.CutPrefix(dependency.Repository, "file://"); ok {
			r.chart(path.Join(dir, local))
		}
	}
}

// kustomization adds the directory of a kustomization, with all that it names.
func (r *Reach) kustomization(dir string) {
	if !r.add(dir) {
		return
	}
	r.links(dir)
	file, ok := KustomizationFile(r.tree, dir)
	if !ok {
		return
	}
	data, err := fs.ReadFile(r.tree, file)
	if err != nil {
		return
	}
	k, err := ParseKustomization(file, data)
	if err != nil {
		return
	}
	for _, reference := range k.References() {
		target := path.Join(dir, reference.Path)
		if info, err := fs.Stat(r.tree, target); err == nil && info.IsDir() {
			r.kustomization(target)
		} else {
			r.file(target)
		}
	}
	for _, chart := range k.HelmCharts {
		r.chart(path.Join(dir, k.ChartDirectory(chart)))
		for _, values := range append(chart.AdditionalValuesFiles, chart.ValuesFile) {
			if values != "" {
				r.file(path.Join(dir, values))
			}
		}
	}
}

// links adds what the symbolic links at and below a path lead to.
func (r *Reach) links(name string) {
	_ = fs.WalkDir(r.tree, name, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // It cannot be rendered either.
		}
		if entry.Type()&fs.ModeSymlink != 0 {
			if target, err := fs.ReadLink(r.tree, at); err == nil {
				r.file(path.Join(path.Dir(at), target))
			}
		}
		return nil
	})
}

// Paths are the files and directories that are in reach with all below them, sorted.
func (r *Reach) Paths() []string { return slices.Sorted(maps.Keys(r.paths)) }
