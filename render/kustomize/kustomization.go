package kustomize

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/render/yamldoc"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// FindFile returns the path of the kustomization file of a directory: the first of kustomize's three names that is a
// file (kustomization.yaml, kustomization.yml, Kustomization). The directory is a path of the tree. It returns false if
// the directory has no kustomization file.
func FindFile(fsys fs.FS, dir string) (string, bool) {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		file := path.Join(dir, name)
		if info, err := fs.Stat(fsys, file); err == nil && !info.IsDir() {
			return file, true
		}
	}
	return "", false
}

// Kustomization is the content of a kustomization file, with deprecated fields moved to their successors.
type Kustomization struct {
	types.Kustomization
	path string
	data []byte
}

// maxSize is the size limit of a kustomization file, in bytes. The largest public ones have some hundred KB. Every
// kustomization file of a tree is parsed to find the sources, and a parse needs a hundred times the memory.
const maxSize = 2 << 20

// Parse parses the content of a kustomization file as kustomize does (kusttarget.go, Load). The path is used only for
// locations. The error is a *yamldoc.Error, with the line where it is known.
func Parse(path string, data []byte) (*Kustomization, error) {
	if len(data) > maxSize {
		return nil, &yamldoc.Error{
			Location: yamldoc.Location{Path: path},
			Err:      fmt.Errorf("the kustomization has %d bytes, at most %d are read", len(data), maxSize),
			Hint:     "divide it into several kustomizations, and name them in resources",
		}
	}
	k := &Kustomization{path: path, data: data}
	if err := k.Unmarshal(data); err != nil {
		return nil, k.parseError(err)
	}
	k.FixKustomization()
	if err := k.CheckEmpty(); err != nil {
		return nil, &yamldoc.Error{
			Location: yamldoc.Location{Path: path},
			Err:      errors.New("the kustomization is empty"),
			Hint:     "name something in resources, or remove the file",
		}
	}
	if faults := k.EnforceFields(); len(faults) > 0 {
		return nil, &yamldoc.Error{Location: k.locateKey("apiVersion"), Err: errors.New(strings.Join(faults, "; "))}
	}
	return k, nil
}

// unknownField and wrongType match errors of encoding/json.
var (
	unknownField = regexp.MustCompile(`^json: unknown field "(.*)"$`)
	wrongType    = regexp.MustCompile(
		`^json: cannot unmarshal (\S+) into Go struct field .*\b(\w+) of type (?:types\.)?(\S+)$`)
)

// parseError returns an error of types.Kustomization.Unmarshal with its location. The error wraps an error of a YAML
// parser or of a JSON decoder.
func (k *Kustomization) parseError(err error) error {
	text := strings.TrimPrefix(err.Error(), "invalid Kustomization: ")
	text = strings.TrimPrefix(text, "error converting YAML to JSON: ")
	if match := unknownField.FindStringSubmatch(text); match != nil {
		return &yamldoc.Error{Location: k.locateKey(match[1]), Err: fmt.Errorf("unknown field %q", match[1]),
			Hint: "see https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/ " +
				"for the fields of a kustomization"}
	}
	if match := wrongType.FindStringSubmatch(text); match != nil {
		err := fmt.Errorf("%s has a %s in the place of a %s", match[2], match[1], match[3])
		return &yamldoc.Error{Location: k.locateKey(match[2]), Err: err}
	}
	return yamldoc.ParseError(k.path, k.data, errors.New(text))
}

// Locate returns the location of the first value with this text, such as ../base in the list resources, or with the
// text KEY=text, as in the files of a configMapGenerator. If there is no such value, the location is the file.
func (k *Kustomization) Locate(text string) yamldoc.Location {
	return k.locate(func(parent *yaml.Node, i int) bool {
		value, isKey := parent.Content[i].Value, parent.Kind == yaml.MappingNode && i%2 == 0
		return !isKey && text != "" && (value == text || strings.HasSuffix(value, "="+text))
	})
}

// locateKey returns the location of the first key with this text; the file if there is no such key.
func (k *Kustomization) locateKey(key string) yamldoc.Location {
	return k.locate(func(parent *yaml.Node, i int) bool {
		return parent.Kind == yaml.MappingNode && i%2 == 0 && parent.Content[i].Value == key
	})
}

// locate returns the location of the first node for which match is true; the file if there is no such node. match gets
// the parent of the node and the index of the node in parent.Content.
func (k *Kustomization) locate(match func(parent *yaml.Node, i int) bool) yamldoc.Location {
	var root yaml.Node
	if yaml.Unmarshal(k.data, &root) == nil {
		if node := findNode(&root, match); node != nil {
			return yamldoc.Location{Path: k.path, Line: node.Line, Column: byteColumn(k.data, node)}
		}
	}
	return yamldoc.Location{Path: k.path}
}

// byteColumn returns the column of a node in bytes, from 1. The parser counts columns in characters.
func byteColumn(data []byte, node *yaml.Node) int {
	lines := strings.SplitN(string(data), "\n", node.Line+1)
	if node.Line > len(lines) {
		return node.Column
	}
	characters := []rune(lines[node.Line-1])
	return len(string(characters[:min(node.Column-1, len(characters))])) + 1
}

