package helm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/ignore"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// loadedChart is a chart with its subcharts, and where in the tree each of its files stands.
type loadedChart struct {
	*chart.Chart
	// paths has the tree path of every template and file. The *chart.File survives aliases and
	// everything else that Helm does to a chart, its name does not.
	paths map[*chart.File]string
	probe render.Probe
	// dependents are the directories of the charts that led here by file:// dependencies.
	dependents []string
}

// load reads a chart: a directory, an archive, or one of a repository. Subcharts that Chart.yaml names and charts/ lacks
// are not there yet.
func (e *Engine) load(ctx context.Context, in render.In, source Source) (*loadedChart, error) {
	files, err := e.read(ctx, in.Tree, source)
	if err != nil {
		return nil, err
	}
	loaded := &loadedChart{paths: map[*chart.File]string{}, probe: in.Probe}
	loaded.Chart, err = loaded.assemble(files, source.Path)
	return loaded, err
}

func (e *Engine) read(ctx context.Context, fsys fs.FS, source Source) ([]*loader.BufferedFile, error) {
	if options := source.Options; options.Repo != "" {
		data, err := e.Charts.Pull(ctx, options.Repo, options.Chart, options.Version)
		if err != nil {
			return nil, err
		}
		return readArchive(data, source.Path)
	}
	info, err := fs.Stat(fsys, source.Path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return readDirectory(ctx, fsys, source.Path)
	}
	data, err := fs.ReadFile(fsys, source.Path)
	if err != nil {
		return nil, err
	}
	return readArchive(data, source.Path)
}

// assemble makes a chart of its files, and of those in charts/ its subcharts, as loader.LoadFiles does.
// It does so itself to know where each file came from, and to add subcharts in an order that does not
// change from run to run.
func (l *loadedChart) assemble(files []*loader.BufferedFile, dir string) (*chart.Chart, error) {
	var own []*loader.BufferedFile
	subcharts := map[string][]*loader.BufferedFile{}
	for _, file := range files {
		rest, inCharts := strings.CutPrefix(file.Name, "charts/")
		if !inCharts || path.Ext(file.Name) == ".prov" {
			own = append(own, file)
			continue
		}
		entry, inner, _ := strings.Cut(rest, "/")
		subcharts[entry] = append(subcharts[entry], &loader.BufferedFile{Name: inner, Data: file.Data})
	}
	l.show(own, dir)
	for _, file := range own {
		file.Data = bytes.TrimPrefix(file.Data, []byte("\xEF\xBB\xBF")) // as the loader does for directories
	}
	c, err := loader.LoadFiles(own)
	if err != nil {
		return nil, loadError(own, dir, err)
	}
	for _, file := range slices.Concat(c.Templates, c.Files) {
		l.paths[file] = path.Join(dir, file.Name)
	}
	for _, entry := range slices.Sorted(maps.Keys(subcharts)) {
		if strings.HasPrefix(entry, "_") || strings.HasPrefix(entry, ".") {
			continue
		}
		subfiles, subdir := subcharts[entry], path.Join(dir, "charts", entry)
		if path.Ext(entry) == ".tgz" && subfiles[0].Name == "" {
			if subfiles, err = readArchive(subfiles[0].Data, subdir); err != nil {
				return nil, err
			}
		}
		// A plain file in charts/ is, for Helm, a chart without files.
		subfiles = slices.DeleteFunc(subfiles, func(f *loader.BufferedFile) bool { return f.Name == "" })
		subchart, err := l.assemble(subfiles, subdir)
		if err != nil {
			return nil, err
		}
		c.AddDependency(subchart)
	}
	return c, nil
}

// show gives the files of a chart to the probe, if there is one, and takes the schema away.
func (l *loadedChart) show(files []*loader.BufferedFile, dir string) {
	if l.probe == nil {
		return
	}
	for _, file := range files {
		use := render.UseChartFile
		switch {
		case file.Name == chartutil.SchemafileName:
			file.Name = "schema.json" // which Helm does not know
			continue
		case file.Name == chartutil.ChartfileName:
			use = render.UseMetadata
		case slices.Contains([]string{"Chart.lock", "requirements.yaml", "requirements.lock"}, file.Name), strings.HasPrefix(file.Name, "crds/"):
			continue // Nothing is decided there, and definitions are long.
		case file.Name == chartutil.ValuesfileName:
			use = render.UseValues
		case strings.HasPrefix(file.Name, "templates/"):
			use = render.UseTemplate
		}
		file.Data = l.probe(render.Input{Path: path.Join(dir, file.Name), Use: use, Data: file.Data})
	}
}

