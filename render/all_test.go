package render

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// engineFunc is an engine for tests.
type engineFunc func(source Source) (*Result, error)

func (f engineFunc) Render(_ context.Context, _ fs.FS, source Source) (*Result, error) {
	return f(source)
}

func all(ctx context.Context, engine engineFunc, sources ...Source) []Outcome {
	return All(ctx, nil, map[Kind]Engine{Helm: engine, Raw: engine}, sources, 2, func(int, *Result) error { return nil })
}

func TestAllKeepsAPanicToItsSource(t *testing.T) {
	outcomes := all(context.Background(), func(source Source) (*Result, error) {
		if source.Path == "bad" {
			var none []int
			_ = none[len(source.Path)]
		}
		return &Result{}, nil
	}, Source{Kind: Raw, Path: "bad"}, Source{Kind: Raw, Path: "good"})
	if err := outcomes[1].Err; err != nil {
		t.Errorf("the other source: %v", err)
	}
	var failure *yamldoc.Error
	if !errors.As(outcomes[0].Err, &failure) {
		t.Fatalf("the error is %v", outcomes[0].Err)
	}
	for _, want := range []string{"bad: the raw engine panicked: runtime error: index out of range [3] with length 0, at ", "all_test.go:"} {
		if !strings.Contains(failure.Error(), want) {
			t.Errorf("the error is %q, want %q in it", failure, want)
		}
	}
}

func TestAllSkipsDefaultsThatOnlyAnEnvironmentCompletes(t *testing.T) {
	needs := errors.New("a tag is required")
	engine := func(source Source) (*Result, error) {
		if source.Environment == "" || source.Environment == "broken" || source.Path == "never" {
			return nil, needs
		}
		return &Result{}, nil
	}
	outcomes := all(context.Background(), engine,
		Source{Kind: Helm, Path: "api"}, Source{Kind: Helm, Path: "api", Environment: "broken"}, Source{Kind: Helm, Path: "api", Environment: "prod"},
		Source{Kind: Helm, Path: "never"}, Source{Kind: Helm, Path: "never", Environment: "prod"},
	)
	if o := outcomes[0]; o.Err != nil || o.Skipped != "its defaults alone do not render, those of prod do: a tag is required" {
		t.Errorf("the defaults of api: %+v", o)
	}
	for _, i := range []int{1, 3, 4} {
		if outcomes[i].Err != needs {
			t.Errorf("%v: the error is %v, want %v", outcomes[i].Source, outcomes[i].Err, needs)
		}
	}
}

func TestAllBoundsItsJobs(t *testing.T) {
	var running, most atomic.Int64
	two := make(chan struct{}) // closed when two are at work
	var once sync.Once
	engine := func(Source) (*Result, error) {
		n := running.Add(1)
		defer running.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n >= 2 {
			once.Do(func() { close(two) })
		}
		select {
		case <-two:
		case <-time.After(10 * time.Second):
			t.Error("one source is rendered at a time, want 2")
		}
		return &Result{}, nil
	}
	sources := make([]Source, 20)
	for i := range sources {
		sources[i].Kind = Raw
	}
	all(context.Background(), engine, sources...)
	if most.Load() > 2 {
		t.Errorf("%d sources were rendered at a time, want 2", most.Load())
	}
}

func TestAllStopsWhenCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	outcomes := all(ctx, func(Source) (*Result, error) {
		t.Error("an engine was asked")
		return &Result{}, nil
	}, Source{Kind: Raw})
	if !errors.Is(outcomes[0].Err, context.Canceled) {
		t.Errorf("the error is %v", outcomes[0].Err)
	}
}
