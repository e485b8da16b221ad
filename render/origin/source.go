package origin

import (
	"context"
	"io/fs"
	"slices"

	"github.com/pullcheck/pullcheck/render"
)

// subject is the source whose fields are traced, in its tree. All that this package knows of sources and engines is in
// this file.
type subject struct {
	tree   fs.FS
	engine render.Engine
	source render.Source
}

// render renders the source while probe sees every file before the engine uses it, and may give the engine another text.
func (s subject) render(ctx context.Context, probe func(render.Input) []byte) (*render.Result, error) {
	source := s.source
	source.Probe = probe
	return s.engine.Render(ctx, s.tree, source)
}

// isChart reports whether the source is a chart, whose templates need not all be rendered.
func (s subject) isChart() bool { return s.source.Kind == render.Helm }

// path returns the directory or the archive of the source.
func (s subject) path() string { return s.source.Path }

// declaration returns what declares the source; nil if nothing does.
func (s subject) declaration() *render.Declaration { return s.source.Declared }

// givenValues returns the paths of the values files that are given beside those of the charts, the lowest precedence first.
func (s subject) givenValues() []string {
	var names []string
	for _, file := range s.source.Helm.ValuesFiles {
		names = append(names, file.Path)
	}
	return names
}

// isGivenValues reports whether an input is a values file that is given beside those of the charts.
func (s subject) isGivenValues(in *Input) bool {
	return slices.ContainsFunc(s.source.Helm.ValuesFiles, func(f render.File) bool {
		return f.Path == in.Path && (f.Data != nil) == in.Outside
	})
}

// namedOnly returns the paths of files that are not in the tree, though the tree may have files of these names.
func (s subject) namedOnly() []string {
	var names []string
	for _, file := range slices.Concat(s.source.Files, s.source.Helm.ValuesFiles) {
		if file.Data != nil {
			names = append(names, file.Path)
		}
	}
	return names
}
