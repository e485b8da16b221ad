package appset

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jeremywohl/flatten"
	"k8s.io/apimachinery/pkg/util/validation"
)

// selector filters parameter sets by their flat names (applicationset/utils/selector.go). It is a label selector of
// Kubernetes whose values can be any string, a URL for example. Without requirements it matches every set.
type selector []requirement

type requirement struct {
	Key      string   `json:"key"`
	Operator string   `json:"operator"`
	Values   []string `json:"values"`
}

// newSelector reads the field selector of a generator; from is nil for a generator without one. path is the field path
// in errors.
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
				return nil, fmt.Errorf("%s: found no values for %s %s, where Argo CD accepts 1 or more",
					path, r.Key, r.Operator)
			}
		case "Exists", "DoesNotExist":
			if len(r.Values) > 0 {
				return nil, fmt.Errorf("%s: found values for %s %s, where Argo CD accepts none", path, r.Key, r.Operator)
			}
		default:
			return nil, fmt.Errorf("%s: found the operator %q, where Argo CD accepts In, NotIn, Exists or DoesNotExist",
				path, r.Operator)
		}
	}
	return s, nil
}

// matches reports whether a parameter set meets all requirements. NotIn matches a missing parameter too.
func (s selector) matches(parameters map[string]any) bool {
	if len(s) == 0 {
		return true
	}
	flat := flatParameters(parameters)
	for _, r := range s {
		value, found := flat[r.Key]
		in := found && slices.Contains(r.Values, value)
		met := map[string]bool{"In": in, "NotIn": !in, "Exists": found, "DoesNotExist": !found}
		if !met[r.Operator] {
			return false
		}
	}
	return true
}

// flatParameters returns parameters as strings under flat names: {a: {b: [1, 2]}} gives a.b.0 and a.b.1.
func flatParameters(parameters map[string]any) map[string]string {
	nested := maps.Clone(parameters)
	if texts, ok := parameters["values"].(map[string]string); ok {
		nested["values"] = anyValues(texts)
	}
	flat := map[string]string{}
	leaves, _ := flatten.Flatten(nested, "", flatten.DotStyle) // It refuses only what is no mapping.
	for name, value := range leaves {
		flat[name] = fmt.Sprint(value)
	}
	return flat
}
