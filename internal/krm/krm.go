// Package krm reads and answers the ResourceList of a KRM function. A tool such as kustomize or kpt runs the function
// with a ResourceList on standard input: items are the manifests, and functionConfig has the options. The function
// prints the list again, with its findings in the field results
// (https://github.com/kubernetes-sigs/kustomize/blob/master/cmd/config/docs/api-conventions/functions-spec.md).
//
// The caller checks the items. This package finds out whether an input is a ResourceList (Read), reads its options
// (ResourceList.Options), and adds the findings (ResourceList.Answer).
package krm

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/fn/framework"
	"sigs.k8s.io/kustomize/kyaml/kio/kioutil"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// ResourceList is the input of a KRM function.
type ResourceList struct {
	text []byte
	node *yaml.Node // a mapping
}

// versions are the versions of the ResourceList API. Their fields are the same.
var versions = []string{"config.kubernetes.io/v1", "config.kubernetes.io/v1beta1", "config.kubernetes.io/v1alpha1"}

// Read parses an input as a ResourceList. It returns nil without an error if the input is anything else, such as
// manifests. The error is for a ResourceList of another version, or with items that are not Kubernetes objects.
func Read(input []byte) (*ResourceList, error) {
	nodes, err := yamldoc.Parse(input)
	if err != nil || len(nodes) != 1 {
		return nil, nil // If the input is not YAML, the check says so.
	}
	node := nodes[0]
	version := yamldoc.Scalar(node, "apiVersion")
	if yamldoc.Scalar(node, "kind") != "ResourceList" || !strings.HasPrefix(version, "config.kubernetes.io/") {
		return nil, nil
	}
	if !slices.Contains(versions, version) {
		return nil, fmt.Errorf("standard input: the ResourceList has the apiVersion %s, expected one of %s",
			version, strings.Join(versions, ", "))
	}
	items := yamldoc.Field(node, "items")
	if items == nil || items.Kind != yaml.SequenceNode {
		return nil, errors.New("standard input: the ResourceList has no list of items")
	}
	for i, item := range items.Content {
		if yamldoc.Scalar(item, "apiVersion") == "" || yamldoc.Scalar(item, "kind") == "" {
			return nil, fmt.Errorf(
				"standard input:%d: item %d of the ResourceList has no apiVersion and kind", item.Line, i+1)
		}
	}
	return &ResourceList{input, node}, nil
}

// Options are the options in the functionConfig of a ResourceList. A field is nil if the option is not set.
type Options struct {
	Mutate *bool           // whether to correct the items
	FailOn *check.Severity // the least severity at which the function fails
}

// Options reads the functionConfig: the data of a ConfigMap, or the spec of an object of any other kind. For example:
//
//	functionConfig: {apiVersion: v1, kind: ConfigMap, metadata: {name: pullcheck}, data: {mutate: "true"}}
//
// An unknown option is an error.
func (l *ResourceList) Options() (Options, error) {
	var options Options
	config := yamldoc.Field(l.node, "functionConfig")
	section := "spec"
	if yamldoc.Scalar(config, "kind") == "ConfigMap" {
		section = "data"
	}
	for key := range keysOf(config) {
		if !slices.Contains([]string{"apiVersion", "kind", "metadata", section}, key) {
			return options, fmt.Errorf("functionConfig has the key %q, expected metadata and %s", key, section)
		}
	}
	for key, value := range keysOf(yamldoc.Field(config, section)) {
		switch key {
		case "mutate":
			mutate, err := strconv.ParseBool(value.Value)
			if err != nil {
				return options, fmt.Errorf("functionConfig: mutate %q, expected true or false", value.Value)
			}
			options.Mutate = &mutate
		case "failOn":
			failOn, err := check.ParseSeverity(value.Value)
			if err != nil {
				return options, fmt.Errorf("functionConfig: failOn %w", err)
			}
			options.FailOn = &failOn
		default:
			return options, fmt.Errorf("functionConfig has the option %q, expected mutate or failOn", key)
		}
	}
	return options, nil
}

