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

// PluginName is the name of this program's config management plugin.
const PluginName = "pullcheck"

// Announcement is a parameter that a plugin takes, as Argo CD shows it (reposerver/repository/repository.proto,
// ParameterAnnouncement).
type Announcement struct {
	Name           string   `json:"name"`
	Title          string   `json:"title"`
	Tooltip        string   `json:"tooltip,omitempty"`
	ItemType       string   `json:"itemType,omitempty"`
	CollectionType string   `json:"collectionType,omitempty"`
	String         string   `json:"string,omitempty"`
	Array          []string `json:"array,omitempty"`
}

// The types of parameters: the collections in which their values are given, and the type of the values.
const (
	arrayType   = "array"
	mapType     = "map"
	booleanType = "boolean"
)

// parameters has, for each kind of source, a parameter for each of Argo CD's own options, by the same name.
var parameters = map[render.Kind][]Announcement{
	render.Helm: {
		{Name: "valueFiles", Title: "Values files", Tooltip: "Paths from the chart, or with a / in front from the root of the repository; the last wins", CollectionType: arrayType},
		{Name: "ignoreMissingValueFiles", Title: "Ignore missing values files", ItemType: booleanType},
		{Name: "values", Title: "Values", Tooltip: "YAML, which wins over the values files"},
		{Name: "parameters", Title: "Parameters", Tooltip: "As for --set: they win over all values", CollectionType: mapType},
		{Name: "stringParameters", Title: "String parameters", Tooltip: "As for --set-string", CollectionType: mapType},
		{Name: "fileParameters", Title: "File parameters", Tooltip: "As for --set-file", CollectionType: mapType},
		{Name: "releaseName", Title: "Release name", Tooltip: "If it is not the name of the Application"},
		{Name: "namespace", Title: "Namespace", Tooltip: "If it is not that of the destination"},
		{Name: "kubeVersion", Title: "Kubernetes version", Tooltip: "If it is not that of the cluster"},
		{Name: "apiVersions", Title: "API versions", Tooltip: "If they are not those of the cluster", CollectionType: arrayType},
		{Name: "skipCrds", Title: "Skip CRDs", ItemType: booleanType},
		{Name: "skipTests", Title: "Skip tests", ItemType: booleanType},
		{Name: "skipSchemaValidation", Title: "Skip the validation by values.schema.json", ItemType: booleanType},
	},
	render.Kustomize: {
		{Name: "namePrefix", Title: "Name prefix"},
		{Name: "nameSuffix", Title: "Name suffix"},
		{Name: "images", Title: "Images", Tooltip: "NAME=NEWNAME:TAG, as for kustomize edit set image", CollectionType: arrayType},
		{Name: "replicas", Title: "Replicas", Tooltip: "How many, by the name of the object", CollectionType: mapType},
		{Name: "commonLabels", Title: "Labels", CollectionType: mapType},
		{Name: "forceCommonLabels", Title: "Labels replace those that are there", ItemType: booleanType},
		{Name: "labelWithoutSelector", Title: "Labels are not put into selectors", ItemType: booleanType},
		{Name: "labelIncludeTemplates", Title: "Labels are put into templates", ItemType: booleanType},
		{Name: "commonAnnotations", Title: "Annotations", CollectionType: mapType},
		{Name: "forceCommonAnnotations", Title: "Annotations replace those that are there", ItemType: booleanType},
		{Name: "commonAnnotationsEnvsubst", Title: "Annotations have $ARGOCD_APP_NAME and the like replaced", ItemType: booleanType},
		{Name: "namespace", Title: "Namespace"},
		{Name: "patches", Title: "Patches", Tooltip: "A list in YAML, as in a kustomization"},
		{Name: "components", Title: "Components", Tooltip: "Paths from the kustomization", CollectionType: arrayType},
		{Name: "ignoreMissingComponents", Title: "Ignore missing components", ItemType: booleanType},
		{Name: "kubeVersion", Title: "Kubernetes version", Tooltip: "For charts of the kustomization, if it is not that of the cluster"},
		{Name: "apiVersions", Title: "API versions", Tooltip: "For charts of the kustomization, if they are not those of the cluster", CollectionType: arrayType},
		{Name: "buildOptions", Title: "Build options", Tooltip: "--load-restrictor LoadRestrictionsNone; --enable-helm always holds"},
	},
	render.Raw: {
		{Name: "recurse", Title: "Directories below, too", ItemType: booleanType},
		{Name: "include", Title: "Include", Tooltip: "A pattern: only these files"},
		{Name: "exclude", Title: "Exclude", Tooltip: "A pattern: not these files"},
		{Name: "disableExtensionFilter", Title: "Also files with other extensions", ItemType: booleanType},
	},
}

