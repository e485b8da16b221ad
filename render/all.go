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

// Outcome says how the render of a source ended: with a result, with a Skip or with an Err.
type Outcome struct {
	Source Source
	// Reads are the sorted paths of the files that the render read, also of files that are absent.
	Reads []string
	// Skip says why the source has no manifests although nothing is wrong, such as for a library chart; otherwise nil.
	Skip *Skip
	// Err says why the source could not be rendered: a *yamldoc.Error where the location of the fault is known.
	Err error
}

// All renders the sources, at most jobs at a time, and calls visit with the index and the result of each source. The
// outcomes are in the order of the sources.
//
// Visit is called from several goroutines at once. All keeps no results, so that memory does not grow with the tree:
// visit must copy the parts of a result that it needs later. If visit returns an error, the source has failed with this
// error. After the context is canceled, every source that was not rendered yet fails with the error of the context.
//
// Many charts demand values that only an environment gives. If a chart cannot be rendered with its defaults, but
// another environment of the chart can be rendered, the outcome of the defaults is a Skip instead of the error.
func All(
	ctx context.Context, fsys fs.FS, sources []Source, jobs int, visit func(i int, result *Result) error,
) []Outcome {
	outcomes := make([]Outcome, len(sources))
	var group errgroup.Group
	group.SetLimit(jobs)
	for i, source := range sources {
		group.Go(func() error {
			outcomes[i] = renderOne(ctx, fsys, source, func(result *Result) error { return visit(i, result) })
			return nil
		})
	}
	_ = group.Wait() // Each outcome has its own error.
	skipDefaults(outcomes)
	return outcomes
}

// renderOne renders a source. If the engine panics, this source fails, and the other sources are rendered as usual.
func renderOne(ctx context.Context, fsys fs.FS, source Source, visit func(*Result) error) (outcome Outcome) {
	outcome.Source = source
	defer func() {
		if value := recover(); value != nil {
			id, at := source.ID(), panicLocation(debug.Stack())
			outcome.Err = &yamldoc.Error{
				Location: yamldoc.Location{Path: id.Path},
				Err:      fmt.Errorf("the %s engine panicked: %v, at %s", id.Kind, value, at),
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

// panicLocation returns the file and line of the function that panicked, from a stack trace of runtime/debug. In the
// trace, the function stands below the call of panic: two lines for panic, then two lines for the function.
func panicLocation(stack []byte) string {
	_, after, _ := strings.Cut(string(stack), "\npanic(")
	lines := strings.Split(after, "\n")
	if len(lines) < 4 {
		return "an unknown place"
	}
	return strings.TrimSpace(lines[3])
}

// skipDefaults turns the failures of charts with their defaults into skips, if another environment of the same chart
// was rendered.
func skipDefaults(outcomes []Outcome) {
	rendered := map[string]string{} // path of a chart → an environment that was rendered
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
			reason := fmt.Sprintf("its defaults alone do not render, those of %s do: %v", environment, o.Err)
			outcomes[i].Skip, outcomes[i].Err = &Skip{Reason: reason}, nil
		}
	}
}
