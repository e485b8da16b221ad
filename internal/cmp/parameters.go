package cmp

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/argocd"
	"github.com/pullcheck/pullcheck/render/discover"
	"github.com/pullcheck/pullcheck/render/kustomize"
	"sigs.k8s.io/yaml"
)

// PluginName is the name of this program's config management plugin. An Application selects the plugin by this name:
// spec.source.plugin.name.
const PluginName = "pullcheck"

// Announcement describes a parameter of a plugin for Argo CD's user interface (reposerver/repository/repository.proto,
// ParameterAnnouncement). String and Array are the default value.
type Announcement struct {
	Name           string   `json:"name"`
	Title          string   `json:"title"`
	Tooltip        string   `json:"tooltip,omitempty"`
	ItemType       string   `json:"itemType,omitempty"`
	CollectionType string   `json:"collectionType,omitempty"`
	String         string   `json:"string,omitempty"`
	Array          []string `json:"array,omitempty"`
}

// These are values of CollectionType (array, map) and ItemType (boolean) of an Announcement. An empty type is a string.
const (
	arrayType   = "array"
	mapType     = "map"
	booleanType = "boolean"
)

// parameters has, for each kind of source, a parameter for each option of an Application's source, with the same name.
// The options of Argo CD with two types of entries have two parameters: parameters and stringParameters.
var parameters = map[render.Kind][]Announcement{
	render.Helm: {
		{Name: "valueFiles", Title: "Values files", CollectionType: arrayType,
			Tooltip: "Paths from the chart, or with a / in front from the root of the repository; the last wins"},
		{Name: "ignoreMissingValueFiles", Title: "Ignore missing values files", ItemType: booleanType},
		{Name: "values", Title: "Values", Tooltip: "YAML, which wins over the values files"},
		{Name: "parameters", Title: "Parameters", CollectionType: mapType,
			Tooltip: "As for --set: they win over all values"},
		{Name: "stringParameters", Title: "String parameters", Tooltip: "As for --set-string", CollectionType: mapType},
		{Name: "fileParameters", Title: "File parameters", Tooltip: "As for --set-file", CollectionType: mapType},
		{Name: "releaseName", Title: "Release name", Tooltip: "If it is not the name of the Application"},
		{Name: "namespace", Title: "Namespace", Tooltip: "If it is not that of the destination"},
		{Name: "kubeVersion", Title: "Kubernetes version", Tooltip: "If it is not that of the cluster"},
		{Name: "apiVersions", Title: "API versions", CollectionType: arrayType,
			Tooltip: "If they are not those of the cluster"},
		{Name: "skipCrds", Title: "Skip CRDs", ItemType: booleanType},
		{Name: "skipTests", Title: "Skip tests", ItemType: booleanType},
		{Name: "skipSchemaValidation", Title: "Skip the validation by values.schema.json", ItemType: booleanType},
	},
	render.Kustomize: {
		{Name: "namePrefix", Title: "Name prefix"},
		{Name: "nameSuffix", Title: "Name suffix"},
		{Name: "images", Title: "Images", CollectionType: arrayType,
			Tooltip: "NAME=NEWNAME:TAG, as for kustomize edit set image"},
		{Name: "replicas", Title: "Replicas", Tooltip: "How many, by the name of the object", CollectionType: mapType},
		{Name: "commonLabels", Title: "Labels", CollectionType: mapType},
		{Name: "forceCommonLabels", Title: "Labels replace those that are there", ItemType: booleanType},
		{Name: "labelWithoutSelector", Title: "Labels are not put into selectors", ItemType: booleanType},
		{Name: "labelIncludeTemplates", Title: "Labels are put into templates", ItemType: booleanType},
		{Name: "commonAnnotations", Title: "Annotations", CollectionType: mapType},
		{Name: "forceCommonAnnotations", Title: "Annotations replace those that are there", ItemType: booleanType},
		{Name: "commonAnnotationsEnvsubst", ItemType: booleanType,
			Title: "Annotations have $ARGOCD_APP_NAME and the like replaced"},
		{Name: "namespace", Title: "Namespace"},
		{Name: "patches", Title: "Patches", Tooltip: "A list in YAML, as in a kustomization"},
		{Name: "components", Title: "Components", Tooltip: "Paths from the kustomization", CollectionType: arrayType},
		{Name: "ignoreMissingComponents", Title: "Ignore missing components", ItemType: booleanType},
		{Name: "kubeVersion", Title: "Kubernetes version",
			Tooltip: "For charts of the kustomization, if it is not that of the cluster"},
		{Name: "apiVersions", Title: "API versions", CollectionType: arrayType,
			Tooltip: "For charts of the kustomization, if they are not those of the cluster"},
		{Name: "buildOptions", Title: "Build options",
			Tooltip: "--load-restrictor LoadRestrictionsNone; --enable-helm always holds"},
	},
	render.Raw: {
		{Name: "recurse", Title: "Directories below, too", ItemType: booleanType},
		{Name: "include", Title: "Include", Tooltip: "A pattern: only these files"},
		{Name: "exclude", Title: "Exclude", Tooltip: "A pattern: not these files"},
		{Name: "disableExtensionFilter", Title: "Also files with other extensions", ItemType: booleanType},
	},
}

