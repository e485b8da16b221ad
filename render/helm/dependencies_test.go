package helm

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"helm.sh/helm/v3/pkg/chart"

	"github.com/pullcheck/pullcheck/internal/charttest"
	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/helm/chartrepo"
)

// parent is a chart with dependencies, and a template that prints the names of its subcharts.
func parent(chartYAML string, more map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{
		"app/Chart.yaml":            {Data: []byte("apiVersion: v2\nname: app\nversion: 1.0.0\n" + chartYAML)},
		"app/templates/charts.yaml": {Data: []byte("{{ range $name, $c := .Subcharts }}{{ $name }}: {{ $c.Chart.Version }}\n{{ end }}")},
	}
	for name, content := range more {
		fsys[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return fsys
}

func TestDependenciesAreAddedInTheLockedVersion(t *testing.T) {
	repository := charttest.Serve(t, "db", "", "1.0.0", "1.5.0", "2.0.0")
	host, err := fetch.ParseHost("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	const ask = "dependencies: [{name: db, version: ^1.0.0, repository: %}]\n"
	remote := strings.ReplaceAll(ask, "%", repository)
	for _, test := range []struct {
		name  string
		chart string
		files map[string]string
		want  string
	}{
		{name: "the newest that fits", chart: remote, want: "db: 1.5.0"},
		{name: "the locked version", chart: remote, files: map[string]string{
			"app/Chart.lock": strings.Replace(remote, "^1.0.0", "1.0.0", 1),
		}, want: "db: 1.0.0"},
		{name: "a vendored directory", chart: remote, files: map[string]string{
			"app/charts/db/Chart.yaml": "apiVersion: v2\nname: db\nversion: 1.2.3\n",
		}, want: "db: 1.2.3"},
		{name: "a vendored archive", chart: remote, files: map[string]string{
			"app/charts/db-1.3.0.tgz": string(charttest.Pack(t, &chart.Chart{Metadata: &chart.Metadata{APIVersion: "v2", Name: "db", Version: "1.3.0"}})),
		}, want: "db: 1.3.0"},
		{name: "a chart beside this one", chart: strings.ReplaceAll(ask, "%", "file://../db"), files: map[string]string{
			"db/Chart.yaml": "apiVersion: v2\nname: db\nversion: 1.4.0\n",
		}, want: "db: 1.4.0"},
		{name: "one chart in two versions", chart: "dependencies: [{name: db, version: 1.0.0, alias: old, repository: %}, {name: db, version: 2.0.0, alias: new, repository: %}]\n", want: "new: 2.0.0\nold: 1.0.0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fsys := parent(strings.ReplaceAll(test.chart, "%", repository), test.files)
			engine := &Engine{Charts: &chartrepo.Client{Dir: t.TempDir(), Network: fetch.Network{Allowed: []fetch.Host{host}}}}
			result, err := Source{Engine: engine, Path: "app"}.Render(context.Background(), render.In{Tree: fsys})
			if err != nil {
				t.Fatal(err)
			}
			if want := "---\n# Source: app/templates/charts.yaml\n" + test.want + "\n"; string(result.Text) != want {
				t.Errorf("got:\n%s\nwant:\n%s", result.Text, want)
			}
		})
	}
}

// TestDocumentsOfPackagedChartsHavePathsInTheArchive: the path is the path of the archive, and then the path in the chart. It
// does not depend on the alias that Helm prints.
func TestDocumentsOfPackagedChartsHavePathsInTheArchive(t *testing.T) {
	archive := charttest.Pack(t, &chart.Chart{
		Metadata:  &chart.Metadata{APIVersion: "v2", Name: "db", Version: "1.3.0"},
		Templates: []*chart.File{{Name: "templates/pod.yaml", Data: []byte("kind: Pod")}},
	})
	fsys := parent("dependencies: [{name: db, version: 1.3.0, alias: other}]\n", map[string]string{"app/charts/db-1.3.0.tgz": string(archive)})
	for _, test := range []struct {
		name, path, source, want string
	}{
		{"a vendored archive", "app", "# Source: app/charts/other/templates/pod.yaml", "app/charts/db-1.3.0.tgz/templates/pod.yaml"},
		{"an archive itself", "app/charts/db-1.3.0.tgz", "# Source: db/templates/pod.yaml", "app/charts/db-1.3.0.tgz/templates/pod.yaml"},
	} {
		t.Run(test.name, func(t *testing.T) {
			result, err := Source{Engine: &Engine{}, Path: test.path}.Render(context.Background(), render.In{Tree: fsys})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(result.Text), test.source+"\nkind: Pod\n") {
				t.Errorf("%q is not in the output:\n%s", test.source, result.Text)
			}
			if !slices.ContainsFunc(result.Documents, func(d render.Document) bool { return string(d.Text) == "kind: Pod" && d.Path == test.want }) {
				t.Errorf("no document is from %s: %v", test.want, result.Documents)
			}
		})
	}
}

// TestSymbolicLinksStayInsideTheTree: the engine follows links as Helm does, but not out of the tree and not in a circle.
func TestSymbolicLinksStayInsideTheTree(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	write(t, filepath.Join(dir, "app/Chart.yaml"), []byte("apiVersion: v2\nname: app\nversion: 1.0.0\n"))
	write(t, filepath.Join(dir, "shared/pod.yaml"), []byte("kind: Pod\n"))
	link := func(target string) {
		t.Helper()
		name := filepath.Join(dir, "app/templates")
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	render := func() (*render.Result, error) {
		return Source{Engine: &Engine{}, Path: "app"}.Render(context.Background(), render.In{Tree: root.FS()})
	}
	link("../shared")
	if result, err := render(); err != nil || !strings.Contains(string(result.Text), "kind: Pod") {
		t.Errorf("a link in the tree: %v, %v", result, err)
	}
	link(outside)
	if _, err := render(); err == nil || !strings.Contains(err.Error(), "app/templates: a symbolic link that cannot be followed: path escapes from parent") {
		t.Errorf("a link out of the tree: %v", err)
	}
	link("..")
	if _, err := render(); err == nil || !strings.Contains(err.Error(), "a symbolic link that cannot be followed: too many levels of symbolic links") {
		t.Errorf("a link in a circle: %v", err)
	}
}

// TestLocalChartsBringTheirDependencies also holds that a circle of file:// dependencies is an error.
func TestLocalChartsBringTheirDependencies(t *testing.T) {
	dependsOn := func(name string) string {
		return "dependencies: [{name: " + name + ", version: 1.0.0, repository: file://../" + name + "}]\n"
	}
	fsys := parent(dependsOn("sub"), map[string]string{
		"sub/Chart.yaml":          "apiVersion: v2\nname: sub\nversion: 1.0.0\n" + dependsOn("leaf"),
		"leaf/Chart.yaml":         "apiVersion: v2\nname: leaf\nversion: 1.0.0\n",
		"leaf/templates/pod.yaml": "kind: Pod\n",
	})
	result, err := Source{Engine: &Engine{}, Path: "app"}.Render(context.Background(), render.In{Tree: fsys})
	if err != nil || !strings.Contains(string(result.Text), "# Source: app/charts/sub/charts/leaf/templates/pod.yaml\nkind: Pod\n") {
		t.Errorf("got %v, %v", result, err)
	}
	fsys["leaf/Chart.yaml"].Data = []byte("apiVersion: v2\nname: leaf\nversion: 1.0.0\n" + dependsOn("sub"))
	_, err = Source{Engine: &Engine{}, Path: "app"}.Render(context.Background(), render.In{Tree: fsys})
	const want = "app/Chart.yaml: dependency sub: sub/Chart.yaml: dependency leaf: leaf/Chart.yaml: dependency sub: " +
		"this is a cycle: sub depends on the chart that names it"
	if err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}