// findNode returns the first node below a node, in the order of the text, for which match is true; nil if there is
// none.
func findNode(node *yaml.Node, match func(parent *yaml.Node, i int) bool) *yaml.Node {
	for i, child := range node.Content {
		if match(node, i) {
			return child
		}
		if found := findNode(child, match); found != nil {
			return found
		}
	}
	return nil
}

// Reference is a value in a kustomization that names a file, a directory or a URL.
type Reference struct {
	// Field is the path of the field, such as "patches.path".
	Field string
	// Path is the value as written: a path relative to the kustomization's directory, or a URL.
	Path string
	// Directory is true if the field accepts a directory with a kustomization, as resources does.
	Directory bool
	// Set replaces the value in the Kustomization. It does not change the file.
	Set func(path string)
}

// References returns the references of the kustomization, in the order in which kustomize reads them. Values files of
// helmCharts are left out, and so are inline patches, generators, transformers and validators.
func (k *Kustomization) References() []Reference {
	var all []Reference
	inline := []string{"patchesStrategicMerge", "generators", "transformers", "validators"}
	add := func(field string, directory bool, value *string) {
		if *value != "" && !(slices.Contains(inline, field) && isInline(*value)) {
			all = append(all, Reference{field, *value, directory, func(path string) { *value = path }})
		}
	}
	list := func(field string, directory bool, values []string) {
		for i := range values {
			add(field, directory, &values[i])
		}
	}
	if path, ok := k.OpenAPI["path"]; ok {
		all = append(all, Reference{"openapi.path", path, false, func(path string) { k.OpenAPI["path"] = path }})
	}
	list("resources", true, k.Resources)
	list("configurations", false, k.Configurations)
	list("crds", false, k.Crds)
	for i := range k.ConfigMapGenerator {
		list("configMapGenerator.envs", false, k.ConfigMapGenerator[i].EnvSources)
		all = append(all, fileSources("configMapGenerator.files", k.ConfigMapGenerator[i].FileSources)...)
	}
	for i := range k.SecretGenerator {
		list("secretGenerator.envs", false, k.SecretGenerator[i].EnvSources)
		all = append(all, fileSources("secretGenerator.files", k.SecretGenerator[i].FileSources)...)
	}
	list("generators", true, k.Generators)
	list("components", true, k.Components)
	//lint:ignore SA1019 deprecated since kustomize 5.0, but in many repositories
	strategicMerge, json6902 := k.PatchesStrategicMerge, k.PatchesJson6902
	for i := range strategicMerge {
		add("patchesStrategicMerge", false, (*string)(&strategicMerge[i]))
	}
	for i := range k.Patches {
		add("patches.path", false, &k.Patches[i].Path)
	}
	for i := range json6902 {
		add("patchesJson6902.path", false, &json6902[i].Path)
	}
	for i := range k.Replacements {
		add("replacements.path", false, &k.Replacements[i].Path)
	}
	list("transformers", true, k.Transformers)
	list("validators", true, k.Validators)
	return all
}

// fileSources returns the references of the field files of a configMapGenerator or secretGenerator. An entry is FILE,
// with the base name as the key, or KEY=FILE (api/internal/generators/utils.go). Other entries are left out: kustomize
// reports them in the build.
func fileSources(field string, sources []string) []Reference {
	var all []Reference
	for i := range sources {
		key, file, found := strings.Cut(sources[i], "=")
		if !found {
			key, file = path.Base(key), key
		}
		if key != "" && file != "" && !strings.Contains(file, "=") {
			all = append(all, Reference{field, file, false, func(path string) { sources[i] = key + "=" + path }})
		}
	}
	return all
}

// isInline reports whether a value is YAML content and not a path: whether it has several lines or is a mapping.
// Kustomize tries to read the value as an object. If that fails, it takes the value for a path or URL. So a mapping
// that is also a URL (https://example.com/x#: y) is a URL.
func isInline(text string) bool {
	if beginsAsURL.MatchString(text) || isWeb(text) {
		return false
	}
	var node yaml.Node
	err := yaml.Unmarshal([]byte(text), &node)
	isMapping := err == nil && len(node.Content) == 1 && node.Content[0].Kind == yaml.MappingNode
	return isMapping || strings.Contains(text, "\n")
}

// ChartDirectory returns the directory in which kustomize looks for a chart of helmCharts before it pulls the chart,
// relative to the kustomization's directory: charts/web, or charts/web-1.2.3/web for a chart with a repo and a version
// (api/internal/builtins/HelmChartInflationGenerator.go, absChartHome).
func (k *Kustomization) ChartDirectory(chart types.HelmChart) string {
	home := types.HelmDefaultHome
	if k.HelmGlobals != nil && k.HelmGlobals.ChartHome != "" {
		home = k.HelmGlobals.ChartHome
	}
	if chart.Version != "" && chart.Repo != "" {
		home = path.Join(home, chart.Name+"-"+chart.Version)
	}
	return path.Join(home, chart.Name)
}
