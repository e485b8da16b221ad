package render

import (
	"context"
	"fmt"
	"io/fs"
	"runtime/debug"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Outcome is what became of a source.
type Outcome struct {
	Source Source
	// Reads are the sorted paths of the files that the render read, also of files that are absent.
	Reads []string
	// Skip says why there was nothing to render, where that is no fault.
	Skip *Skip
	// Err says why the source could not be rendered; a *yamldoc.Error where the place is known.
	Err error
}

// All renders the sources, jobs at a time, and hands each result to visit. Visit is called from several goroutines, and
// keeps what it needs: All keeps no results, so that memory does not grow with the tree. An error of visit is the
// source's failure. The outcomes are in the order of the sources.
//
// Many charts demand values that only an environment gives. Where a chart's defaults cannot be rendered but another
// environment of the chart can, the defaults are skipped.
func All(ctx context.Context, fsys fs.FS, sources []Source, jobs int, visit func(i int, result *Result) error) []Outcome {
	outcomes := make([]Outcome, len(sources))
	var group errgroup.Group
	group.SetLimit(jobs)
	for i, source := range sources {
		group.Go(func() error {
			outcomes[i] = one(ctx, fsys, source, func(result *Result) error { return visit(i, result) })
			return nil
		})
	}
	_ = group.Wait() // Each outcome has its own error.
	skipDefaults(outcomes)
	return outcomes
}

// one renders a source. A panic in an engine fails this source alone.
func one(ctx context.Context, fsys fs.FS, source Source, visit func(*Result) error) (outcome Outcome) {
	outcome.Source = source
	defer func() {
		if value := recover(); value != nil {
			outcome.Err = &yamldoc.Error{
				Location: yamldoc.Location{Path: source.ID().Path},
				Err:      fmt.Errorf("the %s engine panicked: %v, at %s", source.ID().Kind, value, panicPlace(debug.Stack())),
				Hint:     "this is a fault in pullcheck or in the engine: please report it with the source",
			}
		}
	}()
	if outcome.Err = ctx.Err(); outcome.Err != nil {
		return outcome
	}
	recorder := tree.NewRecorder(fsys)
	result, err := source.Render(ctx, In{Tree: recorder})
	outcome.Reads = recorder.Files()
	if err != nil {
		outcome.Err = err
		return outcome
	}
	outcome.Skip = result.Skip
	outcome.Err = visit(result)
	return outcome
}

// panicPlace returns the first place behind the call of panic in a stack trace.
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
		if id := o.Source.ID(); id.Environment != "" && o.Err == nil {
			rendered[id.Path] = id.Environment
		}
	}
	for i, o := range outcomes {
		id := o.Source.ID()
		if id.Kind != Helm || id.Environment != "" || o.Err == nil {
			continue
		}
		if environment := rendered[id.Path]; environment != "" {
			outcomes[i].Skip = &Skip{Reason: fmt.Sprintf("its defaults alone do not render, those of %s do: %v", environment, o.Err)}
			outcomes[i].Err = nil
		}
	}
}
