package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/pullcheck/pullcheck/check/scan"
	"github.com/pullcheck/pullcheck/internal/printable"
	"github.com/pullcheck/pullcheck/render"
)

// runRender is `pullcheck render`: it prints the manifests of one source, byte for byte as helm template and kustomize
// build do. A file with Applications of Argo CD declares several sources; then separators (---) are between them.
func runRender(ctx context.Context, c *Command, flags *pflag.FlagSet, args []string) (int, error) {
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
	sources, err := w.One(ctx)
	if several := (*scan.SeveralError)(nil); errors.As(err, &several) {
		return 0, usagef("pullcheck render "+several.Instead,
			"%s holds %d sources, render takes one", several.Path, several.Count)
	}
	if err != nil {
		return 0, err
	}
	keep := func(_ context.Context, _ int, result *render.Result) (*render.Result, error) { return result, nil }
	outcomes, results := render.All(ctx, w.Tree(), sources, render.AllOptions{Jobs: 1}, keep)
	for i, source := range sources {
		if outcomes[i].Err != nil {
			return 0, outcomes[i].Err
		}
		result := results[i]
		if result.Skip != nil && result.Skip.NoObject {
			return 0, &scan.NothingError{Paths: flags.Args()}
		}
		if result.Skip != nil {
			fmt.Fprintf(c.Stderr, "pullcheck: %s: nothing to render: %s\n",
				printable.Line(source.ID().String()), printable.Line(result.Skip.Reason))
		}
		if result.Rest != nil {
			fmt.Fprintf(c.Stderr, "pullcheck: %s: not rendered as a whole: %s\n",
				printable.Line(source.ID().String()), printable.Line(result.Rest.Reason))
		}
		if i > 0 {
			fmt.Fprintln(exact(c.Stdout), "---")
		}
		if _, err := exact(c.Stdout).Write(result.Text); err != nil {
			return 0, err
		}
	}
	return exitClean, nil
}
