package cmp

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/argocd"
	"github.com/pullcheck/pullcheck/render/helm"
)

var pluginTree = fstest.MapFS{
	"charts/api/Chart.yaml":             {Data: []byte("name: api\nversion: 1.0.0\n")},
	"charts/api/values-prod.yaml":       {},
	"charts/api/env/staging.yaml":       {},
	"charts/plain/Chart.yaml":           {Data: []byte("name: plain\nversion: 1.0.0\n")},
	"charts/plain/.argocd-source.yaml":  {Data: []byte("plugin: {parameters: [{name: releaseName, string: rel}]}\n")},
	"overlays/web/kustomization.yaml":   {Data: []byte("images: [{name: example/web, newTag: a}, {name: example/proxy}]\n")},
	"overlays/broken/kustomization.yml": {Data: []byte("images: [\n")},
	"manifests/pod.yaml":                {},
}

// TestParametersAreOptions: every parameter has the name of an option of Argo CD that package argocd knows.
func TestParametersAreOptions(t *testing.T) {
	for kind, options := range map[render.Kind]any{render.Helm: argocd.Helm{}, render.Kustomize: argocd.Kustomize{}, render.Raw: argocd.Directory{}} {
		var want []string
		for field := range reflect.TypeOf(options).Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			switch name {
			case "valuesObject": // which is values for a parameter
			case "parameters":
				want = append(want, name, "stringParameters")
			default:
				want = append(want, name)
			}
		}
		if got := names(parameters[kind]); !reflect.DeepEqual(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
			t.Errorf("%s has the parameters\n%v, the options are\n%v", kind, got, want)
		}
	}
}

func TestAnnounceNamesTheFilesThatAreThere(t *testing.T) {
	for path, want := range map[string]map[string]string{
		"charts/api":   {"valueFiles": "; here are values-prod.yaml, env/staging.yaml", "values": ""},
		"charts/plain": {"valueFiles": "", "skipTests": ""},
		"overlays/web": {"images": "; here are example/web, example/proxy", "namePrefix": ""},
		"manifests":    {"recurse": "", "include": ""},
	} {
		announced, err := Announce(context.Background(), pluginTree, path)
		if err != nil {
			t.Fatal(path, err)
		}
		for name, tooltip := range want {
			i := slices.IndexFunc(announced, func(a Announcement) bool { return a.Name == name })
			switch {
			case i < 0:
				t.Errorf("%s: %s is not announced", path, name)
			case !strings.HasSuffix(announced[i].Tooltip, tooltip), tooltip == "" && strings.Contains(announced[i].Tooltip, "here are"):
				t.Errorf("%s: the tooltip of %s is %q, want %q at its end", path, name, announced[i].Tooltip, tooltip)
			}
		}
	}
	if _, err := Announce(context.Background(), pluginTree, "overlays/broken"); err == nil || !strings.Contains(err.Error(), "overlays/broken/kustomization.yml") {
		t.Errorf("the error is %v, want one that names the file", err)
	}
}

func TestWithParametersRefusesUnknownNamesAndTypes(t *testing.T) {
	for _, test := range []struct{ path, given, want string }{
		{"charts/api", `[{"name": "namePrefix", "string": "a-"}]`, `a chart takes no parameter "namePrefix", only mode, failOn, valueFiles, `},
		{"overlays/web", `[{"name": "values", "string": "a: 1"}]`, `a kustomization takes no parameter "values", only mode, failOn, namePrefix, `},
		{"manifests", `[{"name": "values", "string": "a: 1"}]`, `a directory of manifests takes no parameter "values", only mode, failOn, recurse, include, exclude, `},
		{"charts/api", `[{"name": "valueFiles", "string": "a"}]`, "parameter valueFiles has a string, expected an array"},
		{"charts/api", `[{"name": "values", "map": {}}]`, "parameter values has a map, expected a string"},
		{"charts/api", `[{"name": "parameters", "array": []}]`, "parameter parameters has an array, expected a map"},
		{"charts/api", `[{"name": "skipCrds"}]`, "parameter skipCrds has no value, expected a string"},
		{"charts/api", `[{"name": "skipCrds", "string": "maybe"}]`, `parameter skipCrds is "maybe", expected true or false`},
		{"overlays/web", `[{"name": "patches", "string": "a: 1"}]`, "parameter patches is no list in YAML: "},
	} {
		var given []argocd.PluginParameter
		if err := json.Unmarshal([]byte(test.given), &given); err != nil {
			t.Fatal(err)
		}
		_, err := WithParameters(pluginTree, argocd.Source{Path: test.path}, given)
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s for %s: the error is %v, want %s", test.given, test.path, err, test.want)
		}
	}
}

func TestReadPolicyHasDefaults(t *testing.T) {
	mode, name, bad := "warn", "rel", "maybe"
	got, failOn, rest, err := ReadPolicy([]argocd.PluginParameter{{Name: "releaseName", String: &name}, {Name: "mode", String: &mode}})
	if err != nil || got != Warn || failOn != check.SeverityWarning || len(rest) != 1 || rest[0].Name != "releaseName" {
		t.Errorf("got %v, %v, %v, %v", got, failOn, rest, err)
	}
	for _, given := range []argocd.PluginParameter{{Name: "mode", Array: []string{"warn"}}, {Name: "mode", String: &bad}, {Name: "failOn", String: &bad}} {
		if _, _, _, err := ReadPolicy([]argocd.PluginParameter{given}); err == nil {
			t.Errorf("no error for %+v", given)
		}
	}
}

// TestOverridesAreNotMergedTwice has an override with parameters of the plugin. Argo CD merges the override before it calls
// the plugin, so the plugin must not merge it again.
func TestOverridesAreNotMergedTwice(t *testing.T) {
	app := argocd.App{Name: "app", Plugins: map[string]argocd.ResolvePlugin{PluginName: Resolve}}
	name := "given"
	asked, err := WithParameters(pluginTree, argocd.Source{Path: "charts/plain"}, []argocd.PluginParameter{{Name: "releaseName", String: &name}})
	if err != nil {
		t.Fatal(err)
	}
	application := argocd.Source{Path: "charts/plain", Plugin: &argocd.Plugin{Name: PluginName}}
	for want, source := range map[string]argocd.Source{"given": asked, "rel": application} {
		resolved, err := app.Resolve(pluginTree, source)
		if err != nil {
			t.Fatal(err)
		}
		if got := resolved.(helm.Source).Options.ReleaseName; got != want {
			t.Errorf("the release is %q, want %q", got, want)
		}
	}
}
