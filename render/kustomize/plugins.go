package kustomize

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/kyaml/fn/runtime/runtimeutil"
	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// plugins reads the plugins that the fields generators, transformers and validators configure, inline or in files.
//
//   - A HelmChartInflationGenerator is removed from the kustomization, and returned as a chart.
//   - This program's own function is removed, too: it would only repeat the check of the output.
//   - Another builtin plugin stays.
//   - Any other plugin or function is an error, because kustomize would have to run a program.
//
// An entry that is a directory stays; kustomize itself refuses functions there. A plugin that would download a file is
// an error, also in a directory.
func (g *graph) plugins(at node, file string, k *Kustomization) ([]chart, error) {
	var charts []chart
	for _, field := range []struct {
		name    string
		entries *[]string
	}{{"generators", &k.Generators}, {"transformers", &k.Transformers}, {"validators", &k.Validators}} {
		var rest []string
		for _, entry := range *field.entries {
			others, found, err := g.pluginsOf(at, file, field.name, entry)
			if err != nil {
				return nil, fault(k.Locate(entry), field.name, err)
			}
			charts = append(charts, found...)
			if others != "" {
				rest = append(rest, others)
			}
		}
		*field.entries = rest
	}
	return charts, nil
}

// pluginsOf returns the charts that an entry of a field configures, and the entry without them: "" if nothing is left
// of the entry. If the entry is a file with more plugins, the rest is a copy of the file in a mount.
func (g *graph) pluginsOf(at node, file, field, entry string) (string, []chart, error) {
	text, file := []byte(entry), path.Base(file)
	found, info, err := g.find(at, entry)
	if err == nil {
		if info.IsDir() {
			return entry, nil, g.permitPlugins(found)
		}
		if text, err = fs.ReadFile(g.tree, found); err != nil {
			return "", nil, err
		}
		text = g.probeFile(found, text)
		file = entry
	}
	objects, err := kio.FromBytes(text)
	if err != nil {
		return entry, nil, nil // Kustomize reports the error in the build.
	}
	var charts []chart
	var others []*yaml.RNode
	own := false
	for _, object := range objects {
		switch {
		case object.GetKind() == "":
			return entry, nil, nil // Kustomize reports the missing kind in the build.
		case field != "generators" && isOwnFunction(object):
			own = true
		case object.GetApiVersion() != konfig.BuiltinPluginApiVersion:
			return "", nil, g.refused(object.GetKind())
		case field == "generators" && object.GetKind() == chartGenerator:
			c, err := generatorChart(file, object)
			if err != nil {
				return "", nil, err
			}
			charts = append(charts, c)
		default:
			if err := permitPlugin(object); err != nil {
				return "", nil, err
			}
			others = append(others, object)
		}
	}
	if len(charts) == 0 && !own {
		return entry, nil, nil
	}
	if len(others) == 0 {
		return "", charts, nil
	}
	rest, err := kio.StringAll(others)
	if found != "" {
		copied := path.Join(g.mount(path.Dir(found), nil, mount{}), path.Base(found))
		g.tree.Write(copied, []byte(rest))
		rest = relative(at.dir, copied)
	}
	return rest, charts, err
}

// isOwnFunction reports whether an object configures this program as a KRM function: by its bare name. A program of this
// name at a path, or an image, may be any program, and may change the manifests behind the check.
func isOwnFunction(object *yaml.RNode) bool {
	function, err := runtimeutil.GetFunctionSpec(object)
	return err == nil && function != nil && function.Exec.Path == "pullcheck" && function.Container.Image == ""
}

// generatorChart returns the chart that a HelmChartInflationGenerator configures. file is its path in the
// kustomization.
func generatorChart(file string, object *yaml.RNode) (chart, error) {
	meta, err := object.GetMeta()
	if err != nil {
		return chart{}, err
	}
	text, err := object.String()
	if err != nil {
		return chart{}, err
	}
	c := chart{configured: resource.Origin{ConfiguredIn: file, ConfiguredBy: meta.GetIdentifier()}}
	if err := sigsyaml.Unmarshal([]byte(text), &c); err != nil {
		return chart{}, fmt.Errorf("%s %s: %w", meta.Kind, meta.Name, err)
	}
	return c, nil
}

// refused returns the error for a plugin or function of a kind that kustomize would have to run.
func (g *graph) refused(kind string) error {
	return &yamldoc.Error{
		Err: fmt.Errorf("%s is a function or plugin, which pullcheck does not run", kind),
		Hint: "check what kustomize makes of it: kustomize build --enable-alpha-plugins " + g.dir +
			" | pullcheck check -",
	}
}

// permitPlugins returns an error if kustomize would download a file for a plugin that a directory configures. The
// configuration is what the kustomization in the directory renders to.
func (g *graph) permitPlugins(dir string) error {
	return withSchema(g.openapi, func() error {
		m, err := g.run(dir)
		if err != nil {
			return errors.New(g.userText(err.Error()))
		}
		for _, object := range m.Resources() {
			if err := permitPlugin(&object.RNode); err != nil {
				return err
			}
		}
		return nil
	})
}

// permitPlugin returns an error if kustomize would download a file for a plugin.
func permitPlugin(object *yaml.RNode) error {
	address := webPath(object.YNode())
	if address == "" {
		return nil
	}
	return &yamldoc.Error{
		Err: fmt.Errorf("%s %s: %s is fetched by the fields of a kustomization only",
			object.GetKind(), object.GetName(), fetch.Redact(address)),
		Hint: "configure it in the kustomization itself, or name a copy of the file",
	}
}

// fileFields are the fields of kustomize's own plugins that name files.
var fileFields = []string{"path", "paths", "files", "envs", "env", "targetFilePath"}

// webPath returns the first http or https URL in the fields of a plugin's configuration that name files; "" if there is
// none. Kustomize would download it in the build. As for kustomize, the case of a field does not count.
func webPath(node *yaml.Node) string {
	for i, child := range node.Content {
		isField := func(name string) bool { return strings.EqualFold(name, node.Content[i-1].Value) }
		if i%2 == 1 && node.Kind == yaml.MappingNode && slices.ContainsFunc(fileFields, isField) {
			for _, value := range append([]*yaml.Node{child}, yamldoc.Resolve(child).Content...) {
				text := yamldoc.Resolve(value).Value
				_, file, _ := strings.Cut(text, "=") // KEY=FILE
				if isWeb(text) || isWeb(file) {
					return text
				}
			}
		}
		if address := webPath(child); address != "" {
			return address
		}
	}
	return ""
}
