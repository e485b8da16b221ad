package scan

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"reflect"
	"testing"
	"testing/fstest"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render"
)

// TestCheckedIsKept: what a scan keeps of a source reaches the next child as it is. If package gob could not encode it,
// a death of the child would cost all finished work.
func TestCheckedIsKept(t *testing.T) {
	t.Parallel()
	workspace := New(Config{CacheDir: t.TempDir(), Offline: true, Tree: fstest.MapFS{
		"web/Chart.yaml":         {Data: []byte("apiVersion: v2\nname: web\nversion: 1.0.0\n")},
		"web/values.yaml":        {Data: []byte("policy: IfNotPresent\n")},
		"web/templates/pod.yaml": {Data: []byte(pod("web", "{{ .Values.policy }}") + "---\n" + pod("db", "Never"))},
		"app/kustomization.yaml": {Data: []byte("resources: [pod.yaml]\nnamePrefix: a-\n")},
		"app/pod.yaml":           {Data: []byte(pod("app", "IfNotPresent"))},
	}})
	sources, err := workspace.Sources(t.Context())
	if err != nil || len(sources) != 2 {
		t.Fatalf("found %v, %v", sources, err)
	}
	s := &scan{Workspace: workspace, options: Options{Prove: ProveInTree}, sources: sources}
	outcomes, all := render.All(t.Context(), workspace.tree, sources, render.AllOptions{Jobs: 1}, s.check)
	for i, made := range all {
		if outcomes[i].Err != nil {
			t.Fatal(outcomes[i].Err)
		}
		var text bytes.Buffer
		if err := gob.NewEncoder(&text).Encode(made); err != nil {
			t.Fatal(err)
		}
		var kept checked
		if err := gob.NewDecoder(&text).Decode(&kept); err != nil {
			t.Fatal(err)
		}
		if len(made.Hits) == 0 || made.Before == nil || len(made.Candidates) == 0 {
			t.Fatalf("%s: there is nothing to keep: %+v", sources[i].ID(), made)
		}
		if kept.Containers != made.Containers || !reflect.DeepEqual(kept.Before, made.Before) || !reflect.DeepEqual(kept.Candidates, made.Candidates) {
			t.Errorf("%s: kept %+v\nof %+v", sources[i].ID(), kept, made)
		}
		if got, want := reportOf(t, kept.Hits), reportOf(t, made.Hits); got != want {
			t.Errorf("%s: kept %s\nof %s", sources[i].ID(), got, want)
		}
	}
}

// reportOf returns the report of hits, also with the parts that JSON leaves out.
func reportOf(t *testing.T, hits []check.Hit) string {
	t.Helper()
	report := check.NewReport(hits, nil, nil)
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		for _, hit := range f.Hits {
			text = append(text, hit.Decision.Snippet+hit.Decision.Above+hit.Ref.Field+hit.Rule.ID...)
		}
	}
	return string(text)
}

// pod returns a Pod with one container and a policy.
func pod(name, policy string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + "}\nspec:\n  containers:\n" +
		"    - name: " + name + "\n      image: example/" + name + ":1\n      imagePullPolicy: " + policy + "\n"
}
