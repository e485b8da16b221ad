package helm

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"helm.sh/helm/v3/pkg/chart/loader"

	"github.com/pullcheck/pullcheck/render"
)

// TestSubchartsHaveALimit: charts that each depend on the next two stand for more subcharts than any chart has. Nor may
// the files of all subcharts, which archives hold compressed, have any size.
func TestSubchartsHaveALimit(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{}
	for i := range 20 {
		for _, side := range []string{"a", "b"} {
			text := fmt.Sprintf("apiVersion: v2\nname: %s%d\nversion: 1.0.0\n", side, i)
			if i < 19 {
				text += "dependencies:\n"
				for _, next := range []string{"a", "b"} {
					text += fmt.Sprintf("- {name: %s%d, version: 1.0.0, repository: 'file://../%[1]s%[2]d'}\n", next, i+1)
				}
			}
			files[fmt.Sprintf("%s%d/Chart.yaml", side, i)] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	_, err := Source{Engine: &Engine{}, Path: "a0"}.Render(t.Context(), render.In{Tree: files})
	if err == nil || !strings.HasSuffix(err.Error(), "with this chart, there are more than 1000 subcharts") {
		t.Errorf("got %v", err)
	}
	if _, err := (Source{Engine: &Engine{}, Path: "a12"}).Render(t.Context(), render.In{Tree: files}); err != nil {
		t.Errorf("127 subcharts: %v", err)
	}
	total := &size{}
	file := []*loader.BufferedFile{{Data: make([]byte, maxChartBytes/2)}}
	if err := total.add(append(file, file...)); err != nil {
		t.Error(err)
	}
	if err := total.add([]*loader.BufferedFile{{Data: []byte("x")}}); err == nil || !strings.HasSuffix(err.Error(), "more than 256 MiB") {
		t.Errorf("got %v", err)
	}
}
