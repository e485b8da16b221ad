// Package render turns a tree of files into the Kubernetes objects that would really be deployed, and
// says which file each object comes from. It knows nothing of pull policy.
//
// Discover finds the sources of a tree; an Engine (packages helm, kustomize, raw) renders one of them.
package render

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

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
	From Location
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
		nodes, err := parse(document.Text)
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
		return YAMLError(document.Path, document.Text, err)
	}
	return &Error{Location: Location{Path: document.Path}, Err: fmt.Errorf("what it renders to is no YAML: %w", err)}
}

// parse returns the roots of the YAML documents of a text, or of JSON values one behind the other, which
// kubectl reads too and YAML does not allow.
func parse(text []byte) ([]*yaml.Node, error) {
	ends := jsonValues(text)
	if len(ends) > 0 {
		text = withoutSurrogates(text)
	}
	if len(ends) < 2 {
		return ParseYAML(text)
	}
	var nodes []*yaml.Node
	start, line, column := 0, 0, 0
	for _, end := range ends {
		value, err := ParseYAML(text[start:end])
		if err != nil {
			return nil, err
		}
		shift(value[0], line, column)
		nodes = append(nodes, value[0])
		line += bytes.Count(text[start:end], []byte("\n"))
		column = utf8.RuneCount(text[bytes.LastIndexByte(text[:end], '\n')+1 : end])
		start = end
	}
	return nodes, nil
}

// shift moves a node that was parsed from where its text began to its place in the whole. Columns count characters.
func shift(node *yaml.Node, lines, columns int) {
	if node.Line == 1 {
		node.Column += columns
	}
	node.Line += lines
	for _, child := range node.Content {
		shift(child, lines, columns)
	}
}

// jsonValues returns where each value of a text that is nothing but JSON ends.
func jsonValues(text []byte) []int {
	if !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return nil
	}
	var ends []int
	decoder := json.NewDecoder(bytes.NewReader(text))
	for {
		var value json.RawMessage
		err := decoder.Decode(&value)
		if errors.Is(err, io.EOF) {
			return ends
		}
		if err != nil {
			return nil // YAML in flow style begins like this too.
		}
		ends = append(ends, int(decoder.InputOffset()))
	}
}

var (
	jsonEscape = regexp.MustCompile(`\\(?:u[0-9a-fA-F]{4}|.)`)
	surrogate  = regexp.MustCompile(`(?i)^\\ud[89a-f][0-9a-f]{2}$`)
)

// withoutSurrogates replaces the escapes by which JSON writes characters beyond U+FFFF, a pair for each, and which YAML
// refuses, by as many bytes: what stands behind them keeps its column.
func withoutSurrogates(text []byte) []byte {
	return jsonEscape.ReplaceAllFunc(text, func(escape []byte) []byte {
		if surrogate.Match(escape) {
			return bytes.Repeat([]byte("?"), len(escape))
		}
		return escape
	})
}

// ParseYAML returns the roots of the YAML documents of a text.
func ParseYAML(text []byte) ([]*yaml.Node, error) {
	var nodes []*yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return nodes, nil
		}
		if err != nil {
			return nil, err
		}
		if err := measureAliases(&node); err != nil {
			return nil, err
		}
		nodes = append(nodes, node.Content[0])
	}
}

// appendObjects appends the object at node, or, if it is a List of objects of any kind, those in it.
func appendObjects(manifests []Manifest, document *Document, node *yaml.Node) []Manifest {
	if !isObject(node) {
		return manifests
	}
	if items := Field(node, "items"); items != nil && strings.HasSuffix(Scalar(node, "kind"), "List") && allObjects(items) {
		for _, item := range items.Content {
			manifests = appendObjects(manifests, document, Resolve(item))
		}
		return manifests
	}
	metadata := Field(node, "metadata")
	return append(manifests, Manifest{
		Document:   document,
		APIVersion: Scalar(node, "apiVersion"),
		Kind:       Scalar(node, "kind"),
		Namespace:  Scalar(metadata, "namespace"),
		Name:       cmp.Or(Scalar(metadata, "name"), Scalar(metadata, "generateName")),
		Node:       node,
	})
}

func isObject(node *yaml.Node) bool {
	return Scalar(node, "apiVersion") != "" && Scalar(node, "kind") != ""
}

// allObjects is false for the items of a custom resource whose kind only ends in List, and for none.
func allObjects(items *yaml.Node) bool {
	return items.Kind == yaml.SequenceNode && len(items.Content) > 0 && !slices.ContainsFunc(items.Content, func(item *yaml.Node) bool { return !isObject(item) })
}

// Location is a place in a file of the tree. Lines and columns count from 1, columns in bytes, the end
// is exclusive; they are 0 where only the file is known.
type Location struct {
	Path      string `json:"path"`
	Line      int    `json:"line,omitempty"`
	Column    int    `json:"column,omitempty"`
	EndLine   int    `json:"endLine,omitempty"`
	EndColumn int    `json:"endColumn,omitempty"`
	// Key names the place where a line number would not last: a path of keys, or an object.
	Key string `json:"key,omitempty"`
	// Snippet is the text of the line, for people, where it is known, and Above that of the line before it.
	Snippet string `json:"-"`
	Above   string `json:"-"`
	// Own is true where IsOwn is known to hold for the file.
	Own bool `json:"-"`
}

// String is the location as compilers print it: path, path:line or path:line:column.
func (l Location) String() string {
	switch {
	case l.Line == 0:
		return l.Path
	case l.Column == 0:
		return fmt.Sprintf("%s:%d", l.Path, l.Line)
	}
	return fmt.Sprintf("%s:%d:%d", l.Path, l.Line, l.Column)
}

// Edit puts text in the place of a part of a file.
type Edit struct {
	Location
	// Start and End are the offsets of the part, in bytes; End is exclusive.
	Start int `json:"-"`
	End   int `json:"-"`
	// OldText is what stands there.
	OldText string `json:"-"`
	NewText string `json:"newText"`
}

// Way is edits of the user's files that may give a field another value. Whether they do has not been tried.
type Way struct {
	// Message says what the edits do, as in: set image.pullPolicy to Always.
	Message string
	Edits   []Edit
}

// Apply returns the data with edits made in it: those of one file, which do not overlap. Edits that insert at the same
// place are made in their order.
func Apply(data []byte, edits []Edit) []byte {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b Edit) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End)) })
	var result []byte
	from := 0
	for _, e := range edits {
		result = append(append(result, data[from:e.Start]...), e.NewText...)
		from = e.End
	}
	return append(result, data[from:]...)
}

// Error says why a source could not be rendered.
type Error struct {
	// Location is where the engine stopped; its path is empty where the engine does not say.
	Location Location
	Err      error
	// Hint is the next thing to do or type, if there is one.
	Hint string
}

func (e *Error) Error() string {
	if e.Location.Path == "" {
		return e.Err.Error()
	}
	return e.Location.String() + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }
