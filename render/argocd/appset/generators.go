package appset

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"dario.cat/mergo"
	"github.com/mitchellh/copystructure"
	"sigs.k8s.io/yaml"
)

// kinds are the generators that Argo CD knows. Argo CD expands an entry with several generators in this order, the
// order of the fields of its type ApplicationSetGenerator.
var kinds = []string{
	"list", "clusters", "git", "scmProvider", "clusterDecisionResource", "pullRequest", "matrix", "merge", "plugin",
}

// asks says whom a generator asks that cannot be expanded offline, and for what.
var asks = map[string]string{
	"clusters":                "Argo CD for its clusters",
	"scmProvider":             "a code host for its repositories",
	"clusterDecisionResource": "the cluster for a resource",
	"pullRequest":             "a code host for its pull requests",
	"plugin":                  "a plugin over HTTP",
}

// generator has the generators of an entry that can be expanded offline. The fields Template are there to check their
// type; expandGenerator reads the template from the undecoded entry.
type generator struct {
	List   listGenerator `json:"list"`
	Git    gitGenerator  `json:"git"`
	Matrix combination   `json:"matrix"`
	Merge  combination   `json:"merge"`
}

type listGenerator struct {
	Elements     []map[string]any `json:"elements"`
	ElementsYaml string           `json:"elementsYaml"`
	Template     map[string]any   `json:"template"`
}

// combination is a matrix or merge generator.
type combination struct {
	Generators []map[string]any `json:"generators"`
	MergeKeys  []string         `json:"mergeKeys"`
	Template   map[string]any   `json:"template"`
}

// offlineError says that a generator cannot be expanded offline, and why. path is the field path of the generator.
type offlineError struct{ path, reason string }

func (e *offlineError) Error() string { return e.path + ": " + e.reason }

// generatorKinds returns the kinds of the generators in an entry, in the order of Argo CD.
func generatorKinds(entry map[string]any) []string {
	return slices.DeleteFunc(slices.Clone(kinds), func(kind string) bool { return entry[kind] == nil })
}

// unknownGenerator returns the reason to skip an entry without a generator that Argo CD knows. Argo CD ignores the
// entry.
func unknownGenerator(entry map[string]any) string {
	return fmt.Sprintf("found %q, where Argo CD knows the generators %s",
		slices.Sorted(maps.Keys(entry)), strings.Join(kinds, ", "))
}

// expansion has what the generators of one ApplicationSet need.
type expansion struct {
	*repository
	*renderer
	isThisRepository func(repoURL string) bool
}

// parameters returns the parameter sets of the generator of one kind in an entry; each set is for one Application
// (applicationset/generators/generator_spec_processor.go, Transform).
//
// path is the field path of the entry. outer has the parameters of the first generator of a matrix, if the entry is
// the second; they are interpolated into the entry. depth is the number of generators around the entry.
func (e *expansion) parameters(
	path string, entry map[string]any, kind string, outer map[string]any, depth int,
) ([]map[string]any, error) {
	selector, err := newSelector(path+".selector", entry["selector"]) // Argo CD does not interpolate it.
	if err != nil {
		return nil, err
	}
	if len(outer) > 0 {
		interpolated, err := e.renderStrings(path, prepareInterpolation(entry), outer)
		if err != nil {
			return nil, err
		}
		entry = interpolated.(map[string]any)
	}
	var g generator
	if err := decode(path, map[string]any{kind: entry[kind]}, &g); err != nil {
		return nil, err
	}
	path += "." + kind
	var sets []map[string]any
	switch kind {
	case "list":
		sets, err = e.list(path, g.List)
	case "git":
		sets, err = e.git(path, g.Git)
	case "matrix":
		sets, err = e.matrix(path, g.Matrix, depth)
	case "merge":
		sets, err = e.merge(path, g.Merge, depth)
	default:
		reason := fmt.Sprintf("the %s generator asks %s, which cannot be done offline", kind, asks[kind])
		err = &offlineError{path, reason}
	}
	if err == nil {
		err = checkCount(path, sets)
	}
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(sets, func(set map[string]any) bool { return !selector.matches(set) }), nil
}

