// Package discover finds the sources of a tree: charts with their environments, kustomizations and manifests (Finder). Its
// Index answers which of them are rendered from a file.
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

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}

// Finder finds the sources of a tree.
type Finder struct {
	// Tree is what is searched.
	Tree fs.FS
	// Chart and Kustomization are what every chart and kustomization begins as: its engine and its options. If Chart has
	// values files, they are the values of every chart, and the environments found beside a chart do not count.
	Chart         helm.Source
	Kustomization kustomize.Source
}

// Find returns the sources at and below a path of the tree, sorted by path and environment:
//   - every chart, once with its defaults and once with each values file that stands where people put the
//     values of an environment; a subchart in charts/ is rendered through its parent, and a chart that a
//     kustomization inflates through the kustomization; a chart that another chart names by file:// is a source, too,
//     because most such charts are also deployed alone;
//   - every kustomization that no other one below the path uses; a component only where it is the path, and
//     a component that nothing uses is skipped;
//   - every YAML or JSON file outside of both. A file in a chart's directory that Helm does not render counts as outside
//     only where it is the path.
//
// Symbolic links to directories, .git, node_modules and what .gitignore ignores are left out. The path may also be a file:
// a packaged chart, a Chart.yaml, a kustomization file, a manifest. A template, or a directory of templates, stands for
// its chart.
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

// file returns the sources for which a single file stands.
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

// isManifest reports whether a file may hold objects, by its name.
func isManifest(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name))
}

// chartOfTemplates returns the chart whose templates a directory holds.
func chartOfTemplates(fsys fs.FS, dir string) (string, bool) {
	for ; dir != "."; dir = path.Dir(dir) {
		if path.Base(dir) == "templates" && tree.IsFile(fsys, path.Join(path.Dir(dir), "Chart.yaml")) {
			return path.Dir(dir), true
		}
	}
	return "", false
}

// chart returns the sources of a chart: its defaults, and its environments by their values files.
func (f Finder) chart(dir string, files []string) []render.Source {
	source := f.Chart
	source.Path = dir
	sources := []render.Source{source}
	if len(source.Options.ValuesFiles) > 0 {
		return sources
	}
	count := map[string]int{"": 1} // the defaults
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

func (f Finder) kustomization(dir string) render.Source {
	source := f.Kustomization
	source.Path = dir
	return source
}

func manifest(name string) render.Source {
	return raw.Source{Path: name, Manifests: []render.File{{Path: name}}}
}

// discovery is the state of one walk.
type discovery struct {
	Finder
	ctx      context.Context
	start    string
	charts   []string
	inflated map[string]bool // charts that a kustomization renders
	// kustomizations has every directory with a kustomization file; the value is nil if the file cannot be parsed.
	kustomizations map[string]*kustomize.Kustomization
	files          map[string]bool // manifests that no kustomization is known to use
	ignored        map[string]bool // files and directories that .gitignore names
}

// walk visits a directory. ignored are the .gitignore patterns of the directories above. Inside a chart, files are the
// chart's and no manifests of their own.
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
		case inChart || isChart || isKustomization || !isManifest(child):
		case entry.Type().IsRegular(), link && !tree.IsDirectory(d.Tree, child):
			// A link that leads nowhere or out of the tree fails as a source.
			d.files[child] = true
		}
	}
	return nil
}

// skippedDirectory reports whether a directory holds no sources of its own. In a chart, Helm reads some directories itself.
func skippedDirectory(name string, inChart bool) bool {
	switch name {
	case ".git", "node_modules":
		return true
	case "templates", "charts", "crds":
		return inChart
	}
	return false
}

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
	slices.SortFunc(sources, func(a, b render.Source) int {
		x, y := a.ID(), b.ID()
		return strings.Compare(x.Path+"\x00"+x.Environment+"\x00"+string(x.Kind), y.Path+"\x00"+y.Environment+"\x00"+string(y.Kind))
	})
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

// kustomizationSources returns the kustomizations that no other kustomization uses. Everything that they use, directly or
// indirectly, is rendered with them: it removes such manifests from files, and notes such charts in inflated. If
// kustomizations use each other in a circle, the first is a source, and rendering it reports the circle.
func (d *discovery) kustomizationSources() []render.Source {
	uses := map[string][]string{}
	used := map[string]bool{}
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
	reached := map[string]bool{}
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

// environmentFiles returns the values files of a chart's environments, by the conventions people use:
// values-prod.yaml, values.prod.yaml, prod-values.yaml beside the chart's values.yaml; values/prod.yaml;
// env/prod.yaml and env/prod/values.yaml (also envs, environment, environments); ci/*-values.yaml of chart-testing.
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
			// The directory's own name may hold characters that Glob takes for a pattern.
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

// environmentName returns the part of a values file's path that names the environment: prod for values-prod.yaml.
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
