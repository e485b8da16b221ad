package argocd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"
)

// resourcesFinalizer is what the controller gives an Application that has no finalizers, unless the set preserves
// resources (pkg/apis/application/v1alpha1/types.go, ResourcesFinalizerName).
const resourcesFinalizer = "resources-finalizer.argocd.argoproj.io"

// generated is an Application that an ApplicationSet makes.
type generated struct {
	// application is the object as the controller creates it: apiVersion, kind, metadata with the namespace of the set, and
	// spec. It consists of what encoding/json decodes to and shares nothing with the set. Fields that Argo CD does not know
	// are kept, and a value of a type that it would refuse is passed on.
	application map[string]any
	// generator is the index in spec.generators of what gave its parameters.
	generator int
}

// applicationSet has the fields of an ApplicationSet that decide what it makes
// (pkg/apis/application/v1alpha1/applicationset_types.go).
type applicationSet struct {
	Metadata struct {
		Namespace string `json:"namespace"`
	} `json:"metadata"`
	Spec struct {
		GoTemplate        bool             `json:"goTemplate"`
		GoTemplateOptions []string         `json:"goTemplateOptions"`
		Generators        []map[string]any `json:"generators"`
		Template          map[string]any   `json:"template"`
		TemplatePatch     string           `json:"templatePatch"`
		SyncPolicy        struct {
			PreserveResourcesOnDeletion bool `json:"preserveResourcesOnDeletion"`
		} `json:"syncPolicy"`
	} `json:"spec"`
}

// expandSet returns the Applications that the ApplicationSet controller makes of a set, generator by generator, each in the
// order of Argo CD. Where Argo CD's is random (the merge generator), it is that of the first of the merged generators.
//
// Git generators read the tree, if ours says that it holds the repository of their URL. Their revision does not count:
// the tree is what is going to be there. A file that .gitignore names is not in the repository.
//
// skipped has a sentence for each generator that cannot be expanded, after its field path; the others are not affected. A
// matrix or merge is skipped as a whole. An error names the field of the set, what was found and what is accepted. As in
// Argo CD there are then no Applications, except where only some have no name or that of another one: these are left out
// of those returned beside the error.
func expandSet(fsys fs.FS, set map[string]any, ours func(repoURL string) bool) (apps []generated, skipped []string, err error) {
	var decoded applicationSet
	if err := decode("", set, &decoded); err != nil {
		return nil, nil, err
	}
	spec := decoded.Spec
	renderer, err := newTemplates(spec.GoTemplate, spec.GoTemplateOptions)
	if err != nil {
		return nil, nil, err
	}
	e := &expansion{repository: &repository{tree: fsys}, ours: ours, templates: renderer}
	for i, entry := range spec.Generators {
		path := fmt.Sprintf("spec.generators[%d]", i)
		kinds := generatorKinds(entry)
		if len(kinds) == 0 {
			skipped = append(skipped, fmt.Sprintf("%s: %s", path, noGenerator(entry)))
		}
		for _, kind := range kinds {
			sets, err := e.parameters(path, entry, kind, nil, 0)
			if unavailable := (*unavailableError)(nil); errors.As(err, &unavailable) {
				skipped = append(skipped, unavailable.Error())
				continue
			}
			if err != nil {
				return nil, nil, err
			}
			body, _ := entry[kind].(map[string]any) // or there would be no parameters
			own, _ := body["template"].(map[string]any)
			for _, set := range sets {
				application, err := decoded.application(renderer, fill(own, spec.Template), set)
				if err != nil {
					return nil, nil, fmt.Errorf("%s.%s: %w", path, kind, err)
				}
				apps = append(apps, generated{application, i})
			}
		}
	}
	apps, err = named(apps)
	return apps, skipped, err
}

// application makes the Application of one set of parameters (applicationset/controllers/template/template.go,
// GenerateApplications).
func (s *applicationSet) application(renderer *templates, template, parameters map[string]any) (map[string]any, error) {
	metadata := map[string]any{}
	from, _ := template["metadata"].(map[string]any)
	for _, key := range []string{"name", "labels", "annotations", "finalizers"} {
		if from[key] != nil {
			metadata[key] = from[key]
		}
	}
	application := runtime.DeepCopyJSON(map[string]any{"metadata": metadata, "spec": template["spec"]})
	if len(parameters) > 0 {
		replaced, err := renderer.replace("template", application, parameters)
		if err != nil {
			return nil, err
		}
		application = replaced.(map[string]any)
		metadata = application["metadata"].(map[string]any)
		if isEmpty(metadata["finalizers"]) && !s.Spec.SyncPolicy.PreserveResourcesOnDeletion {
			metadata["finalizers"] = []any{resourcesFinalizer}
		}
	}
	if s.Spec.TemplatePatch != "" {
		patch, err := renderer.text("templatePatch", s.Spec.TemplatePatch, parameters)
		if err != nil {
			return nil, err
		}
		if application, err = patched(application, patch); err != nil {
			return nil, fmt.Errorf("templatePatch: %w", err)
		}
	}
	application["apiVersion"], application["kind"] = "argoproj.io/v1alpha1", "Application"
	metadata, _ = application["metadata"].(map[string]any)
	delete(metadata, "namespace")
	if s.Metadata.Namespace != "" && metadata != nil {
		metadata["namespace"] = s.Metadata.Namespace
	}
	return application, nil
}

