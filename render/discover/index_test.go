package discover

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/helm"
)

func TestReadersAreTheSourcesRenderedFromAFile(t *testing.T) {
	pod := "apiVersion: v1\nkind: Pod\n"
	fsys := fstest.MapFS{}
	for name, text := range map[string]string{
		"web/Chart.yaml":                      "apiVersion: v2\nname: web\nversion: 1.0.0\n",
		"web/requirements.lock":               "",
		"web/values.yaml":                     "",
		"web/values-prod.yaml":                "a: 1\n",
		"web/ci/one-values.yaml":              "a: 1\n",
		"web/other.yaml":                      "a: 1\n",
		"web/examples/pod.yaml":               pod,
		"web/files/site.conf":                 "",
		"web/files/pod.yaml.tpl":              pod,
		"web/templates/NOTES.txt":             "",
		"all/Chart.yaml":                      "apiVersion: v2\nname: all\nversion: 1.0.0\ndependencies: [{name: web, version: 1.0.0, repository: 'file://../web'}]\n",
		"all/charts/db-1.0.0.tgz":             "",
		"shared/_names.tpl":                   "",
		"overlay/kustomization.yaml":          "resources: [../base]\nhelmCharts: [{name: db, valuesFile: ../db.yaml}]\n",
		"overlay/charts/db/Chart.yaml":        "apiVersion: v2\nname: db\nversion: 1.0.0\n",
		"overlay/charts/db/templates/db.yaml": pod,
		"overlay/beside.yaml":                 pod,
		"db.yaml":                             "a: 1\n",
		"base/Kustomization":                  "resources: [pod.yaml]\n",
		"base/pod.yaml":                       pod,
		"component/kustomization.yaml":        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{path: patch.yaml}]\n",
		"component/patch.yaml":                pod,
		"pods/one.yaml":                       pod,
		"README.md":                           "",
	} {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	fsys["all/templates/shared"] = &fstest.MapFile{Data: []byte("../../shared"), Mode: fs.ModeSymlink | 0o777}
	sources, err := Finder{Tree: fsys}.Find(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	// A chart may be given its own values by name, too.
	again := helm.Source{Path: "web", Environment: "again", Options: helm.Options{ValuesFiles: []render.File{{Path: "web/values.yaml"}}}}
	index := NewIndex(fsys, append(sources, again))
	const web = "all web web (ci/one) web (prod) web (again)"
	for name, want := range map[string]string{
		"web/Chart.yaml":                      web,
		"web/requirements.lock":               web,
		"web/values.yaml":                     web,
		"web/templates/NOTES.txt":             web,
		"web/files/site.conf":                 web,
		"web/files/pod.yaml.tpl":              web,
		"web/other.yaml":                      web,
		"web/values-prod.yaml":                "web (prod)",
		"web/ci/one-values.yaml":              "web (ci/one)",
		"web/examples/pod.yaml":               "",
		"all/Chart.yaml":                      "all",
		"all/charts/db-1.0.0.tgz":             "all",
		"shared/_names.tpl":                   "all",
		"overlay/kustomization.yaml":          "overlay",
		"overlay/charts/db/templates/db.yaml": "overlay",
		"db.yaml":                             "db.yaml overlay",
		"overlay/beside.yaml":                 "",
		"base/Kustomization":                  "overlay",
		"base/pod.yaml":                       "overlay",
		"component/patch.yaml":                "component",
		"component/kustomization.yaml":        "",
		"pods/one.yaml":                       "pods/one.yaml",
		"README.md":                           "",
		"nowhere.yaml":                        "",
	} {
		var got []string
		for _, source := range index.Readers(name) {
			got = append(got, source.ID().String())
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s: rendered by %q, want %q", name, text, want)
		}
	}
	if i := slices.IndexFunc(index.Readers("component/patch.yaml"), func(s render.Source) bool { return !isSkipped(s) }); i >= 0 {
		t.Error("a component that nothing uses is not skipped")
	}
}
