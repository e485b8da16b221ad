package fix

import (
	"context"
	"io/fs"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/kustomize"
)

// kustomizationOf returns the kustomization file of a source and its text. It reports false if the source is not a
// kustomization. This file holds everything that the package knows of kinds of sources.
func kustomizationOf(fsys fs.FS, source render.Source) (file string, data []byte, ok bool) {
	if source.ID().Kind != render.Kustomize {
		return "", nil, false
	}
	if file, ok = kustomize.FindFile(fsys, source.ID().Path); !ok {
		return "", nil, false
	}
	data, err := fs.ReadFile(fsys, file)
	return file, data, err == nil
}

// isChart reports whether a source is a chart, by its identity.
func isChart(id render.ID) bool { return id.Kind == render.Helm }

// renderSource renders a source in a tree.
func (e *examiner) renderSource(ctx context.Context, fsys fs.FS, source render.Source) (*render.Result, error) {
	return source.Render(ctx, render.In{Tree: fsys})
}
