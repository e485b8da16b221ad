package kustomize

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/pullcheck/pullcheck/internal/charttest"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/helm"
	"github.com/pullcheck/pullcheck/render/helm/chartrepo"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// fakeHelm renders every chart to one ConfigMap, and remembers its arguments.
type fakeHelm struct {
	sources []helm.Source
	chart   string // Chart.yaml
	err     error
}

func (f *fakeHelm) Render(_ context.Context, in render.In, source helm.Source) (*render.Result, error) {
	f.sources = append(f.sources, source)
	chart, err := fs.ReadFile(in.Tree, source.Path+"/Chart.yaml")
	f.chart = string(chart)
	text := fmt.Sprintf("---\n# Source: a\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n", source.Options.ReleaseName)
	return &render.Result{Text: []byte(text)}, errors.Join(err, f.err)
}

// TestValuesFileMayBeAURL: kustomize downloads valuesFile, too.
func TestValuesFileMayBeAURL(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/values.yaml" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, "a: remote\n")
	}))
	defer server.Close()
	files := func(name string) fs.FS {
		return treeOf("-- app/kustomization.yaml --\nhelmCharts:\n- {name: web, releaseName: site, valuesFile: '" + server.URL + name + "'}\n" +
			"-- app/charts/web/Chart.yaml --\nname: web\n")
	}
	fake := &fakeHelm{}
	e := &Engine{Network: local, Dir: t.TempDir(), Helm: fake}
	if _, err := (Source{Engine: e, Path: "app"}).Render(context.Background(), render.In{Tree: files("/values.yaml")}); err != nil {
		t.Fatal(err)
	}
	if values := string(fake.sources[0].Options.ValuesFiles[0].Data); values != "a: remote\n" {
		t.Errorf("the values are %q, want those of the server", values)
	}
	_, err := Source{Engine: e, Path: "app"}.Render(context.Background(), render.In{Tree: files("/none.yaml?token=s3cret")})
	want := "app/kustomization.yaml:2:10: helmCharts: web: valuesFile: " + server.URL + "/none.yaml: the server says 404 Not Found"
	if err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

func TestChartIsPulledIfTheTreeLacksIt(t *testing.T) {
	repository := charttest.Serve(t, "web", "a: 1\n", "1.2.3", "1.3.0", "2.0.0-rc.1")
	tests := []struct{ chart, version, path string }{
		{", version: 1.2.3", "1.2.3", "app/charts/web-1.2.3/web"},
		{"", "1.3.0", "app/charts/web"},
		{", devel: true", "2.0.0-rc.1", "app/charts/web"},
	}
	for _, test := range tests {
		fake := &fakeHelm{}
		files := treeOf("-- app/kustomization.yaml --\nhelmCharts:\n- {name: web, releaseName: site, repo: '" + repository + "'" + test.chart + "}\n")
		e := &Engine{Charts: &chartrepo.Client{Network: local, Dir: t.TempDir()}, Helm: fake}
		result, err := Source{Engine: e, Path: "app"}.Render(context.Background(), render.In{Tree: files})
		if err != nil {
			t.Fatal(err)
		}
		if want := "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: site\n"; string(result.Text) != want {
			t.Errorf("got\n%s\nwant\n%s", result.Text, want)
		}
		source := fake.sources[0]
		if source.Path != test.path || !strings.Contains(fake.chart, "version: "+test.version+"\n") {
			t.Errorf("rendered %s with Chart.yaml %q, want %+v", source.Path, fake.chart, test)
		}
		if values := string(source.Options.ValuesFiles[0].Data); values != "a: 1\n" {
			t.Errorf("the values are %q, want those of the chart", values)
		}
	}
}

