package appset

import (
	"encoding/json"
	"fmt"
	"strings"

	"dario.cat/mergo"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"
)

// mergeTemplate returns the template of a generator, completed by the template of the set: mappings are completed key
// by key, and an empty value, false and 0 too, is replaced (applicationset/generators/generator_spec_processor.go,
// mergeGeneratorTemplate). It changes neither argument.
func mergeTemplate(generatorTemplate, setTemplate map[string]any) (map[string]any, error) {
	merged := map[string]any{}
	if generatorTemplate != nil {
		merged = runtime.DeepCopyJSON(generatorTemplate)
	}
	if err := mergo.Merge(&merged, runtime.DeepCopyJSON(setTemplate)); err != nil {
		return nil, err
	}
	// Argo CD has valuesObject as bytes: it keeps the object of the generator whole, an empty one too.
	for _, path := range [][]string{
		{"spec", "source", "helm", "valuesObject"},
		{"spec", "sourceHydrator", "drySource", "helm", "valuesObject"},
	} {
		values, ok, err := unstructured.NestedFieldNoCopy(generatorTemplate, path...)
		if err != nil || !ok || values == nil {
			continue
		}
		if err := unstructured.SetNestedField(merged, runtime.DeepCopyJSONValue(values), path...); err != nil {
			return nil, err
		}
	}
	return merged, nil
}

// applyPatch applies a rendered templatePatch, in JSON or YAML, as a strategic merge patch. The patch cannot change
// spec.project (applicationset/controllers/template/patch.go).
func applyPatch(application map[string]any, patch string) (map[string]any, error) {
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

// patchSchema tells package strategicpatch how to patch the field of an Application that it names. Mappings are merged
// and lists are replaced, except the two lists of ObjectMeta that Kubernetes merges.
type patchSchema string

var _ strategicpatch.LookupPatchMeta = patchSchema("")

// LookupPatchMetadataForStruct returns how to patch the field key of a mapping. Argo CD fails where a patch leads into
// a mapping of valuesObject, since the type of valuesObject has no fields; so does this method.
func (s patchSchema) LookupPatchMetadataForStruct(
	key string,
) (strategicpatch.LookupPatchMeta, strategicpatch.PatchMeta, error) {
	var meta strategicpatch.PatchMeta
	if s == "valuesObject" {
		return nil, meta, fmt.Errorf("valuesObject.%s stands in the template too: "+
			"Argo CD merges only the first level of a valuesObject, write it in one of them", key)
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

// LookupPatchMetadataForSlice returns how to patch the list in the field key of a mapping.
func (s patchSchema) LookupPatchMetadataForSlice(
	key string,
) (strategicpatch.LookupPatchMeta, strategicpatch.PatchMeta, error) {
	return s.LookupPatchMetadataForStruct(key)
}

// Name returns the name of the field, for errors.
func (s patchSchema) Name() string { return string(s) }
