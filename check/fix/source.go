package fix

import (
	"io/fs"

	"github.com/pullcheck/pullcheck/render"
)

// kustomizationOf returns the kustomization file of a source and its text; it reports false if the source has none. What
// this package knows of sources and engines is in this file.
func kustomizationOf(fsys fs.FS, source render.Source) (file string, data []byte, ok bool) {
	if source.Kind != render.Kustomize {
		return "", nil, false
	}
	if file, ok = render.KustomizationFile(fsys, source.Path); !ok {
		return "", nil, false
	}
	data, err := fs.ReadFile(fsys, file)
	return file, data, err == nil
}

// isChart reports whether a source is a chart, by its identity.
func isChart(id render.SourceID) bool { return id.Kind == render.Helm }

// renderSource renders a source in a tree.
func (e *examiner) renderSource(fsys fs.FS, source render.Source) (*render.Result, error) {
	return e.engines[source.Kind].Render(e.ctx, fsys, source)
}
