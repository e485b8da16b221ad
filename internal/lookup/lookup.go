// Package lookup answers the command `pullcheck why`: it finds the object and the field that a user names as for
// kubectl (deploy/api and spec.replicas) in rendered manifests, and traces the field to the line that decides it. If
// the query does not match, the error lists the objects or fields that do exist.
package lookup

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// objectName returns KIND/NAME of an object.
func objectName(m *render.Manifest) string { return m.Kind + "/" + m.Name }

// Query has the arguments of `pullcheck why` as the user typed them: the object as KIND/NAME, the path of the field in
// the object, and the path of the source. KIND may be the kind, its plural or its short name, in any case.
type Query struct{ Object, Field, Source string }

// Error says why a query does not match exactly one field.
type Error struct {
	Err error
	// Hint is a command to type.
	Hint string
}

// Error implements error.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// errorf returns an *Error with a hint and a formatted message.
func errorf(hint, format string, args ...any) error { return &Error{fmt.Errorf(format, args...), hint} }

// Find returns the manifest that the query names, and the path to the scalar in it. The scalar may be absent if the
// mapping around it exists. Steps of the path have no names of items, only indexes: the user may ask for a name itself,
// such as spec.containers[0].name, which changes while it is traced. The error is an *Error.
func (q Query) Find(manifests []render.Manifest) (*render.Manifest, yamldoc.Path, error) {
	manifest, err := q.object(manifests)
	if err != nil {
		return nil, nil, err
	}
	path, err := q.field(manifest)
	return manifest, path, err
}

// object returns the manifest with the kind and name of the query. It is an error if there is no such manifest, or more
// than one.
func (q Query) object(manifests []render.Manifest) (*render.Manifest, error) {
	kind, name, ok := strings.Cut(q.Object, "/")
	if !ok || kind == "" || name == "" {
		return nil, errorf("pullcheck why deploy/api "+q.Field+" "+q.Source, "%q is not KIND/NAME", q.Object)
	}
	var found *render.Manifest
	var kinds, names, matches []string
	for i := range manifests {
		m := &manifests[i]
		kinds = append(kinds, m.Kind)
		if !isKind(m.Kind, kind) {
			continue
		}
		names = append(names, objectName(m))
		if m.Name == name {
			found = m
			matches = append(matches, fmt.Sprintf("in namespace %q from %s", m.Namespace, m.Document.Path))
		}
	}
	hint := "pullcheck render " + q.Source
	switch {
	case len(matches) == 1:
		return found, nil
	case len(matches) > 1:
		return nil, errorf("name a source that has one of them",
			"%s has %d objects %s: %s", q.Source, len(matches), q.Object, strings.Join(matches, ", "))
	case len(names) > 0:
		return nil, errorf(hint, "%s has no %s, expected one of %s", q.Source, q.Object, list(names))
	case len(kinds) > 0:
		return nil, errorf(hint, "%s has no object of the kind %s, expected one of %s", q.Source, kind, list(kinds))
	}
	return nil, errorf(hint, "%s renders to no objects", q.Source)
}

// list joins words with commas, sorted and each once.
func list(words []string) string {
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(words))), ", ")
}

// field returns the path to the scalar of the query in a manifest. In the query, an item may have its name or its
// index; the path has the index.
func (q Query) field(manifest *render.Manifest) (yamldoc.Path, error) {
	typed, err := yamldoc.ParsePath(q.Field)
	if err == nil && len(typed) == 0 {
		err = errors.New("the field is empty, expected a path like spec.replicas")
	}
	if err != nil {
		return nil, errorf("pullcheck render "+q.Source, "%w", err)
	}
	var path yamldoc.Path
	for i, step := range typed {
		value, holder := yamldoc.Lookup(manifest.Node, typed[:i+1])
		if value == nil && (i < len(typed)-1 || step.Index >= 0 || holder == nil || holder.Kind != yaml.MappingNode) {
			return nil, q.noScalar(manifest, path)
		}
		if step.Index >= 0 {
			step = yamldoc.Step{Index: slices.Index(holder.Content, value)}
		}
		path = path.Below(step)
	}
	if value, _ := yamldoc.Lookup(manifest.Node, path); value != nil && yamldoc.Resolve(value).Kind != yaml.ScalarNode {
		return nil, q.noScalar(manifest, path)
	}
	return path, nil
}

