package helm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/cli/values"
	"helm.sh/helm/v3/pkg/getter"
	"helm.sh/helm/v3/pkg/release"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// flags returns the options of a test case from its comment, which has a flag on each line: "--set a=b".
func flags(t *testing.T, comment []byte) Options {
	t.Helper()
	var options Options
	for line := range strings.Lines(string(comment)) {
		flag, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch flag {
		case "-f":
			options.ValuesFiles = append(options.ValuesFiles, render.File{Path: value})
		case "--set":
			options.Set = append(options.Set, value)
		case "--set-string":
			options.SetString = append(options.SetString, value)
		case "--set-file":
			options.SetFile = append(options.SetFile, value)
		case "--set-json":
			options.SetJSON = append(options.SetJSON, value)
		case "--release":
			options.ReleaseName = value
		case "--namespace":
			options.Namespace = value
		case "--kube-version":
			options.KubeVersion = value
		case "--api-versions":
			options.APIVersions = append(options.APIVersions, value)
		case "--include-crds":
			options.IncludeCRDs = true
		case "--skip-tests":
			options.SkipTests = true
		}
	}
	return options
}

// TestRenderEqualsHelm holds the engine to what the SDK's own action, the one behind `helm template`, renders
// from the disk, for every case in testdata/charts: the chart is in the directory chart, the file want holds
// what must be in the output (a line each; with "!" in front, what must not be).
func TestRenderEqualsHelm(t *testing.T) {
	cases, err := filepath.Glob("testdata/charts/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range cases {
		t.Run(filepath.Base(file), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			for _, f := range archive.Files {
				write(t, filepath.Join(dir, f.Name), f.Data)
			}
			options := flags(t, archive.Comment)
			got, err := Source{Engine: &Engine{}, Path: "chart", Options: options}.Render(context.Background(), render.In{Tree: os.DirFS(dir)})
			if err != nil {
				t.Fatal(err)
			}
			if want := helmTemplate(t, dir, options); !bytes.Equal(got.Text, want) {
				t.Errorf("got:\n%s\nhelm template prints:\n%s", got.Text, want)
			}
			checkWanted(t, dir, string(got.Text))
			checkDocuments(t, os.DirFS(dir), got)
		})
	}
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// helmTemplate renders a chart on disk as cmd/helm/template.go does.
func helmTemplate(t *testing.T, dir string, options Options) []byte {
	t.Helper()
	t.Chdir(dir)
	given := values.Options{
		JSONValues: options.SetJSON, Values: options.Set, StringValues: options.SetString, FileValues: options.SetFile,
	}
	for _, file := range options.ValuesFiles {
		given.ValueFiles = append(given.ValueFiles, file.Path)
	}
	vals, err := given.MergeValues(getter.Providers{})
	if err != nil {
		t.Fatal(err)
	}
	chart, err := loader.Load("chart")
	if err != nil {
		t.Fatal(err)
	}
	install := action.NewInstall(&action.Configuration{Log: func(string, ...any) {}})
	install.DryRun, install.ClientOnly, install.Replace = true, true, true
	install.ReleaseName, install.Namespace = "release-name", "default"
	if options.ReleaseName != "" {
		install.ReleaseName = options.ReleaseName
	}
	if options.Namespace != "" {
		install.Namespace = options.Namespace
	}
	version := DefaultKubeVersion
	if options.KubeVersion != "" {
		version = options.KubeVersion
	}
	if install.KubeVersion, err = chartutil.ParseKubeVersion(version); err != nil {
		t.Fatal(err)
	}
	install.APIVersions, install.IncludeCRDs = options.APIVersions, options.IncludeCRDs
	rendered, err := install.Run(chart, vals)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	fmt.Fprintln(&text, strings.TrimSpace(rendered.Manifest))
	for _, hook := range rendered.Hooks {
		if !options.SkipTests || !slices.Contains(hook.Events, release.HookTest) {
			fmt.Fprintf(&text, "---\n# Source: %s\n%s\n", hook.Path, hook.Manifest)
		}
	}
	return text.Bytes()
}

func checkWanted(t *testing.T, dir, text string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join(dir, "want"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(want)) {
		line = strings.TrimSpace(line)
		unwanted, negative := strings.CutPrefix(line, "!")
		if negative && strings.Contains(text, unwanted) {
			t.Errorf("%q is in the output:\n%s", unwanted, text)
		}
		if !negative && !strings.Contains(text, line) {
			t.Errorf("%q is not in the output:\n%s", line, text)
		}
	}
}

var source = regexp.MustCompile(`(?m)^# Source: .*$`)

// checkDocuments holds the documents to the text and their paths to files that exist.
func checkDocuments(t *testing.T, fsys fs.FS, result *render.Result) {
	t.Helper()
	inText := 0
	for _, document := range result.Documents {
		if isPart := bytes.Contains(result.Text, document.Text); isPart {
			inText++
		} else if !document.Verbatim { // The files in crds need not be in the text.
			t.Errorf("%s: the document is no part of the text:\n%s", document.Path, document.Text)
		}
		if _, err := fs.Stat(fsys, document.Path); err != nil {
			t.Errorf("the path of a document: %v", err)
		}
	}
	if want := len(source.FindAll(result.Text, -1)); inText != want {
		t.Errorf("%d documents, the text has %d", inText, want)
	}
}

