// Package appset expands Argo CD ApplicationSets into Applications, as the ApplicationSet controller does, without a
// cluster and without a network.
//
// Example: a set with `list: {elements: [{env: dev}, {env: prod}]}` and the template name `shop-{{env}}` expands into
// the Applications shop-dev and shop-prod.
//
// The package consists of pure functions: the same tree and the same set give the same Applications, unless a Go
// template of the set calls a function such as now or uuidv4. The module internal/argoparity runs Argo CD's own code
// over the archives in testdata, and over random sets, and compares. File names in comments are those of
// github.com/argoproj/argo-cd/v3.
package appset

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
)

// resourcesFinalizer is the finalizer that the controller adds to an Application without finalizers, unless the set
// has syncPolicy.preserveResourcesOnDeletion (pkg/apis/application/v1alpha1/types.go, ResourcesFinalizerName).
const resourcesFinalizer = "resources-finalizer.argocd.argoproj.io"

// applicationSet has the fields of an ApplicationSet that decide which Applications it expands into
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

// generated is an Application and the index in spec.generators of the generator that gave its parameters.
type generated struct {
	application map[string]any
	generator   int
}

// Expand returns the Applications that the ApplicationSet controller creates for an ApplicationSet.
//
// set is the object as encoding/json decodes it; Expand does not change it. Git generators read tree if
// isThisRepository accepts their repoURL. They read the tree as it is, whatever revision they name. They do not see
// files that .gitignore ignores.
//
// Each Application has apiVersion, kind, metadata with the namespace of the set, and spec. It shares nothing with set.
// Unlike Argo CD, Expand keeps fields that Argo CD does not know and does not check the types of the others. The order
// is the order of Argo CD: by generator, then by parameters. The merge generator has a random order in Argo CD; here
// it has the order of its first child generator.
//
// skipped has a sentence for each generator that cannot be expanded offline, for example "spec.generators[0].clusters:
// the clusters generator asks Argo CD for its clusters, which cannot be done offline". A matrix or merge is skipped as
// a whole. The other generators are expanded.
//
// An error names the field of the set, the value found and the values accepted. Like Argo CD, Expand then returns no
// Applications, with one exception: if Applications have no name, or the same name, Expand leaves them out, returns
// the others, and an error that joins one line for each name.
func Expand(
	fsys fs.FS, set map[string]any, isThisRepository func(repoURL string) bool,
) (applications []map[string]any, skipped []string, err error) {
	var decoded applicationSet
	if err := decode("", set, &decoded); err != nil {
		return nil, nil, err
	}
	renderer, err := newRenderer(decoded.Spec.GoTemplate, decoded.Spec.GoTemplateOptions)
	if err != nil {
		return nil, nil, err
	}
	e := &expansion{repository: &repository{tree: fsys}, renderer: renderer, isThisRepository: isThisRepository}
	var all []generated
	for i, entry := range decoded.Spec.Generators {
		made, reasons, err := e.expandGenerator(&decoded, i, entry)
		if err != nil {
			return nil, nil, err
		}
		for _, application := range made {
			all = append(all, generated{application, i})
		}
		skipped = append(skipped, reasons...)
	}
	valid, err := checkNames(all)
	for _, g := range valid {
		applications = append(applications, g.application)
	}
	return applications, skipped, err
}

