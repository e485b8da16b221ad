package kustomize

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/pullcheck/pullcheck/render/yamldoc"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// KustomizationFile returns the path of the kustomization file of a directory: the first of the three
// names that kustomize knows. The directory is slash-separated and relative to the root of the tree.
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

// ParseKustomization reads a kustomization file as kustomize does (kusttarget.go, Load). The path only
// names it in errors, which are an *Error with the line where it is known.
func Parse(path string, data []byte) (*Kustomization, error) {
	k := &Kustomization{path: path, data: data}
	if err := k.Unmarshal(data); err != nil {
		return nil, k.parseError(err)
	}
	k.FixKustomization()
	if err := k.CheckEmpty(); err != nil {
		return nil, &yamldoc.Error{Location: yamldoc.Location{Path: path}, Err: errors.New("the kustomization is empty"),
			Hint: "name something in resources, or remove the file"}
	}
	if faults := k.EnforceFields(); len(faults) > 0 {
		return nil, &yamldoc.Error{Location: k.locateKey("apiVersion"), Err: errors.New(strings.Join(faults, "; "))}
	}
	return k, nil
}

var (
	unknownField = regexp.MustCompile(`^json: unknown field "(.*)"$`)
	wrongType    = regexp.MustCompile(`^json: cannot unmarshal (\S+) into Go struct field .*\b(\w+) of type (?:types\.)?(\S+)$`)
)

// parseError gives the place of an error of Unmarshal, which wraps that of a YAML or of a JSON parser.
func (k *Kustomization) parseError(err error) error {
	text := strings.TrimPrefix(err.Error(), "invalid Kustomization: ")
	text = strings.TrimPrefix(text, "error converting YAML to JSON: ")
	if match := unknownField.FindStringSubmatch(text); match != nil {
		return &yamldoc.Error{Location: k.locateKey(match[1]), Err: fmt.Errorf("unknown field %q", match[1]),
			Hint: "see https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/ for the fields of a kustomization"}
	}
	if match := wrongType.FindStringSubmatch(text); match != nil {
		return &yamldoc.Error{Location: k.locateKey(match[2]), Err: fmt.Errorf("%s has a %s in the place of a %s", match[2], match[1], match[3])}
	}
	return yamldoc.ParseError(k.path, k.data, errors.New(text))
}

// Locate finds the first value with this text, or with KEY=text. Without one it is the file.
func (k *Kustomization) Locate(text string) yamldoc.Location {
	return k.locate(func(parent *yaml.Node, i int) bool {
		value := parent.Content[i].Value
		return (parent.Kind != yaml.MappingNode || i%2 == 1) && text != "" && (value == text || strings.HasSuffix(value, "="+text))
	})
}

func (k *Kustomization) locateKey(key string) yamldoc.Location {
	return k.locate(func(parent *yaml.Node, i int) bool {
		return parent.Kind == yaml.MappingNode && i%2 == 0 && parent.Content[i].Value == key
	})
}

func (k *Kustomization) locate(match func(parent *yaml.Node, i int) bool) yamldoc.Location {
	var root yaml.Node
	if yaml.Unmarshal(k.data, &root) == nil {
		if node := findNode(&root, match); node != nil {
			return yamldoc.Location{Path: k.path, Line: node.Line, Column: byteColumn(k.data, node)}
		}
	}
	return yamldoc.Location{Path: k.path}
}

// byteColumn is the column of a node in bytes: the parser counts characters.
func byteColumn(data []byte, node *yaml.Node) int {
	lines := strings.SplitN(string(data), "\n", node.Line+1)
	if node.Line > len(lines) {
		return node.Column
	}
	characters := []rune(lines[node.Line-1])
	return len(string(characters[:min(node.Column-1, len(characters))])) + 1
}

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

// Reference is a place of a kustomization that names a file, a directory or a URL.
type Reference struct {
	// Field is the field's path, as "patches.path".
	Field string
	// Path is as written: relative to the kustomization's directory, or a URL.
	Path string
	// Directory is true where the path may be that of a directory with a kustomization of its own.
	Directory bool
	// Set puts another path in the place, in the Kustomization.
	Set func(path string)
}

// References lists what the kustomization names, except the values files of helmCharts, in the order in
// which kustomize reads it. Inline patches, generators, transformers and validators are none.
func (k *Kustomization) References() []Reference {
	var all []Reference
	add := func(field string, directory bool, place *string) {
		if *place != "" && !isInline(*place) {
			all = append(all, Reference{field, *place, directory, func(path string) { *place = path }})
		}
	}
	list := func(field string, directory bool, places []string) {
		for i := range places {
			add(field, directory, &places[i])
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

// fileSources lists the files of a generator. A file's key is its base name or stands before the only
// "=" (kustomize's api/internal/generators/utils.go); other entries are kustomize's to refuse.
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

// isInline tells content from a path, which kustomize does by trying to read it as an object.
func isInline(text string) bool {
	var node yaml.Node
	err := yaml.Unmarshal([]byte(text), &node)
	return strings.Contains(text, "\n") || err == nil && len(node.Content) == 1 && node.Content[0].Kind == yaml.MappingNode
}

// ChartDirectory is where kustomize looks for a chart of helmCharts, relative to the kustomization's
// directory, before it pulls it (api/internal/builtins/HelmChartInflationGenerator.go, absChartHome).
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
