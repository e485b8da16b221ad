package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkCheck measures the whole command, without its start, on a tree of 100 charts with ten workloads each, and 20
// overlays on one base. Every container is a finding.
func BenchmarkCheck(b *testing.B) {
	dir := b.TempDir()
	write := func(name, content string) {
		b.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	const workload = `apiVersion: apps/v1
kind: Deployment
metadata: {name: %s, labels: {{ include "labels" . | nindent 4 }}}
spec:
  template:
    spec:
      containers:
        - name: app
          image: "example/app:{{ .Values.tag }}"
          env: {{ range $k, $v := .Values.env }}
            - {name: {{ $k }}, value: {{ $v | quote }}}{{ end }}
`
	for i := range 100 {
		chart := fmt.Sprintf("charts/c%d/", i)
		write(chart+"Chart.yaml", fmt.Sprintf("apiVersion: v2\nname: c%d\nversion: 1.0.0\n", i))
		write(chart+"values.yaml", "tag: '1'\nenv: {A: x, B: y, C: z}\n")
		write(chart+"templates/_labels.tpl", `{{ define "labels" }}{app: {{ .Chart.Name }}}{{ end }}`)
		for j := range 10 {
			write(fmt.Sprintf("%stemplates/d%d.yaml", chart, j), fmt.Sprintf(workload, fmt.Sprintf("d%d", j)))
		}
	}
	write("base/kustomization.yaml", "resources: [web.yaml]\n")
	write("base/web.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: 'example/web:1'}]}\n")
	for i := range 20 {
		write(fmt.Sprintf("overlays/o%d/kustomization.yaml", i), fmt.Sprintf("namePrefix: o%d-\nresources: [../../base]\n", i))
	}
	for b.Loop() {
		command := &Command{Stdout: io.Discard, Stderr: io.Discard, Dir: dir}
		if code := command.Run(context.Background(), []string{"check"}); code != exitFindings {
			b.Fatalf("the exit code is %d", code)
		}
	}
}
