package check

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pullcheck/pullcheck/render/raw"
)

// BenchmarkRun checks the objects of a large chart: 200 workloads with 50 variables in each container,
// and as many objects that have no containers.
func BenchmarkRun(b *testing.B) {
	var text strings.Builder
	for i := range 200 {
		fmt.Fprintf(&text, "---\napiVersion: v1\nkind: Service\nmetadata: {name: s%d}\nspec: {ports: [{port: 80}], selector: {app: s%[1]d}}\n", i)
		fmt.Fprintf(&text, "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d%d}\nspec:\n  template:\n    spec:\n      affinity: {nodeAffinity: {}}\n      containers:\n", i)
		for j := range 3 {
			fmt.Fprintf(&text, "        - name: c%d\n          image: example.com/team/app:%d\n          imagePullPolicy: IfNotPresent\n          env:\n", j, i)
			for k := range 50 {
				fmt.Fprintf(&text, "            - name: V%d\n              valueFrom: {secretKeyRef: {name: s, key: k%[1]d}}\n", k)
			}
		}
	}
	manifests := parse(b, text.String())
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if hits, containers := Run(raw.Source{}, manifests); len(hits) != 600 || containers != 600 {
			b.Fatalf("%d hits in %d containers", len(hits), containers)
		}
	}
}

// BenchmarkContainersWide walks mappings whose size doubles: the time for each key should not.
func BenchmarkContainersWide(b *testing.B) {
	for _, keys := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			var text strings.Builder
			text.WriteString("apiVersion: example.com/v1\nkind: Wide\nspec:\n")
			for i := range keys {
				fmt.Fprintf(&text, "  key%d: {a: {b: c}}\n", i)
			}
			manifest := parse(b, text.String())[0]
			b.ReportAllocs()
			for b.Loop() {
				Containers(manifest)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(keys), "ns/key")
		})
	}
}
