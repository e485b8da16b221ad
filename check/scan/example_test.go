package scan_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"testing/fstest"

	"github.com/pullcheck/pullcheck/check/scan"
)

// A program checks a tree of files, and looks for fixes.
func Example() {
	// The tree is any fs.FS: os.DirFS("."), a revision of a git repository, or files in memory.
	files := fstest.MapFS{
		"charts/api/Chart.yaml":  {Data: []byte("apiVersion: v2\nname: api\nversion: 1.0.0\n")},
		"charts/api/values.yaml": {Data: []byte("image:\n  tag: 1.2\n  pullPolicy: IfNotPresent\n")},
		"charts/api/templates/pod.yaml": {Data: []byte(`apiVersion: v1
kind: Pod
metadata:
  name: api
spec:
  containers:
    - name: api
      image: "example/api:{{ .Values.image.tag }}"
      imagePullPolicy: {{ .Values.image.pullPolicy }}
`)},
	}
	ctx := context.Background()
	workspace := scan.New(scan.Config{Tree: files, CacheDir: os.TempDir(), Offline: true})
	sources, err := workspace.Sources(ctx)
	if err != nil {
		log.Fatal(err)
	}
	result := workspace.Scan(ctx, sources, scan.Options{Jobs: 4, Prove: scan.ProveInTree})
	if err := ctx.Err(); err != nil {
		log.Fatal(err) // The report of a canceled scan is not complete.
	}
	for _, failure := range result.Report.Failures {
		fmt.Printf("%s could not be rendered: %s\n", failure.Source, failure.Message)
	}
	for _, finding := range result.Report.Findings {
		fmt.Printf("%s: %s: %s\n", finding.Decision, finding.Severity, finding.Rule)
		for _, container := range finding.Affected {
			fmt.Printf("  %s/%s, container %s\n", container.Kind, container.Name, container.Container)
		}
		if finding.Fix != nil {
			fmt.Println("  fix:", finding.Fix.Message)
		}
	}
	// Output:
	// charts/api/values.yaml:3:15: error: pull-policy-not-always
	//   Pod/api, container api
	//   fix: set image.pullPolicy to Always
}
