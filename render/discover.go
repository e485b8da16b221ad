package render

import (
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
	"sigs.k8s.io/kustomize/api/konfig"
)

// Discover finds the sources at and below a path of the tree, sorted by path and environment:
//   - every chart, once with its defaults and once with each values file that stands where people put the
//     values of an environment; a subchart in charts/ is rendered through its parent, and a chart that a
//     kustomization inflates through that; one that is named by file:// is deployed for itself too, mostly;
//   - every kustomization that no other one below the path uses; a component only where it is the path, and
//     one that nothing uses is skipped;
//   - every YAML or JSON file outside of both. What stands in a chart's directory and is not rendered by Helm
//     counts as outside only where it is the path.
//
// Symbolic links to directories, .git, node_modules and what .gitignore ignores are left out. The path may also be a file:
// a packaged chart, a Chart.yaml, a kustomization file, a manifest. A template, or a directory of such, stands for its chart.
func Discover(ctx context.Context, tree fs.FS, name string) ([]Source, error) {
	info, err := fs.Stat(tree, name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return discoverFile(tree, name), nil
	}
	if chart, ok := chartOfTemplates(tree, name); ok {
		return chartSources(chart, environmentFiles(tree, chart)), nil
	}
	found := &discovery{
		ctx: ctx, tree: tree, start: name,
		inflated:       map[string]bool{},
		kustomizations: map[string]*Kustomization{},
		files:          map[string]bool{},
		ignored:        map[string]bool{},
	}
	if err := found.walk(name, ancestorPatterns(tree, name), false); err != nil {
		return nil, err
	}
	return found.sources(), nil
}

// discoverFile is the source that a single file stands for.
func discoverFile(tree fs.FS, name string) []Source {
	dir, base := path.Dir(name), path.Base(name)
	switch {
	case path.Ext(name) == ".tgz":
		return []Source{{Kind: Helm, Path: name}}
	case base == "Chart.yaml":
		return chartSources(dir, environmentFiles(tree, dir))
	case slices.Contains(konfig.RecognizedKustomizationFileNames(), base):
		return []Source{{Kind: Kustomize, Path: dir}}
	}
	if chart, ok := chartOfTemplates(tree, dir); ok {
		return chartSources(chart, environmentFiles(tree, chart))
	}
	return []Source{rawSource(name)}
}

// isManifest tells by its name a file that may hold objects.
func isManifest(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name))
}

// chartOfTemplates finds the chart whose templates a directory holds.
func chartOfTemplates(tree fs.FS, dir string) (string, bool) {
	for ; dir != "."; dir = path.Dir(dir) {
		if path.Base(dir) == "templates" && isFile(tree, path.Join(path.Dir(dir), "Chart.yaml")) {
			return path.Dir(dir), true
		}
	}
	return "", false
}

func rawSource(name string) Source {
	return Source{Kind: Raw, Path: name, Files: []File{{Path: name}}}
}

// discovery is the state of one walk.
type discovery struct {
	ctx      context.Context
	tree     fs.FS
	start    string
	charts   []string
	inflated map[string]bool // charts that a kustomization renders
	// kustomizations has what could be parsed of every directory with a kustomization file, nil otherwise.
	kustomizations map[string]*Kustomization
	files          map[string]bool // candidates for manifests
	ignored        map[string]bool // files and directories that .gitignore names
}

// walk visits a directory. ignored are the .gitignore patterns of the directories above; in a chart there
// are no loose manifests.
func (d *discovery) walk(dir string, ignored []gitignore.Pattern, inChart bool) error {
	if err := d.ctx.Err(); err != nil {
		return err
	}
	entries, err := fs.ReadDir(d.tree, dir)
	if err != nil {
		if dir == d.start {
			return err
		}
		d.files[dir] = true // As a source it fails, with the same error, and the others go on.
		return nil
	}
	ignored = append(slices.Clip(ignored), IgnorePatterns(d.tree, dir)...)
	matcher := gitignore.NewMatcher(ignored)
	isChart := isFile(d.tree, path.Join(dir, "Chart.yaml"))
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
		case entry.Type().IsRegular(), link && !isDirectory(d.tree, child):
			// A link that leads nowhere or out of the tree fails as a source.
			d.files[child] = true
		}
	}
	return nil
}

// skippedDirectory tells directories that hold no sources of their own: of a chart those that Helm reads.
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
	file, ok := KustomizationFile(d.tree, dir)
	if !ok {
		return false
	}
	d.kustomizations[dir] = nil
	data, err := fs.ReadFile(d.tree, file)
	if err != nil {
		return true // The engine reports it, as it does what cannot be parsed.
	}
	if k, err := ParseKustomization(file, data); err == nil {
		d.kustomizations[dir] = k
	}
	return true
}

func (d *discovery) sources() []Source {
	sources := d.kustomizationSources()
	for _, dir := range d.charts {
		if d.inflated[dir] && dir != d.start {
			continue
		}
		files := slices.DeleteFunc(environmentFiles(d.tree, dir), d.isIgnored)
		sources = append(sources, chartSources(dir, files)...)
	}
	for file := range d.files {
		sources = append(sources, rawSource(file))
	}
	slices.SortFunc(sources, func(a, b Source) int {
		return strings.Compare(a.Path+"\x00"+a.Environment+"\x00"+string(a.Kind), b.Path+"\x00"+b.Environment+"\x00"+string(b.Kind))
	})
	return sources
}

