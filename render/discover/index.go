package discover

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/kustomize"
	"github.com/pullcheck/pullcheck/render/tree"
	"sigs.k8s.io/kustomize/api/konfig"
)

// Index answers which sources are rendered from a file of the tree.
type Index struct {
	tree         fs.FS
	sources      []render.Source
	reached      map[string][]int // path → the sources whose reach names the path itself
	environments map[string]bool  // the values files that a source names
}

// NewIndex returns the index of some sources of a tree.
func NewIndex(fsys fs.FS, sources []render.Source) *Index {
	x := &Index{fsys, sources, map[string][]int{}, map[string]bool{}}
	for i, source := range sources {
		for _, name := range source.Reach(fsys).Paths() {
			x.reached[name] = append(x.reached[name], i)
		}
		for _, file := range source.Files() {
			x.environments[file.Path] = source.ID().Kind == render.Helm || x.environments[file.Path]
		}
	}
	return x
}

// Readers returns the sources that are rendered from a file, in their order. In a chart's directory, a chart is rendered
// from the files that Helm reads itself, and from files without an object, because templates may read them
// (.Files.Get). The values file of an environment counts for this environment alone.
func (x *Index) Readers(name string) []render.Source {
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
	var readers []render.Source
	for i, source := range x.sources {
		if reads[i] {
			readers = append(readers, source)
		}
	}
	return readers
}

// reads reports whether a source is rendered from a file that it reaches by a path at or above the file.
func (x *Index) reads(source render.Source, at, name string) bool {
	isKustomization := slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(name))
	_, kustomized := kustomize.FindFile(x.tree, at)
	switch {
	case isKustomization && isSkipped(source):
		return false // The file of an unused component stands for the component.
	case at == name, isKustomization && at == path.Dir(name):
		return true
	case tree.IsFile(x.tree, path.Join(at, "Chart.yaml")):
		return helmReads(x.tree, name) || !x.environments[name] && !holdsObject(x.tree, name)
	}
	return !kustomized // A kustomization names what it reads. Any other directory is the target of a symbolic link.
}

func isSkipped(source render.Source) bool {
	u, ok := source.(render.Unrendered)
	return ok && u.Skip != nil
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
	file := render.Result{Documents: []render.Document{{Path: name, Text: data, Verbatim: true}}}
	objects, err := file.Manifests(func([]byte) bool { return true })
	return err == nil && len(objects) > 0
}
