// Package helm renders charts as `helm template` does, in process.
//
// It calls Helm's own loader, values, engine and sorter. It does not call helm.sh/helm/v3/pkg/action, which reads only
// the disk and doubles the time that the program takes to start. Instead it repeats the steps of that package: load the
// chart (load.go), add its dependencies (dependencies.go), merge the values (values.go), run the templates, and sort
// the manifests. A test compares the output with that of pkg/action, byte for byte.
//
// Limits: nothing is asked of a cluster, so the template function lookup returns nothing; post-renderers and plugins do
// not run. File names of Helm in comments are of helm.sh/helm/v3.
package helm

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/releaseutil"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/helm/chartrepo"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// DefaultKubeVersion is the Kubernetes version that a chart sees in .Capabilities if Options.KubeVersion is empty. It
// is the version of k8s.io/client-go (v0.37) in go.mod, as in Helm's release builds. The default of Helm's SDK is 1.20,
// which many charts refuse.
const DefaultKubeVersion = "1.37.0"

// Engine renders charts. It is safe for concurrent use.
type Engine struct {
	// Charts downloads charts of a repository, and dependencies that are not vendored in charts/.
	Charts *chartrepo.Client
}

// Render renders a chart: see Source.Render.
func (e *Engine) Render(ctx context.Context, in render.In, source Source) (*render.Result, error) {
	c, err := e.load(ctx, in, source)
	if err != nil {
		return nil, err
	}
	switch c.Metadata.Type {
	case "", "application":
	case "library":
		return &render.Result{Skip: &render.Skip{Reason: "a library chart has no manifests of its own"}}, nil
	default:
		return nil, &yamldoc.Error{
			Location: yamldoc.Location{Path: path.Join(source.Path, "Chart.yaml")},
			Err:      fmt.Errorf("type is %q, a chart that can be installed has the type application", c.Metadata.Type),
		}
	}
	if err := e.addDependencies(ctx, in.Tree, source.Path, c); err != nil {
		return nil, err
	}
	given, err := Values(in.Tree, source.Options, in.Probe)
	if err != nil {
		return nil, source.declaredError(err)
	}
	files, err := c.execute(given, source.Options)
	if err != nil {
		return nil, c.locate(source, err)
	}
	result, err := c.output(files, source.Options)
	if err != nil {
		return nil, c.locate(source, err)
	}
	return result, nil
}

// execute runs the templates of the chart and its subcharts, and returns the text of each by its name in Helm
// (web/templates/service.yaml). NOTES.txt is left out.
func (c *loadedChart) execute(given map[string]any, options Options) (map[string]string, error) {
	if err := chartutil.ProcessDependenciesWithMerge(c.Chart, given); err != nil {
		return nil, err
	}
	capabilities, err := capabilities(options)
	if err != nil {
		return nil, err
	}
	required, version := c.Metadata.KubeVersion, capabilities.KubeVersion.String()
	if required != "" && !chartutil.IsCompatibleRange(required, version) {
		return nil, &yamldoc.Error{
			Err:  fmt.Errorf("the chart requires Kubernetes %s, it is rendered for %s", required, version),
			Hint: "give the version of the cluster with --kube-version",
		}
	}
	if !options.SkipSchemaValidation {
		if err := checkSchemas(c.Chart); err != nil {
			return nil, err
		}
	}
	top, err := chartutil.ToRenderValuesWithSchemaValidation(c.Chart, given, chartutil.ReleaseOptions{
		Name:      cmp.Or(options.ReleaseName, "release-name"),
		Namespace: cmp.Or(options.Namespace, "default"),
		Revision:  1,
		IsInstall: true,
	}, capabilities, options.SkipSchemaValidation)
	if err != nil {
		return nil, err
	}
	files, err := engine.Engine{LintMode: c.probe != nil}.Render(c.Chart, top)
	maps.DeleteFunc(files, func(name, _ string) bool { return strings.HasSuffix(name, "NOTES.txt") })
	return files, err
}

// capabilities returns the .Capabilities of a render: Helm's defaults with the versions of the options.
func capabilities(options Options) (*chartutil.Capabilities, error) {
	capabilities := chartutil.DefaultCapabilities.Copy()
	version, err := chartutil.ParseKubeVersion(cmp.Or(options.KubeVersion, DefaultKubeVersion))
	if err != nil {
		return nil, fmt.Errorf("kube-version: %w", err)
	}
	capabilities.KubeVersion = *version
	capabilities.APIVersions = slices.Concat(capabilities.APIVersions, options.APIVersions)
	return capabilities, nil
}

// output returns the rendered files in the order and form of `helm template` (cmd/helm/template.go,
// pkg/action/action.go renderResources): custom resource definitions, manifests in install order, hooks. The documents
// have the files of crds directories in any case, the text only with the option.
func (c *loadedChart) output(files map[string]string, options Options) (*render.Result, error) {
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return nil, err
	}
	paths := c.renderedPaths()
	var text bytes.Buffer
	var documents []span
	write := func(name, content string) {
		fmt.Fprintf(&text, "---\n# Source: %s\n", name)
		documents = append(documents, span{paths[name], text.Len(), text.Len() + len(content)})
		fmt.Fprintf(&text, "%s\n", content)
	}
	result := &render.Result{}
	for _, crd := range c.CRDObjects() {
		// They are no templates, and are installed without the option, too: Helm installs them before everything else, and
		// Argo CD renders with the option.
		result.Documents = append(result.Documents, render.Document{
			Path: paths[filepath.ToSlash(crd.Filename)], Text: crd.File.Data, Verbatim: true,
		})
		if options.IncludeCRDs {
			fmt.Fprintf(&text, "---\n# Source: %s\n%s\n", crd.Filename, crd.File.Data)
		}
	}
	for _, manifest := range manifests {
		write(manifest.Name, manifest.Content)
	}
	text.Truncate(len(bytes.TrimRight(text.Bytes(), " \t\n\v\f\r\u0085\u00A0")))
	text.WriteByte('\n')
	for _, hook := range hooks {
		if options.NoHooks || options.SkipTests && slices.Contains(hook.Events, release.HookTest) {
			continue
		}
		write(hook.Path, hook.Manifest)
	}
	result.Text = text.Bytes()
	for _, d := range documents {
		end := min(d.end, text.Len())
		document := render.Document{Path: d.path, Text: result.Text[min(d.start, end):end]}
		result.Documents = append(result.Documents, document)
	}
	return result, nil
}

