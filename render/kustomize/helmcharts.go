package kustomize

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"helm.sh/helm/v3/pkg/chart/loader"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/kustomize/kyaml/yaml/merge2"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/helm"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// chart is an entry of helmCharts, or a HelmChartInflationGenerator of the field generators.
type chart struct {
	types.HelmGlobals
	types.HelmChart
	inherits   bool            // whether it inherits the namespace of the kustomizations that lead to it
	configured resource.Origin // the file and the object that configure the chart, for buildMetadata
}

// chartGenerator is the kind of the builtin plugin of kustomize that renders charts.
const chartGenerator = "HelmChartInflationGenerator"

// directory returns the directory in which kustomize looks for the chart, relative to the kustomization.
func (c *chart) directory() string {
	k := Kustomization{Kustomization: types.Kustomization{HelmGlobals: &c.HelmGlobals}}
	return k.ChartDirectory(c.HelmChart)
}

// charts removes the charts from a kustomization and returns them. An entry of helmCharts without a namespace gets the
// namespace that it inherits; a generator does not inherit (kusttarget_configplugin.go). file is the kustomization
// file.
func (g *graph) charts(at node, file string, k *Kustomization, namespace string) ([]chart, error) {
	var charts []chart
	for _, entry := range k.HelmCharts {
		generator := yaml.TypeMeta{APIVersion: konfig.BuiltinPluginApiVersion, Kind: chartGenerator}
		c := chart{HelmChart: entry, configured: resource.Origin{
			ConfiguredIn: path.Base(file), ConfiguredBy: yaml.ResourceIdentifier{TypeMeta: generator},
		}}
		if k.HelmGlobals != nil {
			c.HelmGlobals = *k.HelmGlobals
		}
		if c.inherits = c.Namespace == ""; c.inherits {
			c.Namespace = namespace
		}
		charts = append(charts, c)
	}
	k.HelmCharts, k.HelmGlobals = nil, nil
	generated, err := g.plugins(at, file, k)
	return append(charts, generated...), err
}

// inflate renders the charts, and makes their manifests the first components of the kustomization. Kustomize would add
// the manifests at the same point: it accumulates components right after the generators have run.
func (g *graph) inflate(at node, k *Kustomization, charts []chart) error {
	if len(charts) == 0 {
		return nil
	}
	var components []string
	for _, c := range charts {
		if c.Name == "" {
			return fault(k.Locate(""), "helmCharts", errors.New("a chart has no name"))
		}
		manifests, err := g.inflateOne(at, c)
		if err != nil {
			return fault(k.Locate(c.Name), "helmCharts: "+c.Name, g.chartError(at, err))
		}
		dir := g.mount(at.dir, nil,
			mount{name: "helmCharts: " + c.Name, whole: true, chart: c.Name, configured: c.configured})
		g.tree.Write(path.Join(dir, "manifests.yaml"), manifests)
		g.tree.Write(path.Join(dir, konfig.DefaultKustomizationFileName()),
			[]byte("apiVersion: "+types.ComponentVersion+"\nkind: Component\nresources: [manifests.yaml]\n"))
		components = append(components, relative(at.dir, dir))
	}
	k.Components = append(components, k.Components...)
	return nil
}

// chartError returns an error of the Helm engine for the kustomization at. The error keeps its location only if it is a
// file of the user's tree; any other location becomes part of the message.
func (g *graph) chartError(at node, err error) error {
	failure := (*yamldoc.Error)(nil)
	if !errors.As(err, &failure) || failure.Location.Path == "" {
		return err
	}
	located := *failure
	located.Location.Path = g.userPath(failure.Location.Path)
	if _, err := fs.Stat(at.layer, located.Location.Path); err == nil && len(at.cloned) == 0 {
		return &located
	}
	return &yamldoc.Error{Err: errors.New(located.Error()), Hint: located.Hint}
}

