package main

import (
	"context"
	"errors"

	"github.com/spf13/pflag"

	"github.com/pullcheck/pullcheck/check/scan"
	"github.com/pullcheck/pullcheck/internal/child"
	"github.com/pullcheck/pullcheck/internal/lookup"
	"github.com/pullcheck/pullcheck/internal/report"
)

// runWhy is `pullcheck why`: it prints the lines of files that decide a field of a rendered object.
func runWhy(ctx context.Context, c *Command, flags *pflag.FlagSet, args []string) (int, error) {
	var options sourceFlags
	options.register(flags)
	if err := parseFlags(flags, args); err != nil {
		return 0, err
	}
	if flags.NArg() != 3 {
		return 0, usagef("pullcheck why deploy/api spec.replicas charts/api",
			"%d arguments given, why takes KIND/NAME, FIELD and PATH", flags.NArg())
	}
	if err := options.validate(); err != nil {
		return 0, err
	}
	query := lookup.Query{Object: flags.Arg(0), Field: flags.Arg(1), Source: flags.Arg(2)}
	w, err := options.open(ctx, c, flags.Args()[2:])
	if err != nil {
		return 0, err
	}
	sources, err := w.One(ctx)
	if several := (*scan.SeveralError)(nil); errors.As(err, &several) {
		return 0, usagef("pullcheck why "+query.Object+" "+query.Field+" "+several.Instead,
			"%s holds %d sources, why takes one", several.Path, several.Count)
	}
	if err != nil {
		return 0, err
	}
	var failure error
	answer, err := child.Do(ctx, "why", func(ctx context.Context) (answer *lookup.Answer) {
		answer, failure = query.Answer(ctx, w.Tree(), sources)
		return answer
	})
	if err == nil { // Otherwise the work may still go on.
		err = failure
	}
	if wrong := (*lookup.Error)(nil); errors.As(err, &wrong) {
		return 0, usagef(wrong.Hint, "%w", err)
	}
	if err != nil {
		return 0, err
	}
	trace := report.Trace{
		Field: query.Field, Missing: answer.Missing, Decisions: answer.Decisions, Via: answer.Via, Exact: answer.Exact,
	}
	color := c.colors(c.Stdout)
	return exitClean, report.Why(styled(c.Stdout, color), answer.Title, trace, report.TextOptions{Color: color})
}
