package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/pullcheck/pullcheck/internal/child"
	"github.com/pullcheck/pullcheck/internal/fetch"
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
	// Downloaded is true if the render used downloaded content, so that Skip and Err may quote the content.
	Downloaded bool
}

// Visit makes what the caller needs of the result of a source, whose index is i. It is called from several goroutines
// at once. All keeps no results, so that memory does not grow with the tree: T must not refer to them.
type Visit[T any] func(ctx context.Context, i int, result *Result) (T, error)

// AllOptions are the options of All.
type AllOptions struct {
	// Jobs is how many sources are rendered at the same time. It must be positive.
	Jobs int
	// Prefix begins the names of the units of work. It tells the units of two calls apart.
	Prefix string
	// Keep says that what is made of each source is kept for the child after this one. Package gob must be able to encode
	// it.
	Keep bool
}

// All renders the sources and returns the outcome of each source and what visit made of its
// result. If visit returns an error, the source has failed with this error.
//
// Each source is a unit of work (package child) of its own: a source that takes too long or too much memory fails, and
// the other sources do not.
//
// After the context is canceled, All returns soon, and every source that is not finished fails with
// child.ErrInterrupted.
//
// Many charts demand values that only an environment gives. If a chart cannot be rendered with its defaults, but
// another environment of the chart can be rendered, the outcome of the defaults is a Skip instead of the error.
func All[T any](
	ctx context.Context, fsys fs.FS, sources []Source, options AllOptions, visit Visit[T],
) ([]Outcome, []T) {
	outcomes, made := make([]Outcome, len(sources)), make([]T, len(sources))
	do := child.Do[finished[T]]
	if options.Keep {
		do = child.Keep[finished[T]]
	}
	var group errgroup.Group
	group.SetLimit(options.Jobs)
	for i, source := range sources {
		group.Go(func() error {
			f, err := do(ctx, options.Prefix+Unit(source), func(ctx context.Context) finished[T] {
				return renderOne(ctx, fsys, source, func(r *Result) (T, error) { return visit(ctx, i, r) })
			})
			if err != nil {
				f.Err = newFailure(UnitError(source.ID().Path, err))
			}
			outcomes[i], made[i] = Outcome{source, f.Reads, f.Skip, f.Err.error(), f.Downloaded}, f.Made
			return nil
		})
	}
	_ = group.Wait() // Each outcome has its own error.
	skipDefaults(outcomes)
	return outcomes, made
}

// Unit returns the name of the unit of work in which a source is rendered.
func Unit(source Source) string {
	id := source.ID()
	return string(id.Kind) + " " + id.Path + "\x00" + id.Environment
}

// UnitError returns the error of a unit of work (child.Do), located at a path of the tree.
func UnitError(path string, err error) error {
	failure := &yamldoc.Error{Location: yamldoc.Location{Path: path}, Err: err}
	if limit := (*child.Error)(nil); errors.As(err, &limit) {
		failure.Hint = limit.Hint
	}
	return failure
}

// finished is the outcome of a source, in a form that package gob can encode.
type finished[T any] struct {
	Reads []string
	Skip  *Skip
	Err   *failure
	Made  T
	// Downloaded is as in Outcome.
	Downloaded bool
}

// failure is an error in a form that package gob can encode. It keeps the text and, if there is one in the chain, the
// parts of a *yamldoc.Error.
type failure struct {
	Text          string
	Known         bool
	Location      yamldoc.Location
	Message, Hint string
}

// newFailure returns an error as a failure; nil for nil.
func newFailure(err error) *failure {
	if err == nil {
		return nil
	}
	f := &failure{Text: err.Error()}
	if known := (*yamldoc.Error)(nil); errors.As(err, &known) {
		f.Known, f.Location, f.Message, f.Hint = true, known.Location, known.Err.Error(), known.Hint
	}
	return f
}

// error returns the failure as an error; nil for nil.
func (f *failure) error() error {
	if f == nil {
		return nil
	}
	return f
}

// Error implements error.
func (f *failure) Error() string { return f.Text }

// Unwrap returns the *yamldoc.Error; nil if there was none.
func (f *failure) Unwrap() error {
	if !f.Known {
		return nil
	}
	return &yamldoc.Error{Location: f.Location, Err: errors.New(f.Message), Hint: f.Hint}
}

// renderOne renders a source. If the engine panics, this source fails, and the other sources are rendered as usual.
func renderOne[T any](
	ctx context.Context, fsys fs.FS, source Source, visit func(*Result) (T, error),
) (f finished[T]) {
	var err error
	ctx, watched := fetch.Watch(ctx)
	defer func() {
		f.Downloaded = watched.Used()
		if value := recover(); value != nil {
			id, at := source.ID(), panicLocation(debug.Stack())
			err = &yamldoc.Error{
				Location: yamldoc.Location{Path: id.Path},
				Err:      fmt.Errorf("the %s engine panicked: %v, at %s", id.Kind, value, at),
				Hint:     "this is a fault in pullcheck or in the engine: please report it with the source",
			}
		}
		f.Err = newFailure(err)
	}()
	recorder := tree.NewRecorder(fsys)
	result, err := source.Render(ctx, In{Tree: recorder})
	f.Reads = recorder.Files()
	if err != nil {
		return f
	}
	f.Skip = result.Skip
	f.Made, err = visit(result)
	return f
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