// inflateOne renders one chart as api/internal/builtins/HelmChartInflationGenerator.go does, but reads the tree instead
// of the disk, and calls the Helm engine instead of the program helm.
func (g *graph) inflateOne(at node, c chart) ([]byte, error) {
	dir, err := g.chartDirectory(at, c)
	if err != nil {
		return nil, err
	}
	options := helm.Options{
		Namespace:   c.Namespace,
		KubeVersion: c.KubeVersion,
		APIVersions: c.ApiVersions,
		IncludeCRDs: c.IncludeCRDs,
		SkipTests:   c.SkipTests,
		NoHooks:     c.SkipHooks,
	}
	// The flags have the lower precedence: kustomize sets them first, and then decodes the entry of helmCharts over
	// them, although a comment in its code says the reverse (HelmChartInflationGenerator.go, Config).
	if options.KubeVersion == "" {
		options.KubeVersion = g.options.HelmKubeVersion
	}
	if len(options.APIVersions) == 0 {
		options.APIVersions = g.options.HelmAPIVersions
	}
	if options.ReleaseName, err = releaseName(c); err != nil {
		return nil, err
	}
	if options.ValuesFiles, err = g.valuesFiles(at, c); err != nil {
		return nil, err
	}
	in := render.In{Tree: g.tree, Probe: g.chartProbe(options)}
	result, err := g.engine.Helm.Render(g.ctx, in, helm.Source{Path: dir, Options: options})
	if err != nil {
		return nil, err
	}
	if g.probe != nil {
		result.Text = g.probe(render.Input{Use: render.UseInflated, Data: result.Text})
	}
	return annotateHelmGenerated(result.Text)
}

// chartDirectory returns the directory of the chart in the tree. If the tree does not have the chart, chartDirectory
// pulls it and writes its files to the overlay, in the directory in which `kustomize build` would put it.
func (g *graph) chartDirectory(at node, c chart) (string, error) {
	dir := path.Join(at.dir, c.directory())
	found, info, err := g.find(at, c.directory())
	switch {
	case err == nil && info.IsDir():
		return found, nil
	case err == nil:
		return "", fmt.Errorf("%s is a file, and a chart is looked for there", g.userPath(dir))
	case c.Repo == "":
		return "", fmt.Errorf("%w, and no repo to pull the chart from", err)
	case !fs.ValidPath(dir):
		return "", err
	}
	version := c.Version
	if version == "" && c.Devel {
		version = ">0.0.0-0" // the range of `helm pull --devel`
	}
	archive, err := g.engine.Charts.Pull(g.ctx, c.Repo, c.Name, version)
	if err != nil {
		return "", err
	}
	files, err := loader.LoadArchiveFiles(bytes.NewReader(archive))
	if err != nil {
		return "", err
	}
	for _, file := range files {
		g.tree.Write(path.Join(dir, file.Name), file.Data)
	}
	return dir, nil
}

// releaseName returns the name of the release as helm chooses it (pkg/action/install.go of Helm, NameAndChart). If the
// chart sets neither releaseName nor nameTemplate, kustomize calls helm with --generate-name, and helm appends the time
// in seconds. Here the time is always 0, so that the output does not change from run to run.
func releaseName(c chart) (string, error) {
	switch {
	case c.NameTemplate == "" && c.ReleaseName == "":
		base, _, _ := strings.Cut(path.Base(c.Name), ".")
		return base + "-0000000000", nil
	case c.NameTemplate == "":
		return c.ReleaseName, nil
	case c.ReleaseName != "":
		return "", errors.New("it has both a releaseName and a nameTemplate")
	}
	functions := sprig.TxtFuncMap()
	for _, name := range []string{"env", "expandenv", "getHostByName"} {
		delete(functions, name) // Helm has them, but the template may be a stranger's, and the environment has secrets.
	}
	t, err := template.New("nameTemplate").Funcs(functions).Parse(c.NameTemplate)
	if err != nil {
		return "", err
	}
	var name strings.Builder
	err = t.Execute(&name, nil)
	return name.String(), err
}

// valuesFiles returns the values files that kustomize passes to helm with -f: the merged values of valuesFile and
// valuesInline, then additionalValuesFiles.
func (g *graph) valuesFiles(at node, c chart) ([]render.File, error) {
	values, err := g.values(at, c)
	if err != nil {
		return nil, err
	}
	files := []render.File{{Path: c.Name + "-kustomize-values.yaml", Data: values}}
	for _, name := range c.AdditionalValuesFiles {
		data, err := g.read(at, "additionalValuesFiles", name)
		if err != nil {
			return nil, err
		}
		files = append(files, render.File{Path: path.Join(at.dir, name), Data: data})
	}
	return files, nil
}

