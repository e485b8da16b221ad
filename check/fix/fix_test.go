package fix_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/fix"
	"github.com/pullcheck/pullcheck/internal/rendertest"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/origin"
	"github.com/pullcheck/pullcheck/render/tree"
)

// run is a tree that was rendered and checked.
type run struct {
	tree     fs.FS
	count    rendertest.Counter
	sources  []render.Source
	subjects []fix.Rendered
	results  []*render.Result // nil for those that were not rendered
	report   *check.Report
}

// newRun renders and checks all sources of a tree, one after the other.
func newRun(t testing.TB, fsys fs.FS) *run {
	t.Helper()
	r := &run{tree: fsys}
	for _, source := range rendertest.Sources(t, fsys) {
		r.sources = append(r.sources, r.count.Count(source))
	}
	r.subjects, r.results = make([]fix.Rendered, len(r.sources)), make([]*render.Result, len(r.sources))
	var hits []check.Hit
	for i, source := range r.sources {
		r.subjects[i].Source = source
		recorder := tree.NewRecorder(fsys)
		result, err := source.Render(t.Context(), render.In{Tree: recorder})
		if err != nil {
			continue // Another environment may give what is demanded.
		}
		manifests, err := result.Manifests(check.MayHoldContainers)
		if err != nil {
			t.Fatalf("%s: %v", source.ID(), err)
		}
		found, _ := check.Run(source, manifests)
		queries := make([]origin.Query, len(found))
		for n, hit := range found {
			queries[n] = origin.Query{Manifest: hit.Manifest, Path: hit.Field, SiblingField: hit.ImageField, Replacement: check.Always}
		}
		traced := origin.Find(t.Context(), fsys, source, queries)
		for n, trace := range traced.Traces {
			found[n].Decide(trace.Decisions[0], trace.Via, trace.Exact)
		}
		hits = append(hits, found...)
		r.results[i] = result
		r.subjects[i] = fix.Rendered{Source: source, Reads: recorder.Files(), Candidates: fix.Candidates(fsys, source, traced, found)}
		if len(found) > 0 {
			r.subjects[i].Before = fix.NewSnapshot(result)
		}
	}
	r.report = check.NewReport(hits, nil, nil)
	return r
}

// prove proves the fixes and returns the files and how often each source was rendered for it.
func (r *run) prove(t testing.TB) ([]fix.File, map[render.ID]int) {
	t.Helper()
	before := r.count.Renders()
	files := fix.Prove(t.Context(), r.tree, r.subjects, fix.Options{Jobs: 2}, r.report)
	renders := map[render.ID]int{}
	for id, n := range r.count.Renders() {
		if n > before[id] {
			renders[id] = n - before[id]
		}
	}
	return files, renders
}

// workloads is a tree of charts with workloads, each of which has a finding of its own in the chart's values, and of
// overlays over one base. In some charts there is a finding without a fix, or a random value.
func workloads(charts, pods, overlays int, unfixable, random bool) fstest.MapFS {
	fsys := fstest.MapFS{}
	write := func(name, content string) { fsys[name] = &fstest.MapFile{Data: []byte(content), Mode: 0o644} }
	for c := range charts {
		dir := fmt.Sprintf("charts/c%d/", c)
		values := ""
		for p := range pods {
			values += fmt.Sprintf("pod%d: {tag: '1', pullPolicy: IfNotPresent}\n", p)
			annotation := ""
			if random {
				annotation = ", annotations: {random: {{ randAlphaNum 8 }}}"
			}
			write(fmt.Sprintf("%stemplates/pod%d.yaml", dir, p), fmt.Sprintf(`apiVersion: v1
kind: Pod
metadata: {name: pod%[1]d%[2]s}
spec:
  containers:
  - name: pod
    image: example/pod:{{ .Values.pod%[1]d.tag }}
    imagePullPolicy: {{ .Values.pod%[1]d.pullPolicy }}
`, p, annotation))
		}
		write(dir+"Chart.yaml", fmt.Sprintf("{apiVersion: v2, name: c%d, version: 1.0.0}\n", c))
		write(dir+"values.yaml", values)
		if unfixable {
			write(dir+"templates/config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata: {policy: {{ .Values.pod0.pullPolicy }}}\n")
		}
	}
	write("base/kustomization.yaml", "resources: [pod.yaml]\n")
	write("base/pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: 'example/web:1'}]}\n")
	for o := range overlays {
		write(fmt.Sprintf("overlays/o%d/kustomization.yaml", o), fmt.Sprintf("namePrefix: o%d-\nresources: [../../base]\n", o))
	}
	return fsys
}