// prepareInterpolation returns a copy of the second entry of a matrix for renderStrings. In the copy, the values of
// git generators have the type lenientValues, and the parts that Argo CD does not interpolate are left out
// (applicationset/utils/utils.go, RenderGeneratorParams).
func prepareInterpolation(entry map[string]any) map[string]any {
	prepared := map[string]any{}
	for kind, value := range entry {
		body, ok := value.(map[string]any)
		if !ok {
			prepared[kind] = value
			continue
		}
		body = maps.Clone(body)
		switch kind {
		case "list", "selector":
		case "git":
			if values, ok := body["values"].(map[string]any); ok {
				body["values"] = lenientValues(values)
			}
		case "matrix", "merge":
			delete(body, "template") // The type of a nested matrix or merge has no template.
			if children, ok := body["generators"].([]any); ok {
				children = slices.Clone(children)
				for i, item := range children {
					if child, ok := item.(map[string]any); ok {
						children[i] = prepareInterpolation(child)
					}
				}
				body["generators"] = children
			}
		default:
			clear(body) // It is not expanded.
		}
		prepared[kind] = body
	}
	return prepared
}

// list returns a parameter set for each element (applicationset/generators/list.go).
func (e *expansion) list(path string, g listGenerator) ([]map[string]any, error) {
	var sets []map[string]any
	for i, element := range g.Elements {
		if !e.goTemplate() {
			var err error
			if element, err = flatElement(fmt.Sprintf("%s.elements[%d]", path, i), element); err != nil {
				return nil, err
			}
		}
		sets = append(sets, element)
	}
	if g.ElementsYaml == "" {
		return sets, nil
	}
	var more []map[string]any
	if err := yaml.Unmarshal([]byte(g.ElementsYaml), &more); err != nil {
		return nil, fmt.Errorf("%s.elementsYaml: found what is no list of mappings in YAML: %w", path, err)
	}
	return append(sets, more...), nil
}

// flatElement returns the parameters of a list element for a set without goTemplate. They are strings; an element can
// also have a mapping "values" of strings: {name: a, values: {size: big}} gives name and values.size.
func flatElement(path string, element map[string]any) (map[string]any, error) {
	const accepted = "where Argo CD accepts %s unless spec.goTemplate is true"
	flat := map[string]any{}
	add := func(prefix string, from map[string]any) error {
		for _, key := range slices.Sorted(maps.Keys(from)) {
			text, ok := from[key].(string)
			if !ok {
				return fmt.Errorf("%s.%s%s: found %v, "+accepted, path, prefix, key, from[key], "a string")
			}
			flat[prefix+key] = text
		}
		return nil
	}
	rest := maps.Clone(element)
	if found, ok := element["values"]; ok {
		values, ok := found.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s.values: found %v, "+accepted, path, found, "a mapping")
		}
		delete(rest, "values")
		if err := add("values.", values); err != nil {
			return nil, err
		}
	}
	return flat, add("", rest)
}

// matrix combines each parameter set of the first child generator with each of the second
// (applicationset/generators/matrix.go).
func (e *expansion) matrix(path string, g combination, depth int) ([]map[string]any, error) {
	if len(g.Generators) != 2 {
		return nil, fmt.Errorf("%s.generators: found %d generators, where Argo CD accepts 2", path, len(g.Generators))
	}
	first, err := e.child(path, g, 0, nil, depth)
	if err != nil {
		return nil, err
	}
	var sets []map[string]any
	for _, a := range first {
		second, err := e.child(path, g, 1, a, depth)
		if err != nil {
			return nil, err
		}
		for _, b := range second {
			combine := combineTexts
			if e.goTemplate() {
				combine = combineMappings
			}
			combined, err := combine(path, a, b)
			if err != nil {
				return nil, err
			}
			sets = append(sets, combined)
		}
		if err := checkCount(path, sets); err != nil {
			return nil, err
		}
	}
	return sets, nil
}

// maxElements is how many parameter sets a generator may give. The largest public sets give some hundreds.
const maxElements = 10_000

// checkCount returns an error for more than maxElements parameter sets.
func checkCount(path string, sets []map[string]any) error {
	if len(sets) <= maxElements {
		return nil
	}
	return fmt.Errorf("%s: found more than %d parameter sets, which is the most that are expanded", path, maxElements)
}