func TestChartsRenderWithTheOptionsOfTheirEntry(t *testing.T) {
	const chart = `
-- app/charts/web/Chart.yaml --
-- app/charts/web/values.yaml --
color: blue
size: {width: 1, height: 2}
list: [a, b]
-- app/given.yaml --
color: green
-- app/more.yaml --
color: red
-- app/kustomization.yaml --
`
	const own = "color: blue\nsize: {width: 1, height: 2}\nlist: [a, b]\n"
	options := Options{HelmKubeVersion: "1.31", HelmAPIVersions: []string{"example.com/v1"}}
	tests := []struct {
		name, kustomization string
		want                helm.Options
		values              []string
	}{
		{"defaults", "helmCharts: [{name: web}]",
			helm.Options{ReleaseName: "web-0000000000", KubeVersion: "1.31", APIVersions: []string{"example.com/v1"}}, []string{own}},
		{"all", `helmCharts: [{name: web, releaseName: a, namespace: ns, kubeVersion: "1.29", apiVersions: [b/v1], includeCRDs: true, skipHooks: true, skipTests: true}]`,
			helm.Options{ReleaseName: "a", Namespace: "ns", KubeVersion: "1.29", APIVersions: []string{"b/v1"}, IncludeCRDs: true, NoHooks: true, SkipTests: true}, []string{own}},
		{"name template", `helmCharts: [{name: web, nameTemplate: '{{ "A" | lower }}-{{ 1 | add 1 }}'}]`,
			helm.Options{ReleaseName: "a-2", KubeVersion: "1.31", APIVersions: []string{"example.com/v1"}}, []string{own}},
		{"files", "namespace: ns\nhelmCharts: [{name: web, releaseName: a, valuesFile: given.yaml, additionalValuesFiles: [more.yaml]}]",
			helm.Options{ReleaseName: "a", Namespace: "ns", KubeVersion: "1.31", APIVersions: []string{"example.com/v1"}}, []string{"color: green\n", "color: red\n"}},
		{"override", "helmCharts: [{name: web, releaseName: a, valuesInline: {color: pink, size: {height: 9}, list: [c], big: 123456789012}}]",
			helm.Options{ReleaseName: "a", KubeVersion: "1.31", APIVersions: []string{"example.com/v1"}},
			[]string{"big: 123456789012\ncolor: pink\nlist:\n- c\nsize:\n  height: 9\n  width: 1\n"}},
		{"merge", "helmCharts: [{name: web, releaseName: a, valuesMerge: merge, valuesInline: {color: pink, size: {height: 9, depth: 3}}}]",
			helm.Options{ReleaseName: "a", KubeVersion: "1.31", APIVersions: []string{"example.com/v1"}},
			[]string{"color: blue\nlist:\n- a\n- b\nsize:\n  depth: 3\n  height: 2\n  width: 1\n"}},
		{"replace", "helmCharts: [{name: web, releaseName: a, valuesMerge: replace, valuesInline: {color: pink}}]",
			helm.Options{ReleaseName: "a", KubeVersion: "1.31", APIVersions: []string{"example.com/v1"}}, []string{"color: pink\n"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			fake := &fakeHelm{}
			source := Source{Path: "app", Options: options}
			if _, err := (&Engine{Helm: fake}).Render(context.Background(), render.In{Tree: treeOf(chart + test.kustomization + "\n")}, source); err != nil {
				t.Fatal(err)
			}
			got := fake.sources[0].Options
			var values []string
			for _, file := range got.ValuesFiles {
				values = append(values, string(file.Data))
			}
			got.ValuesFiles = nil
			if !reflect.DeepEqual(got, test.want) || !reflect.DeepEqual(values, test.values) {
				t.Errorf("got %s\n%q\nwant %s\n%q", show(got), values, show(test.want), test.values)
			}
		})
	}
}

// TestChartOptionsReachTheChart has Helm itself render.
func TestChartOptionsReachTheChart(t *testing.T) {
	const chart = `
-- app/charts/web/Chart.yaml --
{apiVersion: v2, name: web, version: 1.0.0}
-- app/charts/web/values.yaml --
-- app/charts/web/templates/all.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: seen}
data:
  kube: {{ .Capabilities.KubeVersion.Version }}
  api: {{ .Capabilities.APIVersions.Has "example.com/v1" | quote }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: hook, annotations: {helm.sh/hook: pre-install}}
-- app/kustomization.yaml --
`
	options := Options{HelmKubeVersion: "1.31.0", HelmAPIVersions: []string{"example.com/v1"}}
	for entry, hooks := range map[string]bool{"{name: web, releaseName: a}": true, "{name: web, releaseName: a, skipHooks: true}": false} {
		result, err := Source{Engine: engine(t), Path: "app", Options: options}.Render(context.Background(), render.In{Tree: treeOf(chart + "helmCharts: [" + entry + "]\n")})
		if err != nil {
			t.Fatal(err)
		}
		text := string(result.Text)
		if !strings.Contains(text, "kube: v1.31.0\n") || !strings.Contains(text, "api: \"true\"\n") || strings.Contains(text, "name: hook\n") != hooks {
			t.Errorf("%s: got\n%s\nwant v1.31.0, its API and the hook: %t", entry, text, hooks)
		}
	}
}

