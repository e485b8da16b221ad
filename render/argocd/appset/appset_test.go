package appset

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"
)

const thisRepository = "https://example.com/ours.git"

func isThisRepository(repoURL string) bool { return repoURL == thisRepository }

// TestExpand expands set.yaml of each archive over its other files. They are compared with: want.yaml, the
// Applications, of which apiVersion, kind and the finalizers are left away where they are what all get; skipped; and
// error.
func TestExpand(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{}
			tree := fstest.MapFS{}
			for _, file := range archive.Files {
				files[file.Name] = string(file.Data)
				tree[file.Name] = &fstest.MapFile{Data: file.Data}
			}
			for _, name := range []string{"set.yaml", "want.yaml", "skipped", "error"} {
				delete(tree, name)
			}
			apps, skipped, err := Expand(tree, parsed(t, files["set.yaml"]), isThisRepository)
			message := ""
			if err != nil {
				message = err.Error() + "\n"
			}
			if message != files["error"] {
				t.Errorf("error:\n%swant:\n%s", message, files["error"])
			}
			if got := strings.Join(append(skipped, ""), "\n"); got != files["skipped"] {
				t.Errorf("skipped:\n%swant:\n%s", got, files["skipped"])
			}
			var wanted []map[string]any
			for text := range strings.SplitSeq(files["want.yaml"], "---\n") {
				if text != "" {
					wanted = append(wanted, parsed(t, text))
				}
			}
			var got []map[string]any
			for _, app := range apps {
				got = append(got, plain(app))
			}
			if !reflect.DeepEqual(got, wanted) {
				t.Errorf("got:\n%swant:\n%s", asYAML(t, got), asYAML(t, wanted))
			}
		})
	}
}

// plain leaves away what each Application has.
func plain(application map[string]any) map[string]any {
	if application["apiVersion"] == "argoproj.io/v1alpha1" && application["kind"] == "Application" {
		delete(application, "apiVersion")
		delete(application, "kind")
	}
	metadata := application["metadata"].(map[string]any)
	if reflect.DeepEqual(metadata["finalizers"], []any{"resources-finalizer.argocd.argoproj.io"}) {
		delete(metadata, "finalizers")
	}
	return application
}

func parsed(t testing.TB, text string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func asYAML(t testing.TB, objects []map[string]any) string {
	t.Helper()
	var texts []string
	for _, object := range objects {
		data, err := yaml.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(data))
	}
	return strings.Join(texts, "---\n")
}

// TestExpandError expands the sets of testdata/errors.yaml.
func TestExpandError(t *testing.T) {
	tree := fstest.MapFS{"config/bad.yaml": {Data: []byte("[1, 2]")}, "dir/x": {}}
	data, err := os.ReadFile("testdata/errors.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var tests []struct{ Name, Spec, Error string }
	if err := yaml.Unmarshal(data, &tests); err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			apps, _, err := Expand(tree, parsed(t, "{spec: "+test.Spec+"}"), isThisRepository)
			if err == nil || len(apps) != 0 {
				t.Fatalf("got %d Applications and the error %v, want the error %s", len(apps), err, test.Error)
			}
			got, prefix := err.Error(), strings.HasSuffix(test.Error, ": ")
			if got != test.Error && !(prefix && strings.HasPrefix(got, test.Error)) {
				t.Errorf("got the error\n%s\nwant\n%s", got, test.Error)
			}
		})
	}
}

// TestExpandKeepsTheSet holds that what is returned shares nothing with the set, which callers expand again.
func TestExpandKeepsTheSet(t *testing.T) {
	const text = "{spec: {generators: [{list: {elements: [{}]}}], template: {metadata: {name: a, labels: {b: c}}, spec: {source: {path: p}}}}}"
	set := parsed(t, text)
	apps, _, err := Expand(fstest.MapFS{}, set, isThisRepository)
	if err != nil {
		t.Fatal(err)
	}
	if len(apps) != 1 {
		t.Fatalf("got %+v", apps)
	}
	apps[0]["metadata"].(map[string]any)["labels"].(map[string]any)["b"] = "changed"
	apps[0]["spec"].(map[string]any)["source"].(map[string]any)["path"] = "changed"
	if !reflect.DeepEqual(set, parsed(t, text)) {
		t.Errorf("the set is now %v", set)
	}
}

// TestExpandHasALimit: a matrix is no way to millions of Applications.
func TestExpandHasALimit(t *testing.T) {
	t.Parallel()
	list := func(key string, n int) map[string]any {
		var elements []any
		for i := range n {
			elements = append(elements, map[string]any{key: fmt.Sprint(i)})
		}
		return map[string]any{"list": map[string]any{"elements": elements}}
	}
	expand := func(n int) ([]map[string]any, error) {
		applications, _, err := Expand(fstest.MapFS{}, map[string]any{"spec": map[string]any{
			"generators": []any{map[string]any{"matrix": map[string]any{"generators": []any{list("a", 100), list("b", n)}}}},
			"template":   map[string]any{"metadata": map[string]any{"name": "x-{{a}}-{{b}}"}, "spec": map[string]any{}},
		}}, nil)
		return applications, err
	}
	if applications, err := expand(100); err != nil || len(applications) != maxElements {
		t.Errorf("got %d Applications, %v", len(applications), err)
	}
	want := "spec.generators[0].matrix: found more than 10000 parameter sets, which is the most that are expanded"
	if _, err := expand(1_000_000 / 100); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}