// noScalar returns the error for a field that is not a scalar. path is the longest part of the field that exists: the
// message has its value, or the keys and items below it.
func (q Query) noScalar(manifest *render.Manifest, path yamldoc.Path) error {
	node, _ := yamldoc.Lookup(manifest.Node, path)
	node = yamldoc.Resolve(node)
	var below []string
	for i, child := range node.Content {
		switch {
		case node.Kind == yaml.SequenceNode:
			below = append(below, yamldoc.Path{yamldoc.Item(i, child)}.Named())
		case i%2 == 0:
			below = append(below, yamldoc.Path{yamldoc.Key(child.Value)}.String())
		}
	}
	content := "is " + cmp.Or(node.Value, "empty")
	if len(below) > 0 {
		content = "has " + strings.Join(below, ", ")
	}
	return errorf("pullcheck render "+q.Source,
		"%s has no scalar at %s: %s %s", objectName(manifest), q.Field, cmp.Or(path.String(), "the object"), content)
}

// shortNames maps short names to kinds, as `kubectl api-resources` lists them for a cluster without custom resources.
var shortNames = map[string]string{
	"cj":     "CronJob",
	"cm":     "ConfigMap",
	"crd":    "CustomResourceDefinition",
	"deploy": "Deployment",
	"ds":     "DaemonSet",
	"ep":     "Endpoints",
	"hpa":    "HorizontalPodAutoscaler",
	"ing":    "Ingress",
	"limits": "LimitRange",
	"netpol": "NetworkPolicy",
	"ns":     "Namespace",
	"pc":     "PriorityClass",
	"pdb":    "PodDisruptionBudget",
	"po":     "Pod",
	"pv":     "PersistentVolume",
	"pvc":    "PersistentVolumeClaim",
	"quota":  "ResourceQuota",
	"rc":     "ReplicationController",
	"rs":     "ReplicaSet",
	"sa":     "ServiceAccount",
	"sc":     "StorageClass",
	"sts":    "StatefulSet",
	"svc":    "Service",
}

// isKind reports whether a word means a kind: its name, its plural or its short name, in any case.
func isKind(kind, word string) bool {
	word = strings.ToLower(word)
	return word == strings.ToLower(kind) || word == plural(strings.ToLower(kind)) || shortNames[word] == kind
}

var (
	hissing    = regexp.MustCompile(`(s|x|ch|sh)$`)
	consonantY = regexp.MustCompile(`[^aeiou]y$`)
)

// plural returns the plural of a kind in lower case, which is the name of its resource: networkpolicies for
// networkpolicy. It is used instead of meta.UnsafeGuessKindToResource of k8s.io/apimachinery, which returns gatewaies
// for gateway.
func plural(kind string) string {
	switch {
	case hissing.MatchString(kind):
		return kind + "es"
	case consonantY.MatchString(kind):
		return strings.TrimSuffix(kind, "y") + "ies"
	}
	return kind + "s"
}

// near returns the path to the first scalar beside an absent field; nil if the field is present. If no key can set the
// absent field, package origin reports the location of this scalar.
func near(manifest *render.Manifest, path yamldoc.Path) yamldoc.Path {
	value, holder := yamldoc.Lookup(manifest.Node, path)
	if !isNull(yamldoc.Resolve(value)) {
		return nil
	}
	for i := 0; i+1 < len(holder.Content); i += 2 {
		beside := path[:len(path)-1].Below(yamldoc.Key(holder.Content[i].Value))
		if yamldoc.ScalarAt(manifest.Node, beside) != "" {
			return beside
		}
	}
	return nil
}

// instead returns a value that package origin tries in the place of a value, to see whether the field changes. It has
// the same type, such as 4 for 3 and false for true, so that a chart accepts it.
func instead(value string) string {
	if number, err := strconv.Atoi(value); err == nil {
		return strconv.Itoa(number + 1)
	}
	switch value {
	case "true":
		return "false"
	case "false":
		return "true"
	case "other":
		return "another"
	}
	return "other"
}

// isNull reports whether a value is missing or null.
func isNull(node *yaml.Node) bool { return node == nil || node.Tag == "!!null" }
