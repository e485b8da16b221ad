package argocd

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"
)

// kinds are the generators of Argo CD in the order of its ApplicationSetGenerator, which is the one in which it expands an
// entry with several.
var kinds = []string{"list", "clusters", "git", "scmProvider", "clusterDecisionResource", "pullRequest", "matrix", "merge", "plugin"}

// asked is what those generators ask that do not expand offline.
var asked = map[string]string{
	"clusters":                "Argo CD for its clusters",
	"scmProvider":             "a code host for its repositories",
	"clusterDecisionResource": "the cluster for a resource",
	"pullRequest":             "a code host for its pull requests",
	"plugin":                  "a plugin over HTTP",
}

// generator is an entry of a list of generators, as far as it can be expanded. The templates are here for their type: expandSet
// takes them from the entry.
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

// unavailableError says that a generator cannot be expanded, and why.
type unavailableError struct{ path, reason string }

func (e *unavailableError) Error() string { return e.path + ": " + e.reason }

// generatorKinds are the names of the generators in an entry, in the order of Argo CD.
func generatorKinds(entry map[string]any) []string {
	return slices.DeleteFunc(slices.Clone(kinds), func(kind string) bool { return entry[kind] == nil })
}

// noGenerator says what an entry has in place of a generator. Argo CD makes nothing of such an entry.
func noGenerator(entry map[string]any) string {
	return fmt.Sprintf("found %q, where Argo CD knows the generators %s", slices.Sorted(maps.Keys(entry)), strings.Join(kinds, ", "))
}

// expansion is what the generators of one set need.
type expansion struct {
	*repository
	*templates
	ours func(repoURL string) bool
}

// parameters returns the sets of parameters that one generator of an entry gives, each for one Application
// (applicationset/generators/generator_spec_processor.go, Transform). outer, if any, are put into the entry first; depth
// counts the generators around it.
func (e *expansion) parameters(path string, entry map[string]any, kind string, outer map[string]any, depth int) ([]map[string]any, error) {
	selector, err := newSelector(path+".selector", entry["selector"]) // Argo CD takes it without the outer parameters.
	if err != nil {
		return nil, err
	}
	if len(outer) > 0 {
		replaced, err := e.replace(path, prepared(entry), outer)
		if err != nil {
			return nil, err
		}
		entry = replaced.(map[string]any)
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
		err = &unavailableError{path, fmt.Sprintf("the %s generator asks %s, which cannot be done offline", kind, asked[kind])}
	}
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(sets, func(set map[string]any) bool { return !selector.matches(set) }), nil
}

// prepared returns a copy of a matrix' second generator, into which the parameters of the first are to be put, in which the
// parts that Argo CD treats apart are marked or left out (applicationset/utils/utils.go, RenderGeneratorParams).
func prepared(entry map[string]any) map[string]any {
	marked := map[string]any{}
	for kind, value := range entry {
		body, ok := value.(map[string]any)
		if !ok {
			marked[kind] = value
			continue
		}
		body = maps.Clone(body)
		switch kind {
		case "list", "selector":
		case "git":
			if values, ok := body["values"].(map[string]any); ok {
				body["values"] = tolerantValues(values)
			}
		case "matrix", "merge":
			delete(body, "template") // A nested one has none.
			if nested, ok := body["generators"].([]any); ok {
				for i, item := range nested {
					if child, ok := item.(map[string]any); ok {
						nested = slices.Clone(nested)
						nested[i] = prepared(child)
					}
				}
				body["generators"] = nested
			}
		default:
			clear(body) // It is not expanded.
		}
		marked[kind] = body
	}
	return marked
}

// list gives one set of parameters for each element (applicationset/generators/list.go).
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

// flatElement is an element of a list for templates that know only strings: beside them it may have a mapping "values".
func flatElement(path string, element map[string]any) (map[string]any, error) {
	flat := map[string]any{}
	add := func(prefix string, from map[string]any) error {
		for _, key := range slices.Sorted(maps.Keys(from)) {
			text, ok := from[key].(string)
			if !ok {
				return fmt.Errorf("%s.%s%s: found %v, where Argo CD accepts a string unless spec.goTemplate is true", path, prefix, key, from[key])
			}
			flat[prefix+key] = text
		}
		return nil
	}
	rest := maps.Clone(element)
	if values, ok := element["values"].(map[string]any); ok {
		delete(rest, "values")
		if err := add("values.", values); err != nil {
			return nil, err
		}
	}
	return flat, add("", rest)
}

// matrix combines each set of parameters of the first generator with each of the second
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
			combined := override(b, a)
			if !e.goTemplate() {
				if combined, err = combineTexts(path, a, b); err != nil {
					return nil, err
				}
			}
			sets = append(sets, combined)
		}
	}
	return sets, nil
}

// combineTexts puts two sets of parameters together, all as strings. They may not contradict each other.
func combineTexts(path string, a, b map[string]any) (map[string]any, error) {
	combined := map[string]any{}
	for key, value := range a {
		combined[key] = fmt.Sprint(value)
	}
	for _, key := range slices.Sorted(maps.Keys(b)) {
		text := fmt.Sprint(b[key])
		if other, ok := combined[key]; ok && other != text {
			return nil, fmt.Errorf("%s: found %q for %s in the first generator and %q in the second, where Argo CD accepts only the same unless spec.goTemplate is true", path, other, key, text)
		}
		combined[key] = text
	}
	return combined, nil
}