// TestDefaultKubeVersionIsThatOfClientGo holds the constant to the version of client-go that the module builds with.
func TestDefaultKubeVersionIsThatOfClientGo(t *testing.T) {
	module, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`k8s\.io/client-go v0\.(\d+)\.`).FindSubmatch(module)
	if match == nil {
		t.Fatal("go.mod does not name k8s.io/client-go")
	}
	if want := "1." + string(match[1]) + ".0"; DefaultKubeVersion != want {
		t.Errorf("DefaultKubeVersion is %s, client-go in go.mod says %s", DefaultKubeVersion, want)
	}
}

// TestErrorsNameTheFileAndTheLine holds the errors to the location, the words and the hint that a person needs.
func TestErrorsNameTheFileAndTheLine(t *testing.T) {
	const chart = "apiVersion: v2\nname: api\nversion: 1.0.0\n"
	for _, test := range []struct {
		name    string
		files   map[string]string
		options Options
		want    string
		hint    string
	}{
		{
			name:  "no Chart.yaml",
			files: map[string]string{"api/values.yaml": ""},
			want:  "api: Chart.yaml file is missing",
		},
		{
			name:  "broken Chart.yaml",
			files: map[string]string{"api/Chart.yaml": "name: api\nversion: [\n"},
			want:  "api/Chart.yaml:2:1: did not find expected node content",
		},
		{
			name:  "broken values.yaml",
			files: map[string]string{"api/Chart.yaml": chart, "api/values.yaml": "a: 1\n  b: 2\n"},
			want:  "api/values.yaml:2:3: mapping values are not allowed in this context",
		},
		{
			name:  "template syntax",
			files: map[string]string{"api/Chart.yaml": chart, "api/templates/a.yaml": "a: 1\nb: {{ .Values.x\n"},
			want:  "api/templates/a.yaml:2: parse error at (api/templates/a.yaml:3): unclosed action started at",
		},
		{
			name: "the innermost template",
			files: map[string]string{
				"api/Chart.yaml":            chart,
				"api/templates/a.yaml":      "a: {{ include \"f\" . }}\n",
				"api/templates/_helper.tpl": "{{ define \"f\" }}\n{{ .Values.a.b.c }}\n{{ end }}",
			},
			want: `api/templates/_helper.tpl:2:11: executing "f" at <.Values.a.b.c>: nil pointer evaluating interface {}.b, included from api/templates/a.yaml:1:7`,
			hint: "-f FILE",
		},
		{
			name:  "required",
			files: map[string]string{"api/Chart.yaml": chart, "api/templates/a.yaml": "a: {{ required \"a tag is required\" .Values.tag }}\n"},
			want:  "api/templates/a.yaml:1:7: a tag is required",
			hint:  "-f FILE",
		},
		{
			name: "schema",
			files: map[string]string{
				"api/Chart.yaml":         chart,
				"api/values.schema.json": `{"type": "object", "required": ["tag"]}`,
			},
			want: "api: values don't meet the specifications of the schema(s) in the following chart(s):\napi:\n",
			hint: "-f FILE",
		},
		{
			name: "schema violations in one order",
			files: map[string]string{
				"api/Chart.yaml":         chart,
				"api/values.yaml":        "a: 1\nb: 1\nc: {d: 1, e: 1}\nf: 1\ng: 1\n",
				"api/values.schema.json": `{"properties": {"a": {"type": "string"}, "b": {"type": "string"}, "c": {"properties": {"d": {"type": "string"}, "e": {"type": "string"}}}, "f": {"type": "string"}, "g": {"type": "string"}}}`,
			},
			want: "api:\n- at '/a': got number, want string\n- at '/b': got number, want string\n- at '/c': validation failed\n  - at '/c/d': got number, want string\n  - at '/c/e': got number, want string\n- at '/f': got number, want string\n- at '/g': got number, want string",
			hint: "-f FILE",
		},
		{
			name:  "kubeVersion",
			files: map[string]string{"api/Chart.yaml": chart + "kubeVersion: '>=1.99'\n"},
			want:  "api/Chart.yaml: the chart requires Kubernetes >=1.99, it is rendered for v1.37.0",
			hint:  "--kube-version",
		},
		{
			name:  "unknown type",
			files: map[string]string{"api/Chart.yaml": chart + "type: plugin\n"},
			want:  `api: validation: chart.metadata.type must be application or library`,
		},
		{
			name:  "output is no YAML",
			files: map[string]string{"api/Chart.yaml": chart, "api/templates/a.yaml": "a: b: c\n"},
			want:  "api/templates/a.yaml: YAML parse error on api/templates/a.yaml: ",
		},
		{
			name:    "values are a list",
			files:   map[string]string{"api/Chart.yaml": chart, "v.yaml": "- a\n"},
			options: Options{ValuesFiles: []render.File{{Path: "v.yaml"}}},
			want:    "v.yaml: values must be a mapping of keys, this is a list",
			hint:    "KEY: VALUE",
		},
		{
			name:    "broken --set",
			files:   map[string]string{"api/Chart.yaml": chart},
			options: Options{Set: []string{"a[0"}},
			want:    "--set: ",
		},
		{
			name:    "--set-file out of the tree",
			files:   map[string]string{"api/Chart.yaml": chart},
			options: Options{SetFile: []string{"a=../../etc/passwd"}},
			want:    "--set-file: ",
		},
		{
			name:  "dependency without repository",
			files: map[string]string{"api/Chart.yaml": chart + "dependencies: [{name: db, version: 1.0.0}]\n"},
			want:  "api/Chart.yaml: dependency db: not in charts/, and Chart.yaml names no repository for it",
			hint:  "api/charts/db",
		},
		{
			name:  "file:// dependency out of the tree",
			files: map[string]string{"api/Chart.yaml": chart + "dependencies: [{name: db, version: 1.0.0, repository: 'file://../../db'}]\n"},
			want:  "api/Chart.yaml: dependency db: file://../../db is outside of the repository",
		},
		{
			name: "file:// dependency of another version",
			files: map[string]string{
				"api/Chart.yaml": chart + "dependencies: [{name: db, version: 2.x.x, repository: 'file://../db'}]\n",
				"db/Chart.yaml":  "apiVersion: v2\nname: db\nversion: 1.0.0\n",
			},
			want: "api/Chart.yaml: dependency db: db has the version 1.0.0, Chart.yaml asks for \"2.x.x\"",
		},
		{
			name: "lock that does not fit",
			files: map[string]string{
				"api/Chart.yaml": chart + "dependencies: [{name: db, version: 2.x.x, repository: 'https://charts.example.com'}]\n",
				"api/Chart.lock": "dependencies: [{name: db, version: 1.0.0, repository: 'https://charts.example.com'}]\n",
			},
			want: "api/Chart.yaml: dependency db: no version in Chart.lock fits \"2.x.x\"",
			hint: "helm dependency update",
		},
		{
			name:  "a file in charts",
			files: map[string]string{"api/Chart.yaml": chart, "api/charts/README.md": "text"},
			want:  "api/charts/README.md: Chart.yaml file is missing",
		},
		{
			name:  "vendored archive is broken",
			files: map[string]string{"api/Chart.yaml": chart, "api/charts/db-1.0.0.tgz": "no archive"},
			want:  "api/charts/db-1.0.0.tgz: this is no packaged chart: ",
			hint:  "helm package",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			fsys := fstest.MapFS{}
			for name, content := range test.files {
				fsys[name] = &fstest.MapFile{Data: []byte(content)}
			}
			_, err := Source{Engine: &Engine{}, Path: "api", Options: test.options}.Render(context.Background(), render.In{Tree: fsys})
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %q, want %q in it", err, test.want)
			}
			var failure *yamldoc.Error
			errors.As(err, &failure)
			if failure == nil && test.hint != "" || failure != nil && (!strings.Contains(failure.Hint, test.hint) || test.hint == "" && failure.Hint != "") {
				t.Errorf("the hint of %#v is not %q", err, test.hint)
			}
		})
	}
}

