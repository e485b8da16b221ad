package scan

import (
	"context"
	"embed"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/raw"
	"github.com/pullcheck/pullcheck/render/tree"
)

// Manifests checks manifests that another program has made, such as the output of `helm template`. It returns the
// report and the manifests after all proven fixes; with ProveNothing they are unchanged. Comments in the manifests
// suppress nothing. Of the options, Jobs and Baseline do not count. If the context is canceled, the report is not
// complete.
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
