package scan

import (
	"context"
	"embed"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/raw"
	"github.com/pullcheck/pullcheck/render/tree"
)

// Manifests checks manifests that another program has made, such as the output of `helm template`, and returns them with
// all proven fixes made. Their comments make no exceptions. Jobs and Baseline of the options do not count.
func Manifests(ctx context.Context, text []byte, options Options) (*check.Report, []byte) {
	files := tree.NewOverlay(embed.FS{})
	files.Write(stdinPath, text)
	source := raw.Source{Path: stdinPath, Manifests: []render.File{{Path: stdinPath}}}
	options.Jobs, options.Baseline, options.foreign = 1, nil, true
	result := New(Config{Tree: files}).Scan(ctx, []render.Source{source}, options)
	for _, file := range result.Files {
		text = file.After
	}
	return result.Report, text
}
