// Package discover finds the sources of a tree by their files: charts with their environments, kustomizations and
// manifests (Finder). Its Index answers which of the sources are rendered from a file.
//
// The Finder walks the tree once, and reads only kustomization files: a kustomization decides which other files are
// sources of their own. It renders nothing. Package declared finds the sources that objects declare. For example:
//
//	charts/web/Chart.yaml, values-prod.yaml   helm charts/web and charts/web (prod)
//	base/ used by overlays/prod/              kustomize overlays/prod
//	deploy/cronjob.yaml                       raw deploy/cronjob.yaml
package discover

import (
	"context"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/helm"
	"github.com/pullcheck/pullcheck/render/kustomize"
	"github.com/pullcheck/pullcheck/render/raw"
	"github.com/pullcheck/pullcheck/render/tree"
	"sigs.k8s.io/kustomize/api/konfig"
)

// sortedKeys returns the keys of a map in alphabetical order.
func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}

// Finder finds the sources of a tree.
type Finder struct {
	// Tree is the tree to search.
	Tree fs.FS
	// Chart and Kustomization have the engine and the options for every chart and kustomization. Find copies them and
	// sets the path. If Chart has values files, they are the values of every chart, and Find looks for no environments.
	Chart         helm.Source
	Kustomization kustomize.Source
}

// Find returns the sources at and below a path of the tree, sorted by path and environment:
//   - Every chart, once with its defaults and once with each values file of an environment: see environmentFiles. A
//     subchart in charts/ is rendered through its parent, and a chart in helmCharts through the kustomization: neither
//     is a source. A chart that another chart names by file:// is a source, because most such charts are also deployed
//     alone.
//   - Every kustomization that no other kustomization below the path uses. A component is a source only if it is the
//     path. A component that no kustomization uses is a render.Unrendered with a Skip.
//   - Every YAML or JSON file that is neither in a chart's directory nor used by a kustomization. A file in a chart's
//     directory that Helm does not render is a source only if it is the path.
//
// Find leaves out symbolic links to directories, .git, node_modules and files that .gitignore names. The path may also
// be a file: a packaged chart, a Chart.yaml, a kustomization file or a manifest. For a template, or a directory of
// templates, the sources are those of its chart. The error is the error of the tree for the path itself; a directory
// below the path that cannot be read becomes a source that fails.
func (f Finder) Find(ctx context.Context, name string) ([]render.Source, error) {
	info, err := fs.Stat(f.Tree, name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return f.file(name), nil
	}
	if chart, ok := chartOfTemplates(f.Tree, name); ok {
		return f.chart(chart, environmentFiles(f.Tree, chart)), nil
	}
	found := &discovery{
		Finder: f, ctx: ctx, start: name,
		inflated:       map[string]bool{},
		kustomizations: map[string]*kustomize.Kustomization{},
		files:          map[string]bool{},
		ignored:        map[string]bool{},
	}
	if err := found.walk(name, tree.IgnoredAbove(f.Tree, name), false); err != nil {
		return nil, err
	}
	return found.sources(), nil
}

// file returns the sources for a path that is a file.
func (f Finder) file(name string) []render.Source {
	dir, base := path.Dir(name), path.Base(name)
	switch {
	case path.Ext(name) == ".tgz":
		return f.chart(name, nil)
	case base == "Chart.yaml":
		return f.chart(dir, environmentFiles(f.Tree, dir))
	case slices.Contains(konfig.RecognizedKustomizationFileNames(), base):
		return []render.Source{f.kustomization(dir)}
	}
	if chart, ok := chartOfTemplates(f.Tree, dir); ok {
		return f.chart(chart, environmentFiles(f.Tree, chart))
	}
	return []render.Source{manifest(name)}
}

// IsManifest reports whether a file may hold objects, by the extension of its name.
func IsManifest(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name))
}

// chartOfTemplates returns the directory of the chart, if a directory is the templates directory of a chart or below
// it.
func chartOfTemplates(fsys fs.FS, dir string) (string, bool) {
	for ; dir != "."; dir = path.Dir(dir) {
		if path.Base(dir) == "templates" && tree.IsFile(fsys, path.Join(path.Dir(dir), "Chart.yaml")) {
			return path.Dir(dir), true
		}
	}
	return "", false
}

