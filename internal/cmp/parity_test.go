package cmp_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	plugin "github.com/pullcheck/pullcheck/internal/cmp"
	"github.com/pullcheck/pullcheck/internal/rendertest"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/argocd"
)

// TestPluginRendersWhatArgoCDRenders renders the Applications of the parity cases of package argocd through the plugin, if the
// plugin has parameters for their options, and compares the manifests with the output of Argo CD's own commands.
func TestPluginRendersWhatArgoCDRenders(t *testing.T) {
	names, err := filepath.Glob("../../render/argocd/testdata/parity/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("there are no cases", err)
	}
	rendered := 0
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			test := readParityCase(t, name)
			text, ok := renderPlugin(t, test)
			if !ok {
				return
			}
			rendered++
			if text != test.want {
				t.Errorf("it renders to\n%s\nwant\n%s", text, test.want)
			}
		})
	}
	if rendered < 30 {
		t.Errorf("the plugin can render only %d of %d cases", rendered, len(names))
	}
}

// parityCase is a tree with an Application, and its manifests.
type parityCase struct {
	tree      fstest.MapFS
	app, want string
}

// readParityCase reads an archive. It packages the files below a name with .tgz as a chart.
func readParityCase(t *testing.T, name string) parityCase {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	test := parityCase{tree: fstest.MapFS{}}
	packages := map[string]map[string][]byte{}
	for _, file := range archive.Files {
		dir, inside, packaged := strings.Cut(file.Name, ".tgz/")
		switch {
		case packaged:
			if packages[dir+".tgz"] == nil {
				packages[dir+".tgz"] = map[string][]byte{}
			}
			packages[dir+".tgz"][inside] = file.Data
		case file.Name == "commands":
		case file.Name == "want":
			test.want = string(file.Data)
		case file.Name == "app.yaml":
			test.app = string(file.Data)
		default:
			test.tree[file.Name] = &fstest.MapFile{Data: file.Data, Mode: 0o644}
		}
	}
	for name, files := range packages {
		test.tree[name] = &fstest.MapFile{Data: rendertest.Pack(files), Mode: 0o644}
	}
	return test
}

// readApplication reads an Application, with its sources.
func readApplication(t *testing.T, text string) (argocd.App, []argocd.Source) {
	t.Helper()
	var object struct {
		Metadata struct{ Name string }
		Spec     struct {
			Project     string
			Destination struct{ Namespace string }
			Source      *argocd.Source
			Sources     []argocd.Source
			// If SourceHydrator is set, Argo CD ignores Source and Sources.
			SourceHydrator *struct{ DrySource argocd.Source }
		}
	}
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	finder := rendertest.Finder(fstest.MapFS{}, t.TempDir())
	app := argocd.App{
		Helm: finder.Chart.Engine, Kustomize: finder.Kustomization.Engine,
		Name: object.Metadata.Name, Namespace: object.Spec.Destination.Namespace,
		KubeVersion: "1.31.2-eks.1", APIVersions: []string{"v1", "example.com/v1/Widget"},
		Refs: map[string]argocd.Source{},
		Env: map[string]string{
			"ARGOCD_APP_NAME": object.Metadata.Name, "ARGOCD_APP_NAMESPACE": object.Spec.Destination.Namespace,
			"ARGOCD_APP_PROJECT_NAME": cmp.Or(object.Spec.Project, "default"),
		},
	}
	if object.Spec.SourceHydrator != nil {
		return app, []argocd.Source{object.Spec.SourceHydrator.DrySource}
	}
	if object.Spec.Source != nil {
		return app, []argocd.Source{*object.Spec.Source}
	}
	return app, object.Spec.Sources
}

// renderPlugin renders with the options of the Application as parameters of the plugin, if the plugin can have them: it
// does not see other sources.
func renderPlugin(t *testing.T, test parityCase) (text string, ok bool) {
	t.Helper()
	app, sources := readApplication(t, test.app)
	for _, given := range sources {
		if given.Ref != "" {
			return "", false
		}
	}
	for _, given := range sources {
		merged, err := app.Override(test.tree, given)
		if err != nil {
			t.Fatal(err)
		}
		kind, _ := argocd.KindOf(test.tree, merged)
		if byFiles, _ := argocd.KindOf(test.tree, argocd.Source{Path: merged.Path}); kind != byFiles {
			return "", false // It takes what the files are.
		}
		source, err := plugin.WithParameters(test.tree, argocd.Source{RepoURL: given.RepoURL, Path: given.Path}, pluginParameters(t, merged))
		if err != nil {
			t.Fatal(err)
		}
		app.Env["ARGOCD_APP_SOURCE_PATH"] = given.Path
		resolved, err := app.Resolve(test.tree, source)
		if err != nil {
			t.Fatal(err)
		}
		result, err := resolved.Render(t.Context(), render.In{Tree: test.tree})
		if err != nil {
			t.Fatal(err)
		}
		text += string(result.Text)
	}
	return text, true
}

// pluginParameters are a source's options in the form of the plugin.
func pluginParameters(t *testing.T, s argocd.Source) []argocd.PluginParameter {
	t.Helper()
	var options any
	switch {
	case s.Helm != nil:
		options = s.Helm
	case s.Kustomize != nil:
		options = s.Kustomize
	case s.Directory != nil:
		options = s.Directory
	}
	data, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]any{}
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	if object := fields["valuesObject"]; object != nil {
		fields["values"] = asText(t, object)
	}
	delete(fields, "valuesObject")
	if patches, ok := fields["patches"]; ok {
		fields["patches"] = asText(t, patches)
	}
	found := map[string]map[string]string{}
	for _, p := range items(fields["parameters"]) {
		name := "parameters"
		if p["forceString"] == true {
			name = "stringParameters"
		}
		addEntry(found, name, p["name"], p["value"])
	}
	for _, p := range items(fields["fileParameters"]) {
		addEntry(found, "fileParameters", p["name"], p["path"])
	}
	for _, r := range items(fields["replicas"]) {
		addEntry(found, "replicas", r["name"], r["count"])
	}
	for name := range fields {
		if entries, ok := fields[name].(map[string]any); ok {
			for key, value := range entries {
				addEntry(found, name, key, value)
			}
		}
	}
	return append(plainParameters(fields), mapParameters(found)...)
}

func plainParameters(fields map[string]any) (given []argocd.PluginParameter) {
	for name, value := range fields {
		p := argocd.PluginParameter{Name: name}
		switch value := value.(type) {
		case []any:
			for _, item := range value {
				if text, ok := item.(string); ok {
					p.Array = append(p.Array, text)
				}
			}
		case map[string]any:
		default:
			text := fmt.Sprint(value)
			p.String = &text
		}
		if p.String != nil || p.Array != nil {
			given = append(given, p)
		}
	}
	return given
}

func mapParameters(found map[string]map[string]string) (given []argocd.PluginParameter) {
	for name, entries := range found {
		given = append(given, argocd.PluginParameter{Name: name, Map: entries})
	}
	return given
}

func addEntry(found map[string]map[string]string, name string, key, value any) {
	if found[name] == nil {
		found[name] = map[string]string{}
	}
	found[name][fmt.Sprint(key)] = fmt.Sprint(value)
}

func items(list any) (all []map[string]any) {
	entries, _ := list.([]any)
	for _, entry := range entries {
		if m, ok := entry.(map[string]any); ok {
			all = append(all, m)
		}
	}
	return all
}

func asText(t *testing.T, value any) string {
	t.Helper()
	data, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
