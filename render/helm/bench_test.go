package helm

import (
	"context"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/pullcheck/pullcheck/render"
)

// BenchmarkRender renders a chart of 50 templates that share a helper, with 10 subcharts of 5 templates.
func BenchmarkRender(b *testing.B) {
	fsys := fstest.MapFS{}
	chart := func(dir, name string, templates int) {
		fsys[dir+"/Chart.yaml"] = &fstest.MapFile{Data: fmt.Appendf(nil, "apiVersion: v2\nname: %s\nversion: 1.0.0\n", name)}
		fsys[dir+"/values.yaml"] = &fstest.MapFile{Data: []byte("image: {repository: example/app, tag: '1', pullPolicy: IfNotPresent}\n")}
		fsys[dir+"/templates/_helper.tpl"] = &fstest.MapFile{Data: fmt.Appendf(nil, "{{ define %q }}{{ .Values.image.repository }}:{{ .Values.image.tag }}{{ end }}", name)}
		for i := range templates {
			fsys[fmt.Sprintf("%s/templates/d%d.yaml", dir, i)] = &fstest.MapFile{Data: fmt.Appendf(nil, `apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}-d%d}
spec: {template: {spec: {containers: [{name: app, image: {{ include %q . }}, imagePullPolicy: {{ .Values.image.pullPolicy }}}]}}}
`, i, name)}
		}
	}
	chart("app", "app", 50)
	for i := range 10 {
		name := fmt.Sprintf("sub%d", i)
		chart("app/charts/"+name, name, 5)
	}
	engine := &Engine{}
	b.ReportAllocs()
	for b.Loop() {
		result, err := Source{Engine: engine, Path: "app"}.Render(context.Background(), render.In{Tree: fsys})
		if err != nil || len(result.Documents) != 100 {
			b.Fatal(len(result.Documents), err)
		}
	}
}
