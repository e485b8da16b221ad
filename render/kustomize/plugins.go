package kustomize

import (
	"fmt"
	"io/fs"
	"path"
	"slices"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/kyaml/fn/runtime/runtimeutil"
	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// plugins looks through the generators, transformers and validators, inline or in files. It refuses those
// that kustomize would have to run, and takes the charts out of the generators. Those in a directory's
// kustomization are left to kustomize, which refuses them too. This program's own function is left out.
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

// pluginsOf returns the charts that an entry configures, and the entry without them.
func (g *graph) pluginsOf(at node, file, field, entry string) (string, []chart, error) {
	text, file := []byte(entry), path.Base(file)
	found, info, err := g.find(at, entry)
	if err == nil {
		if info.IsDir() {
			return entry, nil, nil
		}
		if text, err = fs.ReadFile(g.tree, found); err != nil {
			return "", nil, err
		}
		text = g.show(found, text)
		file = entry
	}
	objects, err := kio.FromBytes(text)
	if err != nil {
		return entry, nil, nil // for kustomize to say
	}
	var charts []chart
	var others []*yaml.RNode
	own := false
	for _, object := range objects {
		switch {
		case object.GetKind() == "":
			return entry, nil, nil // as above
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
			if address := webPath(object.YNode()); address != "" {
				return "", nil, &yamldoc.Error{Err: fmt.Errorf("%s %s: %s is fetched by the fields of a kustomization only", object.GetKind(), object.GetName(), fetch.Redact(address)),
					Hint: "configure it in the kustomization itself, or name a copy of the file"}
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

// isOwnFunction tells this program as a function: it would only say what a check of the output says.
func isOwnFunction(object *yaml.RNode) bool {
	function, err := runtimeutil.GetFunctionSpec(object)
	return err == nil && function != nil && path.Base(function.Exec.Path) == "pullcheck"
}

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

// refused is the error for what kustomize would run.
func (g *graph) refused(kind string) error {
	return &yamldoc.Error{
		Err:  fmt.Errorf("%s is a function or plugin, which pullcheck does not run", kind),
		Hint: "check what kustomize makes of it: kustomize build --enable-alpha-plugins " + g.dir + " | pullcheck check -",
	}
}

// webPath finds a URL in the fields of a plugin's configuration that kustomize loads files from. It would
// do so in the build.
func webPath(node *yaml.Node) string {
	for i, child := range node.Content {
		if i%2 == 1 && node.Kind == yaml.MappingNode && slices.Contains([]string{"path", "paths", "files", "envs", "env"}, node.Content[i-1].Value) {
			for _, value := range append([]*yaml.Node{child}, child.Content...) {
				if isWeb(value.Value) {
					return value.Value
				}
			}
		}
		if address := webPath(child); address != "" {
			return address
		}
	}
	return ""
}
