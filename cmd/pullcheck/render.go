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
	w, err := options.open(ctx, c, flags.Args())
	if err != nil {
		return 0, err
	}
	sources, err := w.oneSource(ctx, "render", flags.Arg(0))
	if err != nil {
		return 0, err
	}
	for i, source := range sources {
		result, err := source.Render(ctx, render.In{Tree: w.Tree()})
		if err != nil {
			return 0, err
		}
		if result.Skip != nil && result.Skip.NoObject {
			return 0, nothingError(flags.Arg(0))
		}
		if result.Skip != nil {
			fmt.Fprintf(c.Stderr, "pullcheck: %s: nothing to render: %s\n", report.Line(source.ID().String()), report.Line(result.Skip.Reason))
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

// oneSource returns the chart with its defaults or the kustomization at the only path, or else all manifests below the
// path as one source. For a file with objects that declare sources, it returns these.
func (o *opened) oneSource(ctx context.Context, command, typed string) ([]render.Source, error) {
	sources := o.stdin
	if len(o.names) > 0 {
		var err error
		if sources, err = o.Find(ctx, o.names[0]); err != nil {
			return nil, o.asTyped(err)
		}
		if len(sources) == 0 {
			return nil, nothingError(typed)
		}
	}
	if len(sources) == 1 && sources[0].ID().Kind == render.Raw {
		declared, err := o.declaredIn(ctx, sources)
		if err != nil || len(declared) > 0 {
			return declared, err
		}
	}
	manifests := raw.Source{Path: typed}
	var others []render.Source
	for _, source := range sources {
		switch {
		case source.ID().Kind == render.Raw:
			manifests.Manifests = append(manifests.Manifests, source.Files()...)
		case source.ID().Environment == "":
			others = append(others, source)
		}
	}
	switch {
	case len(others) == 0:
		return []render.Source{manifests}, nil
	case len(others) == 1 && len(manifests.Manifests) == 0:
		return others, nil
	}
	if len(o.names) > 0 && o.names[0] == others[0].ID().Path {
		return others[:1], nil
	}
	return nil, usagef("pullcheck "+command+" "+o.work.Typed(others[0].ID().Path),
		"%s holds %d sources, %s takes one", typed, len(others)+len(manifests.Manifests), strings.Fields(command)[0])
}

// declaredIn returns the sources that objects in a manifest declare. The error is that of a source that is skipped.
func (o *opened) declaredIn(ctx context.Context, manifest []render.Source) ([]render.Source, error) {
	sources := slices.DeleteFunc(o.Declared(ctx, manifest), func(s render.Source) bool { return s.ID().Environment == "" })
	for _, source := range sources {
		if u, ok := source.(render.Unrendered); ok && u.Skip != nil {
			return nil, &yamldoc.Error{Location: yamldoc.Location{Path: u.As.Path}, Err: fmt.Errorf("%s: %w", u.As.Environment, u.Skip)}
		}
	}
	return sources, nil
}
