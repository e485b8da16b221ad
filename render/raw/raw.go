// Package raw reads manifests that need no rendering: YAML and JSON files and standard input.
package raw

import (
	"bytes"
	"context"
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
	// foreign matches the placeholders of other template tools, which make a file no YAML until they have run.
	foreign = regexp.MustCompile(`\{\{|\{%|\$\{`)
)

// Render reads the files of the source, in their order, and separates them by "---". Files that hold no
// Kubernetes object, or are a template of another tool and no YAML, are no failure; where there is no other
// file, Nothing gives that reason.
func (Engine) Render(_ context.Context, tree fs.FS, source render.Source) (*render.Result, error) {
	result := &render.Result{Nothing: "no files"}
	for _, file := range source.Files {
		data, err := file.Read(tree)
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

// nothing says why there is nothing to check in a file, or "" where there is something.
func nothing(document render.Document) (string, error) {
	const noObject = "no Kubernetes object in it"
	if !apiVersion.Match(document.Text) || !kind.Match(document.Text) {
		return noObject, nil
	}
	alone := render.Result{Documents: []render.Document{document}}
	manifests, err := alone.Manifests(func([]byte) bool { return true })
	switch {
	case err != nil && foreign.Match(document.Text):
		return "a template of another tool, and no YAML before that tool has run", nil
	case err != nil:
		return "", err
	case len(manifests) == 0:
		return noObject, nil
	}
	return "", nil
}