func show(options helm.Options) string {
	text, _ := json.Marshal(options)
	return string(text)
}

func TestChartErrorsNameTheEntry(t *testing.T) {
	const chart = "-- app/charts/web/Chart.yaml --\n-- app/charts/web/values.yaml --\n-- outside/values.yaml --\n"
	tests := []struct{ name, chart, want string }{
		{"no name", "{releaseName: a}", "app/kustomization.yaml: helmCharts: a chart has no name"},
		{"not there", "{name: none}", "app/kustomization.yaml:1:22: helmCharts: none: there is no app/charts/none, and no repo to pull the chart from"},
		{"out of the tree", "{name: none, repo: https://example.com}], helmGlobals: {chartHome: ../../charts}, resources: [",
			"app/kustomization.yaml:1:22: helmCharts: none: leads out of the tree\n" +
				"hint: run pullcheck on a directory that holds all that the kustomization names"},
		{"not to be pulled", "{name: none, repo: https://example.com}", "app/kustomization.yaml:1:22: helmCharts: none: none of https://example.com: not in the cache\n" +
			"hint: run once without --offline; a dependency can be vendored with: helm dependency build"},
		{"name from the environment", "{name: web, nameTemplate: '{{ env \"HOME\" }}'}", "app/kustomization.yaml:1:22: helmCharts: web: template: nameTemplate:1: function \"env\" not defined"},
		{"name expanded", "{name: web, nameTemplate: '{{ expandenv \"$HOME\" }}'}", "app/kustomization.yaml:1:22: helmCharts: web: template: nameTemplate:1: function \"expandenv\" not defined"},
		{"name from DNS", "{name: web, nameTemplate: '{{ getHostByName \"a\" }}'}", "app/kustomization.yaml:1:22: helmCharts: web: template: nameTemplate:1: function \"getHostByName\" not defined"},
		{"two names", "{name: web, releaseName: a, nameTemplate: b}", "app/kustomization.yaml:1:22: helmCharts: web: it has both a releaseName and a nameTemplate"},
		{"unknown merge", "{name: web, valuesMerge: deep}", `app/kustomization.yaml:1:22: helmCharts: web: valuesMerge is "deep" and must be override, merge or replace`},
		{"values that are not there", "{name: web, valuesFile: none.yaml}", "app/kustomization.yaml:1:22: helmCharts: web: valuesFile: none.yaml: there is no app/none.yaml"},
		{"values from outside", "{name: web, additionalValuesFiles: [../outside/values.yaml]}",
			"app/kustomization.yaml:1:22: helmCharts: web: additionalValuesFiles: ../outside/values.yaml: the file is not in or below app, as kustomize wants it\n" +
				"hint: --load-restrictor LoadRestrictionsNone allows it"},
		{"empty values", "{name: web, valuesInline: {a: 1}}", "app/kustomization.yaml:1:22: helmCharts: web: valuesFile: it is empty, and kustomize does not merge valuesInline with that\n" +
			"hint: set valuesMerge: replace"},
	}
	for _, test := range tests {
		files := treeOf(chart + "-- app/kustomization.yaml --\n{helmCharts: [" + test.chart + "]}\n")
		wantError(t, &Engine{Charts: &chartrepo.Client{Network: local, Dir: t.TempDir(), Offline: true}, Helm: &fakeHelm{}}, files, test.want)
	}

	files := treeOf(chart + "-- app/kustomization.yaml --\nhelmCharts: [{name: web}]\n")
	located := &yamldoc.Error{Location: yamldoc.Location{Path: "app/charts/web/Chart.yaml", Line: 2}, Err: errors.New("wrong")}
	wantError(t, &Engine{Helm: &fakeHelm{err: located}}, files, "app/charts/web/Chart.yaml:2: wrong")
	located.Location.Path = "app/charts/web/templates/of-a-pulled-chart.yaml"
	wantError(t, &Engine{Helm: &fakeHelm{err: located}}, files,
		"app/kustomization.yaml:1:21: helmCharts: web: app/charts/web/templates/of-a-pulled-chart.yaml:2: wrong")
}