// span is the part of the output that came from one file of the chart, by offsets in bytes.
type span struct {
	path       string
	start, end int
}

// renderedPaths maps the names of files in Helm (web/charts/alias/templates/x.yaml) to paths of the tree.
func (c *loadedChart) renderedPaths() map[string]string {
	paths := map[string]string{}
	var add func(*chart.Chart)
	add = func(current *chart.Chart) {
		for _, file := range slices.Concat(current.Templates, current.Files) {
			paths[path.Join(current.ChartFullPath(), file.Name)] = c.paths[file]
		}
		for _, dependency := range current.Dependencies() {
			add(dependency)
		}
	}
	add(c.Chart)
	return paths
}

// schemaHeading is the first line of Helm's error for values that violate values.schema.json.
const schemaHeading = "values don't meet the specifications of the schema(s) in the following chart(s):\n"

var (
	// templatePosition matches the template, line and column in an error of Go's templates or Helm's engine, such as
	// web/templates/service.yaml:3:14.
	templatePosition = regexp.MustCompile(`([^\s()"<>:]+/templates/[^\s()"<>:]+):(\d+)(?::(\d+))?`)
	// missingValues matches the errors of charts that lack values: the schema refuses the values, a template calls fail
	// or required, or a template reads a key of nil.
	missingValues = regexp.MustCompile(`^values don't meet|^execution error at|nil pointer evaluating`)
	// brokenOutput matches the error for a template whose output is not YAML.
	brokenOutput = regexp.MustCompile(`^YAML parse error on ([^\s:]+):`)
)

// sortedViolations sorts the lines of a schema error, because the library reports violations in another order each
// time. A violation begins with "- ". Lines with deeper indentation belong to the line above them, and are sorted among
// each other. A line without "- ", such as the name of a chart, keeps its place: only the violations between two such
// lines are sorted.
func sortedViolations(lines []string) []string {
	var sorted, run []string
	flush := func() {
		slices.Sort(run)
		sorted = append(sorted, run...)
		run = nil
	}
	for i := 0; i < len(lines); {
		end := i + 1
		for end < len(lines) && indentation(lines[end]) > indentation(lines[i]) {
			end++
		}
		item := lines[i] + strings.Join(sortedViolations(lines[i+1:end]), "")
		if strings.HasPrefix(strings.TrimSpace(item), "- ") {
			run = append(run, item)
		} else {
			flush()
			sorted = append(sorted, item)
		}
		i = end
	}
	flush()
	return sorted
}

// indentation returns the number of spaces at the start of a line.
func indentation(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// locate returns an error of Helm's engine with its location in the tree: the innermost template that the error names.
// The message begins with the fault, and then lists the templates that include the innermost one, for example:
//
//	api/templates/_helper.tpl:2:11: nil pointer evaluating interface {}.b, included from api/templates/a.yaml:1:7
func (c *loadedChart) locate(source Source, err error) error {
	if known := (*yamldoc.Error)(nil); errors.As(err, &known) {
		known.Location.Path = cmp.Or(known.Location.Path, path.Join(source.Path, "Chart.yaml"))
		return err
	}
	failure := &yamldoc.Error{Location: yamldoc.Location{Path: source.Path}, Err: err}
	text := err.Error()
	if heading, violations, ok := strings.Cut(text, schemaHeading); ok {
		sorted := strings.Join(sortedViolations(strings.SplitAfter(violations, "\n")), "")
		failure.Err = errors.New(heading + schemaHeading + sorted)
	}
	if len(source.Options.ValuesFiles) == 0 && missingValues.MatchString(text) {
		failure.Hint = "give values with -f FILE, " +
			"or keep them in the chart as values-ENVIRONMENT.yaml, where they are found"
	}
	if match := brokenOutput.FindStringSubmatch(text); match != nil {
		failure.Location.Path = cmp.Or(c.renderedPaths()[match[1]], source.Path)
		return failure
	}
	positions := templatePosition.FindAllStringSubmatchIndex(text, -1)
	if len(positions) == 0 {
		return failure
	}
	paths := c.renderedPaths()
	location := func(at []int) yamldoc.Location {
		parts := templatePosition.FindStringSubmatch(text[at[0]:at[1]])
		line, _ := strconv.Atoi(parts[2])
		located := yamldoc.Location{Path: cmp.Or(paths[parts[1]], parts[1]), Line: line}
		if column, err := strconv.Atoi(parts[3]); err == nil {
			located.Column = column + 1 // text/template counts columns from 0.
		}
		return located
	}
	innermost := positions[len(positions)-1] // Go's templates name the outermost template first.
	failure.Location = location(innermost)
	if message := strings.TrimLeft(text[innermost[1]:], "): "); message != "" {
		for _, outer := range slices.Backward(positions[:len(positions)-1]) {
			message += ", included from " + location(outer).String()
		}
		failure.Err = errors.New(message)
	}
	return failure
}
