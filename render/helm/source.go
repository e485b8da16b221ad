package helm

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Source is a chart with its values and release.
type Source struct {
	Engine *Engine
	// Path is the directory or archive of the chart. If Options.Repo is set, Path only names the chart.
	Path string
	// Environment names the values; it is empty for the chart's defaults.
	Environment string
	Options     Options
	// DeclaredIn is the file of the tree that gives the flags and the values without a file of their own. Errors in them
	// are located there. It is empty for flags of the command line.
	DeclaredIn string
}

// ID implements render.Source.
func (s Source) ID() render.ID {
	return render.ID{Kind: render.Helm, Path: s.Path, Environment: s.Environment}
}

// Files implements render.Source: the values files.
func (s Source) Files() []render.File { return s.Options.ValuesFiles }

// Render renders the chart as `helm template RELEASE CHART` does: the manifests in install order, then the hooks.
// Dependencies that are not in charts/ are taken as `helm dependency build` would take them; nothing is written to the
// tree.
func (s Source) Render(ctx context.Context, in render.In) (*render.Result, error) {
	return s.Engine.Render(ctx, in, s)
}

// Reach implements render.Source.
func (s Source) Reach(fsys fs.FS) *render.Reach {
	reach := render.NewReach(fsys)
	for _, file := range s.Options.ValuesFiles {
		if file.Data == nil {
			reach.File(file.Path)
		}
	}
	for _, file := range s.Options.SetFiles {
		reach.File(file.Path)
	}
	ReachChart(fsys, reach, s.Path)
	return reach
}

// ReachChart adds to a reach the directory or archive of a chart, and the charts on which it depends by file://.
func ReachChart(fsys fs.FS, reach *render.Reach, dir string) {
	if !reach.Directory(dir) {
		return
	}
	data, err := fs.ReadFile(fsys, path.Join(dir, "Chart.yaml"))
	var chart struct {
		Dependencies []struct{ Repository string }
	}
	if err != nil || yaml.Unmarshal(data, &chart) != nil {
		return
	}
	for _, dependency := range chart.Dependencies {
		if local, ok := strings.CutPrefix(dependency.Repository, "file://"); ok {
			ReachChart(fsys, reach, path.Join(dir, local))
		}
	}
}

// Renamed implements render.Source.
func (s Source) Renamed(rename func(string) string) render.Source {
	s.Path = rename(s.Path)
	s.Options.ValuesFiles = render.RenameFiles(s.Options.ValuesFiles, rename)
	return s
}

// InlineValues begins the names of values that have no file of their own.
const InlineValues = "the values of "

// declaredError locates an error of the flags, or of values without a file of their own, at the file that gives them.
func (s Source) declaredError(err error) error {
	failure := (*yamldoc.Error)(nil)
	inFile := errors.As(err, &failure) && !strings.HasPrefix(failure.Location.Path, InlineValues)
	if s.DeclaredIn == "" || inFile {
		return err
	}
	return &yamldoc.Error{Location: yamldoc.Location{Path: s.DeclaredIn}, Err: err}
}
