package scan_test

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pullcheck/pullcheck/check/scan"
)

// TestEachReadMayFail lets one read of the tree after the other fail. A file that cannot be read is never taken for one
// that is not there: the check fails, or a source does, or the report is the same as without the fault.
func TestEachReadMayFail(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{}
	for _, file := range txtar.Parse([]byte(faultTree)).Files {
		files[file.Name] = &fstest.MapFile{Data: file.Data, Mode: 0o644}
	}
	cache := t.TempDir()
	check := func(tree *faultyTree) (report []string, failed bool) {
		workspace := scan.New(scan.Config{Tree: tree, CacheDir: cache, Offline: true, RepositoryURL: "https://example.com/ours.git"})
		sources, err := workspace.Sources(t.Context())
		if err != nil {
			return nil, true
		}
		result := workspace.Scan(t.Context(), sources, scan.Options{Jobs: 1})
		report = fingerprints(result.Report, nil)
		for _, s := range result.Report.Sources {
			report = append(report, fmt.Sprint(s.Path, " ", s.Environment, " ", s.Status, " ", s.Containers))
		}
		return report, len(result.Report.Failures) > 0
	}
	whole := &faultyTree{MapFS: files, reads: map[string]int{}}
	want, failed := check(whole)
	if failed || len(want) < 8 || len(whole.reads) < 50 {
		t.Fatalf("without a fault there are %d reads, and %v", len(whole.reads), want)
	}
	for _, read := range slices.Sorted(maps.Keys(whole.reads)) {
		times := []int{1}
		if last := whole.reads[read]; last > 1 && strings.HasPrefix(read, "read ") {
			times = append(times, last) // The first read finds the sources, and the last one renders.
		}
		for _, at := range times {
			tree := &faultyTree{MapFS: files, reads: map[string]int{}, failing: read, at: at}
			if got, failed := check(tree); !failed && !slices.Equal(got, want) {
				t.Errorf("%s fails at its read %d, and the report is\n%s\nwant a failure, or\n%s", read, at, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}

// faultyTree is a tree in which one read fails.
type faultyTree struct {
	fstest.MapFS
	mutex   sync.Mutex
	failing string         // the read that fails: what is done, and the path
	at      int            // when it fails: at its first time, its second, …
	reads   map[string]int // how often there was each read
}

func (f *faultyTree) read(op, name string) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	read := op + " " + name
	if f.reads[read]++; read == f.failing && f.reads[read] == f.at {
		return &fs.PathError{Op: op, Path: name, Err: syscall.EIO}
	}
	return nil
}

func (f *faultyTree) Open(name string) (fs.File, error) {
	if err := f.read("open", name); err != nil {
		return nil, err
	}
	return f.MapFS.Open(name)
}

func (f *faultyTree) ReadFile(name string) ([]byte, error) {
	if err := f.read("read", name); err != nil {
		return nil, err
	}
	return f.MapFS.ReadFile(name)
}

func (f *faultyTree) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := f.read("readdir", name); err != nil {
		return nil, err
	}
	return f.MapFS.ReadDir(name)
}

func (f *faultyTree) Stat(name string) (fs.FileInfo, error) {
	if err := f.read("stat", name); err != nil {
		return nil, err
	}
	return f.MapFS.Stat(name)
}

func (f *faultyTree) Lstat(name string) (fs.FileInfo, error) {
	if err := f.read("lstat", name); err != nil {
		return nil, err
	}
	return f.MapFS.Lstat(name)
}

const faultTree = applications + `-- apps.yaml --
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web}
spec:
  source: {repoURL: "https://example.com/ours.git", path: chart, helm: {values: "policy: Never"}}
-- .gitignore --
/out
-- out/pod.yaml --
{apiVersion: v1, kind: Pod, metadata: {name: ignored}, spec: {containers: [{name: a, image: "a:1"}]}}
-- chart/.helmignore --
templates/no.yaml
-- chart/templates/no.yaml --
{{ fail "this is ignored" }}
-- chart/values-prod.yaml --
policy: Never
-- chart/charts/sub/Chart.yaml --
name: sub
version: 1.0.0
-- chart/charts/sub/values.yaml --
p: Never
-- chart/charts/sub/templates/pod.yaml --
{apiVersion: v1, kind: Pod, metadata: {name: sub}, spec: {containers: [{name: a, image: "a:1", imagePullPolicy: "{{ .Values.p }}"}]}}
-- prod/kustomization.yaml --
resources: [../base]
components: [../component]
patches: [{path: patch.yaml}]
-- prod/patch.yaml --
{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: web, imagePullPolicy: Never}]}}
-- base/kustomization.yaml --
resources: [pod.yaml]
-- base/pod.yaml --
{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: web, image: "web:1"}]}}
-- component/kustomization.yaml --
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
namePrefix: a-
-- manifests/pod.yaml --
{apiVersion: v1, kind: Pod, metadata: {name: db}, spec: {containers: [{name: db, image: "db:1"}]}}
`
