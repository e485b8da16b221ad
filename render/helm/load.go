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

// loadedChart is a chart with its subcharts, and the path in the tree of each of their files.
type loadedChart struct {
	*chart.Chart
	// paths has the path in the tree of every template and file. Its keys are pointers: an alias changes the name that
	// Helm prints for a file, but Helm keeps the *chart.File.
	paths map[*chart.File]string
	probe render.Probe
	*size
	// dependents are the directories of the charts between the source and this chart, along file:// dependencies.
	dependents []string
}

// size is the size of a chart with all its subcharts so far.
type size struct {
	charts int
	bytes  int64 // of the files, which archives hold compressed
}

// The limits of a chart with its subcharts. The largest public charts have some dozens of subcharts and 20 MB.
// Dependencies by file:// and archives in archives can stand for any number.
const (
	maxCharts     = 1_000
	maxChartBytes = 256 << 20
)

// add adds the files of one chart. The error says that a limit is exceeded.
func (s *size) add(files []*loader.BufferedFile) error {
	s.charts++
	for _, file := range files {
		s.bytes += int64(len(file.Data))
	}
	switch {
	case s.charts > maxCharts:
		return fmt.Errorf("with this chart, there are more than %d subcharts", maxCharts)
	case s.bytes > maxChartBytes:
		return fmt.Errorf("up to this chart, the chart and its subcharts have more than %d MiB", maxChartBytes>>20)
	}
	return nil
}

// load reads the chart of a source: a directory, an archive, or a chart of a repository. Dependencies that charts/
// lacks are missing from it: see addDependencies.
func (e *Engine) load(ctx context.Context, in render.In, source Source) (*loadedChart, error) {
	files, err := e.read(ctx, in.Tree, source)
	if err != nil {
		return nil, err
	}
	loaded := &loadedChart{paths: map[*chart.File]string{}, probe: in.Probe, size: &size{}}
	loaded.Chart, err = loaded.assemble(files, source.Path)
	return loaded, err
}

// read returns the files of the chart, with names relative to the chart.
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

// assemble makes a chart from its files, and its subcharts from the files in charts/, as loader.LoadFiles does for all
// files at once. It calls the loader for each chart alone, so that it knows the path of each file in the tree, and so
// that the order of the subcharts does not change from run to run. dir is the path of the chart in the tree.
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
	if err := l.add(own); err != nil {
		return nil, &yamldoc.Error{Location: yamldoc.Location{Path: dir}, Err: err}
	}
	l.probeFiles(own, dir)
	for _, file := range own {
		// loader.LoadDir, which is not called here, removes the byte order mark.
		file.Data = bytes.TrimPrefix(file.Data, []byte("\xEF\xBB\xBF"))
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

// probeFiles replaces the content of the files of a chart by the answers of the probe, if there is a probe. It also
// removes the schema, which would refuse values that the probe has replaced.
func (l *loadedChart) probeFiles(files []*loader.BufferedFile, dir string) {
	if l.probe == nil {
		return
	}
	for _, file := range files {
		use := render.UseChartFile
		switch {
		case file.Name == chartutil.SchemafileName:
			file.Name = "schema.json" // Helm does not enforce a file of this name.
			continue
		case file.Name == chartutil.ChartfileName:
			use = render.UseMetadata
		case slices.Contains([]string{"Chart.lock", "requirements.yaml", "requirements.lock"}, file.Name),
			strings.HasPrefix(file.Name, "crds/"):
			continue // These files decide no field of a manifest, and definitions are long.
		case file.Name == chartutil.ValuesfileName:
			use = render.UseValues
		case strings.HasPrefix(file.Name, "templates/"):
			use = render.UseTemplate
		}
		file.Data = l.probe(render.Input{Path: path.Join(dir, file.Name), Use: use, Data: file.Data})
	}
}

// loadError returns an error of the loader with the location of the file. The loader names the file relative to the
// chart.
func loadError(files []*loader.BufferedFile, dir string, err error) error {
	for _, file := range files {
		if strings.Contains(err.Error(), "cannot load "+file.Name+":") {
			return yamldoc.ParseError(path.Join(dir, file.Name), file.Data, errors.Unwrap(err))
		}
	}
	return &yamldoc.Error{Location: yamldoc.Location{Path: dir}, Err: err}
}

// readArchive returns the files of a packaged chart. Errors are located at name.
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

// maxEntries is the number of files and directories that a chart may have. The largest public charts have some
// thousands. A symbolic link to a directory above itself has no end.
const maxEntries = 50_000

// directory is the state of one readDirectory.
type directory struct {
	ctx     context.Context
	tree    fs.FS
	path    string
	rules   *ignore.Rules
	files   []*loader.BufferedFile
	entries int   // the files and directories so far
	size    int64 // the bytes of the files so far
}

// readDirectory reads the files of a chart's directory, without the files that .helmignore names. It follows symbolic
// links, as Helm does. A link that leads out of the tree is an error of the tree.
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
		// fs.Stat follows a symbolic link, and entry.Info does not.
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

// tooLarge returns the error for a chart that has more than a limit. name is the first file beyond the limit.
func (d *directory) tooLarge(name, limit string) error {
	return &yamldoc.Error{
		Location: yamldoc.Location{Path: name},
		Err:      fmt.Errorf("up to here the chart in %s has more than %s", d.path, limit),
		Hint:     "name in .helmignore what it does not need, such as a symbolic link to a large directory",
	}
}

// entryError returns the error for an entry of a directory that is listed but cannot be read, such as a broken symbolic
// link.
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

// readFile adds a file of the chart, if Helm accepts its size. name is relative to the chart's directory.
func (d *directory) readFile(name string, info fs.FileInfo) error {
	full := path.Join(d.path, name)
	failure := &yamldoc.Error{Location: yamldoc.Location{Path: full}, Hint: "name it in .helmignore"}
	switch d.size += info.Size(); {
	case !info.Mode().IsRegular():
		failure.Err = fmt.Errorf("a chart holds regular files only, this is %s", info.Mode().Type())
		return failure
	case info.Size() > loader.MaxDecompressedFileSize:
		failure.Err = fmt.Errorf("the file has %d bytes, Helm accepts at most %d",
			info.Size(), loader.MaxDecompressedFileSize)
		return failure
	case d.size > loader.MaxDecompressedChartSize:
		limit := fmt.Sprintf("the %d bytes that Helm accepts of a package", loader.MaxDecompressedChartSize)
		return d.tooLarge(full, limit)
	}
	data, err := fs.ReadFile(d.tree, full)
	if err != nil {
		return err
	}
	d.files = append(d.files, &loader.BufferedFile{Name: name, Data: data})
	return nil
}
