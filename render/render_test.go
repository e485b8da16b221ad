package render

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pullcheck/pullcheck/render/yamldoc"
)

func TestManifestsReturnsObjectsAndItemsOfLists(t *testing.T) {
	result := &Result{Documents: []Document{
		{Path: "a.yaml", Text: []byte(`# a comment, and an empty document
---
---
apiVersion: v1
kind: Pod
metadata: {generateName: one, namespace: prod}
---
apiVersion: v1
kind: List
items:
  - {apiVersion: apps/v1, kind: Deployment, metadata: {name: two}}
  - apiVersion: v1
    kind: ConfigMapList
    items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: three}}]
---
no: object
---
- neither
---
apiVersion: example.com/v1
kind: CheckList
items: [x, y]
---
`)},
		{Path: "b.json", Text: []byte(`{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "four"}}`)},
		{Path: "c.json", Text: []byte("{\"apiVersion\": \"v1\", \"kind\": \"Pod\"}\n\n  {\n\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"six\"}} {\"apiVersion\": \"v1\", \"kind\": \"Pod\"}\n")},
		{Path: "flow.yaml", Text: []byte("{apiVersion: v1, kind: Pod}\n---\n{apiVersion: v1, kind: Pod}\n")},
	}}
	manifests, err := result.Manifests(everything)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range manifests {
		got = append(got, strings.Join([]string{m.Document.Path, m.APIVersion, m.Kind, m.Namespace, m.Name}, " "))
	}
	want := []string{
		"a.yaml v1 Pod prod one",
		"a.yaml apps/v1 Deployment  two",
		"a.yaml v1 ConfigMap  three",
		"a.yaml example.com/v1 CheckList  ",
		"b.json v1 Pod  four",
		"c.json v1 Pod  ",
		"c.json v1 Pod  six",
		"c.json v1 Pod  ",
		"flow.yaml v1 Pod  ",
		"flow.yaml v1 Pod  ",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for i, want := range map[int][2]int{1: {11, 5}, 6: {3, 3}, 7: {4, 65}} {
		if node := manifests[i].Node; node.Line != want[0] || node.Column != want[1] {
			t.Errorf("object %d stands at %d:%d, want %v", i, node.Line, node.Column, want)
		}
	}
}

// TestManifestsKeepsColumnsOfJSON: a character beyond U+FFFF is two escapes in JSON, which YAML does not know.
func TestManifestsKeepsColumnsOfJSON(t *testing.T) {
	text := `{"apiVersion": "v1", "note": "\ud83d\ude00 \\ud83d", "kind": "Pod"}`
	result := &Result{Documents: []Document{{Text: []byte(text)}}}
	manifests, err := result.Manifests(everything)
	if err != nil || len(manifests) != 1 {
		t.Fatalf("got %v, %v", manifests, err)
	}
	if got, want := yamldoc.Field(manifests[0].Node, "kind").Column, strings.Index(text, `"Pod"`)+1; got != want {
		t.Errorf("kind stands in column %d, want %d", got, want)
	}
	if got, want := yamldoc.Scalar(manifests[0].Node, "note"), `😀 \ud83d`; got != want {
		t.Errorf("the note is %q, want %q", got, want)
	}
}

func TestManifestsErrorHasTheLocation(t *testing.T) {
	bomb := "a: &a [1, 2, 3, 4, 5, 6, 7, 8]\n"
	for name := 'b'; name < 'k'; name++ {
		bomb += fmt.Sprintf("%c: &%[1]c [%s]\n", name, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", name-1), 8), ", "))
	}
	for _, test := range []struct{ name, text, want string }{
		{"the second document", "a: 1\n---\nb: 1\n  c: 2\n", "a.yaml:4:3: mapping values are not allowed in this context"},
		{"an anchor inside itself", "a: 1\nspec: &a\n  x: [*a]\n", "a.yaml:3:3: the alias *a stands inside its own anchor"},
		{"a mapping that merges itself", "a: &a\n  <<: *a\n", "a.yaml:2:3: the alias *a stands inside its own anchor"},
		{"a long text that stands there often", "a: &a " + strings.Repeat("x", 1<<20) + "\nb: [" + strings.Repeat("*a, ", 99) + "*a]\n",
			"a.yaml:2:1: the aliases up to here stand for more than 400000 nodes"},
		{"a few lines that stand for billions", bomb, "a.yaml:7:1: the aliases up to here stand for more than 400000 nodes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			result := &Result{Documents: []Document{{Path: "a.yaml", Text: []byte(test.text), Verbatim: true}}}
			_, err := result.Manifests(everything)
			if err == nil || err.Error() != test.want {
				t.Errorf("the error is %v, want %s", err, test.want)
			}
		})
	}
}

func everything([]byte) bool { return true }

func TestManifestsParsesOnlyDocumentsThatMayMatter(t *testing.T) {
	result := &Result{Documents: []Document{{Text: []byte("a: b: c\n")}, {Text: []byte("apiVersion: v1\nkind: Pod\n")}}}
	manifests, err := result.Manifests(func(text []byte) bool { return strings.Contains(string(text), "Pod") })
	if err != nil || len(manifests) != 1 || manifests[0].Document != &result.Documents[1] {
		t.Errorf("got %v, %v", manifests, err)
	}
}

func TestManifestsErrorOfATemplateHasNoLine(t *testing.T) {
	result := &Result{Documents: []Document{{Path: "chart/templates/a.yaml", Text: []byte("a: 1\n  b: 2\n")}}}
	_, err := result.Manifests(everything)
	want := "chart/templates/a.yaml: what it renders to is no YAML: yaml: line 2: mapping values are not allowed in this context"
	if err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}