// TestProofCosts holds the proof to one more render of each affected source for all of its fixes, to another one where
// values are random, and to a bounded number where some fix does not hold.
func TestProofCosts(t *testing.T) {
	const pods = 8
	for _, test := range []struct {
		name              string
		unfixable, random bool
		most              int // renders of a source
		unfixed           int // findings
	}{
		{"all hold", false, false, 1, 0},
		{"random", false, true, 2, 0},
		{"one of a source does not hold", true, false, 8, 3}, // together, to see what is random, three halves, alone, the rest, and all that hold
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRun(t, workloads(3, pods, 3, test.unfixable, test.random))
			files, renders := r.prove(t)
			if len(files) != 4 {
				t.Errorf("%d files are fixed, want 4", len(files))
			}
			for id, n := range renders {
				if n > test.most {
					t.Errorf("%v is rendered %d times, want at most %d", id, n, test.most)
				}
			}
			unfixed := 0
			for _, f := range r.report.Findings {
				if f.Fix == nil {
					unfixed++
				}
			}
			if unfixed != test.unfixed {
				t.Errorf("%d of %d findings have no fix, want %d", unfixed, len(r.report.Findings), test.unfixed)
			}
		})
	}
}

// TestProveLeavesSourcesAlone holds the proof to rendering nothing that no edit affects.
func TestProveLeavesSourcesAlone(t *testing.T) {
	fsys := workloads(2, 2, 2, false, false)
	fsys["clean.yaml"] = &fstest.MapFile{Data: []byte("{apiVersion: v1, kind: Pod, spec: {containers: [{image: a, imagePullPolicy: Always}]}}\n")}
	fsys["charts/c1/values.yaml"].Data = bytes.ReplaceAll(fsys["charts/c1/values.yaml"].Data, []byte("IfNotPresent"), []byte("Always"))
	_, renders := newRun(t, fsys).prove(t)
	for id := range renders {
		if id.Path == "clean.yaml" || id.Path == "charts/c1" {
			t.Errorf("%v is rendered", id)
		}
	}
}

// BenchmarkProve reports the renders for the proof, by affected source, and the time of the proof for each unit of
// the time that a render of all sources takes.
func BenchmarkProve(b *testing.B) {
	for _, bench := range []struct {
		name              string
		unfixable, random bool
	}{{"hold", false, false}, {"random", false, true}, {"one-does-not-hold", true, false}} {
		b.Run(bench.name, func(b *testing.B) {
			var rendering, proving time.Duration
			renders, affected := 0, 0
			for b.Loop() {
				b.StopTimer()
				r := newRun(b, workloads(10, 10, 10, bench.unfixable, bench.random))
				start := time.Now()
				for _, source := range r.sources {
					if _, err := source.Render(b.Context(), render.In{Tree: r.tree}); err != nil {
						b.Fatal(err)
					}
				}
				rendering += time.Since(start)
				b.StartTimer()
				start = time.Now()
				_, counts := r.prove(b)
				proving += time.Since(start)
				affected += len(counts)
				for _, n := range counts {
					renders += n
				}
			}
			b.ReportMetric(float64(renders)/float64(affected), "renders/source")
			b.ReportMetric(float64(proving)/float64(rendering), "times-a-render")
		})
	}
}
