package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/cmd/pullcheck/internal/report"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/raw"
	"github.com/pullcheck/pullcheck/render/yamldoc"
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
	engines := newEngines(options.offline)
	tree, sources, err := options.oneSource(ctx, c, engines, "render", flags.Arg(0))
	if err != nil {
		return 0, err
	}
	for i, source := range sources {
		result, err := engines[source.Kind].Render(ctx, tree.files, source)
		if err != nil {
			return 0, err
		}
		if result.Nothing == raw.NoObject {
			return 0, nothingError(flags.Arg(0))
		}
		if result.Nothing != "" {
			fmt.Fprintf(c.Stderr, "pullcheck: %s: nothing to render: %s\n", report.Line(source.String()), report.Line(result.Nothing))
		}
		if i > 0 {
			fmt.Fprintln(c.Stdout, "---")
		}
		if _, err := c.Stdout.Write(result.Text); err != nil {
			return 0, err
		}
	}
	return exitClean, nil
}

// oneSource is the chart with its defaults or the kustomization that stands at the path, or else all manifests below it. The
// Applications of a file are the sources that they have.
func (f *sourceFlags) oneSource(ctx context.Context, c *Command, engines map[render.Kind]render.Engine, command, path string) (*workTree, []render.Source, error) {
	tree, sources, err := discover(ctx, c, []string{path})
	if err != nil {
		return nil, nil, err
	}
	if sources, err = f.apply(c, tree, sources); err != nil {
		return nil, nil, err
	}
	if len(sources) == 1 && sources[0].Kind == render.Raw {
		declared := slices.DeleteFunc(f.applications(ctx, tree, engines, sources), func(s render.Source) bool { return s.Declared == nil && s.Skip == "" })
		if skipped := slices.IndexFunc(declared, func(s render.Source) bool { return s.Skip != "" }); skipped >= 0 {
			s := declared[skipped]
			return nil, nil, &yamldoc.Error{Location: yamldoc.Location{Path: s.Path}, Err: fmt.Errorf("%s: %s", s.Environment, s.Skip)}
		}
		if len(declared) > 0 {
			return tree, declared, nil
		}
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
	return nil, nil, usagef("pullcheck "+command+" "+tree.typed(others[0].Path), "%s holds %d sources, %s takes one", path, len(others)+len(manifests.Files), strings.Fields(command)[0])
}