// Announce returns the parameters that the plugin accepts for a source at a path of a tree, by the kind of the source.
// The tooltip of valueFiles names the values files beside the chart, and the tooltip of images names the images of the
// kustomization.
func Announce(ctx context.Context, fsys fs.FS, name string) ([]Announcement, error) {
	kind, err := argocd.KindOf(fsys, argocd.Source{Path: name})
	if err != nil {
		return nil, err
	}
	announced := slices.Clone(parameters[kind])
	found := map[string][]string{} // parameter → values that the files suggest
	switch kind {
	case render.Helm:
		sources, err := discover.Finder{Tree: fsys}.Find(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, source := range sources {
			for _, file := range source.Files() {
				found["valueFiles"] = append(found["valueFiles"], strings.TrimPrefix(file.Path, name+"/"))
			}
		}
	case render.Kustomize:
		file, _ := kustomize.FindFile(fsys, name)
		data, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, err
		}
		k, err := kustomize.Parse(file, data)
		if err != nil {
			return nil, err
		}
		for _, image := range k.Images {
			found["images"] = append(found["images"], image.Name)
		}
	}
	for i := range announced {
		if names := found[announced[i].Name]; len(names) > 0 {
			announced[i].Tooltip += "; here are " + strings.Join(names, ", ")
		}
	}
	return announced, nil
}

// WithParameters returns a source with the plugin's parameters as options of Argo CD: the parameter valueFiles becomes
// helm.valueFiles. In an Application, a source with a plugin cannot have such options. The error names the parameter
// that the kind of the source does not have, or whose value has the wrong type.
func WithParameters(fsys fs.FS, s argocd.Source, given []argocd.PluginParameter) (argocd.Source, error) {
	s.Plugin, s.Overridden = nil, true // Argo CD merges the overrides before it calls a plugin.
	kind, err := argocd.KindOf(fsys, s)
	if err != nil {
		return s, err
	}
	fields := map[string]any{}
	for _, p := range given {
		i := slices.IndexFunc(parameters[kind], func(a Announcement) bool { return a.Name == p.Name })
		if i < 0 {
			accepted := strings.Join(slices.Concat(names(Policy), names(parameters[kind])), ", ")
			return s, fmt.Errorf("%s takes no parameter %q, only %s", kindNames[kind], p.Name, accepted)
		}
		value, err := valueOf(p, parameters[kind][i])
		if err != nil {
			return s, err
		}
		addField(fields, p.Name, value)
	}
	data, err := json.Marshal(fields)
	if err != nil {
		return s, err
	}
	switch kind {
	case render.Helm:
		s.Helm = &argocd.Helm{}
		err = json.Unmarshal(data, s.Helm)
	case render.Kustomize:
		s.Kustomize = &argocd.Kustomize{}
		err = json.Unmarshal(data, s.Kustomize)
	default:
		s.Directory = &argocd.Directory{}
		err = json.Unmarshal(data, s.Directory)
	}
	return s, err
}

// Policy has the parameters mode and failOn, which say what the plugin does with findings. They are the same for all
// kinds of sources. All other parameters are options of the render.
var Policy = []Announcement{
	{Name: "mode", Title: "Mode", String: "enforce",
		Tooltip: "enforce: findings stop the sync; warn: they are in the log; mutate: they are corrected"},
	{Name: "failOn", Title: "Fail on", String: "warning",
		Tooltip: "The least severity that counts: error, warning, note or never"},
}

// Mode says what the plugin does with findings.
type Mode string

// These are the modes. In every mode, a source that cannot be rendered is an error, and stops the sync.
const (
	Enforce Mode = "enforce" // findings stop the sync
	Warn    Mode = "warn"    // findings are reported
	Mutate  Mode = "mutate"  // findings are corrected in the manifests
)

