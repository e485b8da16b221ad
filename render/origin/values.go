package origin

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/declared"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// ValuesFile is a file of the user that can give the source's chart values.
type ValuesFile struct {
	Input *Input
	// Place is a mapping in the file, and Prefix leads from the mapping to the values, where they are not there yet.
	Place  yamldoc.Place
	Prefix yamldoc.Path
}

// valuesFile is an input into which values of a chart can be inserted.
type valuesFile struct {
	ValuesFile
	document *yamldoc.Document
}

// charts knows the charts of a source by their inputs: where values are set, and under which names charts depend on other
// charts.
type charts struct {
	subject
	*inputs
	opened   map[*Input]*valuesFile
	metadata map[string]*yaml.Node // the roots of Chart.yaml files, by the paths of their charts
}

func newCharts(s subject) charts {
	seen := &inputs{byID: map[string]*Input{}, keys: map[string]bool{}}
	return charts{s, seen, map[*Input]*valuesFile{}, map[string]*yaml.Node{}}
}

// valuesIn returns the values in an input; nil if it has none. A file of several documents has none.
func (c charts) valuesIn(in *Input) *valuesFile {
	if known := c.opened[in]; known != nil {
		return known
	}
	v := &valuesFile{ValuesFile: ValuesFile{Input: in}}
	switch {
	case in.Use == render.UseDeclaration && in == c.declarationInput():
		if !c.isChart() {
			return nil
		}
		v.Place, v.Prefix = declaredValues(in, c.declaration())
	case in.Use != render.UseValues:
		return nil
	}
	document, err := yamldoc.Open(in.Text(), v.Place)
	if err != nil || in.Use == render.UseValues && !document.IsWhole() {
		return nil
	}
	v.document = document
	c.opened[in] = v
	return v
}

// declaredValues returns where a declaration has the values for a chart: as a mapping, or as a text that is one. If it has
// neither, a mapping can be inserted.
func declaredValues(in *Input, d *declared.Declaration) (at yamldoc.Place, prefix yamldoc.Path) {
	at = yamldoc.Place{Document: d.Document, At: d.Object}
	roots, err := yamldoc.Parse(in.Data)
	if err != nil || d.Document >= len(roots) {
		return at, nil // Opening it fails.
	}
	object, _ := yamldoc.Lookup(roots[d.Document], d.Object)
	mapping, _ := yamldoc.Lookup(object, d.Values)
	text, _ := yamldoc.Lookup(object, d.ValuesText)
	switch {
	case mapping != nil:
		at.At = d.Object.Below(d.Values...)
	case text == nil || yamldoc.Resolve(text).Value == "":
		return at, d.Values
	default:
		at.At = d.Object.Below(d.ValuesText...)
	}
	return at, nil
}

// declarationInput returns the file that declares the source; nil if there is none or it was not seen.
func (c charts) declarationInput() *Input {
	if c.declaration() == nil {
		return nil
	}
	return c.at(c.declaration().Path)
}

// valuesOf returns the values file of the chart at a path; nil if there is none.
func (c charts) valuesOf(chart string) *Input { return c.at(path.Join(chart, "values.yaml")) }

// isGiven reports whether values in an input are given beside those of the charts.
func (c charts) isGiven(in *Input) bool {
	return in.Use == render.UseDeclaration || c.isGivenValues(in)
}

// valuesFiles returns the files that can give the source's chart values: the chart's own, then what declares the source,
// and then those that are given, the highest precedence first.
func (c charts) valuesFiles() []ValuesFile {
	inputs := []*Input{c.valuesOf(c.path()), c.declarationInput()}
	for _, name := range slices.Backward(c.givenValues()) {
		inputs = append(inputs, c.at(name))
	}
	var files []ValuesFile
	for _, in := range inputs {
		if in == nil {
			continue
		}
		if v := c.valuesIn(in); v != nil {
			files = append(files, v.ValuesFile)
		}
	}
	return files
}