// loadError finds the file that a loader's error is about: the loader names it without its place.
func loadError(files []*loader.BufferedFile, dir string, err error) error {
	for _, file := range files {
		if strings.Contains(err.Error(), "cannot load "+file.Name+":") {
			return yamldoc.ParseError(path.Join(dir, file.Name), file.Data, errors.Unwrap(err))
		}
	}
	return &yamldoc.Error{Location: yamldoc.Location{Path: dir}, Err: err}
}

// readArchive reads a packaged chart; the name is for errors.
func readArchive(data []byte, name string) ([]*loader.BufferedFile, error) {
	files, err := loader.LoadArchiveFiles(bytes.NewReader(data))
	if err != nil {
		return nil, &yamldoc.Error{
			Location: yamldoc.Location{Path: name},
			Err:      fmt.Errorf("this is no packaged chart: %w", err),
			Hint:     "make one with: helm package CHART",
		}
	}
	return files, nil
}

// maxEntries is how many files and directories a chart may have. The largest public ones have some thousands; links to
// directories can make a few without end.
const maxEntries = 50_000

// directory is a chart's directory being read.
type directory struct {
	ctx     context.Context
	tree    fs.FS
	path    string
	rules   *ignore.Rules
	files   []*loader.BufferedFile
	entries int
	size    int64
}

// readDirectory reads the files of a chart directory, less those that .helmignore names. Symbolic links
// are followed, as Helm does, but never out of the tree, which does not resolve such a link.
func readDirectory(ctx context.Context, fsys fs.FS, dir string) ([]*loader.BufferedFile, error) {
	rules := ignore.Empty()
	if data, err := fs.ReadFile(fsys, path.Join(dir, ignore.HelmIgnore)); err == nil {
		if rules, err = ignore.Parse(bytes.NewReader(data)); err != nil {
			return nil, &yamldoc.Error{Location: yamldoc.Location{Path: path.Join(dir, ignore.HelmIgnore)}, Err: err}
		}
	}
	rules.AddDefaults()
	d := &directory{ctx: ctx, tree: fsys, path: dir, rules: rules}
	err := d.walk("")
	return d.files, err
}

// walk reads the files below name, a path relative to the chart's directory.
func (d *directory) walk(name string) error {
	if err := d.ctx.Err(); err != nil {
		return err
	}
	entries, err := fs.ReadDir(d.tree, path.Join(d.path, name))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		child := path.Join(name, entry.Name())
		full := path.Join(d.path, child)
		// Stat, not entry.Info: a symbolic link counts as what it points to.
		info, err := fs.Stat(d.tree, full)
		switch {
		case err != nil:
			return entryError(full, entry, err)
		case d.rules.Ignore(child, info):
			continue
		}
		if d.entries++; d.entries > maxEntries {
			return d.tooLarge(full, fmt.Sprintf("%d files and directories", maxEntries))
		}
		if info.IsDir() {
			err = d.walk(child)
		} else {
			err = d.readFile(child, info)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *directory) tooLarge(name, limit string) error {
	return &yamldoc.Error{
		Location: yamldoc.Location{Path: name},
		Err:      fmt.Errorf("up to here the chart in %s has more than %s", d.path, limit),
		Hint:     "name in .helmignore what it does not need, such as a symbolic link to a large directory",
	}
}

// entryError says what is wrong with an entry of a directory that can be listed: mostly a symbolic link.
func entryError(name string, entry fs.DirEntry, err error) error {
	if cause := (*fs.PathError)(nil); errors.As(err, &cause) {
		err = cause.Err
	}
	failure := &yamldoc.Error{Location: yamldoc.Location{Path: name}, Err: err}
	if entry.Type()&fs.ModeSymlink != 0 {
		failure.Err = fmt.Errorf("a symbolic link that cannot be followed: %w", err)
		failure.Hint = "a link in a chart must lead to a file or directory of the same repository"
	}
	return failure
}

func (d *directory) readFile(name string, info fs.FileInfo) error {
	full := path.Join(d.path, name)
	failure := &yamldoc.Error{Location: yamldoc.Location{Path: full}, Hint: "name it in .helmignore"}
	switch d.size += info.Size(); {
	case !info.Mode().IsRegular():
		failure.Err = fmt.Errorf("a chart holds regular files only, this is %s", info.Mode().Type())
		return failure
	case info.Size() > loader.MaxDecompressedFileSize:
		failure.Err = fmt.Errorf("the file has %d bytes, Helm accepts at most %d", info.Size(), loader.MaxDecompressedFileSize)
		return failure
	case d.size > loader.MaxDecompressedChartSize:
		return d.tooLarge(full, fmt.Sprintf("the %d bytes that Helm accepts of a package", loader.MaxDecompressedChartSize))
	}
	data, err := fs.ReadFile(d.tree, full)
	if err != nil {
		return err
	}
	d.files = append(d.files, &loader.BufferedFile{Name: name, Data: data})
	return nil
}
