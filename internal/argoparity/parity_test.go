package argoparity

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/pullcheck/pullcheck/render/argocd/appset"
)

// different are the archives that Argo CD expands otherwise, and why.
var different = map[string]string{
	"matrix-values":  "Argo CD panics where values of a list override those of a git generator",
	"skipped-beside": "Argo CD drops a whole entry if one of its generators fails, as a skipped one does here",
}

// TestArchives expands the archives of the package appset. Its own test compares with their want.yaml, this one with
// Argo CD.
func TestArchives(t *testing.T) {
	names, err := filepath.Glob("../../render/argocd/appset/testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{}
			for _, file := range archive.Files {
				files[file.Name] = file.Data
			}
			set := files["set.yaml"]
			for _, name := range []string{"set.yaml", "want.yaml", "skipped", "error"} {
				delete(files, name)
			}
			_, difference := compare(t, set, newCheckout(t, files))
			reason, known := different[strings.TrimSuffix(filepath.Base(name), ".txtar")]
			switch {
			case known && difference == "":
				t.Errorf("no difference any more, remove the reason: %s", reason)
			case !known && difference != "":
				t.Error(difference)
			}
		})
	}
}

// TestErrors expands the sets that package appset refuses.
func TestErrors(t *testing.T) {
	data, err := os.ReadFile("../../render/argocd/appset/testdata/errors.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var tests []struct{ Name, Spec, Accepted string }
	if err := yaml.Unmarshal(data, &tests); err != nil {
		t.Fatal(err)
	}
	repo := newCheckout(t, map[string][]byte{"config/bad.yaml": []byte("[1, 2]"), "dir/x": nil})
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			_, err := expandWithArgoCD([]byte("{spec: "+test.Spec+"}"), repo)
			if (err == nil) != (test.Accepted != "") {
				t.Errorf("Argo CD's error is %v; expected to be accepted: %q", err, test.Accepted)
			}
		})
	}
}

// compare expands a set, in YAML, with Argo CD and with package appset. It returns the number of Applications of Argo
// CD, and the difference in words, "" if they agree. They also agree if both return an error.
func compare(t *testing.T, set []byte, repo checkout) (applications int, difference string) {
	t.Helper()
	want, wantErr := expandWithArgoCD(set, repo)

	var untyped map[string]any
	if err := yaml.Unmarshal(set, &untyped); err != nil {
		t.Fatal(err)
	}
	got, skipped, gotErr := appset.Expand(os.DirFS(repo.dir), untyped, isThisRepository)

	objects, err := fromMaps(got)
	if err != nil { // Argo CD checks the types.
		gotErr = err
	}

	if wantErr != nil && (len(skipped) == 0 || !errors.Is(wantErr, errOffline)) {
		if gotErr == nil {
			return 0, fmt.Sprintf("Argo CD fails: %v\nhere there are %d Applications", wantErr, len(got))
		}
		return 0, ""
	}
	want, duplicates := withOwnNames(want)
	if gotErr != nil && !duplicates {
		return 0, fmt.Sprintf("Argo CD makes %d Applications, here is an error: %v", len(want), gotErr)
	}
	wantText, gotText := text(t, want), text(t, objects)
	if strings.Contains(string(set), "merge") { // Argo CD's order is random.
		slices.Sort(wantText)
		slices.Sort(gotText)
	}
	if !slices.Equal(gotText, wantText) {
		return 0, fmt.Sprintf("here:\n%s\nArgo CD:\n%s", strings.Join(gotText, "---\n"), strings.Join(wantText, "---\n"))
	}
	return len(want), ""
}

// withOwnNames leaves out Applications without a name and with the same name, as package appset does, and reports
// whether there are any. Argo CD does so in its controller, with a cluster at hand.
func withOwnNames(apps []v1alpha1.Application) (own []v1alpha1.Application, others bool) {
	count := map[string]int{}
	for _, app := range apps {
		count[app.Name]++
	}
	own = slices.DeleteFunc(slices.Clone(apps), func(app v1alpha1.Application) bool {
		return app.Name == "" || count[app.Name] > 1
	})
	return own, len(own) < len(apps)
}

// fromMaps converts Applications to Argo CD's type.
func fromMaps(objects []map[string]any) (apps []v1alpha1.Application, err error) {
	data, err := json.Marshal(objects)
	if err != nil {
		return nil, err
	}
	return apps, json.Unmarshal(data, &apps)
}

// text returns Applications in YAML. GenerateApplications sets no apiVersion and kind.
func text(t *testing.T, apps []v1alpha1.Application) []string {
	t.Helper()
	var texts []string
	for _, app := range apps {
		app.APIVersion, app.Kind = "", ""
		data, err := yaml.Marshal(app)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(data))
	}
	return texts
}