// ParseMode returns the mode with a name. The error says which modes there are.
func ParseMode(name string) (Mode, error) {
	if mode := Mode(name); slices.Contains([]Mode{Enforce, Warn, Mutate}, mode) {
		return mode, nil
	}
	return "", fmt.Errorf("%q, expected %s, %s or %s", name, Enforce, Warn, Mutate)
}

// ReadPolicy returns the values of the parameters of Policy, or their defaults, and the other parameters in rest. The
// error names the parameter with a wrong value.
func ReadPolicy(
	given []argocd.PluginParameter,
) (mode Mode, failOn check.Severity, rest []argocd.PluginParameter, err error) {
	mode, failOn = Enforce, check.SeverityWarning
	for _, p := range given {
		i := slices.IndexFunc(Policy, func(a Announcement) bool { return a.Name == p.Name })
		if i < 0 {
			rest = append(rest, p)
			continue
		}
		value, err := valueOf(p, Policy[i])
		if err != nil {
			return "", 0, nil, err
		}
		text, _ := value.(string)
		if p.Name == "failOn" {
			failOn, err = check.ParseSeverity(text)
		} else {
			mode, err = ParseMode(text)
		}
		if err != nil {
			return "", 0, nil, fmt.Errorf("parameter %s: %w", p.Name, err)
		}
	}
	return mode, failOn, rest, nil
}

// Resolve is the argocd.ResolvePlugin of this program's plugin. It leaves out the parameters of Policy, which do not
// change the render.
func Resolve(fsys fs.FS, s argocd.Source) (argocd.Source, error) {
	_, _, rendering, err := ReadPolicy(s.Plugin.Parameters)
	if err != nil {
		return s, err
	}
	return WithParameters(fsys, s, rendering)
}

// kindNames has the names of the kinds for messages.
var kindNames = map[render.Kind]string{
	render.Helm: "a chart", render.Kustomize: "a kustomization", render.Raw: "a directory of manifests",
}

// names returns the names of parameters.
func names(announced []Announcement) (all []string) {
	for _, a := range announced {
		all = append(all, a.Name)
	}
	return all
}

// valueOf returns the value of a parameter: a string, bool, []string or map[string]string, or []any for patches. The
// error says which type the announcement demands.
func valueOf(p argocd.PluginParameter, a Announcement) (any, error) {
	got, want := "nothing", a.CollectionType
	if want == "" {
		want = "string"
	}
	switch {
	case p.Array != nil:
		got = arrayType
	case p.Map != nil:
		got = mapType
	case p.String != nil:
		got = "string"
	}
	if got != want {
		return nil, fmt.Errorf("parameter %s has %s, expected %s", p.Name, article(got), article(want))
	}
	switch {
	case got == arrayType:
		return p.Array, nil
	case got == mapType:
		return p.Map, nil
	case a.ItemType == booleanType:
		value, err := strconv.ParseBool(*p.String)
		if err != nil {
			return nil, fmt.Errorf("parameter %s is %q, expected true or false", p.Name, *p.String)
		}
		return value, nil
	case a.Name == "patches":
		var patches []any
		if err := yaml.Unmarshal([]byte(*p.String), &patches); err != nil {
			return nil, fmt.Errorf("parameter patches is no list in YAML: %w", err)
		}
		return patches, nil
	}
	return *p.String, nil
}

// article returns the name of a type with its article.
func article(kind string) string {
	switch kind {
	case arrayType:
		return "an array"
	case "nothing":
		return "no value"
	}
	return "a " + kind
}

// addField adds the value of a parameter to the fields of a source's options. Argo CD has lists of objects for some
// parameters that are maps: {a: "1"} in parameters becomes [{name: a, value: "1"}].
func addField(fields map[string]any, name string, value any) {
	entries, isMap := value.(map[string]string)
	if !isMap || !slices.Contains([]string{"parameters", "stringParameters", "fileParameters", "replicas"}, name) {
		fields[name] = value
		return
	}
	field := name
	if name == "stringParameters" {
		field = "parameters"
	}
	list, _ := fields[field].([]any)
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		switch name {
		case "replicas":
			list = append(list, argocd.Replica{Name: key, Count: entries[key]})
		case "fileParameters":
			list = append(list, argocd.FileParameter{Name: key, Path: entries[key]})
		default:
			isString := name == "stringParameters"
			list = append(list, argocd.Parameter{Name: key, Value: entries[key], ForceString: isString})
		}
	}
	fields[field] = list
}
