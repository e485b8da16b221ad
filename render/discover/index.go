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

// Index answers which sources are rendered from a file of the tree. For example, a change of base/deployment.yaml
// affects the sources overlays/dev and overlays/prod. It is safe for concurrent use.
type Index struct {
	tree         fs.FS
	sources      []render.Source
	reached      map[string][]int // path → the indexes of the sources whose reach has the path itself
	environments map[string]bool  // file that a source names → whether it is a values file of a chart
}

// NewIndex returns the index of the sources of a tree. It asks each source for its reach, once.
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

// Readers returns the sources that are rendered from a file, in the order of NewIndex. The file may be absent.
//
// If the file is in the directory of a chart, the chart is a reader in two cases: Helm itself reads the file
// (values.yaml, templates), or the file has no Kubernetes object, so that a template may read it with .Files.Get. The
// values file of an environment has only this environment as its reader.
func (x *Index) Readers(name string) []render.Source {
	reads := map[int]bool{} // index of a source → whether it is a reader, decided by its longest matching path
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

// reads reports whether a source is rendered from the file name. at is the path in the reach of the source that led to
// the file: the file itself, or a directory above it.
func (x *Index) reads(source render.Source, at, name string) bool {
	isKustomization := slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(name))
	_, kustomized := kustomize.FindFile(x.tree, at)
	switch {
	case isKustomization && isSkipped(source):
		return false // The source is an unused component, and its kustomization file is not rendered.
	case at == name, isKustomization && at == path.Dir(name):
		return true
	case tree.IsFile(x.tree, path.Join(at, "Chart.yaml")):
		return helmReads(x.tree, name) || !x.environments[name] && !holdsObject(x.tree, name)
	}
	// The reach of a kustomization names each file that it reads. Any other directory is the target of a symbolic link,
	// of which every file may be read.
	return !kustomized
}

// isSkipped reports whether a source is left out on purpose.
func isSkipped(source render.Source) bool {
	u, ok := source.(render.Unrendered)
	return ok && u.Skip != nil
}

// helmReads reports whether Helm itself reads a file of a chart's directory, whether or not a template asks for it.
func helmReads(fsys fs.FS, name string) bool {
	chart := path.Dir(name)
	for ; chart != "." && !tree.IsFile(fsys, path.Join(chart, "Chart.yaml")); chart = path.Dir(chart) {
	}
	switch first, _, _ := strings.Cut(strings.TrimPrefix(name, chart+"/"), "/"); first {
	case "Chart.yaml", "Chart.lock", "requirements.yaml", "requirements.lock",
		"values.yaml", "values.schema.json", "templates", "charts":
		return true
	}
	return false
}

// holdsObject reports whether a file is YAML or JSON with a Kubernetes object.
func holdsObject(fsys fs.FS, name string) bool {
	if !IsManifest(name) {
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