// TestChartsBeyondTheLimitsAreErrors also holds that a canceled context ends the reading of a directory.
func TestChartsBeyondTheLimitsAreErrors(t *testing.T) {
	chart := &fstest.MapFile{Data: []byte("apiVersion: v2\nname: api\nversion: 1.0.0\n")}
	many, large, huge := fstest.MapFS{"api/Chart.yaml": chart}, fstest.MapFS{"api/Chart.yaml": chart}, fstest.MapFS{"api/Chart.yaml": chart}
	for i := range maxEntries {
		many[fmt.Sprintf("api/files/%06d", i)] = &fstest.MapFile{}
	}
	file := &fstest.MapFile{Data: make([]byte, loader.MaxDecompressedFileSize)}
	for i := range loader.MaxDecompressedChartSize / loader.MaxDecompressedFileSize {
		large[fmt.Sprintf("api/files/%06d", i)] = file
	}
	huge["api/files/a"] = &fstest.MapFile{Data: make([]byte, loader.MaxDecompressedFileSize+1)}
	for _, test := range []struct {
		tree fstest.MapFS
		want string
	}{
		{many, "api/files/049998: up to here the chart in api has more than 50000 files and directories"},
		{large, "api/files/000019: up to here the chart in api has more than the 104857600 bytes that Helm accepts of a package"},
		{huge, "api/files/a: the file has 5242881 bytes, Helm accepts at most 5242880"},
	} {
		_, err := Source{Engine: &Engine{}, Path: "api"}.Render(context.Background(), render.In{Tree: test.tree})
		if failure := (*yamldoc.Error)(nil); err == nil || err.Error() != test.want || !errors.As(err, &failure) || failure.Hint == "" {
			t.Errorf("the error is %v, want %s and a hint", err, test.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (Source{Engine: &Engine{}, Path: "api"}).Render(ctx, render.In{Tree: many}); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v, want %v", err, context.Canceled)
	}
}
