package main

import (
	"context"
	"fmt"

	"github.com/pullcheck/pullcheck/cmd/pullcheck/internal/report"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/raw"
)

// runRender prints the manifests of one source.
func runRender(ctx context.Context, c *Command, args []string) (int, error) {
	flags := c.newFlags("render")
	var options sourceFlags
	options.register(flags)
	if err := parseFlags(flags, args); err != nil {
		return 0, err
	}
	if flags.NArg() != 1 {
		return 0, usagef("pullcheck render CHART", "%d paths given, render takes exactly one", flags.NArg())
	}
	if err := options.validate(); err != nil {
		return 0, err
	}
	tree, sources, err := oneSource(ctx, c, flags.Arg(0))
	if err != nil {
		return 0, err
	}
	if sources, err = options.apply(c, tree, sources); err != nil {
		return 0, err
	}
	engines := newEngines(options.offline)
	result, err := engines[sources[0].Kind].Render(ctx, tree.files, sources[0])
	if err != nil {
		return 0, err
	}
	if result.Nothing == raw.NoObject {
		return 0, nothingError(flags.Arg(0))
	}
	if result.Nothing != "" {
		fmt.Fprintf(c.Stderr, "pullcheck: %s: nothing to render: %s\n", report.Line(sources[0].String()), report.Line(result.Nothing))
	}
	_, err = c.Stdout.Write(result.Text)
	return exitClean, err
}

// oneSource is the chart with its defaults or the kustomization that stands at the path, or else all
// manifests below it.
func oneSource(ctx context.Context, c *Command, path string) (*workTree, []render.Source, error) {
	tree, sources, err := discover(ctx, c, []string{path})
	if err != nil {
		return nil, nil, err
	}
	manifests := render.Source{Kind: render.Raw, Path: path}
	var others []render.Source
	for _, source := range sources {
		switch {
		case source.Kind == render.Raw:
			manifests.Files = append(manifests.Files, source.Files...)
		case source.Environment == "":
			others = append(others, source)
		}
	}
	switch {
	case len(others) == 0:
		return tree, []render.Source{manifests}, nil
	case len(others) == 1 && len(manifests.Files) == 0:
		return tree, others, nil
	}
	if name, ok := tree.realName(path); ok && name == others[0].Path {
		return tree, others[:1], nil
	}
	return nil, nil, usagef("pullcheck render "+tree.typed(others[0].Path), "%s holds %d sources, render takes one", path, len(others)+len(manifests.Files))
}
