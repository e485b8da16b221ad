package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Result holds the manifests of a source, as text and as documents.
type Result struct {
	// Text is, byte for byte, the output of `helm template` or `kustomize build`.
	Text []byte
	// Documents are the parts of Text that hold objects, in the same order. Before them are the files in the crds
	// directories of charts, which are deployed also where Text leaves them out.
	Documents []Document
	// Skip says why there are no documents although nothing is wrong, such as for a library chart; otherwise it is nil.
	Skip *Skip
	// Rest says why a part of the source is in neither Text nor Documents, such as the documents of a file that are
	// templates of another tool; otherwise it is nil.
	Rest *Skip
}

// Skip is the reason why no manifest of a source is checked although nothing is wrong. A Skip is also an error, so that
// a function that looks for a source can return it. For example, an Application of another repository is a Skip.
type Skip struct {
	// Reason is a sentence without a full stop, for people.
	Reason string
	// NoObject is true for a file without a Kubernetes object. Most repositories have many, and reports do not list
	// them.
	NoObject bool
}

// Error implements error.
func (s *Skip) Error() string { return s.Reason }

// Document is a part of the rendered text that came from one file: one or more YAML documents. For example, the part of
// `helm template` below "# Source: web/templates/service.yaml".
type Document struct {
	// Path is the template, kustomization or manifest file. A file inside a packaged chart has the
	// archive's path, a slash, and its path in the chart.
	Path string
	Text []byte
	// Verbatim is true where Text is the file at Path, so that lines and columns are those of the file. A part of the
	// file may be replaced by empty lines: see Result.Rest.
	Verbatim bool
}

// Manifest is one rendered object. Its nodes keep their lines and columns in the document's text.
type Manifest struct {
	Document *Document
	// Part is the number of documents with the same path before this document, and Item the number of objects before
	// this object in the document. Together with the path they identify the object, also if a template draws its name
	// at random.
	Part, Item int
	APIVersion string
	Kind       string
	Namespace  string
	Name       string     // metadata.name, or else metadata.generateName
	Node       *yaml.Node // a mapping
}

// Manifests parses the documents for which mayMatter is true, and returns their objects. The items of a List are
// returned one by one. A mapping without apiVersion or kind is left out. The error is a *yamldoc.Error with the
// location.
//
// mayMatter is a prefilter: it searches the text of a document for words, because to parse a document takes far longer.
// All prefilters of this program (their names begin with may or mentions) keep to one convention: a prefilter may be
// true for a text without a matching object, so its caller tests the parsed objects, but it is never false for a text
// with one.
func (r *Result) Manifests(mayMatter func(text []byte) bool) ([]Manifest, error) {
	var manifests []Manifest
	parts := map[string]int{} // path → the number of its documents so far
	for i := range r.Documents {
		document := &r.Documents[i]
		part := parts[document.Path]
		parts[document.Path]++
		if !mayMatter(document.Text) {
			continue
		}
		first := len(manifests)
		nodes, err := yamldoc.ParseStream(document.Text)
		if err != nil {
			return nil, documentError(document, err)
		}
		manifests = append(manifests, Objects(document, nodes)...)
		for i := range manifests[first:] {
			manifests[first+i].Part, manifests[first+i].Item = part, i
		}
	}
	return manifests, nil
}

// Objects returns the objects at the root nodes of a document, and the items of lists one by one. Their Part and Item are
// 0.
func Objects(document *Document, nodes []*yaml.Node) []Manifest {
	var manifests []Manifest
	for _, node := range nodes {
		manifests = appendObjects(manifests, document, node)
	}
	return manifests
}

// documentError returns an error of the YAML parser with its location. The line is known only for a verbatim document:
// a line of rendered text is not a line of the template.
func documentError(document *Document, err error) error {
	if document.Verbatim {
		return yamldoc.ParseError(document.Path, document.Text, err)
	}
	return &yamldoc.Error{
		Location: yamldoc.Location{Path: document.Path},
		Err:      fmt.Errorf("what it renders to is no YAML: %w", err),
	}
}

// appendObjects appends the object at a node. If the object is a List, such as a ConfigMapList, it appends the items.
// The clients of the API server do the same for an object of any kind that has items. An item without a kind has the
// kind that the name of the list says (decodeToList in unstructured/helpers.go of k8s.io/apimachinery).
func appendObjects(manifests []Manifest, document *Document, node *yaml.Node) []Manifest {
	if !isObject(node) {
		return manifests
	}
	items := yamldoc.Field(node, "items")
	if !hasObject(items) {
		return append(manifests, newManifest(document, node, "", ""))
	}
	for _, item := range items.Content {
		if item = yamldoc.Resolve(item); item.Kind == yaml.MappingNode && !isObject(item) {
			kind := strings.TrimSuffix(yamldoc.Scalar(node, "kind"), "List")
			manifests = append(manifests, newManifest(document, item, yamldoc.Scalar(node, "apiVersion"), kind))
		}
		manifests = appendObjects(manifests, document, item)
	}
	return manifests
}

// newManifest returns the object at a node. apiVersion and kind are for an object that does not write them.
func newManifest(document *Document, node *yaml.Node, apiVersion, kind string) Manifest {
	metadata := yamldoc.Field(node, "metadata")
	return Manifest{
		Document:   document,
		APIVersion: cmp.Or(yamldoc.Scalar(node, "apiVersion"), apiVersion),
		Kind:       cmp.Or(yamldoc.Scalar(node, "kind"), kind),
		Namespace:  yamldoc.Scalar(metadata, "namespace"),
		Name:       cmp.Or(yamldoc.Scalar(metadata, "name"), yamldoc.Scalar(metadata, "generateName")),
		Node:       node,
	}
}

// isObject reports whether a node is a Kubernetes object: whether it has an apiVersion and a kind.
func isObject(node *yaml.Node) bool {
	return yamldoc.Scalar(node, "apiVersion") != "" && yamldoc.Scalar(node, "kind") != ""
}

// hasObject reports whether items is a list with an object. It is false for a custom resource with other items, such as
// an AllowList with a list of addresses, and for a PodList whose items leave out their kind: it is checked as a whole.
func hasObject(items *yaml.Node) bool {
	return items != nil && items.Kind == yaml.SequenceNode && slices.ContainsFunc(items.Content, isObject)
}