// combineTexts returns the parameters of a and b, all as strings, for a set without goTemplate. A parameter of both
// must have the same value in both.
func combineTexts(path string, a, b map[string]any) (map[string]any, error) {
	combined := map[string]any{}
	for key, value := range a {
		combined[key] = fmt.Sprint(value)
	}
	for _, key := range slices.Sorted(maps.Keys(b)) {
		text := fmt.Sprint(b[key])
		if other, ok := combined[key]; ok && other != text {
			return nil, fmt.Errorf("%s: found %q for %s in the first generator and %q in the second, "+
				"where Argo CD accepts only the same unless spec.goTemplate is true", path, other, key, text)
		}
		combined[key] = text
	}
	return combined, nil
}

// combineMappings returns the parameters of b, overridden by the parameters of a, for a set with goTemplate. It copies
// a, which is combined with each b.
func combineMappings(path string, a, b map[string]any) (map[string]any, error) {
	copied, err := copystructure.Copy(a)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return override(path, b, copied.(map[string]any))
}

// override returns base with the parameters of over merged over it, mapping by mapping. It changes base, and the
// result shares mappings with over.
//
// The values of a git generator are a map[string]string. Argo CD panics where a mapping of another generator overrides
// them; here they are merged too.
func override(path string, base, over map[string]any) (map[string]any, error) {
	if _, ok := over["values"].(map[string]any); ok {
		if texts, ok := base["values"].(map[string]string); ok {
			base["values"] = anyValues(texts)
		}
	}
	if err := mergo.Merge(&base, over, mergo.WithOverride); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return base, nil
}

// anyValues converts the values of a git generator to the type that a mapping has in the parameters of other
// generators.
func anyValues(texts map[string]string) map[string]any {
	values := map[string]any{}
	for key, text := range texts {
		values[key] = text
	}
	return values
}

// merge completes the parameter sets of the first child generator by those of the others that have the same merge keys
// (applicationset/generators/merge.go).
func (e *expansion) merge(path string, g combination, depth int) ([]map[string]any, error) {
	if len(g.Generators) < 2 {
		return nil, fmt.Errorf("%s.generators: found %d generators, where Argo CD accepts 2 or more",
			path, len(g.Generators))
	}
	if len(g.MergeKeys) == 0 {
		return nil, fmt.Errorf("%s.mergeKeys: found none, where Argo CD accepts 1 or more", path)
	}
	var merged []map[string]any
	var mergedByKey map[string]int
	for i := range g.Generators {
		sets, err := e.child(path, g, i, nil, depth)
		if err != nil {
			return nil, err
		}
		byKey, err := indexByKeys(fmt.Sprintf("%s.generators[%d]", path, i), sets, g.MergeKeys)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			merged, mergedByKey = sets, byKey
			continue
		}
		for key, from := range byKey {
			to, ok := mergedByKey[key]
			if !ok {
				continue
			}
			if !e.goTemplate() {
				maps.Copy(merged[to], sets[from])
			} else if merged[to], err = override(path, merged[to], sets[from]); err != nil {
				return nil, err
			}
		}
	}
	return merged, nil
}

// indexByKeys returns the index in sets of each parameter set, by the values of its merge keys as JSON. Two sets with
// the same values are an error.
func indexByKeys(path string, sets []map[string]any, mergeKeys []string) (map[string]int, error) {
	index := map[string]int{}
	for i, set := range sets {
		values := map[string]any{}
		for _, key := range mergeKeys {
			values[key] = set[key]
		}
		data, err := json.Marshal(values)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if _, ok := index[string(data)]; ok {
			return nil, fmt.Errorf("%s: found the merge keys %s twice, where Argo CD accepts each once", path, data)
		}
		index[string(data)] = i
	}
	return index, nil
}

// child returns the parameter sets of child generator i of a matrix or merge. A matrix or merge can stand in another
// one, but not deeper (pkg/apis/application/v1alpha1/applicationset_types.go, ApplicationSetTerminalGenerator).
func (e *expansion) child(
	path string, g combination, i int, outer map[string]any, depth int,
) ([]map[string]any, error) {
	path = fmt.Sprintf("%s.generators[%d]", path, i)
	entry := g.Generators[i]
	found := generatorKinds(entry)
	if len(found) != 1 {
		return nil, fmt.Errorf("%s: found %q, where Argo CD accepts exactly one generator",
			path, slices.Sorted(maps.Keys(entry)))
	}
	if depth > 0 && (found[0] == "matrix" || found[0] == "merge") {
		return nil, fmt.Errorf("%s: found a %s inside of two others, where Argo CD accepts one level of nesting",
			path, found[0])
	}
	return e.parameters(path, entry, found[0], outer, depth+1)
}
