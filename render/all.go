package render

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/render/yamldoc"
	"golang.org/x/sync/errgroup"
)

// Outcome is what became of a source.
type Outcome struct {
	Source Source
	// Skipped says why there was nothing to render, where that is no fault.
	Skipped string
	// Err says why the source could not be rendered; *Error where the place is known.
	Err error
}

// All renders the sources, jobs at a time, and hands each result to visit, which is called from several
// goroutines and keeps what it needs: results are not kept, so that memory does not grow with the tree.
// An error of visit is the source's failure. The outcomes are in the order of the sources.
//
// Where a chart's defaults cannot be rendered but another environment of it can, the defaults are skipped:
// many charts demand values that only an environment gives.
func All(ctx context.Context, fsys fs.FS, engines map[Kind]Engine, sources []Source, jobs int, visit func(i int, result *Result) error) []Outcome {
	outcomes := make([]Outcome, len(sources))
	var group errgroup.Group
	group.SetLimit(jobs)
	for i, source := range sources {
		group.Go(func() error {
			outcomes[i] = one(ctx, fsys, engines, source, func(result *Result) error { return visit(i, result) })
			return nil
		})
	}
	_ = group.Wait() // Each outcome has its own error.
	skipDefaults(outcomes)
	return outcomes
}

// one renders a source. A panic in an engine is that source's failure and no one else's.
func one(ctx context.Context, fsys fs.FS, engines map[Kind]Engine, source Source, visit func(*Result) error) (outcome Outcome) {
	outcome.Source = source
	defer func() {
		if value := recover(); value != nil {
			outcome.Err = &yamldoc.Error{
				Location: yamldoc.Location{Path: source.Path},
				Err:      fmt.Errorf("the %s engine panicked: %v, at %s", source.Kind, value, panicPlace(debug.Stack())),
				Hint:     "this is a fault in pullcheck or in the engine: please report it with the source",
			}
		}
	}()
	outcome.Skipped = source.Skip
	if outcome.Err = ctx.Err(); outcome.Err != nil || outcome.Skipped != "" {
		return outcome
	}
	result, err := engines[source.Kind].Render(ctx, fsys, source)
	if err != nil {
		outcome.Err = err
		return outcome
	}
	outcome.Skipped = result.Nothing
	outcome.Err = visit(result)
	return outcome
}

// panicPlace is the first place in a stack behind the call of panic.
func panicPlace(stack []byte) string {
	_, after, _ := strings.Cut(string(stack), "\npanic(")
	lines := strings.Split(after, "\n")
	if len(lines) < 4 {
		return "an unknown place"
	}
	return strings.TrimSpace(lines[3])
}

func skipDefaults(outcomes []Outcome) {
	rendered := map[string]string{}
	for _, o := range outcomes {
		if o.Source.Environment != "" && o.Err == nil {
			rendered[o.Source.Path] = o.Source.Environment
		}
	}
	for i, o := range outcomes {
		if o.Source.Kind != Helm || o.Source.Environment != "" || o.Err == nil {
			continue
		}
		if environment := rendered[o.Source.Path]; environment != "" {
			outcomes[i].Skipped = fmt.Sprintf("its defaults alone do not render, those of %s do: %v", environment, o.Err)
			outcomes[i].Err = nil
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
