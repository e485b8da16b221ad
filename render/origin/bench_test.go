package origin_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/origin"
)

// BenchmarkTrees renders and checks the sources of real repositories, without and with origins.
func BenchmarkTrees(b *testing.B) {
	roots := filepath.SplitList(os.Getenv("PULLCHECK_TREES"))
	if len(roots) == 0 {
		b.Skip("no trees: set PULLCHECK_TREES to a list of directories")
	}
	for _, root := range roots {
		tree := os.DirFS(root)
		sources, err := render.Discover(b.Context(), tree, ".")
		if err != nil {
			b.Fatal(err)
		}
		for _, traced := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/traced=%t", filepath.Base(root), traced), func(b *testing.B) {
				for b.Loop() {
					all := engines(b)
					render.All(b.Context(), tree, all, sources, runtime.NumCPU(), func(i int, result *render.Result) error {
						manifests, err := result.Manifests(check.MayHoldContainers)
						if questions := policies(sources[i], manifests); err == nil && traced {
							origin.Trace(b.Context(), tree, all[sources[i].Kind], sources[i], questions)
						}
						return err
					})
				}
			})
		}
	}
}
