package main

import (
	"bytes"
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

// resourceList is what a KRM function is given and gives back
// (https://github.com/kubernetes-sigs/kustomize/blob/master/cmd/config/docs/api-conventions/functions-spec.md).
type resourceList struct {
	text []byte
	node *yaml.Node // a mapping
}

// resourceListVersions are the versions of the API group whose lists are the same.
var resourceListVersions = []string{"config.kubernetes.io/v1", "config.kubernetes.io/v1beta1", "config.kubernetes.io/v1alpha1"}

// readResourceList returns the ResourceList that an input is, nil if it is something else.
func readResourceList(input []byte) (*resourceList, error) {
	var document yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(input))
	if decoder.Decode(&document) != nil || decoder.Decode(new(yaml.Node)) == nil {
		return nil, nil // If it is no YAML, the check says so.
	}
	node := document.Content[0]
	version := yamldoc.Scalar(node, "apiVersion")
	if yamldoc.Scalar(node, "kind") != "ResourceList" || !strings.HasPrefix(version, "config.kubernetes.io/") {
		return nil, nil
	}
	if !slices.Contains(resourceListVersions, version) {
		return nil, fmt.Errorf("standard input: the ResourceList has the apiVersion %s, expected one of %s", version, strings.Join(resourceListVersions, ", "))
	}
	items := yamldoc.Field(node, "items")
	if items == nil || items.Kind != yaml.SequenceNode {
		return nil, errors.New("standard input: the ResourceList has no list of items")
	}
	for i, item := range items.Content {
		if yamldoc.Scalar(item, "apiVersion") == "" || yamldoc.Scalar(item, "kind") == "" {
			return nil, fmt.Errorf("standard input:%d: item %d of the ResourceList has no apiVersion and kind", item.Line, i+1)
		}
	}
	return &resourceList{input, node}, nil
}

// configure does what the functionConfig says: the data of a ConfigMap, or the spec of any other object.
func (l *resourceList) configure(h *hook) error {
	const hint = "write mutate and failOn in the data of a ConfigMap, or in the spec of an object of another kind"
	config := yamldoc.Field(l.node, "functionConfig")
	options := "spec"
	if yamldoc.Scalar(config, "kind") == "ConfigMap" {
		options = "data"
	}
	for key := range keysOf(config) {
		if !slices.Contains([]string{"apiVersion", "kind", "metadata", options}, key) {
			return usagef(hint, "functionConfig has the key %q, expected metadata and %s", key, options)
		}
	}
	for key, value := range keysOf(yamldoc.Field(config, options)) {
		var err error
		switch key {
		case "mutate":
			if h.mutate, err = strconv.ParseBool(value.Value); err != nil {
				return usagef(hint, "functionConfig: mutate %q, expected true or false", value.Value)
			}
		case "failOn":
			if h.failOn, err = check.ParseSeverity(value.Value); err != nil {
				return usagef(hint, "functionConfig: failOn %w", err)
			}
		default:
			return usagef(hint, "functionConfig has the option %q, expected mutate or failOn", key)
		}
	}
	return nil
}

// keysOf are the keys of a mapping in their order, with their values.
func keysOf(mapping *yaml.Node) iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		for i := 0; mapping != nil && mapping.Kind == yaml.MappingNode && i < len(mapping.Content); i += 2 {
			if !yield(mapping.Content[i].Value, yamldoc.Resolve(mapping.Content[i+1])) {
				return
			}
		}
	}
}

// answer is the list as a text has it, with what was found as results behind those of functions before. Where nothing was
// found the text stays as it is.
func (l *resourceList) answer(text []byte, result *check.Report) ([]byte, error) {
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

// results has an entry for each container: what was corrected is an information.
func (l *resourceList) results(result *check.Report) (framework.Results, error) {
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
				File:  fileOf(manifests[hit.Place.Item]),
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

// severities are those of the results of functions.
var severities = map[check.Severity]framework.Severity{
	check.SeverityError:   framework.Error,
	check.SeverityWarning: framework.Warning,
	check.SeverityNote:    framework.Info,
}

// manifests are the items, in the order in which the check counts them.
func (l *resourceList) manifests() ([]render.Manifest, error) {
	list := render.Result{Documents: []render.Document{{Path: stdinName, Text: l.text}}}
	return list.Manifests(func([]byte) bool { return true })
}

// fileOf is the file that an item was read from, if its annotations say so.
func fileOf(item render.Manifest) *framework.File {
	name, at, err := kioutil.GetFileAnnotations(yaml.NewRNode(item.Node))
	if err != nil || name == "" {
		return nil
	}
	index, _ := strconv.Atoi(at) // Without one it is the first of the file.
	return &framework.File{Path: name, Index: index}
}
