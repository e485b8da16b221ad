package kustomize

import (
	"context"
	"io/fs"
	"path"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/helm"
)

// Source is a kustomization with the options of its build. It implements render.Source.
type Source struct {
	Engine *Engine
	// Path is the directory of the kustomization.
	Path    string
	Options Options
}

// ID implements render.Source.
func (s Source) ID() render.ID { return render.ID{Kind: render.Kustomize, Path: s.Path} }

// Files implements render.Source. There are none, because the kustomization file itself names all files.
func (s Source) Files() []render.File { return nil }

// Render renders the kustomization as `kustomize build` does, in the version of go.mod, with the options of the source.
// The other options have their defaults, with two exceptions: --enable-helm is always on, and plugins and functions are
// never run.
func (s Source) Render(ctx context.Context, in render.In) (*render.Result, error) {
	return s.Engine.Render(ctx, in, s)
}

// Reach implements render.Source.
func (s Source) Reach(fsys fs.FS) *render.Reach {
	reach := render.NewReach(fsys)
	reachKustomization(fsys, reach, s.Path)
	return reach
}

// reachKustomization adds the directory of a kustomization to a reach, and everything that the kustomization names,
// directly or indirectly. A kustomization that cannot be parsed adds only its directory.
func reachKustomization(fsys fs.FS, reach *render.Reach, dir string) {
	if !reach.Directory(dir) {
		return
	}
	file, ok := FindFile(fsys, dir)
	if !ok {
		return
	}
	data, err := fs.ReadFile(fsys, file)
	if err != nil {
		return
	}
	k, err := Parse(file, data)
	if err != nil {
		return
	}
	for _, reference := range k.References() {
		target := path.Join(dir, reference.Path)
		if info, err := fs.Stat(fsys, target); err == nil && info.IsDir() {
			reachKustomization(fsys, reach, target)
		} else {
			reach.File(target)
		}
	}
	for _, chart := range k.HelmCharts {
		helm.ReachChart(fsys, reach, path.Join(dir, k.ChartDirectory(chart)))
		for _, values := range append(chart.AdditionalValuesFiles, chart.ValuesFile) {
			if values != "" {
				reach.File(path.Join(dir, values))
			}
		}
	}
}

// Renamed implements render.Source.
func (s Source) Renamed(rename func(string) string) render.Source {
	s.Path = rename(s.Path)
	return s
}
