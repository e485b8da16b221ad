// Package raw is the engine for manifests that need no rendering: YAML and JSON files, and standard input.
//
// Many YAML files of a repository are not manifests. The engine sorts them out: a file without a Kubernetes object is
// skipped, and so is a file that is a template of another tool, such as Jinja or Cookiecutter. If some of its YAML
// documents are no templates, these are rendered: kubectl applies the documents before the first fault. A file that
// should hold objects but cannot be parsed is a failure.
package raw

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Source is a set of manifest files. It implements render.Source.
type Source struct {
	// Path is the path of the file, or of the directory with the files; "-" is standard input.
	Path string
	// Manifests are the files, in the order in which they are rendered.
	Manifests []render.File
}

// ID implements render.Source.
func (s Source) ID() render.ID { return render.ID{Kind: render.Raw, Path: s.Path} }

// Files implements render.Source: the manifests.
func (s Source) Files() []render.File { return s.Manifests }

// Reach implements render.Source.
func (s Source) Reach(fsys fs.FS) *render.Reach {
	reach := render.NewReach(fsys)
	for _, file := range s.Manifests {
		if file.Data == nil {
			reach.File(file.Path)
		}
	}
	return reach
}

// Renamed implements render.Source.
func (s Source) Renamed(rename func(string) string) render.Source {
	return Source{Path: rename(s.Path), Manifests: render.RenameFiles(s.Manifests, rename)}
}

var (
	// apiVersion and kind match a key at the start of a line or, in JSON and flow style, after a brace or comma.
	apiVersion = regexp.MustCompile(`(?m)(^|[{,])[\s-]*["']?apiVersion["']?\s*:`)
	kind       = regexp.MustCompile(`(?m)(^|[{,])[\s-]*["']?kind["']?\s*:`)
	// placeholder matches the placeholders of template tools: {{x}}, {% x %}, {# x #} and ${x}.
	placeholder = regexp.MustCompile(
		`\{\{(?:[^}]|\}[^}])*\}\}|\{%(?:[^%]|%[^}])*%\}|\{#(?:[^#]|#[^}])*#\}|\$\{[^{}\n]*\}`)
	// wholeValue matches placeholders that are a whole line, or the whole value of a key or item on a line. The tool
	// may replace them by several lines. The first group is the text before them.
	wholeValue = regexp.MustCompile(
		`(?m)^((?:[^\n#]*:|[ \t]*-)?[ \t]*)(?:(?:` + placeholder.String() + `)[ \t]*)+\r?$`)
)

// Render reads the manifests in their order, and joins them with "---". It leaves out files without a Kubernetes
// object. If no file has an object, the result has the Skip of the last file.
//
// A file that is a template of another tool is a Skip if it is the only file, or a Rest if some of its documents are
// objects. If there are other files, it is an error: they would be rendered, so no report would mention it.
func (s Source) Render(_ context.Context, in render.In) (*render.Result, error) {
	result := &render.Result{}
	skip := &render.Skip{Reason: "no files"}
	for _, file := range s.Manifests {
		data, err := read(in.Tree, file)
		if err != nil {
			return nil, err
		}
		document := render.Document{Path: file.Path, Text: data, Verbatim: true}
		reason, err := whySkipped(document)
		if err != nil {
			return nil, err
		}
		if reason != nil && !reason.NoObject && len(s.Manifests) == 1 {
			if objects := withoutTemplates(document); objects != nil {
				document.Text, data, result.Rest, reason = objects, objects, reason, nil
			}
		}
		if reason != nil && !reason.NoObject && len(s.Manifests) > 1 {
			return nil, &yamldoc.Error{
				Location: yamldoc.Location{Path: file.Path},
				Err:      errors.New(reason.Reason),
				Hint:     "name the other files one by one",
			}
		}
		if reason != nil {
			skip = reason
			continue
		}
		if len(result.Text) > 0 {
			result.Text = append(result.Text, "---\n"...)
		}
		result.Text = append(result.Text, data...)
		if !bytes.HasSuffix(data, []byte("\n")) {
			result.Text = append(result.Text, '\n')
		}
		result.Documents = append(result.Documents, document)
	}
	if len(result.Documents) == 0 {
		result.Skip = skip
	}
	return result, nil
}

// maxSize is the size limit of a file, in bytes. It is generous: the API server refuses requests above 3 MiB.
const maxSize = 64 << 20

// read returns the content of a file, if it is not larger than maxSize.
func read(fsys fs.FS, file render.File) ([]byte, error) {
	if file.Data != nil {
		return file.Data, nil
	}
	if info, err := fs.Stat(fsys, file.Path); err == nil && info.Size() > maxSize {
		return nil, &yamldoc.Error{
			Location: yamldoc.Location{Path: file.Path},
			Err:      fmt.Errorf("the file has %d bytes, at most %d are read", info.Size(), maxSize),
			Hint:     "name it in .gitignore if it holds no manifests",
		}
	}
	return file.Read(fsys)
}

