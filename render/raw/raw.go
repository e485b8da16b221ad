// Package raw reads manifests that need no rendering: YAML and JSON files and standard input.
package raw

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Engine reads manifest files.
type Engine struct{}

var (
	// apiVersion and kind match a key at the start of a line or, in JSON and flow style, after a brace or comma.
	apiVersion = regexp.MustCompile(`(?m)(^|[{,])[\s-]*["']?apiVersion["']?\s*:`)
	kind       = regexp.MustCompile(`(?m)(^|[{,])[\s-]*["']?kind["']?\s*:`)
	// placeholder matches what other template tools replace, and wholeValue where it stands for a line, or for a
	// value or item that may go on below.
	placeholder = regexp.MustCompile(`\{\{(?:[^}]|\}[^}])*\}\}|\{%(?:[^%]|%[^}])*%\}|\{#(?:[^#]|#[^}])*#\}|\$\{[^{}\n]*\}`)
	wholeValue  = regexp.MustCompile(`(?m)^((?:[^\n#]*:|[ \t]*-)?[ \t]*)(?:(?:` + placeholder.String() + `)[ \t]*)+\r?$`)
)

// Render reads the files of the source, in their order, and separates them by "---". Files that hold no
// Kubernetes object are no failure, and neither is a single one that is a template of another tool; where there is no
// other file, Nothing gives that reason.
func (Engine) Render(_ context.Context, fsys fs.FS, source render.Source) (*render.Result, error) {
	source, err := source.Completed(fsys)
	if err != nil {
		return nil, err
	}
	result := &render.Result{Nothing: "no files"}
	for _, file := range source.Files {
		data, err := read(fsys, file)
		if err != nil {
			return nil, err
		}
		document := render.Document{Path: file.Path, Text: data, Verbatim: true}
		reason, err := nothing(document)
		if err != nil {
			return nil, err
		}
		if reason != "" && reason != NoObject && len(source.Files) > 1 {
			// With the others in the result, nobody would hear of it.
			return nil, &yamldoc.Error{Location: yamldoc.Location{Path: file.Path}, Err: errors.New(reason), Hint: "name the other files one by one"}
		}
		if reason != "" {
			result.Nothing = reason
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
	if len(result.Documents) > 0 {
		result.Nothing = ""
	}
	return result, nil
}

// maxSize is far more than a manifest that the API server takes has, in bytes: it refuses requests above 3 MiB.
const maxSize = 64 << 20

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

// NoObject is the reason for files that hold no Kubernetes object: most repositories have many.
const NoObject = "no Kubernetes object in it"

// nothing says why there is nothing to check in a file, or "" where there is something.
func nothing(document render.Document) (string, error) {
	// The words alone are looked for first: the expressions take seconds for a large file of data.
	text := bytes.TrimPrefix(document.Text, []byte("\ufeff"))
	utf16 := bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff"))
	if !utf16 && (!bytes.Contains(text, []byte("apiVersion")) || !apiVersion.Match(text) || !kind.Match(text)) {
		return NoObject, nil
	}
	manifests, err := objects(document)
	switch {
	case err != nil && isTemplate(document):
		return fmt.Sprintf("a template of another tool, and no YAML before that has run: %v", err), nil
	case err != nil:
		return "", err
	case len(manifests) == 0:
		return NoObject, nil
	}
	for _, manifest := range manifests {
		if node := unquoted(manifest.Node); node != nil {
			return fmt.Sprintf("a template of another tool, and no object before that has run: %s:%d: a {{placeholder}} that is not quoted", document.Path, node.Line), nil
		}
	}
	return "", nil
}

func objects(document render.Document) ([]render.Manifest, error) {
	alone := render.Result{Documents: []render.Document{document}}
	return alone.Manifests(func([]byte) bool { return true })
}

// isTemplate tells whether another tool's placeholders are why a text is no YAML: it is YAML without them.
func isTemplate(document render.Document) bool {
	text := placeholder.ReplaceAll(wholeValue.ReplaceAll(document.Text, []byte("$1")), []byte("x"))
	if bytes.Equal(text, document.Text) {
		return false
	}
	_, err := objects(render.Document{Text: text})
	return err == nil
}

// unquoted finds what YAML reads {{placeholder}} as: a mapping whose key is a mapping, which no object has.
func unquoted(node *yaml.Node) *yaml.Node {
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 0 && child.Kind == yaml.MappingNode {
			return child
		}
		if found := unquoted(child); found != nil {
			return found
		}
	}
	return nil
}