// keysOf returns the keys of a mapping with their values, in their order. A nil node, or a node that is not a mapping,
// has no keys. Aliases of values are resolved.
func keysOf(mapping *yaml.Node) iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		for i := 0; mapping != nil && mapping.Kind == yaml.MappingNode && i < len(mapping.Content); i += 2 {
			if !yield(mapping.Content[i].Value, yamldoc.Resolve(mapping.Content[i+1])) {
				return
			}
		}
	}
}

// Answer returns the output of the function. text is the input, in which the caller may have corrected items, and
// result is the report on the input. Answer adds an entry to the field results for each container with a finding, after
// the entries of earlier functions. Without findings it returns text unchanged.
func (l *ResourceList) Answer(text []byte, result *check.Report) ([]byte, error) {
	results, err := l.results(result)
	if err != nil || len(results) == 0 {
		return text, err
	}
	list, err := yaml.Parse(string(text))
	if err != nil {
		return nil, err
	}
	var added yaml.Node
	if err := added.Encode(results); err != nil {
		return nil, err
	}
	if before := yamldoc.Field(list.YNode(), "results"); before != nil && before.Kind == yaml.SequenceNode {
		added.Content = slices.Concat(before.Content, added.Content)
	}
	if err := list.PipeE(yaml.SetField("results", yaml.NewRNode(&added))); err != nil {
		return nil, err
	}
	output, err := list.String()
	return []byte(output), err
}

// results returns an entry of the field results for each container with a finding. A finding with a fix has been
// corrected, so its severity is info. Any other finding except that of a digest proposes the value Always.
func (l *ResourceList) results(result *check.Report) (framework.Results, error) {
	manifests, err := l.manifests()
	if err != nil {
		return nil, err
	}
	var results framework.Results
	for _, f := range result.Findings {
		for _, hit := range f.Hits {
			a := hit.Affected
			r := &framework.Result{
				Message:  f.Text(),
				Severity: severities[f.Severity],
				ResourceRef: &yaml.ResourceIdentifier{
					TypeMeta: yaml.TypeMeta{APIVersion: a.APIVersion, Kind: a.Kind},
					NameMeta: yaml.NameMeta{Name: a.Name, Namespace: a.Namespace},
				},
				Field: &framework.Field{Path: a.Field},
				File:  fileOf(manifests[hit.Ref.Item]),
				Tags:  map[string]string{"rule": f.Rule, "container": a.Container},
			}
			if a.Written != "" {
				r.Field.CurrentValue = a.Written
			}
			switch {
			case f.Fix != nil:
				r.Message, r.Severity, r.Field.CurrentValue = f.Fix.Message, framework.Info, check.Always
			case f.Rule != check.DigestID:
				r.Field.ProposedValue = check.Always
			}
			results = append(results, r)
		}
	}
	return results, nil
}

// severities maps severities of a report to severities of KRM functions. They have no severity note.
var severities = map[check.Severity]framework.Severity{
	check.SeverityError:   framework.Error,
	check.SeverityWarning: framework.Warning,
	check.SeverityNote:    framework.Info,
}

// manifests returns the items of the list. The check has read the same text, so the index of an item is the Place.Item
// of its hits.
func (l *ResourceList) manifests() ([]render.Manifest, error) {
	list := render.Result{Documents: []render.Document{{Path: "-", Text: l.text}}}
	return list.Manifests(func([]byte) bool { return true })
}

// fileOf returns the file from which the tool has read an item, by the item's annotations; nil without annotations.
func fileOf(item render.Manifest) *framework.File {
	name, at, err := kioutil.GetFileAnnotations(yaml.NewRNode(item.Node))
	if err != nil || name == "" {
		return nil
	}
	index, _ := strconv.Atoi(at) // Without an index, the object is the first of the file.
	return &framework.File{Path: name, Index: index}
}
