package argocd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/declared"
	"github.com/pullcheck/pullcheck/render/discover"
	"github.com/pullcheck/pullcheck/render/helm"
	"github.com/pullcheck/pullcheck/render/kustomize"
	"github.com/pullcheck/pullcheck/render/raw"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// TestApplicationsAreFoundAsSources finds the sources of the files of each archive, together with the sources of its
// Applications, and compares them with the file want. It has a line for each source: with the object that declares the
// source, or with the reason why it is skipped or fails.
func TestApplicationsAreFoundAsSources(t *testing.T) {
	archives, err := filepath.Glob("testdata/discover/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			fsys, want := fstest.MapFS{}, ""
			for _, file := range archive.Files {
				if file.Name == "want" {
					want = string(file.Data)
				} else {
					fsys[file.Name] = &fstest.MapFile{Data: file.Data}
				}
			}
			compareText(t, "the list of sources", discovered(t, fsys, Declarer{IsThisRepository: isThisRepository}), want)
		})
	}
}

func discovered(t *testing.T, fsys fs.FS, declarer Declarer) string {
	t.Helper()
	declarer = declarer.withEngines(t)
	finder := discover.Finder{
		Tree: fsys, Chart: helm.Source{Engine: declarer.Helm}, Kustomization: kustomize.Source{Engine: declarer.Kustomize},
	}
	sources, err := finder.Find(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	var list strings.Builder
	for _, source := range declared.Find(t.Context(), fsys, sources, declarer) {
		list.WriteString(described(fsys, source) + "\n")
	}
	return list.String()
}

func described(fsys fs.FS, source render.Source) string {
	text := fmt.Sprintf("%s %s", source.ID().Kind, source.ID())
	d, _ := source.(*declared.Source)
	var err error
	if d != nil {
		_, err = d.Resolve(context.Background(), render.In{Tree: fsys})
	}
	if unrendered, ok := source.(render.Unrendered); ok {
		if err = unrendered.Err; err == nil {
			return text + " is skipped: " + unrendered.Skip.Reason
		}
	}
	if err != nil {
		text += " fails: " + err.Error()
		if failure := (*yamldoc.Error)(nil); errors.As(err, &failure) && failure.Hint != "" {
			text += "; hint: " + failure.Hint
		}
		return text
	}
	if d != nil {
		text += fmt.Sprintf(", declared by %s[%d] %s", d.Path, d.Document, d.Object)
		if reads := slices.DeleteFunc(slices.Clone(d.Reads), func(name string) bool { return name == d.Path }); len(reads) > 0 {
			text += " with " + strings.Join(reads, ", ")
		}
	}
	return text
}

// anApplication is a file with an Application that has a source in path charts/api, with more options: lines that are
// indented by four spaces.
func anApplication(options string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(`apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: app}
spec:
  source:
    repoURL: https://example.com/ours.git
` + options)}
}

