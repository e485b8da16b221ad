package render

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/render/tree"
	"sigs.k8s.io/kustomize/api/konfig"
)

// Index says which of some sources are rendered from a file of the tree.
type Index struct {
	tree         fs.FS
	sources      []Source
	reached      map[string][]int // the sources that a path is in the reach of, itself
	environments map[string]bool  // values files that are given with a source
}

// NewIndex returns the index of sources of a tree.
func NewIndex(fsys fs.FS, sources []Source) *Index {
	x := &Index{fsys, sources, map[string][]int{}, map[string]bool{}}
	for i, source := range sources {
		for name := range ReachOf(fsys, source).paths {
			x.reached[name] = append(x.reached[name], i)
		}
		for _, file := range source.Helm.ValuesFiles {
			x.environments[file.Path] = true
		}
	}
	return x
}

// Readers returns the sources that are rendered from a file, in their order. Of a chart's directory that is what Helm reads
// and what holds no object of its own, since templates may read it; the values of an environment are for that alone.
func (x *Index) Readers(name string) []Source {
	reads := map[int]bool{}
	for at := name; ; at = path.Dir(at) {
		for _, i := range x.reached[at] {
			if _, known := reads[i]; !known {
				reads[i] = x.reads(x.sources[i], at, name)
			}
		}
		if at == "." {
			break
		}
	}
	var readers []Source
	for i, source := range x.sources {
		if reads[i] {
			readers = append(readers, source)
		}
	}
	return readers
}

// reads reports whether a source that reaches a file by a path at or above it is rendered from it.
func (x *Index) reads(source Source, at, name string) bool {
	isKustomization := slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(name))
	_, kustomized := KustomizationFile(x.tree, at)
	switch {
	case isKustomization && source.Skip != "":
		return false // The component stands for itself.
	case at == name, isKustomization && at == path.Dir(name):
		return true
	case tree.IsFile(x.tree, path.Join(at, "Chart.yaml")):
		return helmReads(x.tree, name) || !x.environments[name] && !holdsObject(x.tree, name)
	}
	return !kustomized // It names what it reads; any other directory has been linked to.
}

// helmReads reports whether Helm reads a file of a chart's directory by itself.
func helmReads(fsys fs.FS, name string) bool {
	chart := path.Dir(name)
	for ; chart != "." && !tree.IsFile(fsys, path.Join(chart, "Chart.yaml")); chart = path.Dir(chart) {
	}
	switch first, _, _ := strings.Cut(strings.TrimPrefix(name, chart+"/"), "/"); first {
	case "Chart.yaml", "Chart.lock", "requirements.yaml", "requirements.lock", "values.yaml", "values.schema.json", "templates", "charts":
		return true
	}
	return false
}

// holdsObject reports whether a file is YAML or JSON with a Kubernetes object.
func holdsObject(fsys fs.FS, name string) bool {
	if !isManifest(name) {
		return false
	}
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return false
	}
	file := Result{Documents: []Document{{Path: name, Text: data, Verbatim: true}}}
	objects, err := file.Manifests(func([]byte) bool { return true })
	return err == nil && len(objects) > 0
}
