package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/cmd/pullcheck/internal/report"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/origin"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// runWhy prints where a field of an object was decided.
func runWhy(ctx context.Context, c *Command, args []string) (int, error) {
	flags := c.newFlags("why")
	var options sourceFlags
	options.register(flags)
	if err := parseFlags(flags, args); err != nil {
		return 0, err
	}
	if flags.NArg() != 3 {
		return 0, usagef("pullcheck why deploy/api spec.replicas charts/api", "%d arguments given, why takes KIND/NAME, FIELD and PATH", flags.NArg())
	}
	if err := options.validate(); err != nil {
		return 0, err
	}
	asked := whyQuestion{object: flags.Arg(0), field: flags.Arg(1), source: flags.Arg(2)}
	engines := newEngines(options.offline)
	tree, sources, err := options.oneSource(ctx, c, engines, "why "+asked.object+" "+asked.field, asked.source)
	if err != nil {
		return 0, err
	}
	var manifests []render.Manifest
	var from []render.Source // of each manifest
	for _, source := range sources {
		result, err := engines[source.Kind].Render(ctx, tree.files, source)
		if err != nil {
			return 0, err
		}
		found, err := result.Manifests(func([]byte) bool { return true })
		if err != nil {
			return 0, err
		}
		manifests = append(manifests, found...)
		from = append(from, slices.Repeat([]render.Source{source}, len(found))...)
	}
	question, err := asked.in(manifests)
	if err != nil {
		return 0, err
	}
	source := from[0]
	for i := range manifests {
		if &manifests[i] == question.Manifest {
			source = from[i]
		}
	}
	answer := origin.Find(ctx, tree.files, engines[source.Kind], source, []origin.Query{question}).Traces[0]
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	trace := report.Trace{
		Field:     asked.field,
		Missing:   yamldoc.ScalarAt(question.Manifest.Node, question.Path) == "",
		Decisions: answer.Decisions,
		Via:       answer.Via,
		Exact:     answer.Exact,
	}
	title := fmt.Sprintf("%s %s %s", objectName(question.Manifest), asked.field, whatIs(question, answer))
	color := isTerminal(c.Stdout) && os.Getenv("NO_COLOR") == ""
	return exitClean, report.Why(c.Stdout, title, trace, report.TextOptions{Color: color})
}

func objectName(m *render.Manifest) string { return m.Kind + "/" + m.Name }

// whatIs says what a field is: its first line, if it has several. A field that is missing and that nothing is known to
// write may be misspelt: those beside it show that.
func whatIs(q origin.Query, answer origin.Trace) string {
	node, holder := yamldoc.Lookup(q.Manifest.Node, q.Path)
	if node == nil && len(holder.Content) > 0 && len(answer.Via) == 0 && answer.Decisions[0].Key == "" {
		return "is not set; beside it stand " + strings.Join(fieldsOf(holder), ", ")
	}
	if node = yamldoc.Resolve(node); isNull(node) {
		return "is not set"
	}
	first, _, more := strings.Cut(node.Value, "\n")
	switch {
	case more:
		first += "…"
	case first == "":
		first = `""`
	}
	return "= " + first
}

// fieldsOf are the keys of a mapping, in its order.
func fieldsOf(mapping *yaml.Node) []string {
	var keys []string
	for i := 0; i < len(mapping.Content); i += 2 {
		keys = append(keys, yamldoc.Path{yamldoc.Key(mapping.Content[i].Value)}.String())
	}
	return keys
}

func isNull(node *yaml.Node) bool { return node == nil || node.Tag == "!!null" }

// whyQuestion is what the user asks, as typed.
type whyQuestion struct{ object, field, source string }

// in is the question about the object and the scalar in it that are meant.
func (w whyQuestion) in(manifests []render.Manifest) (origin.Query, error) {
	manifest, err := w.find(manifests)
	if err != nil {
		return origin.Query{}, err
	}
	path, err := w.lookup(manifest)
	if err != nil {
		return origin.Query{}, err
	}
	return origin.Query{
		Manifest:     manifest,
		Path:         path,
		SiblingField: near(manifest, path),
		Replacement:  instead(yamldoc.ScalarAt(manifest.Node, path)),
	}, nil
}