func TestUnresolvableApplicationsSayWhy(t *testing.T) {
	fsys := fstest.MapFS{
		"charts/api/Chart.yaml":                 {Data: []byte("name: api\nversion: 1.0.0\n")},
		"charts/bad/Chart.yaml":                 {Data: []byte("name: bad\nversion: 1.0.0\n")},
		"charts/bad/.argocd-source.yaml":        {Data: []byte("helm: {releaseName: [a]}\n")},
		"charts/broken/Chart.yaml":              {Data: []byte("name: broken\nversion: 1.0.0\n")},
		"charts/broken/.argocd-source-app.yaml": {Data: []byte("helm: {\n")},
		"web/kustomization.yaml":                {},
		"manifests/pod.yaml":                    {Data: []byte("apiVersion: v1\nkind: Pod\n")},
	}
	const missing = "; hint: mend the path, which is relative to that of the source or, with a slash in front, to the root of the repository, or set ignoreMissingValueFiles"
	for name, test := range map[string]struct{ options, want string }{
		"a missing values file":  {"    path: charts/api\n    helm: {valueFiles: [a.yaml]}\n", "app.yaml: spec.source: valueFiles: there is no charts/api/a.yaml in the repository" + missing},
		"a pattern finds none":   {"    path: charts/api\n    helm: {valueFiles: ['/envs/*.yaml']}\n", "app.yaml: spec.source: valueFiles: there is no envs/*.yaml in the repository" + missing},
		"a bad pattern":          {"    path: charts/api\n    helm: {valueFiles: ['[a.yaml']}\n", `app.yaml: spec.source: valueFiles: "[a.yaml": syntax error in pattern`},
		"values files outside":   {"    path: charts/api\n    helm: {valueFiles: [../../../etc/passwd]}\n", `app.yaml: spec.source: valueFiles: "../../../etc/passwd" leads out of the repository`},
		"file outside":           {"    path: charts/api\n    helm: {fileParameters: [{name: a, path: ../../../etc/passwd}]}\n", `app.yaml: spec.source: fileParameters: "../../../etc/passwd" leads out of the repository`},
		"a directory of values":  {"    path: charts/api\n    helm: {valueFiles: [/charts]}\n", "app.yaml: spec.source: valueFiles: charts is a directory, expected a file"},
		"a missing file":         {"    path: charts/api\n    helm: {fileParameters: [{name: a, path: a.txt}]}\n", "app.yaml: spec.source: fileParameters: charts/api/a.txt: file does not exist"},
		"path outside":           {"    path: ../../etc\n", `app.yaml: spec.source: path "../../etc" leads out of the repository`},
		"an absolute path":       {"    path: /charts/api\n", `app.yaml: spec.source: path "/charts/api" is absolute, expected one from the root of the repository, without a slash in front`},
		"no path":                {"    targetRevision: HEAD\n", "app.yaml: spec.source: there is neither path nor chart, and Argo CD takes one of them (. is the root of the repository)"},
		"a path that is missing": {"    path: nowhere\n", `app.yaml: spec.source: path "nowhere" is no directory of the repository`},
		"a path that is a file":  {"    path: manifests/pod.yaml\n", `app.yaml: spec.source: path "manifests/pod.yaml" is no directory of the repository`},
		"two kinds":              {"    path: charts/api\n    helm: {}\n    directory: {}\n", "app.yaml: spec.source: the source has options for helm and directory, and Argo CD takes one of them"},
		"a number as parameter":  {"    path: charts/api\n    helm: {parameters: [{name: a, value: 3}]}\n", "app.yaml: spec.source.helm.parameters.value has a number, expected a string"},
		"a text for a list":      {"    path: charts/api\n    helm: {valueFiles: a.yaml}\n", "app.yaml: spec.source.helm.valueFiles has a string, expected a list"},
		"a text for a boolean":   {"    path: charts/api\n    helm: {skipCrds: 'true'}\n", "app.yaml: spec.source.helm.skipCrds has a string, expected true or false"},
		"a list for options":     {"    path: charts/api\n    helm: [a]\n", "app.yaml: spec.source.helm has a list, expected a mapping"},
		"an override's type":     {"    path: charts/bad\n", "charts/bad/.argocd-source.yaml: helm.releaseName has a list, expected a string"},
		"an override's syntax":   {"    path: charts/broken\n", "charts/broken/.argocd-source-app.yaml: yaml: line 1: did not find expected node content"},
		"a version":              {"    path: charts/api\n    helm: {kubeVersion: latest}\n", `app.yaml: spec.source: kubeVersion "latest" is no version, expected one as 1.31`},
		"no number of replicas":  {"    path: web\n    kustomize: {replicas: [{name: web, count: many}]}\n", "app.yaml: spec.source: replicas: the count of web is many, expected a whole number"},
		"half a replica":         {"    path: web\n    kustomize: {replicas: [{name: web, count: 1.5}]}\n", "app.yaml: spec.source: replicas: the count of web is 1.5, expected a whole number"},
		"components for nothing": {"    path: web\n    kustomize: {components: ['../c/*']}\n", `app.yaml: spec.source: components: "../c/*" matches nothing in the repository`},
		"a pattern to exclude":   {"    path: manifests\n    directory: {exclude: '[a-'}\n", `app.yaml: spec.source: exclude: "[a-" is no pattern: `},
		"a name for no release":  {"    path: charts/api\n    helm: {releaseName: A_b}\n", `app.yaml: spec.source: the release would have the name "A_b", and Helm takes at most 53 of lower case letters, digits, dots and dashes`},
		"a chart without a version": {
			"    chart: api\n", "app.yaml: spec.source: targetRevision is not set: expected the version of the chart, or a range as 1.x",
		},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := maps.Clone(fsys)
			fsys["app.yaml"] = anApplication(test.options)
			if got := strings.TrimSpace(discovered(t, fsys, Declarer{IsThisRepository: isThisRepository})); !strings.Contains(got, " (Application/app) fails: "+test.want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, test.want)
			}
		})
	}
}

