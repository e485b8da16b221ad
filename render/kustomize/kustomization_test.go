package kustomize

//lint:file-ignore SA1019 kustomize still reads the deprecated fields of a kustomization, and so do its users.

import (
	"reflect"
	"testing"
	"testing/fstest"

	"github.com/pullcheck/pullcheck/render/yamldoc"
	"sigs.k8s.io/kustomize/api/types"
)

func TestFindFileReturnsTheFirstOfThreeNames(t *testing.T) {
	fsys := fstest.MapFS{
		"a/kustomization.yml":      {},
		"b/Kustomization":          {},
		"c/kustomization.yaml/x":   {},
		"c/Kustomization":          {},
		"d/kustomization.json":     {},
		"e/kustomization.yaml":     {},
		"e/kustomization.yml":      {},
		"kustomization.yaml":       {},
		"f/sub/kustomization.yaml": {},
	}
	for dir, want := range map[string]string{
		".": "kustomization.yaml", "a": "a/kustomization.yml", "b": "b/Kustomization", "c": "c/Kustomization",
		"d": "", "e": "e/kustomization.yaml", "f": "", "none": "",
	} {
		if got, ok := FindFile(fsys, dir); got != want || ok != (want != "") {
			t.Errorf("%s: got %q, %t, want %q", dir, got, ok, want)
		}
	}
}

func TestReferencesAreInKustomizesOrder(t *testing.T) {
	k, err := Parse("kustomization.yaml", []byte(`
resources: [a.yaml, ../base, "https://example.com/org/repo//dir?ref=v1"]
bases: [old]
components: [component]
crds: [crd.json]
configurations: [config.yaml]
openapi: {path: schema.json}
configMapGenerator:
- envs: [one.env]
  env: two.env
  files: [app.properties, dir/b.txt, key=c.txt, "=none", "a=b=c"]
  literals: [a=b]
secretGenerator:
- files: [tls.crt=secret/tls.crt]
generators:
- generator.yaml
- |
  apiVersion: builtin
  kind: ConfigMapGenerator
transformers: [transformer.yaml, "{apiVersion: builtin, kind: LabelTransformer}"]
validators: [validators]
patches:
- path: patch.yaml
- patch: "{}"
patchesStrategicMerge:
- merge.yaml
- |-
  kind: Deployment
patchesJson6902: [{path: json.json}]
replacements:
- path: replacement.yaml
- source: {kind: A}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		field, path string
		directory   bool
	}{
		{"openapi.path", "schema.json", false},
		{"resources", "a.yaml", true},
		{"resources", "../base", true},
		{"resources", "https://example.com/org/repo//dir?ref=v1", true},
		{"resources", "old", true},
		{"configurations", "config.yaml", false},
		{"crds", "crd.json", false},
		{"configMapGenerator.envs", "one.env", false},
		{"configMapGenerator.envs", "two.env", false},
		{"configMapGenerator.files", "app.properties", false},
		{"configMapGenerator.files", "dir/b.txt", false},
		{"configMapGenerator.files", "c.txt", false},
		{"secretGenerator.files", "secret/tls.crt", false},
		{"generators", "generator.yaml", true},
		{"components", "component", true},
		{"patchesStrategicMerge", "merge.yaml", false},
		{"patches.path", "patch.yaml", false},
		{"patchesJson6902.path", "json.json", false},
		{"replacements.path", "replacement.yaml", false},
		{"transformers", "transformer.yaml", true},
		{"validators", "validators", true},
	}
	references := k.References()
	for i, reference := range references {
		if i >= len(want) || reference.Field != want[i].field || reference.Path != want[i].path || reference.Directory != want[i].directory {
			t.Errorf("reference %d is %s %s %t", i, reference.Field, reference.Path, reference.Directory)
		}
		reference.Set("new/" + reference.Path)
	}
	if len(references) != len(want) {
		t.Errorf("%d references, want %d", len(references), len(want))
	}
	if got, want := k.ConfigMapGenerator[0].FileSources, []string{"app.properties=new/app.properties", "b.txt=new/dir/b.txt", "key=new/c.txt", "=none", "a=b=c"}; !reflect.DeepEqual(got, want) {
		t.Errorf("the files of the generator are %q, want %q", got, want)
	}
	if k.OpenAPI["path"] != "new/schema.json" || k.PatchesStrategicMerge[0] != "new/merge.yaml" || k.Resources[3] != "new/old" {
		t.Errorf("not every place was set: %+v", k)
	}
	if got, want := k.Locate("c.txt"), (yamldoc.Location{Path: "kustomization.yaml", Line: 11, Column: 38}); got != want {
		t.Errorf("c.txt is at %v, want %v", got, want)
	}
}

func TestChartDirectoryHasTheVersionOfAPulledChart(t *testing.T) {
	for _, test := range []struct{ home, version, repo, want string }{
		{"", "", "", "charts/web"},
		{"", "1.0", "", "charts/web"},
		{"../vendor", "1.0", "https://example.com", "../vendor/web-1.0/web"},
	} {
		k := Kustomization{Kustomization: types.Kustomization{HelmGlobals: &types.HelmGlobals{ChartHome: test.home}}}
		if got := k.ChartDirectory(types.HelmChart{Name: "web", Version: test.version, Repo: test.repo}); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

func TestKustomizationLocateCountsBytes(t *testing.T) {
	k, err := Parse("kustomization.yaml", []byte("resources: [é.yaml, missing.yaml]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := k.Locate("missing.yaml").String(), "kustomization.yaml:1:22"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