// valuesPaths returns the paths, in the values of the source's chart, of what a site decides: the value of a chart below it,
// or the values that a template reads on the line of a default. A value in a list has no path, because Helm replaces
// lists as a whole.
func (c charts) valuesPaths(s *Site) [][]string {
	var paths [][]string
	chart := path.Dir(s.Input.Path)
	switch s.Input.Use {
	case render.UseValues:
		key, err := yamldoc.ParsePath(s.Key)
		if err != nil || len(key) == 0 || slices.ContainsFunc(key, func(step yamldoc.Step) bool { return step.Index >= 0 }) {
			return nil
		}
		paths = append(paths, keysOf(key))
	case render.UseTemplate:
		chart, _, _ = cutLast(s.Input.Path, "/templates/")
		for _, read := range c.reads {
			if read.in == s.Input && isOneLine(s.Input.Data, read.offset, s.Start) {
				paths = append(paths, read.path)
			}
		}
	}
	var all [][]string
	for _, keys := range paths {
		if keys[0] == global {
			all = append(all, keys)
			continue
		}
		for _, prefix := range c.prefixes(chart) {
			all = append(all, slices.Concat(prefix, keys))
		}
	}
	return all
}

// isOneLine reports whether two offsets are on one line.
func isOneLine(data []byte, a, b int) bool {
	return !bytes.ContainsRune(data[min(a, b):max(a, b)], '\n')
}

// global is the key of the values that Helm gives all charts.
const global = "global"

// prefixes returns the paths below which the values of a chart stand in the values of the source's chart: one for each
// alias under which its parent depends on it. For example, they are [db] and [cache] for charts/redis of a chart with the
// dependencies {name: redis, alias: db} and {name: redis, alias: cache}.
func (c charts) prefixes(chart string) [][]string {
	if chart == c.path() {
		return [][]string{nil}
	}
	parent, directory, ok := cutLast(chart, "/charts/")
	if !ok {
		return nil
	}
	var prefixes [][]string
	for _, above := range c.prefixes(parent) {
		for _, name := range c.namesOf(parent, chart, directory) {
			prefixes = append(prefixes, append(slices.Clone(above), name))
		}
	}
	return prefixes
}

// namesOf returns the names under which a chart depends on another chart in a directory: its aliases, or its own name.
func (c charts) namesOf(parent, chart, directory string) []string {
	name := directory
	if root := c.metadataOf(chart); root != nil {
		name = yamldoc.Scalar(root, "name")
	}
	var names []string
	if dependencies := yamldoc.Field(c.metadataOf(parent), "dependencies"); dependencies != nil {
		for _, dependency := range dependencies.Content {
			if yamldoc.Scalar(dependency, "name") != name {
				continue
			}
			if alias := yamldoc.Scalar(dependency, "alias"); alias != "" {
				names = append(names, alias)
			} else {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return []string{name}
	}
	return names
}

// metadataOf returns the root of a chart's Chart.yaml; nil if it was not seen.
func (c charts) metadataOf(chart string) *yaml.Node {
	root, ok := c.metadata[chart]
	in := c.at(path.Join(chart, "Chart.yaml"))
	if ok || in == nil {
		return root
	}
	if roots, err := yamldoc.Parse(in.Data); err == nil && len(roots) == 1 {
		root = roots[0]
	}
	c.metadata[chart] = root
	return root
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, separator string) (before, after string, ok bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+len(separator):], true
}

// keysOf returns the keys of a path without indexes.
func keysOf(p yamldoc.Path) []string {
	var keys []string
	for _, step := range p {
		keys = append(keys, step.Key)
	}
	return keys
}

// pathOf returns the path of keys.
func pathOf(keys []string) yamldoc.Path {
	var p yamldoc.Path
	for _, key := range keys {
		p = append(p, yamldoc.Key(key))
	}
	return p
}
