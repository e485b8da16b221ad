package declared_test

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pullcheck/pullcheck/internal/rendertest"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/declared"
	"github.com/pullcheck/pullcheck/render/helm"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// releases is the smallest declarer: a Release of example.com/v1 deploys the chart at spec.chart with the values in
// spec.values, which are written as the flag --set has them.
type releases struct{ chart helm.Source }

func (releases) Declares(apiVersion, kind string) bool {
	return apiVersion == "example.com/v1" && kind == "Release"
}
func (releases) Mentions(text []byte) bool                      { return bytes.Contains(text, []byte("Release")) }
func (releases) Layout() declared.Layout                        { return declared.Layout{} }
func (releases) HandsOn(_ render.Manifest, _ yamldoc.Path) bool { return false }

func (r releases) Expand(_ fs.FS, _ string, object declared.Object) []declared.Declared {
	spec, _ := object["spec"].(map[string]any)
	chart, _ := spec["chart"].(string)
	values, _ := spec["values"].(string)
	name := "Release/" + object.Name()
	return []declared.Declared{{
		Name: name, Key: name + " of " + object.Namespace() + " with " + values,
		Resolve: func(fs.FS) (render.Source, error) {
			if chart == "" {
				return nil, &render.Skip{Reason: "its chart is elsewhere"}
			}
			source := r.chart
			source.Path, source.Options.Set = chart, []string{values}
			return source, nil
		},
	}}
}

// find returns the sources of a tree of files, with the sources that its Releases declare.
func find(t *testing.T, files map[string]string) ([]render.Source, fs.FS) {
	t.Helper()
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	chart := rendertest.Finder(tree, t.TempDir()).Chart
	return declared.Find(t.Context(), tree, rendertest.Sources(t, tree), releases{chart}), tree
}

// ids returns the IDs of sources, one a line.
func ids(sources []render.Source) string {
	var lines []string
	for _, source := range sources {
		lines = append(lines, source.ID().String())
	}
	return strings.Join(lines, "\n")
}

// release is a Release as a manifest.
func release(name, namespace, spec string) string {
	return "apiVersion: example.com/v1\nkind: Release\nmetadata: {name: " + name + ", namespace: " + namespace + "}\nspec: " +
		spec + "\n"
}

const (
	chartFile = "{apiVersion: v2, name: web, version: 1.0.0}"
	config    = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {n: \"{{ .Values.n }}\"}\n"
)

// TestFindReplacesTheChart: a Release deploys its chart in place of the chart's defaults, and Releases of one name have
// different IDs.
func TestFindReplacesTheChart(t *testing.T) {
	sources, _ := find(t, map[string]string{
		"web/Chart.yaml": chartFile, "web/templates/config.yaml": config,
		"a.yaml": release("web", "a", "{chart: web, values: n=1}"),
		"b.yaml": release("web", "b", "{chart: web, values: n=2}"),
		"c.yaml": release("far", "c", "{}"),
	})
	want := "a.yaml\nb.yaml\nc.yaml\nweb (Release/web of a.yaml)\nweb (Release/web of b.yaml)\nc.yaml (Release/far)"
	if got := ids(sources); got != want {
		t.Fatalf("got:\n%s\nwant:\n%s", got, want)
	}
	last, ok := sources[len(sources)-1].(render.Unrendered)
	if !ok || last.Skip == nil || last.Skip.Reason != "its chart is elsewhere" {
		t.Errorf("the Release of a chart elsewhere is %+v, expected a skip with its reason", sources[len(sources)-1])
	}
}

// TestRenderReadsTheObjectAgain: a declared source renders with the options that its object has in the tree of the
// render, and fails if the object is gone.
func TestRenderReadsTheObjectAgain(t *testing.T) {
	files := map[string]string{
		"web/Chart.yaml": chartFile, "web/templates/config.yaml": config,
		"two.yaml": release("web", "a", "{chart: web, values: n=1}") + "---\n" + release("web", "b", "{chart: web, values: n=2}"),
	}
	sources, tree := find(t, files)
	second := sources[len(sources)-1]
	edited := fstest.MapFS{}
	for name, text := range files {
		edited[name] = &fstest.MapFile{Data: []byte(strings.Replace(text, "n=2", "n=3", 1))}
	}
	for _, test := range []struct {
		tree fs.FS
		want string
	}{{tree, `n: "2"`}, {edited, `n: "3"`}} {
		result, err := second.Render(t.Context(), render.In{Tree: test.tree})
		if err != nil {
			t.Fatal(err)
		}
		if got := string(result.Documents[0].Text); !strings.Contains(got, test.want) {
			t.Errorf("got:\n%s\nwant a text with %s", got, test.want)
		}
	}
	delete(edited, "two.yaml")
	_, err := second.Render(t.Context(), render.In{Tree: edited})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want the error of the missing file", err)
	}
}

// TestFindHasALimit: a chart that renders to a Release of itself, with another value each time, ends in an error and not
// in an endless search.
func TestFindHasALimit(t *testing.T) {
	sources, _ := find(t, map[string]string{
		"web/Chart.yaml": chartFile, "web/values.yaml": "n: 0",
		"web/templates/release.yaml": release("r{{ .Values.n }}", "a", `{chart: web, values: "n={{ add1 .Values.n }}"}`),
	})
	var failed []string
	for _, source := range sources {
		if unrendered, ok := source.(render.Unrendered); ok {
			failed = append(failed, unrendered.Err.Error())
		}
	}
	if len(failed) != 1 || !strings.Contains(failed[0], "web deploys itself, and is followed 3 deep") {
		t.Errorf("got %d sources and the errors %q, want one error about it", len(sources), failed)
	}
}