// merge completes the sets of parameters of the first generator by those of the others that have the same merge keys
// (applicationset/generators/merge.go).
func (e *expansion) merge(path string, g combination, depth int) ([]map[string]any, error) {
	if len(g.Generators) < 2 {
		return nil, fmt.Errorf("%s.generators: found %d generators, where Argo CD accepts 2 or more", path, len(g.Generators))
	}
	if len(g.MergeKeys) == 0 {
		return nil, fmt.Errorf("%s.mergeKeys: found none, where Argo CD accepts 1 or more", path)
	}
	var merged []map[string]any
	var at map[string]int
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
			merged, at = sets, byKey
			continue
		}
		for key, from := range byKey {
			to, ok := at[key]
			switch {
			case !ok:
			case e.goTemplate():
				merged[to] = override(merged[to], sets[from])
			default:
				maps.Copy(merged[to], sets[from])
			}
		}
	}
	return merged, nil
}

// indexByKeys returns the index of each set of parameters by the values of its merge keys, which must differ.
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

// child returns the parameters of a generator in a matrix or merge. These can be nested once
// (pkg/apis/application/v1alpha1/applicationset_types.go, ApplicationSetTerminalGenerator).
func (e *expansion) child(path string, g combination, i int, outer map[string]any, depth int) ([]map[string]any, error) {
	path = fmt.Sprintf("%s.generators[%d]", path, i)
	names := generatorKinds(g.Generators[i])
	if len(names) != 1 {
		return nil, fmt.Errorf("%s: found %q, where Argo CD accepts exactly one generator", path, slices.Sorted(maps.Keys(g.Generators[i])))
	}
	if depth > 0 && (names[0] == "matrix" || names[0] == "merge") {
		return nil, fmt.Errorf("%s: found a %s inside of two others, where Argo CD accepts one level of nesting", path, names[0])
	}
	return e.parameters(path, g.Generators[i], names[0], outer, depth+1)
}

// override returns base with the values of over put over it, mapping by mapping, as mergo does it for Argo CD. Where mergo
// panics, because a mapping goes over the values of a git generator, they are merged too.
func override(base, over map[string]any) map[string]any {
	merged := maps.Clone(base)
	for key, value := range over {
		below, ok := mapping(merged[key])
		above, both := mapping(value)
		if ok && both {
			value = override(below, above)
		}
		merged[key] = value
	}
	return merged
}

// mapping is a parameter that is a mapping. The values of a git generator have a type of their own, which templates can tell.
func mapping(value any) (map[string]any, bool) {
	texts, ok := value.(map[string]string)
	if !ok {
		m, ok := value.(map[string]any)
		return m, ok
	}
	m := map[string]any{}
	for key, text := range texts {
		m[key] = text
	}
	return m, true
}

// flatten returns the parameters by their paths, joined by dots, as github.com/jeremywohl/flatten does it for Argo CD.
func flatten(parameters map[string]any) map[string]string {
	flat := map[string]string{}
	var add func(name string, value any)
	add = func(name string, value any) {
		prefix := ""
		if name != "" {
			prefix = name + "."
		}
		if m, ok := mapping(value); ok {
			for _, key := range slices.Sorted(maps.Keys(m)) {
				add(prefix+key, m[key])
			}
			return
		}
		if items, ok := value.([]any); ok {
			for i, item := range items {
				add(prefix+strconv.Itoa(i), item)
			}
			return
		}
		flat[name] = fmt.Sprint(value)
	}
	add("", parameters)
	return flat
}

// selector filters sets of parameters by their flat names (applicationset/utils/selector.go). Unlike one for labels it
// takes any value.
type selector []requirement

type requirement struct {
	Key      string   `json:"key"`
	Operator string   `json:"operator"`
	Values   []string `json:"values"`
}

func newSelector(path string, from any) (selector, error) {
	var labels struct {
		MatchLabels      map[string]string `json:"matchLabels"`
		MatchExpressions selector          `json:"matchExpressions"`
	}
	if err := decode(path, from, &labels); err != nil {
		return nil, err
	}
	s := labels.MatchExpressions
	for _, key := range slices.Sorted(maps.Keys(labels.MatchLabels)) {
		s = append(s, requirement{key, "In", []string{labels.MatchLabels[key]}})
	}
	for _, r := range s {
		if wrong := validation.IsQualifiedName(r.Key); len(wrong) > 0 {
			return nil, fmt.Errorf("%s: found the key %q: %s", path, r.Key, strings.Join(wrong, "; "))
		}
		switch r.Operator {
		case "In", "NotIn":
			if len(r.Values) == 0 {
				return nil, fmt.Errorf("%s: found no values for %s %s, where Argo CD accepts 1 or more", path, r.Key, r.Operator)
			}
		case "Exists", "DoesNotExist":
			if len(r.Values) > 0 {
				return nil, fmt.Errorf("%s: found values for %s %s, where Argo CD accepts none", path, r.Key, r.Operator)
			}
		default:
			return nil, fmt.Errorf("%s: found the operator %q, where Argo CD accepts In, NotIn, Exists or DoesNotExist", path, r.Operator)
		}
	}
	return s, nil
}

func (s selector) matches(parameters map[string]any) bool {
	if len(s) == 0 {
		return true
	}
	flat := flatten(parameters)
	for _, r := range s {
		value, ok := flat[r.Key]
		matched := ok
		if r.Operator == "In" || r.Operator == "NotIn" {
			matched = ok && slices.Contains(r.Values, value)
		}
		if matched != (r.Operator == "In" || r.Operator == "Exists") {
			return false
		}
	}
	return true
}
