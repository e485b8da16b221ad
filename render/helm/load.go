package helm

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/ignore"

	"github.com/pullcheck/pullcheck/render"
)

// loadedChart is a chart with its subcharts, and where in the tree each of its files stands.
type loadedChart struct {
	*chart.Chart
	// paths has the tree path of every template and file. The *chart.File survives aliases and
	// everything else that Helm does to a chart, its name does not.
	paths map[*chart.File]string
	// dependents are the directories of the charts that led here by file:// dependencies.
	dependents []string
}

// load reads a chart, a directory or an archive. Subcharts that Chart.yaml names and charts/ lacks are
// not there yet.
func load(tree fs.FS, name string) (*loadedChart, error) {
	info, err := fs.Stat(tree, name)
	if err != nil {
		return nil, err
	}
	var files []*loader.BufferedFile
	if info.IsDir() {
		files, err = readDirectory(tree, name)
	} else {
		var data []byte
		if data, err = fs.ReadFile(tree, name); err != nil {
			return nil, err
		}
		files, err = readArchive(data, name)
	}
	if err != nil {
		return nil, err
	}
	loaded := &loadedChart{paths: map[*chart.File]string{}}
	loaded.Chart, err = loaded.assemble(files, name)
	return loaded, err
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

// loadError finds the file that a loader's error is about: the loader names it without its place.
func loadError(files []*loader.BufferedFile, dir string, err error) error {
	for _, file := range files {
		if strings.Contains(err.Error(), "cannot load "+file.Name+":") {
			return render.YAMLError(path.Join(dir, file.Name), file.Data, errors.Unwrap(err))
		}
	}
	return &render.Error{Location: render.Location{Path: dir}, Err: err}
}

// readArchive reads a packaged chart; the name is for errors.
func readArchive(data []byte, name string) ([]*loader.BufferedFile, error) {
	files, err := loader.LoadArchiveFiles(bytes.NewReader(data))
	if err != nil {
		return nil, &render.Error{
			Location: render.Location{Path: name},
			Err:      fmt.Errorf("this is no packaged chart: %w", err),
			Hint:     "make one with: helm package CHART",
		}
	}
	return files, nil
}

// readDirectory reads the files of a chart directory, less those that .helmignore names. Symbolic links
// are followed, as Helm does, but never out of the tree, which does not resolve such a link.
func readDirectory(tree fs.FS, dir string) ([]*loader.BufferedFile, error) {
	rules := ignore.Empty()
	if data, err := fs.ReadFile(tree, path.Join(dir, ignore.HelmIgnore)); err == nil {
		if rules, err = ignore.Parse(bytes.NewReader(data)); err != nil {
			return nil, &render.Error{Location: render.Location{Path: path.Join(dir, ignore.HelmIgnore)}, Err: err}
		}
	}
	rules.AddDefaults()
	var files []*loader.BufferedFile
	err := walk(tree, dir, "", rules, &files)
	return files, err
}

// walk appends the files below name, a path relative to the chart's directory.
func walk(tree fs.FS, dir, name string, rules *ignore.Rules, files *[]*loader.BufferedFile) error {
	entries, err := fs.ReadDir(tree, path.Join(dir, name))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		child := path.Join(name, entry.Name())
		// Stat, not entry.Info: a symbolic link counts as what it points to.
		info, err := fs.Stat(tree, path.Join(dir, child))
		switch {
		case err != nil:
			return entryError(path.Join(dir, child), entry, err)
		case rules.Ignore(child, info):
			continue
		case info.IsDir():
			err = walk(tree, dir, child, rules, files)
		default:
			err = readFile(tree, dir, child, info, files)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entryError says what is wrong with an entry of a directory that can be listed: mostly a symbolic link.
func entryError(name string, entry fs.DirEntry, err error) error {
	if cause := (*fs.PathError)(nil); errors.As(err, &cause) {
		err = cause.Err
	}
	failure := &render.Error{Location: render.Location{Path: name}, Err: err}
	if entry.Type()&fs.ModeSymlink != 0 {
		failure.Err = fmt.Errorf("a symbolic link that cannot be followed: %w", err)
		failure.Hint = "a link in a chart must lead to a file or directory of the same repository"
	}
	return failure
}

func readFile(tree fs.FS, dir, name string, info fs.FileInfo, files *[]*loader.BufferedFile) error {
	full := path.Join(dir, name)
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: a chart holds regular files only, this is %s", full, info.Mode().Type())
	}
	if info.Size() > loader.MaxDecompressedFileSize {
		return fmt.Errorf("%s: %d bytes, Helm accepts at most %d: name it in .helmignore", full, info.Size(), loader.MaxDecompressedFileSize)
	}
	data, err := fs.ReadFile(tree, full)
	if err != nil {
		return err
	}
	*files = append(*files, &loader.BufferedFile{Name: name, Data: bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))})
	return nil
}
