// Package raw reads manifests that need no rendering: YAML and JSON files and standard input.
package raw

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"

	"github.com/pullcheck/pullcheck/render"
)

// Engine reads manifest files.
type Engine struct{}

var (
	// apiVersion and kind match a key at the start of a line or, in JSON and flow style, after a brace or comma.
	apiVersion = regexp.MustCompile(`(?m)(^|[{,])[\s-]*["']?apiVersion["']?\s*:`)
	kind       = regexp.MustCompile(`(?m)(^|[{,])[\s-]*["']?kind["']?\s*:`)
	// foreign matches the placeholders of other template tools, which make a file no YAML until they have run;
	// foreignLine what only they would write.
	foreign     = regexp.MustCompile(`\{\{|\{%|\$\{`)
	foreignLine = regexp.MustCompile(`(?m)^\s*(-\s+)?\{\{|\{%`)
)

// Render reads the files of the source, in their order, and separates them by "---". Files that hold no
// Kubernetes object, or are a template of another tool and no YAML, are no failure; where there is no other
// file, Nothing gives that reason.
func (Engine) Render(_ context.Context, tree fs.FS, source render.Source) (*render.Result, error) {
	result := &render.Result{Nothing: "no files"}
	for _, file := range source.Files {
		data, err := read(tree, file)
		if err != nil {
			return nil, err
		}
		document := render.Document{Path: file.Path, Text: data, Verbatim: true}
		reason, err := nothing(document)
		if err != nil {
			return nil, err
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

func read(tree fs.FS, file render.File) ([]byte, error) {
	if file.Data != nil {
		return file.Data, nil
	}
	if info, err := fs.Stat(tree, file.Path); err == nil && info.Size() > maxSize {
		return nil, &render.Error{
			Location: render.Location{Path: file.Path},
			Err:      fmt.Errorf("the file has %d bytes, at most %d are read", info.Size(), maxSize),
			Hint:     "name it in .gitignore if it holds no manifests",
		}
	}
	return file.Read(tree)
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
	alone := render.Result{Documents: []render.Document{document}}
	manifests, err := alone.Manifests(func([]byte) bool { return true })
	switch {
	case err != nil && isForeign(text, err):
		return fmt.Sprintf("a template of another tool, and no YAML before that has run: %v", err), nil
	case err != nil:
		return "", err
	case len(manifests) == 0:
		return NoObject, nil
	}
	return "", nil
}

// isForeign tells whether another tool's template is why a text is no YAML: a line that only such a tool would
// write, or a placeholder where the parser stopped.
func isForeign(text []byte, err error) bool {
	if foreignLine.Match(text) {
		return true
	}
	var failure *render.Error
	if !errors.As(err, &failure) {
		return false
	}
	lines := bytes.Split(text, []byte("\n"))
	first, last := max(failure.Location.Line-2, 0), min(failure.Location.Line+1, len(lines))
	return foreign.Match(bytes.Join(lines[first:last], []byte("\n")))
}
