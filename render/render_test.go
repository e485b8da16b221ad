package render

import (
	"strings"
	"testing"
)

func TestManifests(t *testing.T) {
	result := &Result{Documents: []Document{
		{Path: "a.yaml", Text: []byte(`# a comment, and an empty document
---
---
apiVersion: v1
kind: Pod
metadata: {name: one, namespace: prod}
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
	}}
	manifests, err := result.Manifests()
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
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if line := manifests[1].Node.Line; line != 11 {
		t.Errorf("the second object is in line %d, want 11", line)
	}
}

func TestManifestsNamesThePlaceOfBrokenYAML(t *testing.T) {
	result := &Result{Documents: []Document{{Path: "a.yaml", Text: []byte("a: 1\n---\nb: 1\n  c: 2\n")}}}
	_, err := result.Manifests()
	if want := "a.yaml:4:3: mapping values are not allowed in this context"; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}
