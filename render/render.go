// Package render turns a tree of files into the Kubernetes objects that would really be deployed, and
// says which file each object comes from. It knows nothing of pull policy.
//
// Discover finds the sources of a tree; an Engine (packages helm, kustomize, raw) renders one of them.
package render

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/render/yamldoc"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Kind says which engine renders a source.
type Kind string

// The kinds of sources, as the JSON report names them.
const (
	Helm      Kind = "helm"
	Kustomize Kind = "kustomize"
	Raw       Kind = "raw"
)

// Source is one thing that renders to manifests.
type Source struct {
	Kind Kind
	// Path is slash-separated and relative to the root of the tree: a chart (directory or .tgz), the
	// directory of a kustomization, a manifest file or a directory of such. "-" is standard input.
	Path string
	// Environment names one set of values of a chart; empty for a chart's defaults and for all else.
	Environment string
	// Files are what a raw source consists of, in the order they are rendered.
	Files []File
	// Helm and Kustomize hold what their engine needs beside the path.
	Helm      HelmOptions
	Kustomize KustomizeOptions
	// Declared, if not nil, is what the options come from. They are filled in, and are so again in each render.
	Declared *Declaration
	// Skip, if not empty, says why this source is not rendered.
	Skip string
	// Probe, if not nil, sees every file just before the engine uses it, wherever the file comes from (the tree,
	// a packaged chart, a download, a flag), and returns what the engine takes in its place. Charts are then
	// rendered leniently: schemas are not enforced and neither fail nor required ends the render, as in
	// `helm lint`.
	Probe func(Input) []byte
}

// Input is a file that an engine is about to use.
type Input struct {
	// Path is as in Location. What is in no tree of the user's has the URL it was fetched from before it.
	Path string
	Use  Use
	Data []byte
	// Outside is true for a file of no tree: its path only names it.
	Outside bool
	// From is where the user's tree names what the file was fetched with; its path is empty for the user's files.
	From yamldoc.Location
}

// Use says what an engine takes a file for.
type Use int

// The uses of files.
const (
	UseTemplate      Use = iota // a file in a chart's templates directory
	UseValues                   // of a chart: its own, or those that the user gives
	UseFlag                     // what a flag gives: KEY=VALUE,…
	UseMetadata                 // Chart.yaml
	UseChartFile                // any other file of a chart, which templates may read
	UseResource                 // objects that a kustomization names
	UsePatch                    // a patch or other configuration that a kustomization names
	UseKustomization            // a kustomization file
	UseInflated                 // what a chart of a kustomization rendered to; its own files were seen before
	UseDeclaration              // what declares the source, or completes that
)

// SourceID is what tells a source from all others of a tree.
type SourceID struct {
	Kind              Kind
	Path, Environment string
}

// ID returns the identity of the source.
func (s Source) ID() SourceID { return SourceID{s.Kind, s.Path, s.Environment} }

// String is how messages name the source.
func (s Source) String() string {
	if s.Environment == "" {
		return s.Path
	}
	return s.Path + " (" + s.Environment + ")"
}

// File is a file of the tree, or one that a flag or standard input gave.
type File struct {
	// Path is slash-separated and relative to the root of the tree. With Data it only names the file.
	Path string
	// Data, if not nil, is the content, and the tree is not read.
	Data []byte
}

// Read returns the file's content, from the tree unless it was given with the file.
func (f File) Read(fsys fs.FS) ([]byte, error) {
	if f.Data != nil {
		return f.Data, nil
	}
	return fs.ReadFile(fsys, f.Path)
}

// HelmOptions are the options of `helm template` under its own names.
type HelmOptions struct {
	// Chart in a Version is what is rendered of the repository Repo, where these are given; the source's path only names it.
	Repo, Chart, Version string
	ReleaseName          string // "release-name" if empty, as in `helm template CHART`
	Namespace            string // "default" if empty
	KubeVersion          string // the version of the build's client-go if empty
	APIVersions          []string
	IncludeCRDs          bool
	SkipTests            bool
	NoHooks              bool
	// SkipSchemaValidation accepts values that a chart's schema does not.
	SkipSchemaValidation bool
	// ValuesFiles are -f, the lowest precedence first. The four below win over them, each over the one
	// before it, in Helm's order.
	ValuesFiles []File
	SetJSON     []string
	Set         []string
	SetString   []string
	SetFile     []string // KEY=PATH,…
	// SetFiles are the files at the paths of SetFile; what it lacks has that path in the tree.
	SetFiles map[string]File
}

// KustomizeOptions are the options of `kustomize build` under its own names.
type KustomizeOptions struct {
	// LoadRestrictionsNone lets a kustomization read files from outside its own directory.
	LoadRestrictionsNone bool
	HelmKubeVersion      string
	HelmAPIVersions      []string
	// Edit, if not nil, returns what is built in the place of the kustomization's own file.
	Edit func(kustomization []byte) ([]byte, error)
}

// Engine renders one kind of source. Render is safe for concurrent use. A failure is an *Error where
// the engine knows the place. A canceled context ends what reads files or waits for others; what Helm's and Kustomize's
// libraries compute of them (the templates of a chart, a build's transformations) runs to its end.
type Engine interface {
	Render(ctx context.Context, fsys fs.FS, source Source) (*Result, error)
}

// Result is what a source rendered to.
type Result struct {
	// Text is, byte for byte, what `helm template` or `kustomize build` prints.
	Text []byte
	// Documents are the parts of Text that hold objects, in the same order.
	Documents []Document
	// Nothing says why there are no documents, where that is no fault (a library chart).
	Nothing string
}

// Document is a part of the rendered text that came from one file: one or more YAML documents.
type Document struct {
	// Path is the template, kustomization or manifest file. A file inside a packaged chart has the
	// archive's path, a slash, and its path in the chart.
	Path string
	Text []byte
	// Verbatim is true where Text is the whole file at Path, so that lines and columns are the file's.
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
