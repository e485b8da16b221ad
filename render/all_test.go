package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pullcheck/pullcheck/internal/child"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// testSource is a source that a function renders.
type testSource struct {
	id     ID
	render func(ID) (*Result, error)
}

func (s testSource) ID() ID                                      { return s.id }
func (s testSource) Files() []File                               { return nil }
func (s testSource) Render(context.Context, In) (*Result, error) { return s.render(s.id) }
func (s testSource) Reach(fsys fs.FS) *Reach                     { return NewReach(fsys) }
func (s testSource) Renamed(func(string) string) Source          { return s }

func all(ctx context.Context, render func(ID) (*Result, error), ids ...ID) []Outcome {
	var sources []Source
	for _, id := range ids {
		sources = append(sources, testSource{id, render})
	}
	nothing := func(context.Context, int, *Result) (struct{}, error) { return struct{}{}, nil }
	outcomes, _ := All(ctx, fstest.MapFS{}, sources, AllOptions{Jobs: 2}, nothing)
	return outcomes
}

func TestAllFailsOnlyTheSourceThatPanics(t *testing.T) {
	outcomes := all(context.Background(), func(source ID) (*Result, error) {
		if source.Path == "bad" {
			var none []int
			_ = none[len(source.Path)]
		}
		return &Result{}, nil
	}, ID{Kind: Raw, Path: "bad"}, ID{Kind: Raw, Path: "good"})
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

func TestAllSkipsDefaultsIfAnEnvironmentRenders(t *testing.T) {
	needs := errors.New("a tag is required")
	engine := func(source ID) (*Result, error) {
		if source.Environment == "" || source.Environment == "broken" || source.Path == "never" {
			return nil, needs
		}
		return &Result{}, nil
	}
	outcomes := all(context.Background(), engine,
		ID{Kind: Helm, Path: "api"}, ID{Kind: Helm, Path: "api", Environment: "broken"}, ID{Kind: Helm, Path: "api", Environment: "prod"},
		ID{Kind: Helm, Path: "never"}, ID{Kind: Helm, Path: "never", Environment: "prod"},
	)
	if o := outcomes[0]; o.Err != nil || o.Skip == nil || o.Skip.Reason != "its defaults alone do not render, those of prod do: a tag is required" {
		t.Errorf("the defaults of api: %+v", o)
	}
	for _, i := range []int{1, 3, 4} {
		if outcomes[i].Err == nil || outcomes[i].Err.Error() != needs.Error() {
			t.Errorf("%v: the error is %v, want %v", outcomes[i].Source.ID(), outcomes[i].Err, needs)
		}
	}
}

func TestAllRendersAtMostJobsAtATime(t *testing.T) {
	var running, most atomic.Int64
	two := make(chan struct{}) // closed when two are at work
	var once sync.Once
	engine := func(ID) (*Result, error) {
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
	sources := make([]ID, 20)
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
	outcomes := all(ctx, func(ID) (*Result, error) {
		t.Error("an engine was asked")
		return &Result{}, nil
	}, ID{Kind: Raw})
	if !strings.HasSuffix(fmt.Sprint(outcomes[0].Err), child.ErrInterrupted.Error()) {
		t.Errorf("the error is %v", outcomes[0].Err)
	}
}
