package scan_test

import (
	"io/fs"
	"maps"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/pullcheck/pullcheck/check/scan"
	"github.com/pullcheck/pullcheck/render"
)

// TestWorkspaceFindsSourcesOnce: after the sources were found, scans and further calls of Sources list no directory of
// the tree, although each proof needs all sources of the tree. Only the render of a chart lists the directories of the
// chart.
func TestWorkspaceFindsSourcesOnce(t *testing.T) {
	t.Parallel()
	files := &listed{MapFS: fstest.MapFS{}, count: map[string]int{}}
	for name, text := range map[string]string{
		"charts/api/Chart.yaml":         "apiVersion: v2\nname: api\nversion: 1.0.0\n",
		"charts/api/values.yaml":        "image: {pullPolicy: IfNotPresent}\n",
		"charts/api/templates/pod.yaml": pod("api", "{{ .Values.image.pullPolicy }}"),
		"base/kustomization.yaml":       "resources: [pod.yaml]\n",
		"base/pod.yaml":                 pod("web", "IfNotPresent"),
		"prod/kustomization.yaml":       "resources: [../base]\n",
		"manifests/db/pod.yaml":         pod("db", "Never"),
		"docs/pictures/README.md":       "# Pictures\n",
	} {
		files.MapFS[name] = &fstest.MapFile{Data: []byte(text)}
	}
	workspace := scan.New(scan.Config{Tree: files, CacheDir: t.TempDir(), Offline: true})
	sources, err := workspace.Sources(t.Context())
	if err != nil || len(sources) != 3 {
		t.Fatalf("found %v, %v", sources, err)
	}
	found := files.times()
	for range 2 {
		for _, source := range sources {
			result := workspace.Scan(t.Context(), []render.Source{source}, scan.Options{Jobs: 1, Prove: scan.ProveInTree})
			if len(result.Report.Failures) > 0 || len(result.Files) != 1 {
				t.Fatalf("%s: failures %v, fixed files %v", source.ID(), result.Report.Failures, result.Files)
			}
		}
		if again, err := workspace.Sources(t.Context()); err != nil || len(again) != len(sources) {
			t.Fatalf("found %v, %v, and %v before", again, err, sources)
		}
	}
	for name, times := range files.times() {
		if times != found[name] && name != "charts/api" && name != "charts/api/templates" {
			t.Errorf("%s was listed %d times after the sources were found", name, times-found[name])
		}
	}
}

// pod returns a Pod with one container and a policy.
func pod(name, policy string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + "}\nspec:\n  containers:\n" +
		"    - name: " + name + "\n      image: example/" + name + ":1\n      imagePullPolicy: " + policy + "\n"
}

// listed counts how often each directory is listed.
type listed struct {
	fstest.MapFS
	mutex sync.Mutex
	count map[string]int
}

// ReadDir implements fs.ReadDirFS.
func (l *listed) ReadDir(name string) ([]fs.DirEntry, error) {
	l.add(name)
	return l.MapFS.ReadDir(name)
}

// Open implements fs.FS. Opening a directory counts as listing it.
func (l *listed) Open(name string) (fs.File, error) {
	if info, err := l.Stat(name); err == nil && info.IsDir() {
		l.add(name)
	}
	return l.MapFS.Open(name)
}

func (l *listed) add(name string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.count[name]++
}

func (l *listed) times() map[string]int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return maps.Clone(l.count)
}
