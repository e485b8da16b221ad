package origin_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/fstest"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/rendertest"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/helm"
	"github.com/pullcheck/pullcheck/render/origin"
)

// BenchmarkTrace takes a chart of 100 templates in which one container breaks a rule: to render and check it, and to
// find its origin after that, in renders as the metric.
func BenchmarkTrace(b *testing.B) {
	fsys := fstest.MapFS{
		"Chart.yaml":  {Data: []byte("apiVersion: v2\nname: large\nversion: 1.0.0\n")},
		"values.yaml": {Data: []byte("policy: Always\nother: IfNotPresent\n")},
	}
	for i := range 100 {
		policy := "policy"
		if i == 50 {
			policy = "other"
		}
		fsys[fmt.Sprintf("templates/%d.yaml", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, `apiVersion: apps/v1
kind: Deployment
metadata: {name: d%d}
spec:
  template:
    spec:
      containers:
      {{- range $i := until 20 }}
      - name: c{{ $i }}
        image: example/app:{{ $i | toString | sha256sum | trunc 7 }}
        imagePullPolicy: {{ $.Values.%s }}
      {{- end }}
`, i, policy)}
	}
	var count rendertest.Counter
	source := count.Count(helm.Source{Engine: &helm.Engine{}, Path: "."})
	var queries []origin.Query
	b.Run("render", func(b *testing.B) {
		for b.Loop() {
			result, err := source.Render(b.Context(), render.In{Tree: fsys})
			if err != nil {
				b.Fatal(err)
			}
			manifests, err := result.Manifests(check.MayHoldContainers)
			if err != nil {
				b.Fatal(err)
			}
			queries = policies(source, manifests)
		}
	})
	b.Run("trace", func(b *testing.B) {
		before := count.Renders()[source.ID()]
		for b.Loop() {
			if trace := origin.Find(b.Context(), fsys, source, queries).Traces[0]; !trace.Exact {
				b.Fatal("not exact")
			}
		}
		b.ReportMetric(float64(count.Renders()[source.ID()]-before)/float64(b.N), "renders/op")
	})
}

// BenchmarkTrees renders and checks the sources of real repositories, without and with origins.
func BenchmarkTrees(b *testing.B) {
	roots := filepath.SplitList(os.Getenv("PULLCHECK_TREES"))
	if len(roots) == 0 {
		b.Skip("no trees: set PULLCHECK_TREES to a list of directories")
	}
	for _, root := range roots {
		fsys := os.DirFS(root)
		sources := rendertest.Sources(b, fsys)
		for _, traced := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/traced=%t", filepath.Base(root), traced), func(b *testing.B) {
				for b.Loop() {
					options := render.AllOptions{Jobs: runtime.NumCPU()}
					render.All(b.Context(), fsys, sources, options, func(ctx context.Context, i int, result *render.Result) (struct{}, error) {
						manifests, err := result.Manifests(check.MayHoldContainers)
						if queries := policies(sources[i], manifests); err == nil && traced {
							origin.Find(ctx, fsys, sources[i], queries)
						}
						return struct{}{}, err
					})
				}
			})
		}
	}
}
