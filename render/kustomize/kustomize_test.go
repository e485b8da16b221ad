package kustomize

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/helm"
	"github.com/pullcheck/pullcheck/render/helm/chartrepo"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// treeOf returns the files of an archive. A file "NAME -> TARGET" is a symbolic link.
func treeOf(archive string) fstest.MapFS {
	files := fstest.MapFS{}
	for _, file := range txtar.Parse([]byte(archive)).Files {
		if name, target, ok := strings.Cut(file.Name, " -> "); ok {
			files[name] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
			continue
		}
		files[file.Name] = &fstest.MapFile{Data: file.Data, Mode: 0o666}
	}
	return files
}

// buildTest is an archive of testdata/build: a line "build: DIRECTORY", perhaps "load restrictor: none", the
// tree, and in the file want what the program kustomize v5.8.2 prints for it with --enable-helm.
type buildTest struct {
	name   string
	tree   fstest.MapFS
	want   string
	source Source
}

var buildLine = regexp.MustCompile(`(?m)^build: (.*)$`)

func buildTests(t *testing.T) []buildTest {
	names, err := filepath.Glob("testdata/build/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("there are no archives in testdata/build", err)
	}
	var tests []buildTest
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		test := buildTest{name: strings.TrimSuffix(filepath.Base(name), ".txtar"), tree: treeOf(string(txtar.Format(archive)))}
		test.want = string(test.tree["want"].Data)
		delete(test.tree, "want")
		test.source.Path = buildLine.FindStringSubmatch(string(archive.Comment))[1]
		test.source.Options.LoadRestrictionsNone = strings.Contains(string(archive.Comment), "load restrictor: none\n")
		tests = append(tests, test)
	}
	return tests
}

// local is a network on which this machine may be asked.
var local = func() fetch.Network {
	host, err := fetch.ParseHost("127.0.0.1")
	if err != nil {
		panic(err)
	}
	return fetch.Network{Allowed: []fetch.Host{host}}
}()

// engine is an Engine with a cache of its own and without any chart repository.
func engine(t *testing.T) *Engine {
	return &Engine{Network: local, LocalRepositories: true, Dir: t.TempDir(), Env: os.Environ(), Helm: &helm.Engine{Charts: &chartrepo.Client{Dir: t.TempDir(), Offline: true}}}
}

func TestRenderPrintsWhatKustomizeBuildPrints(t *testing.T) {
	for _, test := range buildTests(t) {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			result, err := engine(t).Render(context.Background(), render.In{Tree: test.tree}, test.source)
			if err != nil {
				t.Fatal(err)
			}
			if string(result.Text) != test.want {
				t.Errorf("got\n%s\nwant\n%s", result.Text, test.want)
			}
			file, _ := FindFile(test.tree, test.source.Path)
			var texts []string
			for _, document := range result.Documents {
				texts = append(texts, string(document.Text))
				if document.Path != file || strings.Contains(string(document.Text), "\n---\n") {
					t.Errorf("document at %s, want one object at %s: %s", document.Path, file, document.Text)
				}
			}
			if joined := strings.Join(texts, "---\n"); joined != test.want {
				t.Errorf("the documents are\n%s\nwant\n%s", joined, test.want)
			}
		})
	}
}

// TestRenderEqualsAPI compares the engine with kustomize's own API on the same files.
func TestRenderEqualsAPI(t *testing.T) {
	for _, test := range buildTests(t) {
		if strings.HasPrefix(test.name, "helm") || test.name == "metadata" {
			continue // The API runs a helm binary, and calls itself by the version of the program it is in.
		}
		t.Run(test.name, func(t *testing.T) {
			disk := filesys.MakeFsInMemory()
			for name, file := range test.tree {
				if err := disk.WriteFile("/"+name, file.Data); err != nil {
					t.Fatal(err)
				}
			}
			options := krusty.MakeDefaultOptions()
			options.Reorder = krusty.ReorderOptionUnspecified
			if test.source.Options.LoadRestrictionsNone {
				options.LoadRestrictions = types.LoadRestrictionsNone
			}
			m, err := krusty.MakeKustomizer(options).Run(disk, path.Join("/", test.source.Path))
			if err != nil {
				t.Fatal(err)
			}
			want, err := m.AsYaml()
			if err != nil {
				t.Fatal(err)
			}
			result, err := engine(t).Render(context.Background(), render.In{Tree: test.tree}, test.source)
			if err != nil || string(result.Text) != string(want) {
				t.Errorf("got %v\n%s\nwant\n%s", err, result.Text, want)
			}
		})
	}
}

func TestKustomizationWithoutResourcesIsSkipped(t *testing.T) {
	result, err := Source{Engine: engine(t), Path: "a"}.Render(context.Background(), render.In{Tree: treeOf("-- a/kustomization.yaml --\nnamespace: a\n")})
	if err != nil || len(result.Text) != 0 || result.Skip == nil {
		t.Errorf("got %+v, %v, want a reason why there is nothing", result, err)
	}
}

func TestRenderEndsWhenCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	test := buildTests(t)[0]
	if _, err := engine(t).Render(ctx, render.In{Tree: test.tree}, test.source); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

// message returns an error as the user sees it.
func message(err error) string {
	text := err.Error()
	if failure := (*yamldoc.Error)(nil); errors.As(err, &failure) && failure.Hint != "" {
		text += "\nhint: " + failure.Hint
	}
	return text
}

// TestKustomizeVersionIsThatOfGoMod fails after an update of the module, until the constant is updated, too.
func TestKustomizeVersionIsThatOfGoMod(t *testing.T) {
	modules, err := os.ReadFile("../../go.mod")
	if err != nil || !strings.Contains(string(modules), "\tsigs.k8s.io/kustomize/api v0.21.2\n") {
		t.Errorf("kustomize %s was released with api v0.21.2, which is not in go.mod: %v", kustomizeVersion, err)
	}
}

func BenchmarkRender(b *testing.B) {
	archive, err := txtar.ParseFile("testdata/build/overlay.txtar")
	if err != nil {
		b.Fatal(err)
	}
	files := treeOf(string(txtar.Format(archive)))
	for b.Loop() {
		if _, err := (Source{Engine: new(Engine), Path: "overlays/prod"}).Render(context.Background(), render.In{Tree: files}); err != nil {
			b.Fatal(err)
		}
	}
}
