package scan_test

import (
	"bytes"
	"context"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/scan"
	"github.com/pullcheck/pullcheck/render"
)

// endless matches what lets a template run without end, or build a text without limit. Helm's library cannot be stopped
// there, so that it is not for this test. A schema may name a URL, which Helm's library opens.
var endless = regexp.MustCompile(`include|\{\{-?\s*(template|define|block)|tpl|repeat|until|seq|range|rand|gen|bcrypt|htpasswd|derive|indent|printf|%|schema`)

// FuzzCheck checks charts, kustomizations, manifests and Applications that stand in a txtar archive. It holds that
// nothing panics or goes on without end; that each source is in the report, as a failure if it did not render; that a
// second check says the same; and that the files after the fixes have none of the findings that are fixed, and no new one.
func FuzzCheck(f *testing.F) {
	for _, name := range []string{
		"pull-policy-digest/digest", "pull-policy-invalid/invalid", "pull-policy-unset/unset", "pull-policy-not-always/environments", "pull-policy-not-always/kustomize_base",
		"pull-policy-not-always/kustomize_patches", "pull-policy-not-always/manifest_json", "pull-policy-not-always/values_anchor_shared", "pull-policy-not-always/values_top",
	} {
		archive, err := txtar.ParseFile("../../testdata/rules/" + name + ".txtar")
		if err != nil {
			f.Fatal(err)
		}
		var input txtar.Archive
		for _, file := range archive.Files {
			if file.Name != "want" && file.Name != "args" && !strings.HasPrefix(file.Name, "fixed/") {
				input.Files = append(input.Files, file)
			}
		}
		f.Add(txtar.Format(&input))
	}
	f.Add([]byte(applications))
	cache := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		files := treeOf(text)
		if files == nil {
			return
		}
		first := checkTree(t, files, cache)
		if second := checkTree(t, files, cache); !slices.Equal(fingerprints(first.Report, nil), fingerprints(second.Report, nil)) {
			t.Errorf("a second check finds something else")
		}
		if len(first.Files) == 0 {
			return
		}
		for _, file := range first.Files {
			if files[file.Path] == nil || string(files[file.Path].Data) != string(file.Before) {
				t.Fatalf("%s is fixed, and is not what was checked", file.Path)
			}
			files[file.Path] = &fstest.MapFile{Data: file.After, Mode: 0o644}
		}
		last := checkTree(t, files, cache)
		if len(last.Report.Failures) > len(first.Report.Failures) {
			t.Errorf("the fixes break %v", last.Report.Failures)
		}
		unfixed := fingerprints(first.Report, func(f check.Finding) bool { return f.Fix == nil })
		for _, left := range fingerprints(last.Report, nil) {
			i := slices.Index(unfixed, left)
			if i < 0 {
				t.Fatalf("%s is left, want only %v", left, unfixed)
			}
			unfixed = slices.Delete(unfixed, i, i+1)
		}
	})
}

const applications = `-- apps.yaml --
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web}
spec:
  source: {repoURL: "https://example.com/ours.git", path: chart, helm: {values: "policy: Never"}}
---
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: all}
spec:
  generators: [{git: {repoURL: "https://example.com/ours.git", directories: [{path: "*"}]}}]
  template: {metadata: {name: "{{path}}"}, spec: {source: {repoURL: "https://example.com/ours.git", path: "{{path}}"}}}
-- chart/Chart.yaml --
apiVersion: v2
name: chart
version: 1.0.0
-- chart/values.yaml --
policy: IfNotPresent
-- chart/templates/pod.yaml --
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: "web:1", imagePullPolicy: "{{ .Values.policy }}"}]}
`

// treeOf returns the files of an archive; nil if this test is not for them.
func treeOf(text []byte) fstest.MapFS {
	if bytes.Contains(text, []byte("-- --")) {
		return nil // Package txtar panics.
	}
	archive := txtar.Parse(text)
	if len(text) > 20_000 || len(archive.Files) == 0 || len(archive.Files) > 20 {
		return nil
	}
	files := fstest.MapFS{}
	for _, file := range archive.Files {
		if !fs.ValidPath(file.Name) || endless.Match(file.Data) {
			return nil
		}
		files[file.Name] = &fstest.MapFile{Data: file.Data, Mode: 0o644}
	}
	for name := range files {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if files[dir] != nil {
				return nil // A file has the name of a directory.
			}
		}
	}
	return files
}

// checkTree checks all sources of a tree, and holds that each of them is in the report.
func checkTree(t *testing.T, files fstest.MapFS, cache string) *scan.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	workspace := scan.New(scan.Config{Tree: files, CacheDir: cache, Offline: true, RepositoryURL: "https://example.com/ours.git"})
	sources, err := workspace.Sources(ctx)
	if err != nil {
		t.Fatal(err)
	}
	result := workspace.Scan(ctx, sources, scan.Options{Jobs: 1, Prove: scan.ProveInTree})
	if err := ctx.Err(); err != nil {
		t.Fatalf("the check takes too long: %v", err)
	}
	status := map[render.ID]check.Status{}
	failed := 0
	for _, s := range result.Report.Sources {
		status[render.ID{Kind: s.Kind, Path: s.Path, Environment: s.Environment}] = s.Status
		if s.Status == check.Failed {
			failed++
		}
	}
	for _, source := range sources {
		if _, ok := status[source.ID()]; !ok {
			t.Errorf("%s is not in the report", source.ID())
		}
	}
	if failed != len(result.Report.Failures) {
		t.Errorf("%d sources failed, and there are %d failures", failed, len(result.Report.Failures))
	}
	return result
}

// fingerprints returns the fingerprints of the findings that are wanted, sorted.
func fingerprints(report *check.Report, wanted func(check.Finding) bool) []string {
	var all []string
	for _, f := range report.Findings {
		if wanted == nil || wanted(f) {
			all = append(all, f.Rule+" "+f.Fingerprint)
		}
	}
	slices.Sort(all)
	return all
}