// values returns the values of valuesFile, or else of the chart's own values.yaml, merged with valuesInline in the way
// that valuesMerge says.
func (g *graph) values(at node, c chart) ([]byte, error) {
	if !slices.Contains([]string{"", "override", "merge", "replace"}, c.ValuesMerge) {
		return nil, fmt.Errorf("valuesMerge is %q and must be override, merge or replace", c.ValuesMerge)
	}
	if len(c.ValuesInline) > 0 && c.ValuesMerge == "replace" {
		return sigsyaml.Marshal(c.ValuesInline)
	}
	file := c.ValuesFile
	if file == "" {
		file = path.Join(c.directory(), "values.yaml")
	}
	data, err := g.read(at, "valuesFile", file)
	if err != nil || len(c.ValuesInline) == 0 {
		return append([]byte{}, data...), err
	}
	var merged []byte
	err = withSchema(false, func() error {
		merged, err = mergeValues(data, c)
		return err
	})
	return merged, err
}

// mergeValues merges the content of a values file with valuesInline. With valuesMerge: override, the default,
// valuesInline wins; with merge, the file wins.
func mergeValues(data []byte, c chart) ([]byte, error) {
	own, err := yaml.Parse(string(data))
	if errors.Is(err, io.EOF) {
		return nil, &yamldoc.Error{
			Err:  errors.New("valuesFile: it is empty, and kustomize does not merge valuesInline with that"),
			Hint: "set valuesMerge: replace",
		}
	}
	if err != nil {
		return nil, fmt.Errorf("valuesFile: %w", err)
	}
	inline, err := yaml.FromMap(c.ValuesInline)
	if err != nil {
		return nil, fmt.Errorf("valuesInline: %w", err)
	}
	source, target := inline, own
	if c.ValuesMerge == "merge" {
		source, target = own, inline
	}
	merged, err := merge2.Merge(source, target, yaml.MergeOptions{})
	if err != nil {
		return nil, fmt.Errorf("valuesInline: %w", err)
	}
	values, err := merged.Map()
	if err != nil {
		return nil, fmt.Errorf("valuesInline: %w", err)
	}
	return sigsyaml.Marshal(values)
}

// read reads a values file that a field of the kustomization names, if the load restrictor permits it. valuesFile may
// also be a URL. It returns the answer of the probe, if there is a probe.
func (g *graph) read(at node, field, name string) (data []byte, err error) {
	probe := func(in render.Input) []byte { return in.Data }
	if g.probe != nil {
		probe = g.probe
	}
	if isWeb(name) && field == "valuesFile" {
		if data, err = g.engine.download(g.ctx, name); err == nil {
			data = probe(render.Input{
				Path: fetch.Redact(name), Use: render.UseValues, Data: data, From: at.referencedAt,
			})
		}
	} else if found, _, failed := g.find(at, name); failed != nil {
		err = failed
	} else if err = g.permit(at, found); err == nil {
		if data, err = fs.ReadFile(g.tree, found); err == nil {
			data = probe(g.input(found, render.UseValues, data))
		}
	}
	if err != nil {
		return nil, fault(yamldoc.Location{}, field+": "+fetch.Redact(name), err)
	}
	return data, nil
}

// annotateHelmGenerated adds the annotation with which kustomize marks the objects of charts, so that its namespace
// transformer does not change them. Kustomize removes the annotation before the output.
func annotateHelmGenerated(manifests []byte) ([]byte, error) {
	nodes, err := provider.NewDepProvider().GetResourceFactory().RNodesFromBytes(manifests)
	if err != nil {
		return nil, err
	}
	var annotated bytes.Buffer
	for _, node := range nodes {
		if err := node.PipeE(yaml.SetAnnotation(konfig.HelmGeneratedAnnotation, "true")); err != nil {
			return nil, err
		}
		text, err := node.String()
		if err != nil {
			return nil, err
		}
		annotated.WriteString("---\n" + text)
	}
	return annotated.Bytes(), nil
}
