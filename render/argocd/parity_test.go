package argocd

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/helm"
	"github.com/pullcheck/pullcheck/render/kustomize"
	"github.com/pullcheck/pullcheck/render/raw"
)

// parityCase is an Application in a tree, the commands that Argo CD runs for it in a clone, and what these print.
type parityCase struct {
	tree                fstest.MapFS
	app, commands, want string
}

func isThisRepository(repoURL string) bool { return repoURL == "https://example.com/ours.git" }

func parsed(t testing.TB, text string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	return object
}

// parityOptions are what Argo CD knows of the cluster.
var parityOptions = Options{Ours: isThisRepository, KubeVersion: "1.31.2-eks.1", APIVersions: []string{"v1", "example.com/v1/Widget"}}

// TestParity renders app.yaml of each archive and compares with want, which is what the commands print that Argo CD would
// run; its plugin of this program does the same. With PULLCHECK_TOOLS, a directory with helm and kustomize, the commands
// are run as well: their output must be want, too, which is how it was made.
func TestParity(t *testing.T) {
	archives, err := filepath.Glob("testdata/parity/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			test := readParityCase(t, name)
			engines := parityEngines(t)
			if tools := os.Getenv("PULLCHECK_TOOLS"); tools != "" {
				compareText(t, "the commands", run(t, tools, test), test.want)
			}
			compareText(t, "the Application", renderApplication(t, engines, test), test.want)
			if text, ok := renderPlugin(t, engines, test); ok {
				compareText(t, "the plugin", text, test.want)
			}
		})
	}
}

// readParityCase reads an archive. What is below a name with .tgz is packaged.
func readParityCase(t *testing.T, name string) parityCase {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	test := parityCase{tree: fstest.MapFS{}}
	packages := map[string][]txtar.File{}
	for _, file := range archive.Files {
		dir, inside, packaged := strings.Cut(file.Name, ".tgz/")
		switch {
		case packaged:
			packages[dir+".tgz"] = append(packages[dir+".tgz"], txtar.File{Name: inside, Data: file.Data})
		case file.Name == "commands":
			test.commands = string(file.Data)
		case file.Name == "want":
			test.want = string(file.Data)
		case file.Name == "app.yaml":
			test.app = string(file.Data)
		default:
			test.tree[file.Name] = &fstest.MapFile{Data: file.Data, Mode: 0o644}
		}
	}
	for name, files := range packages {
		test.tree[name] = &fstest.MapFile{Data: packaged(t, files), Mode: 0o644}
	}
	return test
}

func packaged(t *testing.T, files []txtar.File) []byte {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	archive := tar.NewWriter(zipped)
	for _, file := range files {
		if err := archive.WriteHeader(&tar.Header{Name: file.Name, Mode: 0o644, Size: int64(len(file.Data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write(file.Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmp.Or(archive.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func parityEngines(t *testing.T) map[render.Kind]render.Engine {
	charts := &helm.Charts{Dir: t.TempDir(), Offline: true}
	engine := &helm.Engine{Charts: charts}
	return map[render.Kind]render.Engine{
		render.Helm: engine, render.Raw: raw.Engine{},
		render.Kustomize: &kustomize.Engine{Charts: charts, Helm: engine, Dir: t.TempDir(), Offline: true},
	}
}

// run runs the commands in a copy of the tree, in its root, which is $ROOT.
func run(t *testing.T, tools string, test parityCase) string {
	t.Helper()
	root := t.TempDir()
	if err := os.CopyFS(root, test.tree); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("sh", "-eu", "-c", test.commands)
	command.Dir = root
	home := t.TempDir()
	command.Env = []string{"PATH=" + tools + ":/usr/bin:/bin", "HOME=" + home, "ROOT=" + root, "TMPDIR=" + home}
	var complaints bytes.Buffer
	command.Stderr = &complaints
	text, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, complaints.Bytes())
	}
	return string(text)
}

func renderApplication(t *testing.T, engines map[render.Kind]render.Engine, test parityCase) string {
	t.Helper()
	tree := maps.Clone(test.tree)
	tree["app.yaml"] = &fstest.MapFile{Data: []byte(test.app)}
	declaring := render.Source{Kind: render.Raw, Path: "app.yaml", Files: []render.File{{Path: "app.yaml"}}}
	var text strings.Builder
	for _, source := range Discover(context.Background(), tree, engines, []render.Source{declaring}, parityOptions) {
		if source.Environment == "" {
			continue
		}
		if source.Skip != "" {
			t.Fatalf("%s is skipped: %s", source, source.Skip)
		}
		text.WriteString(renderSource(t, engines, tree, source))
	}
	return text.String()
}

func renderSource(t *testing.T, engines map[render.Kind]render.Engine, tree fs.FS, source render.Source) string {
	t.Helper()
	result, err := engines[source.Kind].Render(context.Background(), tree, source)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	return string(result.Text)
}

// renderPlugin renders with the options of the Application as parameters of the plugin, if the plugin can have them: it
// does not see other sources.
func renderPlugin(t *testing.T, engines map[render.Kind]render.Engine, test parityCase) (text string, ok bool) {
	t.Helper()
	d := &discovery{options: parityOptions}
	app, err := d.application(parsed(t, test.app))
	if err != nil {
		t.Fatal(err)
	}
	if len(app.Refs) > 0 {
		return "", false
	}
	for _, given := range app.sources {
		merged, err := app.override(test.tree, given)
		if err != nil {
			t.Fatal(err)
		}
		kind, _ := kindOf(test.tree, merged)
		if byFiles, _ := kindOf(test.tree, Source{Path: merged.Path}); kind != byFiles {
			return "", false // It takes what the files are.
		}
		source, err := Source{RepoURL: given.RepoURL, Path: given.Path}.WithParameters(test.tree, pluginParameters(t, merged))
		if err != nil {
			t.Fatal(err)
		}
		app.Env["ARGOCD_APP_SOURCE_PATH"] = given.Path
		resolved, err := app.App.Resolve(test.tree, source)
		if err != nil {
			t.Fatal(err)
		}
		text += renderSource(t, engines, test.tree, resolved)
	}
	return text, true
}

// pluginParameters are a source's options in the form of the plugin.
func pluginParameters(t *testing.T, s Source) []PluginParameter {
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

func plainParameters(fields map[string]any) (given []PluginParameter) {
	for name, value := range fields {
		p := PluginParameter{Name: name}
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

func mapParameters(found map[string]map[string]string) (given []PluginParameter) {
	for name, entries := range found {
		given = append(given, PluginParameter{Name: name, Map: entries})
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

func compareText(t *testing.T, what, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
	i := 0
	for i < len(gotLines) && i < len(wantLines) && gotLines[i] == wantLines[i] {
		i++
	}
	t.Errorf("%s differs from want in line %d; it is:\n%s", what, i+1, got)
}
