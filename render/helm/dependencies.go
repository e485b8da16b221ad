package helm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/render/yamldoc"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
)

// addDependencies adds the dependencies of Chart.yaml that charts/ lacks. A dependency with a file:// repository is
// read from the tree, together with its own dependencies. Any other dependency is downloaded: in the version of
// Chart.lock, or in the newest version that fits Chart.yaml if there is no Chart.lock. dir is the directory of the
// chart. The error is a *yamldoc.Error that names the Chart.yaml.
func (e *Engine) addDependencies(ctx context.Context, fsys fs.FS, dir string, c *loadedChart) error {
	vendored := map[string]bool{}
	for _, subchart := range c.Dependencies() {
		vendored[subchart.Name()] = true
	}
	for _, dependency := range c.Metadata.Dependencies {
		if vendored[dependency.Name] {
			continue
		}
		if err := e.addDependency(ctx, fsys, dir, c, dependency); err != nil {
			return dependencyError(path.Join(dir, "Chart.yaml"), err)
		}
	}
	return nil
}

// dependencyError returns an error located at the Chart.yaml that names the dependency. It keeps the hint of the cause.
func dependencyError(chartFile string, err error) error {
	failure := &yamldoc.Error{Location: yamldoc.Location{Path: chartFile}, Err: fmt.Errorf("dependency %w", err)}
	if cause := (*yamldoc.Error)(nil); errors.As(err, &cause) {
		failure.Hint = cause.Hint
	}
	return failure
}

// addDependency adds one dependency, which charts/ lacks.
func (e *Engine) addDependency(
	ctx context.Context, fsys fs.FS, dir string, c *loadedChart, dependency *chart.Dependency,
) error {
	if dependency.Repository == "" {
		return &yamldoc.Error{
			Err:  fmt.Errorf("%s: not in charts/, and Chart.yaml names no repository for it", dependency.Name),
			Hint: "put the chart into " + path.Join(dir, "charts", dependency.Name) + ", or name its repository",
		}
	}
	if local, ok := strings.CutPrefix(dependency.Repository, "file://"); ok {
		return e.addLocal(ctx, fsys, dir, c, path.Join(dir, local), dependency)
	}
	version, err := lockedVersion(c.Chart, dependency)
	if err != nil {
		return err
	}
	data, err := e.Charts.Pull(ctx, dependency.Repository, dependency.Name, version)
	if err != nil {
		return err
	}
	packaged, err := loader.LoadArchive(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("%s: %w", dependency.Name, err)
	}
	// `helm dependency build` writes the archive to this path. Locations in the chart begin with it.
	archive := path.Join(dir, "charts", packaged.Name()+"-"+packaged.Metadata.Version+".tgz")
	files, err := readArchive(data, archive)
	if err != nil {
		return err
	}
	subchart, err := c.assemble(files, archive)
	if err != nil {
		return err
	}
	c.AddDependency(subchart)
	return nil
}

// addLocal adds the chart in the directory target of the tree: a file:// dependency of the chart in dir. It also adds
// the dependencies of that chart. Helm differs: `helm dependency build` packages the directory as it is, so that a
// dependency that is not in the charts/ of the directory is missing from the release, without a warning.
func (e *Engine) addLocal(
	ctx context.Context, fsys fs.FS, dir string, c *loadedChart, target string, dependency *chart.Dependency,
) error {
	if !fs.ValidPath(target) {
		return fmt.Errorf("%s: %s is outside of the repository", dependency.Name, dependency.Repository)
	}
	sub := *c
	sub.dependents = append(slices.Clip(c.dependents), path.Clean(dir))
	if slices.Contains(sub.dependents, target) {
		return fmt.Errorf("%s: this is a cycle: %s depends on the chart that names it", dependency.Name, target)
	}
	files, err := readDirectory(ctx, fsys, target)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", dependency.Name, dependency.Repository, err)
	}
	if sub.Chart, err = c.assemble(files, target); err != nil {
		return err
	}
	if version := sub.Metadata.Version; !chartutil.IsCompatibleRange(dependency.Version, version) {
		return fmt.Errorf("%s: %s has the version %s, Chart.yaml asks for %q",
			dependency.Name, target, version, dependency.Version)
	}
	if err := e.addDependencies(ctx, fsys, target, &sub); err != nil {
		return fmt.Errorf("%s: %w", dependency.Name, err)
	}
	c.AddDependency(sub.Chart)
	return nil
}

// lockedVersion returns the version of a dependency to download: the version in Chart.lock, or the range in Chart.yaml
// if there is no Chart.lock. A lock that does not fit Chart.yaml is an error, as for `helm dependency build`. Helm
// compares a digest of all dependencies, which aliased repositories and locks of Helm 2 change. This function compares
// the versions: Chart.yaml must accept the locked version.
func lockedVersion(c *chart.Chart, dependency *chart.Dependency) (string, error) {
	if c.Lock == nil {
		return dependency.Version, nil
	}
	for _, locked := range c.Lock.Dependencies {
		if locked.Name == dependency.Name && chartutil.IsCompatibleRange(dependency.Version, locked.Version) {
			return locked.Version, nil
		}
	}
	return "", &yamldoc.Error{
		Err:  fmt.Errorf("%s: no version in Chart.lock fits %q", dependency.Name, dependency.Version),
		Hint: "bring the lock up to date with: helm dependency update",
	}
}