// chart returns the sources of a chart: one with its defaults, and one for each of the values files of its
// environments. If two files have the same environment name, each environment has the path of its file as its name.
func (f Finder) chart(dir string, files []string) []render.Source {
	source := f.Chart
	source.Path = dir
	sources := []render.Source{source}
	if len(source.Options.ValuesFiles) > 0 {
		return sources
	}
	count := map[string]int{"": 1} // environment → the number of its files; "" is the defaults
	for _, file := range files {
		count[environmentName(dir, file)]++
	}
	for _, file := range files {
		source.Environment = environmentName(dir, file)
		if count[source.Environment] > 1 {
			source.Environment = strings.TrimPrefix(file, dir+"/")
		}
		source.Options.ValuesFiles = []render.File{{Path: file}}
		sources = append(sources, source)
	}
	return sources
}

// kustomization returns the kustomization in a directory as a source.
func (f Finder) kustomization(dir string) render.Source {
	source := f.Kustomization
	source.Path = dir
	return source
}

// manifest returns a manifest file as a source.
func manifest(name string) render.Source {
	return raw.Source{Path: name, Manifests: []render.File{{Path: name}}}
}

// discovery is the state of one Find.
type discovery struct {
	Finder
	ctx      context.Context
	start    string
	charts   []string
	inflated map[string]bool // charts that a kustomization renders
	// kustomizations has every directory with a kustomization file; the value is nil if the file cannot be parsed.
	kustomizations map[string]*kustomize.Kustomization
	files          map[string]bool // manifests; kustomizationSources removes the files that a kustomization uses
	ignored        map[string]bool // files and directories that .gitignore names
}

// walk visits a directory and the directories below it. ignored are the .gitignore patterns of the directories above.
// If inChart is true, a chart is above the directory: then the files belong to the chart and are not manifests.
func (d *discovery) walk(dir string, ignored []gitignore.Pattern, inChart bool) error {
	if err := d.ctx.Err(); err != nil {
		return err
	}
	entries, err := fs.ReadDir(d.Tree, dir)
	if err != nil {
		if dir == d.start {
			return err
		}
		d.files[dir] = true // The source fails with the same error, and the other sources go on.
		return nil
	}
	ignored = append(slices.Clip(ignored), tree.IgnorePatterns(d.Tree, dir)...)
	matcher := gitignore.NewMatcher(ignored)
	isChart := tree.IsFile(d.Tree, path.Join(dir, "Chart.yaml"))
	if isChart {
		d.charts = append(d.charts, dir)
	}
	isKustomization := d.addKustomization(dir)
	for _, entry := range entries {
		child := path.Join(dir, entry.Name())
		link := entry.Type()&fs.ModeSymlink != 0
		switch {
		case matcher.Match(strings.Split(child, "/"), entry.IsDir()):
			d.ignored[child] = true
		case entry.IsDir():
			if skippedDirectory(entry.Name(), isChart) {
				continue
			}
			if err := d.walk(child, ignored, inChart || isChart); err != nil {
				return err
			}
		case inChart || isChart || isKustomization || !IsManifest(child):
		case entry.Type().IsRegular(), link && !tree.IsDirectory(d.Tree, child):
			// A broken link, or a link that leads out of the tree, becomes a source, and its render reports the error.
			d.files[child] = true
		}
	}
	return nil
}

// skippedDirectory reports whether walk does not visit a directory, by its name. The templates, charts and crds of a
// chart are read by Helm.
func skippedDirectory(name string, inChart bool) bool {
	switch name {
	case ".git", "node_modules":
		return true
	case "templates", "charts", "crds":
		return inChart
	}
	return false
}

// addKustomization notes the kustomization in a directory. It returns false if the directory has no kustomization file.
func (d *discovery) addKustomization(dir string) bool {
	file, ok := kustomize.FindFile(d.Tree, dir)
	if !ok {
		return false
	}
	d.kustomizations[dir] = nil
	data, err := fs.ReadFile(d.Tree, file)
	if err != nil {
		return true // The engine reports the error when it renders, as it does for a file that cannot be parsed.
	}
	if k, err := kustomize.Parse(file, data); err == nil {
		d.kustomizations[dir] = k
	}
	return true
}

// sources returns the sources that the walk found, sorted by path, environment and kind.
func (d *discovery) sources() []render.Source {
	sources := d.kustomizationSources()
	for _, dir := range d.charts {
		if d.inflated[dir] && dir != d.start {
			continue
		}
		files := slices.DeleteFunc(environmentFiles(d.Tree, dir), d.isIgnored)
		sources = append(sources, d.chart(dir, files)...)
	}
	for file := range d.files {
		sources = append(sources, manifest(file))
	}
	key := func(source render.Source) string {
		id := source.ID()
		return id.Path + "\x00" + id.Environment + "\x00" + string(id.Kind)
	}
	slices.SortFunc(sources, func(a, b render.Source) int { return strings.Compare(key(a), key(b)) })
	return sources
}