// TestLinksOfApplicationsStayInsideTheRepository uses a tree on disk, with symbolic links.
func TestLinksOfApplicationsStayInsideTheRepository(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside.yaml")
	repository := filepath.Join(dir, "repository")
	if err := os.CopyFS(repository, fstest.MapFS{
		"charts/api/Chart.yaml": {Data: []byte("name: api\nversion: 1.0.0\n")},
		"charts/api/real.yaml":  {Data: []byte("a: 1\n")},
		"manifests/pod.yaml":    {Data: []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: pod}\n")},
	}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(outside, []byte("secret: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		"charts/api/inside.yaml": "real.yaml", "envs/outside.yaml": outside,
		"manifests/dangling.yaml": "nowhere.yaml", "leading/out.yaml": outside, "linked": dir,
	} {
		if err := os.MkdirAll(filepath.Join(repository, filepath.Dir(link)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(repository, link)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(repository)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for options, want := range map[string]string{
		"    path: charts/api\n    helm: {valueFiles: [inside.yaml]}\n":        "",
		"    path: charts/api\n    helm: {valueFiles: [/envs/outside.yaml]}\n": "envs/outside.yaml: a symbolic link that cannot be followed",
		"    path: manifests\n": "",
		"    path: leading\n":   "app.yaml: spec.source: leading/out.yaml: a symbolic link that cannot be followed",
		"    path: linked\n":    `app.yaml: spec.source: path "linked" is no directory of the repository`,
	} {
		if err := os.WriteFile(filepath.Join(repository, "app.yaml"), anApplication(options).Data, 0o600); err != nil {
			t.Fatal(err)
		}
		declaring := raw.Source{Path: "app.yaml", Manifests: []render.File{{Path: "app.yaml"}}}
		declarer := Declarer{IsThisRepository: isThisRepository}.withEngines(t)
		sources := declared.Find(t.Context(), root.FS(), []render.Source{declaring}, declarer)
		if len(sources) != 2 {
			t.Fatalf("%s: the sources are %v", options, sources)
		}
		message := ""
		if _, err := sources[1].Render(t.Context(), render.In{Tree: root.FS()}); err != nil {
			message = err.Error()
		}
		if (message == "") != (want == "") || !strings.Contains(message, want) {
			t.Errorf("%s: the error is %q, want %q", options, message, want)
		}
	}
}

// TestRevisionIsNeverEmpty: an image may have the commit as its tag. The commit is not known, but it is not empty.
func TestRevisionIsNeverEmpty(t *testing.T) {
	app, err := Declarer{IsThisRepository: isThisRepository}.application(parsed(t, string(anApplication("    path: web\n").Data)))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"web:$ARGOCD_APP_REVISION": "web:" + strings.Repeat("0", 40), "web:$ARGOCD_APP_REVISION_SHORT": "web:0000000", "web:${ARGOCD_APP_REVISION_SHORT_8}": "web:00000000",
	} {
		if got := app.expand(text); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

// panicking is a chart whose engine panics.
type panicking struct{ helm.Source }

func (panicking) Render(context.Context, render.In) (*render.Result, error) { panic("a fault") }

// TestPanickingSourceDeclaresNothing: the source stays in the list, and fails when it is checked.
func TestPanickingSourceDeclaresNothing(t *testing.T) {
	fsys := fstest.MapFS{
		"c/Chart.yaml":       {Data: []byte("apiVersion: v2\nname: c\nversion: 1.0.0\n")},
		"c/templates/a.yaml": {Data: []byte("apiVersion: argoproj.io/v1alpha1\nkind: Application\n")},
	}
	source := panicking{helm.Source{Path: "c"}}
	if got := declared.Find(t.Context(), fsys, []render.Source{source}, Declarer{}); len(got) != 1 || got[0].ID().Path != "c" {
		t.Errorf("got %v", got)
	}
}
