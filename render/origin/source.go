package origin

import (
	"context"
	"io/fs"
	"slices"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/declared"
)

// subject is the source whose fields are traced, in its tree. Everything that this package knows of sources is in this
// file.
type subject struct {
	tree   fs.FS
	source render.Source
}

// render renders the source. probe sees every file before the engine uses it, and may give the engine another text.
func (s subject) render(ctx context.Context, probe render.Probe) (*render.Result, error) {
	return s.source.Render(ctx, render.In{Tree: s.tree, Probe: probe})
}

// isChart reports whether the source is a chart. Only templates with queries need to be rendered of a chart.
func (s subject) isChart() bool { return s.source.ID().Kind == render.Helm }

// path returns the directory or the archive of the source.
func (s subject) path() string { return s.source.ID().Path }

// declaration returns where the object stands that declares the source; nil if the source stands for itself.
func (s subject) declaration() *declared.Declaration {
	if source, ok := s.source.(*declared.Source); ok {
		return &source.Declaration
	}
	return nil
}

// givenFiles returns the values files that are given beside those of the charts, the lowest precedence first.
func (s subject) givenFiles() []render.File {
	if !s.isChart() {
		return nil
	}
	return s.source.Files()
}

// givenValues returns the paths of the values files that are given beside those of the charts, the lowest precedence first.
func (s subject) givenValues() []string {
	var names []string
	for _, file := range s.givenFiles() {
		names = append(names, file.Path)
	}
	return names
}

// isGivenValues reports whether an input is a values file that is given beside those of the charts.
func (s subject) isGivenValues(in *Input) bool {
	return slices.ContainsFunc(s.givenFiles(), func(f render.File) bool {
		return f.Path == in.Path && (f.Data != nil) == in.Outside
	})
}

// namedOnly returns the paths of files that are not in the tree, though the tree may have files of these names.
func (s subject) namedOnly() []string {
	var names []string
	for _, file := range s.source.Files() {
		if file.Data != nil {
			names = append(names, file.Path)
		}
	}
	return names
}
