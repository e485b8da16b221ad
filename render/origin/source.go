package origin

import (
	"context"
	"io/fs"
	"slices"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/declared"
)

// tracedSource is the source whose fields are traced, and the tree that it is rendered from. This file holds
// everything that the package knows of sources.
type tracedSource struct {
	tree   fs.FS
	source render.Source
}

// render renders the source. The engine shows every file to probe before it uses the file, and uses the text that
// probe returns instead. In this way a token gets into a file without a change of the tree.
func (s tracedSource) render(ctx context.Context, probe render.Probe) (*render.Result, error) {
	return s.source.Render(ctx, render.In{Tree: s.tree, Probe: probe})
}

// isChart reports whether the source is a Helm chart. A render of a chart can leave out templates; see run.render.
func (s tracedSource) isChart() bool { return s.source.ID().Kind == render.Helm }

// path returns the path of the source: a directory, or the archive of a packaged chart.
func (s tracedSource) path() string { return s.source.ID().Path }

// declaration says which object declares the source, such as an Application of Argo CD. It is nil if no object
// does.
func (s tracedSource) declaration() *declared.Declaration {
	if source, ok := s.source.(*declared.Source); ok {
		return &source.Declaration
	}
	return nil
}

// givenFiles returns the values files that the user gives in addition to those of the charts (helm -f FILE). The
// lowest precedence comes first.
func (s tracedSource) givenFiles() []render.File {
	if !s.isChart() {
		return nil
	}
	return s.source.Files()
}

// givenValues returns the paths of givenFiles, in the same order.
func (s tracedSource) givenValues() []string {
	var names []string
	for _, file := range s.givenFiles() {
		names = append(names, file.Path)
	}
	return names
}

// isGivenValues reports whether an input is one of givenFiles. The path alone does not tell: a given file with Data
// is not in the tree, and the tree may have another file of the same name.
func (s tracedSource) isGivenValues(in *Input) bool {
	return slices.ContainsFunc(s.givenFiles(), func(f render.File) bool {
		return f.Path == in.Path && (f.Data != nil) == in.Outside
	})
}

// filesNotInTree returns the paths of the given files that have their own Data. The tree may have other files of
// the same names.
func (s tracedSource) filesNotInTree() []string {
	var names []string
	for _, file := range s.source.Files() {
		if file.Data != nil {
			names = append(names, file.Path)
		}
	}
	return names
}