// expandGenerator returns the Applications of entry i of spec.generators, and reasons for what is skipped. An entry
// can have several generators: `{list: …, git: …}` gives the Applications of both.
func (e *expansion) expandGenerator(
	set *applicationSet, i int, entry map[string]any,
) (applications []map[string]any, skipped []string, err error) {
	path := fmt.Sprintf("spec.generators[%d]", i)
	kinds := generatorKinds(entry)
	if len(kinds) == 0 {
		skipped = append(skipped, fmt.Sprintf("%s: %s", path, unknownGenerator(entry)))
	}
	for _, kind := range kinds {
		parameterSets, err := e.parameters(path, entry, kind, nil, 0)
		if offline := (*offlineError)(nil); errors.As(err, &offline) {
			skipped = append(skipped, offline.Error())
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		body, _ := entry[kind].(map[string]any) // parameters has refused other types.
		generatorTemplate, _ := body["template"].(map[string]any)
		template, err := mergeTemplate(generatorTemplate, set.Spec.Template)
		if err != nil {
			return nil, nil, fmt.Errorf("%s.%s.template: %w", path, kind, err)
		}
		for _, parameters := range parameterSets {
			application, err := set.application(e.renderer, template, parameters)
			if err != nil {
				return nil, nil, fmt.Errorf("%s.%s: %w", path, kind, err)
			}
			applications = append(applications, application)
		}
	}
	return applications, skipped, nil
}

// application renders the template of an Application with one set of parameters and applies the templatePatch
// (applicationset/controllers/template/template.go, GenerateApplications). Without any parameter Argo CD leaves the
// template as it is, and adds no finalizer.
func (s *applicationSet) application(r *renderer, template, parameters map[string]any) (map[string]any, error) {
	application := copyTemplate(template)
	if len(parameters) > 0 {
		rendered, err := r.renderStrings("template", application, parameters)
		if err != nil {
			return nil, err
		}
		application = rendered.(map[string]any)
		metadata := application["metadata"].(map[string]any)
		finalizers, _ := metadata["finalizers"].([]any)
		if len(finalizers) == 0 && !s.Spec.SyncPolicy.PreserveResourcesOnDeletion {
			metadata["finalizers"] = []any{resourcesFinalizer}
		}
	}
	if s.Spec.TemplatePatch != "" {
		patch, err := r.renderString("templatePatch", s.Spec.TemplatePatch, parameters)
		if err != nil {
			return nil, err
		}
		if application, err = applyPatch(application, patch); err != nil {
			return nil, fmt.Errorf("templatePatch: %w", err)
		}
	}
	application["apiVersion"], application["kind"] = "argoproj.io/v1alpha1", "Application"
	metadata, _ := application["metadata"].(map[string]any)
	delete(metadata, "namespace")
	if s.Metadata.Namespace != "" && metadata != nil {
		metadata["namespace"] = s.Metadata.Namespace
	}
	return application, nil
}

// copyTemplate returns a deep copy of the fields of a template that Argo CD copies to an Application
// (applicationset/controllers/template/template.go, GetTempApplication).
func copyTemplate(template map[string]any) map[string]any {
	metadata := map[string]any{}
	templateMetadata, _ := template["metadata"].(map[string]any)
	for _, key := range []string{"name", "labels", "annotations", "finalizers"} {
		if templateMetadata[key] != nil {
			metadata[key] = templateMetadata[key]
		}
	}
	return runtime.DeepCopyJSON(map[string]any{"metadata": metadata, "spec": template["spec"]})
}

// checkNames leaves out Applications that have no name, or the name of another Application. The controller does not
// create them either (applicationset/controllers/applicationset_controller.go, validateGeneratedApplications).
func checkNames(all []generated) ([]generated, error) {
	generatorsByName := map[string][]string{}
	for _, g := range all {
		generator := fmt.Sprintf("spec.generators[%d]", g.generator)
		generatorsByName[g.name()] = append(generatorsByName[g.name()], generator)
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(generatorsByName)) {
		generators := generatorsByName[name]
		count, origin := len(generators), strings.Join(slices.Compact(slices.Clone(generators)), " and ")
		switch {
		case name == "":
			errs = append(errs, fmt.Errorf("%s: an Application gets no name: "+
				"metadata.name of the template or of templatePatch must give it one", origin))
		case count > 1:
			errs = append(errs, fmt.Errorf("%s: %d Applications get the name %q: "+
				"Argo CD creates none of them, each must have its own", origin, count, name))
		}
	}
	valid := slices.DeleteFunc(all, func(g generated) bool {
		return g.name() == "" || len(generatorsByName[g.name()]) > 1
	})
	return valid, errors.Join(errs...)
}

// name returns metadata.name, or "" if the Application has none.
func (g generated) name() string {
	metadata, _ := g.application["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	return name
}

// decode converts a value of encoding/json's types to the type of into. path is the field path of the value in errors.
func decode(path string, from, into any) error {
	data, err := json.Marshal(from)
	if err != nil {
		return err
	}
	err = json.Unmarshal(data, into)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		field := strings.Trim(path+"."+wrong.Field, ".")
		return fmt.Errorf("%s: found %s, where Argo CD accepts %s",
			field, yamlWords.Replace(wrong.Value), yamlWord(wrong.Type))
	}
	return err
}

// yamlWords replaces encoding/json's words for types by the words for YAML.
var yamlWords = strings.NewReplacer(
	"object", "a mapping", "array", "a list", "bool", "a boolean", "number", "a number", "string", "a string")

// yamlWord returns the word for a Go type, with its article.
func yamlWord(t reflect.Type) string {
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
