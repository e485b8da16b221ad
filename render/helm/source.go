package helm

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Source is a chart with its values and release.
type Source struct {
	Engine *Engine
	// Path is the directory or archive of the chart. If Options.Repo is set, Path only names the chart.
	Path string
	// Environment names the values files (prod for values-prod.yaml); it is empty for the chart's defaults.
	Environment string
	Options     Options
	// DeclaredIn is the file of the tree that sets the flags and the inline values, such as the file of an Application.
	// Errors in flags and inline values are located at this file. It is empty for flags of the command line.
	DeclaredIn string
}

// ID implements render.Source.
func (s Source) ID() render.ID {
	return render.ID{Kind: render.Helm, Path: s.Path, Environment: s.Environment}
}

// Files implements render.Source: the values files.
func (s Source) Files() []render.File { return s.Options.ValuesFiles }

// Render renders the chart as `helm template RELEASE CHART` does: the manifests in install order, then the hooks. It
// fetches dependencies that are not in charts/, as `helm dependency build` would, but writes nothing to the tree.
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

// ReachChart adds the directory or archive of a chart to a reach, and the charts on which it depends by file://. A
// Chart.yaml that cannot be read adds no dependencies.
func ReachChart(fsys fs.FS, reach *render.Reach, dir string) {
	if !reach.Directory(dir) {
		return
	}
	data, err := fs.ReadFile(fsys, path.Join(dir, "Chart.yaml"))
	var chart struct {
		Dependencies []struct{ Repository string }
	}
	// The file is read outside of the limits of any source. Helm refuses a larger one.
	if err != nil || int64(len(data)) > loader.MaxDecompressedFileSize || yaml.Unmarshal(data, &chart) != nil {
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

// InlineValues begins the path of a render.File with inline values, such as: the values of Application/web.
const InlineValues = "the values of "

// declaredError returns an error of the flags or inline values located at DeclaredIn. It returns any other error, such
// as an error in a values file, unchanged.
func (s Source) declaredError(err error) error {
	failure := (*yamldoc.Error)(nil)
	inFile := errors.As(err, &failure) && !strings.HasPrefix(failure.Location.Path, InlineValues)
	if s.DeclaredIn == "" || inFile {
		return err
	}
	return &yamldoc.Error{Location: yamldoc.Location{Path: s.DeclaredIn}, Err: err}
}
