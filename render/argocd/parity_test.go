package argocd

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
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
	"github.com/pullcheck/pullcheck/render/declared"
	"github.com/pullcheck/pullcheck/render/helm"
	"github.com/pullcheck/pullcheck/render/helm/chartrepo"
	"github.com/pullcheck/pullcheck/render/kustomize"
	"github.com/pullcheck/pullcheck/render/raw"
)

// parityCase is an Application in a tree, with the commands that Argo CD runs for it in a clone, and their output.
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

// parityOptions are the facts about the cluster that Argo CD knows.
var parityDeclarer = Declarer{IsThisRepository: isThisRepository, KubeVersion: "1.31.2-eks.1", APIVersions: []string{"v1", "example.com/v1/Widget"}}

// TestRenderEqualsArgoCDsCommands renders app.yaml of each archive, and compares the result with the file want: the output
// of the commands that Argo CD would run. If PULLCHECK_TOOLS names a directory with helm and kustomize, the test runs these
// commands, too, and compares their output with want. The files want were made so.
func TestRenderEqualsArgoCDsCommands(t *testing.T) {
	archives, err := filepath.Glob("testdata/parity/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			test := readParityCase(t, name)
			declarer := parityDeclarer.withEngines(t)
			if tools := os.Getenv("PULLCHECK_TOOLS"); tools != "" {
				compareText(t, "the commands", run(t, tools, test), test.want)
			}
			compareText(t, "the Application", renderApplication(t, declarer, test), test.want)
		})
	}
}

// readParityCase reads an archive. It packages the files below a name with .tgz as a chart.
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

// withEngines returns the declarer with engines that download nothing.
func (d Declarer) withEngines(t *testing.T) Declarer {
	charts := &chartrepo.Client{Dir: t.TempDir(), Offline: true}
	d.Helm = &helm.Engine{Charts: charts}
	d.Plugins = map[string]ResolvePlugin{"pullcheck": func(_ fs.FS, s Source) (Source, error) {
		s.Plugin = nil
		return s, nil
	}}
	d.Kustomize = &kustomize.Engine{Charts: charts, Helm: d.Helm, Dir: t.TempDir(), Offline: true}
	return d
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

func renderApplication(t *testing.T, declarer Declarer, test parityCase) string {
	t.Helper()
	fsys := maps.Clone(test.tree)
	fsys["app.yaml"] = &fstest.MapFile{Data: []byte(test.app)}
	declaring := raw.Source{Path: "app.yaml", Manifests: []render.File{{Path: "app.yaml"}}}
	var text strings.Builder
	for _, source := range declared.Find(t.Context(), fsys, []render.Source{declaring}, declarer) {
		if source.ID().Environment == "" {
			continue
		}
		if unrendered, ok := source.(render.Unrendered); ok && unrendered.Skip != nil {
			t.Fatalf("%s is skipped: %s", source.ID(), unrendered.Skip.Reason)
		}
		text.WriteString(renderSource(t, fsys, source))
	}
	return text.String()
}

func renderSource(t *testing.T, fsys fs.FS, source render.Source) string {
	t.Helper()
	result, err := source.Render(t.Context(), render.In{Tree: fsys})
	if err != nil {
		t.Fatalf("%s: %v", source.ID(), err)
	}
	return string(result.Text)
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