// isIgnored reports whether .gitignore names a file or a directory above it.
func (d *discovery) isIgnored(file string) bool {
	for ; file != "."; file = path.Dir(file) {
		if d.ignored[file] {
			return true
		}
	}
	return false
}

// kustomizationSources returns the kustomizations that no other kustomization uses. All files that they use, directly
// or indirectly, are rendered with them: the function removes such manifests from d.files, and notes such charts in
// d.inflated. If kustomizations use each other in a circle, the first of them is a source, and its render reports the
// circle.
func (d *discovery) kustomizationSources() []render.Source {
	uses := map[string][]string{} // directory of a kustomization → the files and directories that it names
	used := map[string]bool{}     // the files and directories that another kustomization names
	for dir, k := range d.kustomizations {
		if k == nil {
			continue
		}
		for _, reference := range k.References() {
			target := path.Join(dir, reference.Path)
			uses[dir] = append(uses[dir], target)
			used[target] = used[target] || target != dir
		}
	}
	reached := map[string]bool{} // sources, and the files and directories that they use
	var reach func(string)
	reach = func(dir string) {
		if reached[dir] {
			return
		}
		reached[dir] = true
		for _, target := range uses[dir] {
			delete(d.files, target)
			reach(target)
		}
		if k := d.kustomizations[dir]; k != nil {
			for _, chart := range k.HelmCharts {
				d.inflated[path.Join(dir, k.ChartDirectory(chart))] = true
			}
		}
	}
	var sources []render.Source
	// The second turn is for circles: all kustomizations of a circle are used, but no source reaches them.
	for _, inCircle := range []bool{false, true} {
		for _, dir := range sortedKeys(d.kustomizations) {
			k := d.kustomizations[dir]
			component := k != nil && k.Kind == "Component" && dir != d.start
			if reached[dir] || component || used[dir] != inCircle && dir != d.start {
				continue
			}
			sources = append(sources, d.kustomization(dir))
			reach(dir)
		}
	}
	for dir := range d.kustomizations {
		if !reached[dir] {
			sources = append(sources, render.Unrendered{
				As:    render.ID{Kind: render.Kustomize, Path: dir},
				Skip:  &render.Skip{Reason: "a component that no kustomization here uses"},
				Paths: d.kustomization(dir).Reach(d.Tree).Paths(),
			})
		}
	}
	return sources
}

// environmentFiles returns the values files of a chart's environments, sorted. It knows the names that are in common
// use, each also with the extension .yml:
//
//   - values-prod.yaml, values.prod.yaml and prod-values.yaml beside the chart's values.yaml
//   - values/prod.yaml
//   - env/prod.yaml and env/prod/values.yaml; the directory may also be envs, environment or environments
//   - ci/prod-values.yaml, for the tool chart-testing
func environmentFiles(fsys fs.FS, dir string) []string {
	patterns := []string{
		`values[\-_.]*.yaml`, `*[\-_.]values.yaml`,
		"values/*.yaml",
		"ci/*-values.yaml",
	}
	for _, environments := range []string{"env", "envs", "environment", "environments"} {
		patterns = append(patterns, environments+"/*.yaml", environments+"/*/values.yaml")
	}
	var files []string
	for _, pattern := range patterns {
		for _, pattern := range []string{pattern, strings.TrimSuffix(pattern, "yaml") + "yml"} {
			// Glob must not see the directory itself: its name may contain characters of patterns.
			sub, err := fs.Sub(fsys, dir)
			if err != nil {
				continue
			}
			matches, _ := fs.Glob(sub, pattern)
			for _, match := range matches {
				if base := path.Base(match); tree.IsFile(sub, match) && !strings.HasPrefix(base, "values.schema.") {
					files = append(files, path.Join(dir, match))
				}
			}
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// environmentName returns the name of the environment of a values file: prod for values-prod.yaml and for
// env/prod/values.yaml, ci/prod for ci/prod-values.yaml. dir is the directory of the chart.
func environmentName(dir, file string) string {
	relative := strings.TrimPrefix(file, dir+"/")
	base := strings.TrimSuffix(path.Base(relative), path.Ext(relative))
	if base == "values" {
		return path.Base(path.Dir(relative))
	}
	name := strings.TrimLeft(strings.TrimPrefix(base, "values"), "-_.")
	name = strings.TrimRight(strings.TrimSuffix(name, "values"), "-_.")
	if strings.HasPrefix(relative, "ci/") {
		return "ci/" + name
	}
	return name
}
