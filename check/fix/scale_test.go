package fix_test

import (
	"context"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/fix"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/raw"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// valuesSource renders to a pod for each line of its file; the value on the line is the policy of the pod. It costs next to
// nothing, so that the time of a proof is the proof's own.
type valuesSource struct{ raw.Source }

func (s valuesSource) Render(_ context.Context, in render.In) (*render.Result, error) {
	data, err := fs.ReadFile(in.Tree, s.Path)
	if err != nil {
		return nil, err
	}
	result := &render.Result{}
	for line := range strings.Lines(string(data)) {
		key, policy, _ := strings.Cut(strings.TrimSpace(line), ": ")
		text := "apiVersion: v1\nkind: Pod\nmetadata: {name: " + key + "}\nspec: {containers: [{name: a, image: 'a:1', imagePullPolicy: " + policy + "}]}\n"
		result.Documents = append(result.Documents, render.Document{Path: "pod-" + key, Text: []byte(text)})
	}
	return result, nil
}

// cost is what a proof takes: bytes that are allocated in all, and time.
type cost struct {
	bytes uint64
	time  time.Duration
}

// proveMany proves the fixes of findings, ten of each source, and returns the cost. Beside each rendered source
// there is one that was not, and could be rendered from another file.
func proveMany(t *testing.T, findings int) cost {
	t.Helper()
	const each = 10
	tree := fstest.MapFS{}
	var sources []fix.Rendered
	var hits []check.Hit
	for n := range findings / each {
		name := fmt.Sprintf("d%d/s%d.yaml", n%100, n)
		var text strings.Builder
		for line := range each {
			fmt.Fprintf(&text, "key%d: Never\n", line)
		}
		tree[name] = &fstest.MapFile{Data: []byte(text.String())}
		source := valuesSource{raw.Source{Path: name}}
		result, err := source.Render(t.Context(), render.In{Tree: tree})
		if err != nil {
			t.Fatal(err)
		}
		manifests, err := result.Manifests(check.MayHoldContainers)
		if err != nil {
			t.Fatal(err)
		}
		rendered := fix.Rendered{Source: source, Reads: []string{name}, Before: fix.NewSnapshot(result), Candidates: map[check.ContainerRef][]fix.Candidate{}}
		found, _ := check.Run(source, manifests)
		for i := range found {
			path := yamldoc.Path{yamldoc.Key(fmt.Sprintf("key%d", i))}
			found[i].Decide(yamldoc.Location{Path: name, Line: i + 1, Column: 7}, nil, true)
			rendered.Candidates[found[i].Ref] = []fix.Candidate{{
				Message: "set " + path.String() + " to Always",
				Changes: []fix.Change{{Value: &fix.Value{File: name, Path: path, Text: check.Always}}},
			}}
		}
		other := raw.Source{Manifests: []render.File{{Path: fmt.Sprintf("other/%d.yaml", n)}}}
		sources = append(sources, rendered, fix.Rendered{Source: other, Reach: other.Reach(tree)})
		hits = append(hits, found...)
	}
	report := check.NewReport(hits, nil, nil)
	if len(report.Findings) != findings {
		t.Fatalf("%d findings, want %d", len(report.Findings), findings)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	files := fix.Prove(t.Context(), tree, sources, fix.Options{Jobs: 2}, report)
	c := cost{time: time.Since(start)}
	runtime.ReadMemStats(&after)
	c.bytes = after.TotalAlloc - before.TotalAlloc
	for _, f := range report.Findings {
		if f.Fix == nil {
			t.Fatalf("%s has no fix: %s", f.Decision, f.FixProblem)
		}
	}
	if len(files) != findings/each {
		t.Errorf("%d files, want %d", len(files), findings/each)
	}
	return c
}

// TestProveIsLinear holds the memory that ten times as many findings take to less than twenty times the memory; if it were
// quadratic, it would be a hundred times. Time is only logged, because other work on the machine changes it.
func TestProveIsLinear(t *testing.T) {
	const most = 20
	few, many := proveMany(t, 500), proveMany(t, 5000)
	t.Logf("500 findings take %+v, 5,000 take %+v", few, many)
	if many.bytes > most*few.bytes {
		t.Errorf("500 findings take %d bytes and 5,000 take %d, more than %d times as many", few.bytes, many.bytes, most)
	}
}
