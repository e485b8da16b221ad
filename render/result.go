package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Result is what a source rendered to.
type Result struct {
	// Text is, byte for byte, what `helm template` or `kustomize build` prints.
	Text []byte
	// Documents are the parts of Text that hold objects, in the same order.
	Documents []Document
	// Skip says why there are no documents, where that is no fault (a library chart); otherwise it is nil.
	Skip *Skip
}

// Skip is the reason why nothing of a source is checked, where that is no fault. It is also an error, for what is found
// out on the way to a source.
type Skip struct {
	// Reason is a sentence without a full stop, for people.
	Reason string
	// NoObject is true for a file without a Kubernetes object. Most repositories have many, and reports do not list them.
	NoObject bool
}

// Error implements error.
func (s *Skip) Error() string { return s.Reason }

// Document is a part of the rendered text that came from one file: one or more YAML documents.
type Document struct {
	// Path is the template, kustomization or manifest file. A file inside a packaged chart has the
	// archive's path, a slash, and its path in the chart.
	Path string
	Text []byte
	// Verbatim is true where Text is the whole file at Path, so that lines and columns are those of the file.
	Verbatim bool
}

// Manifest is one rendered object. Its nodes keep their lines and columns in the document's text.
type Manifest struct {
	Document *Document
	// Part counts the documents of the same path before this one, Item the objects before this one in it.
	// Together they name the object where its name is drawn at random.
	Part, Item int
	APIVersion string
	Kind       string
	Namespace  string
	Name       string     // metadata.name, or what generateName begins it with
	Node       *yaml.Node // a mapping
}

// Manifests parses the documents that are wanted, by their text, and returns the objects in them, those
// inside a List one by one. What has no apiVersion and kind is left out. An error is an *Error with the place.
func (r *Result) Manifests(wanted func(text []byte) bool) ([]Manifest, error) {
	var manifests []Manifest
	parts := map[string]int{}
	for i := range r.Documents {
		document := &r.Documents[i]
		part := parts[document.Path]
		parts[document.Path]++
		if !wanted(document.Text) {
			continue
		}
		first := len(manifests)
		nodes, err := yamldoc.ParseStream(document.Text)
		if err != nil {
			return nil, documentError(document, err)
		}
		for _, node := range nodes {
			manifests = appendObjects(manifests, document, node)
		}
		for i := range manifests[first:] {
			manifests[first+i].Part, manifests[first+i].Item = part, i
		}
	}
	return manifests, nil
}

// documentError gives a parser's error its place. The lines of rendered text are not those of the template.
func documentError(document *Document, err error) error {
	if document.Verbatim {
		return yamldoc.ParseError(document.Path, document.Text, err)
	}
	return &yamldoc.Error{Location: yamldoc.Location{Path: document.Path}, Err: fmt.Errorf("what it renders to is no YAML: %w", err)}
}

// appendObjects appends the object at node, or, if it is a List of objects of any kind, those in it.
func appendObjects(manifests []Manifest, document *Document, node *yaml.Node) []Manifest {
	if !isObject(node) {
		return manifests
	}
	if items := yamldoc.Field(node, "items"); items != nil && strings.HasSuffix(yamldoc.Scalar(node, "kind"), "List") && allObjects(items) {
		for _, item := range items.Content {
			manifests = appendObjects(manifests, document, yamldoc.Resolve(item))
		}
		return manifests
	}
	metadata := yamldoc.Field(node, "metadata")
	return append(manifests, Manifest{
		Document:   document,
		APIVersion: yamldoc.Scalar(node, "apiVersion"),
		Kind:       yamldoc.Scalar(node, "kind"),
		Namespace:  yamldoc.Scalar(metadata, "namespace"),
		Name:       cmp.Or(yamldoc.Scalar(metadata, "name"), yamldoc.Scalar(metadata, "generateName")),
		Node:       node,
	})
}

func isObject(node *yaml.Node) bool {
	return yamldoc.Scalar(node, "apiVersion") != "" && yamldoc.Scalar(node, "kind") != ""
}

// allObjects is false for the items of a custom resource whose kind only ends in List, and for none.
func allObjects(items *yaml.Node) bool {
	return items.Kind == yaml.SequenceNode && len(items.Content) > 0 && !slices.ContainsFunc(items.Content, func(item *yaml.Node) bool { return !isObject(item) })
}