// fill completes the template of a generator by that of the set, as mergo does it for Argo CD
// (applicationset/generators/generator_spec_processor.go, mergeGeneratorTemplate): an empty value is replaced, and mappings
// are completed key by key. valuesObject is a text to Argo CD, and is one value.
func fill(template, base map[string]any) map[string]any {
	filled := maps.Clone(template)
	if filled == nil {
		filled = map[string]any{}
	}
	for key, value := range base {
		own, ok := filled[key].(map[string]any)
		from, both := value.(map[string]any)
		switch {
		case key == "valuesObject" && filled[key] != nil:
		case ok && both:
			filled[key] = fill(own, from)
		case isEmpty(filled[key]):
			filled[key] = value
		}
	}
	return filled
}

func isEmpty(value any) bool {
	switch value := value.(type) {
	case map[string]any:
		return len(value) == 0
	case []any:
		return len(value) == 0
	}
	return value == nil || value == "" || value == false || value == 0.0
}

// patched applies a rendered templatePatch, in JSON or YAML (applicationset/controllers/template/patch.go). It never
// changes the project.
func patched(application map[string]any, patch string) (map[string]any, error) {
	var changes map[string]any
	unmarshal := func(data []byte) error { return yaml.Unmarshal(data, &changes) }
	if strings.HasPrefix(strings.TrimSpace(patch), "{") {
		unmarshal = func(data []byte) error { return json.Unmarshal(data, &changes) }
	}
	if err := unmarshal([]byte(patch)); err != nil {
		return nil, fmt.Errorf("what it renders to is no mapping in YAML or JSON: %w", err)
	}
	spec, _ := application["spec"].(map[string]any)
	project, hasProject := spec["project"]
	result, err := strategicpatch.StrategicMergeMapPatchUsingLookupPatchMeta(application, changes, patchSchema(""))
	if err != nil {
		return nil, err
	}
	if spec, ok := result["spec"].(map[string]any); ok {
		delete(spec, "project")
		if hasProject {
			spec["project"] = project
		}
	}
	return result, nil
}

// patchSchema says how a strategic merge patches the fields of an Application: its value is the name of a field.
// Mappings are merged and lists replaced, but for the two lists of ObjectMeta that Kubernetes merges.
type patchSchema string

func (s patchSchema) LookupPatchMetadataForStruct(key string) (strategicpatch.LookupPatchMeta, strategicpatch.PatchMeta, error) {
	var meta strategicpatch.PatchMeta
	if s == "valuesObject" {
		// The type of valuesObject has no fields, and Argo CD fails like this.
		return nil, meta, fmt.Errorf("valuesObject.%s stands in the template too: Argo CD merges only the first level of a valuesObject, write it in one of them", key)
	}
	switch key {
	case "finalizers":
		meta.SetPatchStrategies([]string{"merge"})
	case "ownerReferences":
		meta.SetPatchStrategies([]string{"merge"})
		meta.SetPatchMergeKey("uid")
	}
	return patchSchema(key), meta, nil
}

func (s patchSchema) LookupPatchMetadataForSlice(key string) (strategicpatch.LookupPatchMeta, strategicpatch.PatchMeta, error) {
	return s.LookupPatchMetadataForStruct(key)
}

func (s patchSchema) Name() string { return string(s) }

// named leaves out Applications without a name of their own, as the controller does
// (applicationset/controllers/applicationset_controller.go, validateGeneratedApplications).
func named(apps []generated) ([]generated, error) {
	makers := map[string][]string{}
	for _, app := range apps {
		makers[app.name()] = append(makers[app.name()], fmt.Sprintf("spec.generators[%d]", app.generator))
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(makers)) {
		from := strings.Join(slices.Compact(slices.Clone(makers[name])), " and ")
		switch {
		case name == "":
			errs = append(errs, fmt.Errorf("%s: an Application gets no name: metadata.name of the template or of templatePatch must give it one", from))
		case len(makers[name]) > 1:
			errs = append(errs, fmt.Errorf("%s: %d Applications get the name %q: Argo CD creates none of them, each must have its own", from, len(makers[name]), name))
		}
	}
	valid := slices.DeleteFunc(apps, func(app generated) bool { return app.name() == "" || len(makers[app.name()]) > 1 })
	return valid, errors.Join(errs...)
}

func (g generated) name() string {
	metadata, _ := g.application["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	return name
}

// decode makes the type of into of what was decoded without one. In an error, fields are named from the path.
func decode(path string, from, into any) error {
	data, err := json.Marshal(from)
	if err != nil {
		return err
	}
	err = json.Unmarshal(data, into)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		at := strings.Trim(path+"."+wrong.Field, ".")
		return fmt.Errorf("%s: found %s, where Argo CD accepts %s", at, jsonWords.Replace(wrong.Value), accepted(wrong.Type))
	}
	return err
}

// jsonWords are encoding/json's words for values in those of YAML.
var jsonWords = strings.NewReplacer("object", "a mapping", "array", "a list", "bool", "a boolean", "number", "a number", "string", "a string")

func accepted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Slice:
		return "a list"
	}
	return "a mapping"
}