// isIgnored tells whether .gitignore names a file or a directory above it.
func (d *discovery) isIgnored(file string) bool {
	for ; file != "."; file = path.Dir(file) {
		if d.ignored[file] {
			return true
		}
	}
	return false
}

// kustomizationSources returns the kustomizations that no other one uses. What these use, themselves or through others,
// is rendered with them: it takes the files from the candidates and notes the charts. Of those that use each other in a
// circle the first is a source: rendering it says so.
func (d *discovery) kustomizationSources() []Source {
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
	var sources []Source
	for _, inCircle := range []bool{false, true} {
		for _, dir := range sortedKeys(d.kustomizations) {
			k := d.kustomizations[dir]
			component := k != nil && k.Kind == "Component" && dir != d.start
			if reached[dir] || component || used[dir] != inCircle && dir != d.start {
				continue
			}
			sources = append(sources, Source{Kind: Kustomize, Path: dir})
			reach(dir)
		}
	}
	for dir := range d.kustomizations {
		if !reached[dir] {
			sources = append(sources, Source{Kind: Kustomize, Path: dir, Skip: "a component that no kustomization here uses"})
		}
	}
	return sources
}

// chartSources are a chart's defaults and its environments, by their values files.
func chartSources(dir string, files []string) []Source {
	sources := []Source{{Kind: Helm, Path: dir}}
	count := map[string]int{"": 1} // the defaults
	for _, file := range files {
		count[environmentName(dir, file)]++
	}
	for _, file := range files {
		name := environmentName(dir, file)
		if count[name] > 1 {
			name = strings.TrimPrefix(file, dir+"/")
		}
		sources = append(sources, Source{
			Kind: Helm, Path: dir, Environment: name,
			Helm: HelmOptions{ValuesFiles: []File{{Path: file}}},
		})
	}
	return sources
}

// environmentFiles finds the values files of a chart's environments by the conventions people use:
// values-prod.yaml, values.prod.yaml, prod-values.yaml beside the chart's values.yaml; values/prod.yaml;
// env/prod.yaml and env/prod/values.yaml (also envs, environment, environments); ci/*-values.yaml of chart-testing.
func environmentFiles(tree fs.FS, dir string) []string {
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
			sub, err := fs.Sub(tree, dir)
			if err != nil {
				continue
			}
			matches, _ := fs.Glob(sub, pattern)
			for _, match := range matches {
				if base := path.Base(match); isFile(sub, match) && !strings.HasPrefix(base, "values.schema.") {
					files = append(files, path.Join(dir, match))
				}
			}
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// environmentName is what is special in the path of an environment's values file.
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

// ancestorPatterns reads the .gitignore files above a directory. Where they ignore the directory itself
// somebody asked for it nevertheless, and they do not count.
func ancestorPatterns(tree fs.FS, dir string) []gitignore.Pattern {
	if dir == "." {
		return nil
	}
	var patterns []gitignore.Pattern
	parts := strings.Split(dir, "/")
	for i := range parts {
		patterns = append(patterns, IgnorePatterns(tree, path.Join(".", path.Join(parts[:i]...)))...)
	}
	if gitignore.NewMatcher(patterns).Match(parts, true) {
		return nil
	}
	return patterns
}

// IsOwn reports whether a file is kept in the repository of the tree. What is in a packaged chart or was fetched is not,
// nor is what .gitignore names, such as charts that kustomize has pulled, nor a submodule.
func IsOwn(tree fs.FS, name string) bool {
	if !fs.ValidPath(name) || !isFile(tree, name) {
		return false
	}
	var patterns []gitignore.Pattern
	parts := strings.Split(name, "/")
	for i := range parts {
		dir := path.Join(".", path.Join(parts[:i]...))
		if _, err := fs.Stat(tree, path.Join(dir, ".git")); i > 0 && err == nil {
			return false
		}
		patterns = append(patterns, IgnorePatterns(tree, dir)...)
		if gitignore.NewMatcher(patterns).Match(parts[:i+1], i < len(parts)-1) {
			return false
		}
	}
	return true
}

// IgnorePatterns returns the patterns of the .gitignore in a directory of a tree. They count for what is below this directory.
// A directory without a readable .gitignore has none.
func IgnorePatterns(tree fs.FS, dir string) []gitignore.Pattern {
	data, err := fs.ReadFile(tree, path.Join(dir, ".gitignore"))
	if err != nil {
		return nil
	}
	var domain []string
	if dir != "." {
		domain = strings.Split(dir, "/")
	}
	var patterns []gitignore.Pattern
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\r\n")
		if line != "" && !strings.HasPrefix(line, "#") {
			patterns = append(patterns, gitignore.ParsePattern(line, domain))
		}
	}
	return patterns
}

func isFile(tree fs.FS, name string) bool {
	info, err := fs.Stat(tree, name)
	return err == nil && info.Mode().IsRegular()
}

func isDirectory(tree fs.FS, name string) bool {
	info, err := fs.Stat(tree, name)
	return err == nil && info.IsDir()
}