// whySkipped returns the reason why a file has no objects to check; nil if the file has objects. The error is a
// *yamldoc.Error for a file that cannot be parsed.
func whySkipped(document render.Document) (*render.Skip, error) {
	noObject := &render.Skip{Reason: "no Kubernetes object in it", NoObject: true}
	if !mentionsObject(document.Text) && !hidesObject(document.Text) {
		return noObject, nil
	}
	manifests, err := objects(document)
	switch {
	case err != nil && isTemplate(document) && !isDeployed(document.Text):
		const reason = "a template of another tool, and no YAML before that has run: %v"
		return &render.Skip{Reason: fmt.Sprintf(reason, err)}, nil
	case err != nil:
		return nil, err
	case len(manifests) == 0:
		return noObject, nil
	}
	for _, manifest := range manifests {
		if node := unquotedPlaceholder(manifest.Node); node != nil {
			const reason = "a template of another tool, and no object before that has run: " +
				"%s:%d: a {{placeholder}} that is not quoted"
			return &render.Skip{Reason: fmt.Sprintf(reason, document.Path, node.Line)}, nil
		}
	}
	return nil, nil
}

// mentionsObject reports whether a text has keys apiVersion and kind, as most tools write them. It searches for the words
// before the regular expressions run: they take seconds for a large file of data.
func mentionsObject(text []byte) bool {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	return bytes.Contains(text, []byte("apiVersion")) && apiVersion.Match(text) && kind.Match(text)
}

// hidesObject reports whether a text without such keys has an object all the same: YAML has many ways to write a key,
// such as "\x6bind", ? kind and &a kind. What cannot be parsed hides an object if the clients of the API server read one
// before they find the fault. They do not decode a text with aliases here, because a text that cannot be parsed may have
// aliases without end.
func hidesObject(text []byte) bool {
	for _, key := range []string{"apiVersion", "kind"} {
		if !bytes.Contains(text, []byte(key)) && !yamldoc.MayHide(text) {
			return false
		}
	}
	nodes, err := yamldoc.ParseStream(text)
	if err != nil && bytes.IndexByte(text, '*') >= 0 {
		return true
	}
	if err != nil {
		nodes, _ = yamldoc.Decode(text)
	}
	return slices.ContainsFunc(nodes, func(node *yaml.Node) bool { return yamldoc.Scalar(node, "kind") != "" })
}

// separator matches the line between two YAML documents, for the clients of the API server: they drop the rest of any line
// that begins with ---.
var separator = regexp.MustCompile(`(?m)^---.*$`)

// withoutTemplates returns the text of a file with empty lines in place of the YAML documents that are templates of
// another tool, so that all other lines keep their numbers. It returns nil if no other document has an object.
func withoutTemplates(document render.Document) []byte {
	var text []byte
	found := false
	add := func(part []byte) {
		manifests, err := objects(render.Document{Text: part})
		isTemplate := func(m render.Manifest) bool { return unquotedPlaceholder(m.Node) != nil }
		if err != nil || slices.ContainsFunc(manifests, isTemplate) {
			part = bytes.Repeat([]byte("\n"), bytes.Count(part, []byte("\n")))
		} else {
			found = found || len(manifests) > 0
		}
		text = append(text, part...)
	}
	start := 0
	for _, at := range separator.FindAllIndex(document.Text, -1) {
		add(document.Text[start:at[0]])
		text = append(text, "---"...)
		start = at[1]
	}
	add(document.Text[start:])
	if !found {
		return nil
	}
	return text
}

// isDeployed reports whether a part of a text cannot be parsed, although the clients of the API server read an object
// from it: of the text between two separators they read only the first YAML document, and nothing behind "...".
func isDeployed(text []byte) bool {
	return slices.ContainsFunc(separator.Split(string(text), -1), func(part string) bool {
		if _, err := yamldoc.ParseStream([]byte(part)); err == nil {
			return false
		}
		nodes, _ := yamldoc.Decode([]byte(part))
		return slices.ContainsFunc(nodes, func(node *yaml.Node) bool { return yamldoc.Scalar(node, "kind") != "" })
	})
}

// objects returns all objects of a document.
func objects(document render.Document) ([]render.Manifest, error) {
	alone := render.Result{Documents: []render.Document{document}}
	return alone.Manifests(func([]byte) bool { return true })
}

// isTemplate reports whether a text that is not YAML is a template of another tool: whether it becomes YAML when its
// placeholders are replaced.
func isTemplate(document render.Document) bool {
	text := placeholder.ReplaceAll(wholeValue.ReplaceAll(document.Text, []byte("$1")), []byte("x"))
	if bytes.Equal(text, document.Text) {
		return false
	}
	_, err := objects(render.Document{Text: text})
	return err == nil
}

// unquotedPlaceholder returns the first {{placeholder}} without quotes below a node; nil if there is none. For the YAML
// parser it is a mapping with a mapping as its key, which no Kubernetes object has.
func unquotedPlaceholder(node *yaml.Node) *yaml.Node {
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 0 && child.Kind == yaml.MappingNode {
			return child
		}
		if found := unquotedPlaceholder(child); found != nil {
			return found
		}
	}
	return nil
}