// find returns the one object that is meant.
func (w whyQuestion) find(manifests []render.Manifest) (*render.Manifest, error) {
	kind, name, ok := strings.Cut(w.object, "/")
	if !ok || kind == "" || name == "" {
		return nil, usagef("pullcheck why deploy/api "+w.field+" "+w.source, "%q is not KIND/NAME", w.object)
	}
	var found *render.Manifest
	var kinds, names, places []string
	for i := range manifests {
		m := &manifests[i]
		kinds = append(kinds, m.Kind)
		if !isKind(m.Kind, kind) {
			continue
		}
		names = append(names, objectName(m))
		if m.Name == name {
			found = m
			places = append(places, fmt.Sprintf("in namespace %q from %s", m.Namespace, m.Document.Path))
		}
	}
	hint := "pullcheck render " + w.source
	switch {
	case len(places) == 1:
		return found, nil
	case len(places) > 1:
		return nil, usagef("name a source that has one of them", "%s has %d objects %s: %s", w.source, len(places), w.object, strings.Join(places, ", "))
	case len(names) > 0:
		return nil, usagef(hint, "%s has no %s, expected one of %s", w.source, w.object, list(names))
	case len(kinds) > 0:
		return nil, usagef(hint, "%s has no object of the kind %s, expected one of %s", w.source, kind, list(kinds))
	}
	return nil, usagef(hint, "%s renders to no objects", w.source)
}

// list writes words in their order, each once.
func list(words []string) string {
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(words))), ", ")
}

// lookup returns the path to a scalar that is there, or that is missing in a mapping that is there. Items have no
// names in it: a name may itself be what is asked for.
func (w whyQuestion) lookup(manifest *render.Manifest) (yamldoc.Path, error) {
	typed, err := yamldoc.ParsePath(w.field)
	if err == nil && len(typed) == 0 {
		err = errors.New("the field is empty, expected a path like spec.replicas")
	}
	if err != nil {
		return nil, usagef("pullcheck render "+w.source, "%w", err)
	}
	var path yamldoc.Path
	for i, step := range typed {
		value, holder := yamldoc.Lookup(manifest.Node, typed[:i+1])
		if value == nil && (i < len(typed)-1 || step.Index >= 0 || holder == nil || holder.Kind != yaml.MappingNode) {
			return nil, w.noScalar(manifest, path)
		}
		if step.Index >= 0 {
			step = yamldoc.Step{Index: slices.Index(holder.Content, value)}
		}
		path = path.Below(step)
	}
	if value, _ := yamldoc.Lookup(manifest.Node, path); value != nil && yamldoc.Resolve(value).Kind != yaml.ScalarNode {
		return nil, w.noScalar(manifest, path)
	}
	return path, nil
}

// noScalar says what there is at the end of a path, in the place of the field.
func (w whyQuestion) noScalar(manifest *render.Manifest, path yamldoc.Path) error {
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
	what := "is " + cmp.Or(node.Value, "empty")
	if len(below) > 0 {
		what = "has " + strings.Join(below, ", ")
	}
	return usagef("pullcheck render "+w.source, "%s has no scalar at %s: %s %s", objectName(manifest), w.field, cmp.Or(path.String(), "the object"), what)
}

// near is the first scalar beside a field that is missing.
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

// instead is another value of the same type.
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

// shortNames are those that `kubectl api-resources` lists for the kinds that have one.
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

// plural is that of a kind in lower case, as resources are named.
func plural(kind string) string {
	switch {
	case hissing.MatchString(kind):
		return kind + "es"
	case consonantY.MatchString(kind):
		return strings.TrimSuffix(kind, "y") + "ies"
	}
	return kind + "s"
}