// Announce returns the parameters that the plugin accepts for a path of a tree. Tooltips name the values files and images
// that are there.
func Announce(ctx context.Context, fsys fs.FS, name string) ([]Announcement, error) {
	kind, err := argocd.KindOf(fsys, argocd.Source{Path: name})
	if err != nil {
		return nil, err
	}
	announced := slices.Clone(parameters[kind])
	found := map[string][]string{}
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

// WithParameters returns a source with Argo CD's own options in place of the plugin's parameters. An Application with a plugin
// cannot have the options itself.
func WithParameters(fsys fs.FS, s argocd.Source, given []argocd.PluginParameter) (argocd.Source, error) {
	s.Plugin, s.Overridden = nil, true // Argo CD merges the overrides before it asks a plugin.
	kind, err := argocd.KindOf(fsys, s)
	if err != nil {
		return s, err
	}
	fields := map[string]any{}
	for _, p := range given {
		i := slices.IndexFunc(parameters[kind], func(a Announcement) bool { return a.Name == p.Name })
		if i < 0 {
			return s, fmt.Errorf("parameter %q is none for %s; there are %s", p.Name, kindNames[kind], strings.Join(slices.Concat(names(Policy), names(parameters[kind])), ", "))
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

// Policy has the parameters that say what happens with findings. All other parameters say how to render.
var Policy = []Announcement{
	{Name: "mode", Title: "Mode", Tooltip: "enforce: findings stop the sync; warn: they are in the log; mutate: they are corrected", String: "enforce"},
	{Name: "failOn", Title: "Fail on", Tooltip: "The least severity that counts: error, warning, note or never", String: "warning"},
}

// Mode says what happens with findings.
type Mode string

// The modes.
const (
	Enforce Mode = "enforce" // findings stop the sync
	Warn    Mode = "warn"    // findings are reported
	Mutate  Mode = "mutate"  // findings are corrected in the manifests
)

// ReadPolicy returns what the parameters of Policy say, and all other parameters.
func ReadPolicy(given []argocd.PluginParameter) (mode Mode, failOn check.Severity, rest []argocd.PluginParameter, err error) {
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
		} else if mode = Mode(text); !slices.Contains([]Mode{Enforce, Warn, Mutate}, mode) {
			err = fmt.Errorf("%q, expected %s, %s or %s", text, Enforce, Warn, Mutate)
		}
		if err != nil {
			return "", 0, nil, fmt.Errorf("parameter %s: %w", p.Name, err)
		}
	}
	return mode, failOn, rest, nil
}

// Resolve resolves the source of an Application that this program's plugin renders: see argocd.ResolvePlugin. Parameters of
// Policy say nothing of rendering, and are left out.
func Resolve(fsys fs.FS, s argocd.Source) (argocd.Source, error) {
	_, _, rendering, err := ReadPolicy(s.Plugin.Parameters)
	if err != nil {
		return s, err
	}
	return WithParameters(fsys, s, rendering)
}

var kindNames = map[render.Kind]string{render.Helm: "a chart", render.Kustomize: "a kustomization", render.Raw: "a directory of manifests"}

func names(announced []Announcement) (all []string) {
	for _, a := range announced {
		all = append(all, a.Name)
	}
	return all
}

// valueOf returns the value of a parameter, which must have the type of its announcement.
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

func article(kind string) string {
	switch kind {
	case arrayType:
		return "an array"
	case "nothing":
		return "no value"
	}
	return "a " + kind
}

// addField adds the value of a parameter to the fields of Argo CD's options. Argo CD has lists for some of the maps.
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
			list = append(list, argocd.Parameter{Name: key, Value: entries[key], ForceString: name == "stringParameters"})
		}
	}
	fields[field] = list
}
