package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pullcheck/pullcheck/internal/githubtest"
)

// internalService is a server on this machine, as a cloud's metadata service is one. It counts its requests, and
// answers each with a secret.
type internalService struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string
}

const serviceSecret = "s3cret-of-the-service"

func newInternalService(t *testing.T) *internalService {
	s := &internalService{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen = append(s.seen, r.Method+" "+r.URL.Path)
		w.Write([]byte(serviceSecret))
	}))
	t.Cleanup(s.Close)
	return s
}

// requests returns the requests since the last call.
func (s *internalService) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = nil
	return seen
}

// runIn writes the files of an archive to a new directory, and runs the program there.
func runIn(t *testing.T, archive string, args ...string) (code int, output string) {
	t.Helper()
	dir := t.TempDir()
	for _, file := range txtar.Parse([]byte(archive)).Files {
		name := filepath.Join(dir, filepath.FromSlash(file.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, file.Data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	env := append(os.Environ(), "XDG_CACHE_HOME="+t.TempDir(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	c := &Command{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Dir: dir, Env: env}
	code = c.Run(context.Background(), args)
	return code, out.String()
}

const podFile = "-- pod.yaml --\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: x}]}\n"

const chartFiles = "-- Chart.yaml --\napiVersion: v2\nname: a\nversion: 1.0.0\n-- templates/pod.yaml --\n" +
	"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: x}]}\n"

// requestsOfInputs are trees that make the program, or a library in it, ask a server. URL and HOST are those of the
// server.
var requestsOfInputs = map[string]string{
	"file of a ConfigMap": podFile + "-- kustomization.yaml --\nresources: [pod.yaml]\nconfigMapGenerator: [{name: c, files: [k=URL/latest]}]\n",
	"single env":          podFile + "-- kustomization.yaml --\nresources: [pod.yaml]\nconfigMapGenerator: [{name: c, env: URL/latest}]\n",
	"inline generator": podFile + "-- kustomization.yaml --\nresources: [pod.yaml]\n" +
		"generators: ['{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: c}, FILES: [k=URL/latest]}']\n",
	"env of a Secret":     podFile + "-- kustomization.yaml --\nresources: [pod.yaml]\nsecretGenerator: [{name: c, envs: [URL/latest]}]\n",
	"resource":            "-- kustomization.yaml --\nresources: ['URL/latest.yaml']\n",
	"repository":          "-- kustomization.yaml --\nresources: ['URL/org/repo//base?ref=main']\n",
	"component":           "-- kustomization.yaml --\ncomponents: ['URL/org/repo//base?ref=main']\n",
	"patch":               podFile + "-- kustomization.yaml --\nresources: [pod.yaml]\npatches: [{path: URL/patch.yaml}]\n",
	"old patch":           podFile + "-- kustomization.yaml --\nresources: [pod.yaml]\npatchesStrategicMerge: [URL/patch.yaml]\n",
	"replacement":         podFile + "-- kustomization.yaml --\nresources: [pod.yaml]\nreplacements: [{path: URL/r.yaml}]\n",
	"schema of kustomize": podFile + "-- kustomization.yaml --\nresources: [pod.yaml]\nopenapi: {path: URL/schema.json}\n",
	"crds":                podFile + "-- kustomization.yaml --\nresources: [pod.yaml]\ncrds: [URL/crd.json]\n",
	"configuration":       podFile + "-- kustomization.yaml --\nresources: [pod.yaml]\nconfigurations: [URL/c.yaml]\n",
	"mapping with a URL":  "-- kustomization.yaml --\nresources: ['URL/latest#: x']\n",
	"patch with a URL":    podFile + "-- kustomization.yaml --\nresources: [pod.yaml]\npatchesStrategicMerge: ['URL/latest#: x']\n",
	"generators with URL": podFile + "-- kustomization.yaml --\nresources: [pod.yaml]\ngenerators: ['URL/latest#: x']\n",
	"generator": podFile + "-- g.yaml --\napiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: c}\nfiles: [URL/latest]\n" +
		"-- kustomization.yaml --\nresources: [pod.yaml]\ngenerators: [g.yaml]\n",
	"generator with a key": podFile + "-- g.yaml --\napiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: c}\nfiles: [k=URL/latest]\n" +
		"-- kustomization.yaml --\nresources: [pod.yaml]\ngenerators: [g.yaml]\n",
	"generator with an alias": podFile + "-- g.yaml --\napiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: c, annotations: {a: &a URL/latest}}\n" +
		"files: [*a]\n-- kustomization.yaml --\nresources: [pod.yaml]\ngenerators: [g.yaml]\n",
	"transformer with a target": podFile + "-- g.yaml --\napiVersion: builtin\nkind: ValueAddTransformer\nmetadata: {name: c}\nvalue: v\n" +
		"targetFilePath: URL/latest\n-- kustomization.yaml --\nresources: [pod.yaml]\ntransformers: [g.yaml]\n",
	"directory of generators": podFile + "-- gen/g.yaml --\napiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: c}\nfiles: [k=URL/latest]\n" +
		"-- gen/kustomization.yaml --\nresources: [g.yaml]\n-- kustomization.yaml --\nresources: [pod.yaml]\ngenerators: [gen]\n",
	"generator made in a directory": podFile + "-- gen/g.yaml --\napiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: c}\nfiles: [x]\n" +
		"-- gen/kustomization.yaml --\nresources: [g.yaml]\npatches: [{target: {kind: ConfigMapGenerator}, " +
		"patch: '[{op: replace, path: /files/0, value: k=URL/latest}]'}]\n-- kustomization.yaml --\nresources: [pod.yaml]\ngenerators: [gen]\n",
	"chart of a kustomization":   "-- kustomization.yaml --\nhelmCharts: [{name: a, repo: URL, version: 1.0.0}]\n",
	"values of a kustomization":  strings.ReplaceAll(chartFiles, "-- ", "-- charts/a/") + "-- kustomization.yaml --\nhelmCharts: [{name: a, valuesFile: URL/latest}]\n",
	"dependency":                 chartFiles + "-- requirements.yaml --\ndependencies: [{name: d, version: 1.0.0, repository: URL}]\n",
	"dependency in a registry":   chartFiles + "-- requirements.yaml --\ndependencies: [{name: d, version: 1.0.0, repository: oci://HOST/charts}]\n",
	"schema":                     chartFiles + "-- values.schema.json --\n{\"$ref\": \"URL/latest\"}\n",
	"schema of a schema":         chartFiles + "-- values.schema.json --\n{\"$schema\": \"URL/latest\"}\n",
	"schema below an unused key": chartFiles + "-- values.schema.json --\n{\"properties\": {\"a\": {\"\\u0024ref\": \"URL/latest\"}}}\n",
	"schema of a subchart": chartFiles + strings.ReplaceAll(chartFiles, "-- ", "-- charts/b/") +
		"-- charts/b/values.schema.json --\n{\"$ref\": \"URL/latest\"}\n",
	"Application": "-- app.yaml --\napiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\n" +
		"spec: {source: {repoURL: URL, chart: a, targetRevision: 1.0.0}, destination: {namespace: a}}\n",
	"Application of a registry": "-- app.yaml --\napiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\n" +
		"spec: {source: {repoURL: HOST/charts, chart: a, targetRevision: 1.0.0}, destination: {namespace: a}}\n",
}

// TestInternalServicesAreNotAsked: no input makes the program ask a server on this machine. The failure says why. With
// --offline, nothing is asked even if the host is allowed.
func TestInternalServicesAreNotAsked(t *testing.T) {
	s := newInternalService(t)
	host := strings.TrimPrefix(s.URL, "http://")
	for name, archive := range requestsOfInputs {
		t.Run(name, func(t *testing.T) {
			archive := strings.NewReplacer("URL", s.URL, "HOST", host).Replace(archive)
			code, output := runIn(t, archive, "check", "--jobs=1")
			if seen := s.requests(); len(seen) > 0 || code != exitFailures || strings.Contains(output, serviceSecret) {
				t.Errorf("code %d, requests %q\n%s", code, seen, output)
			}
			code, output = runIn(t, archive, "check", "--jobs=1", "--offline", "--allow-host=127.0.0.1")
			if seen := s.requests(); len(seen) > 0 || code != exitFailures {
				t.Errorf("offline: code %d, requests %q\n%s", code, seen, output)
			}
		})
	}
}

// TestSchemasReadNoFiles: a $ref to a file of this machine is refused.
func TestSchemasReadNoFiles(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret.json")
	if err := os.WriteFile(secret, []byte(`{"const": "`+serviceSecret+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	code, output := runIn(t, chartFiles+"-- values.schema.json --\n{\"$ref\": \"file://"+filepath.ToSlash(secret)+"\"}\n", "check")
	if code != exitFailures || strings.Contains(output, serviceSecret) {
		t.Errorf("code %d\n%s", code, output)
	}
	contains(t, "output", output, "values.schema.json", "file://", "hint: ")
}

// TestFilesWithNamesOfRepositoriesAreFiles: if a file of the tree has the name of a repository and is no object,
// kustomize would clone the repository.
func TestFilesWithNamesOfRepositoriesAreFiles(t *testing.T) {
	bin := t.TempDir()
	ran := filepath.Join(bin, "ran")
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no sh")
	}
	if err := os.WriteFile(filepath.Join(bin, "git"), []byte("#!/bin/sh\necho \"$@\" >> "+ran+"\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, name := range []string{"git@example.com:org/repo", "ssh://user:p/w@example.com/org/repo", "file://a/b"} {
		file := strings.Replace(name, "//", "/", 1)
		for _, archive := range []string{
			"-- " + file + " --\nno: object\n-- kustomization.yaml --\nresources: ['" + name + "']\n",
			"-- kustomization.yaml --\ngenerators: ['" + name + "#: x']\n",
			"-- kustomization.yaml --\nresources: [\"" + name + "\\n\"]\n",
		} {
			code, output := runIn(t, archive, "check", "--offline")
			if data, _ := os.ReadFile(ran); strings.Contains(string(data), "init") || code != exitFailures {
				t.Errorf("%s: code %d, git was run with %s\n%s", archive, code, data, output)
			}
		}
	}
}

// TestTemplatesOfNamesReadNoEnvironment: the template of a release's name must not show variables, such as tokens.
func TestTemplatesOfNamesReadNoEnvironment(t *testing.T) {
	t.Setenv("PULLCHECK_TEST_TOKEN", serviceSecret)
	for _, call := range []string{`env "PULLCHECK_TEST_TOKEN"`, `expandenv "$PULLCHECK_TEST_TOKEN"`, `getHostByName "localhost"`} {
		code, output := runIn(t, strings.ReplaceAll(strings.ReplaceAll(chartFiles, "-- ", "-- charts/a/"), "{name: a}", "{name: '{{ .Release.Name }}'}")+
			"-- charts/a/values.yaml --\n-- kustomization.yaml --\nhelmCharts: [{name: a, nameTemplate: '{{ "+call+" }}'}]\n", "render", ".")
		if code != exitFailures || !strings.Contains(output, "not defined") || strings.Contains(output, serviceSecret) {
			t.Errorf("%s: code %d\n%s", call, code, output)
		}
	}
}

// reviewOf reviews, with a token, a pull request that changes the files before into the files after.
func reviewOf(t *testing.T, token string, before, after map[string]string, fork bool, args ...string) (r *reviewed, code int, output string) {
	t.Helper()
	s := githubtest.New(t, before)
	head := s.Commit(s.Main(), after)
	if fork {
		s.OpenFromFork(head)
	} else {
		s.Open(head)
	}
	r = &reviewed{Server: s, t: t, outputs: filepath.Join(t.TempDir(), "outputs")}
	code, stdout, stderr := r.run(token, args...)
	return r, code, stdout + stderr
}

// TestForkDownloadsOnlyWhatTheBaseNames: a change brings new names of downloads. If its author is a stranger, a server is
// asked only for what the base names, unless the workflow says otherwise.
func TestForkDownloadsOnlyWhatTheBaseNames(t *testing.T) {
	service := newInternalService(t)
	file := func(path string) string { return "configMapGenerator: [{name: c, files: ['k=URL/" + path + "']}]\n" }
	dependency := func(repository, version string) string {
		return "apiVersion: v2\nname: a\nversion: 1.0.0\ndependencies: [{name: d, version: " + version + ", repository: URL/" + repository + "}]\n"
	}
	const commit = "0123456789012345678901234567890123456789"
	cases := []struct {
		name, before, after string
		asked               string // the request for what the head names
		refused             string // what a stranger cannot have; empty if he can
	}{
		{"file/kustomization.yaml", file("a"), file("new"), "GET /new", "file URL/new"},
		{"query/kustomization.yaml", file("b"), file("b?new"), "", "file URL/b"},
		{"added/kustomization.yaml", "", file("added"), "GET /added", "file URL/added"},
		{"moved/kustomization.yaml", file("c"), file("elsewhere"), "GET /elsewhere", "file URL/elsewhere"},
		{"kept/kustomization.yaml", file("kept"), "namePrefix: p-\n" + file("kept"), "GET /kept", ""},
		{"commit/kustomization.yaml", "resources: ['URL/org/d//base?ref=main']\n", "resources: ['URL/org/d//base?ref=" + commit + "']\n",
			"", "repository URL/org/d at " + commit},
		{"fork/kustomization.yaml", "resources: ['URL/org/e//base?ref=main']\n", "resources: ['URL/org/fork//base?ref=main']\n",
			"GET /org/fork/info/refs", "repository URL/org/fork at main"},
		{"version/Chart.yaml", dependency("f", "1.0.0"), dependency("f", "2.0.0"), "", "chart d 2.0.0 of URL/f"},
		{"repository/Chart.yaml", dependency("g", "1.0.0"), dependency("others", "1.0.0"), "GET /others/index.yaml", "chart d 1.0.0 of URL/others"},
	}
	in := func(text string) string { return strings.ReplaceAll(text, "URL", service.URL) }
	before, after := map[string]string{"unchanged/kustomization.yaml": in(file("elsewhere"))}, map[string]string{}
	for _, c := range cases {
		if after[c.name] = in(c.after); c.before != "" {
			before[c.name] = in(c.before)
		}
	}
	for _, run := range []struct {
		event    string
		fork     bool
		flag     string
		stranger bool
	}{
		{"pull_request", false, "--fetch-new=false", false},
		{"pull_request", true, "--fetch-new=false", true},
		{"pull_request", true, "--fetch-new", false},
		{"pull_request_target", false, "--fetch-new=false", true},
		{"pull_request_target", true, "--fetch-new", false},
	} {
		t.Setenv("GITHUB_EVENT_NAME", run.event)
		r, _, _ := reviewOf(t, githubtest.BotToken, before, after, run.fork, run.flag, "--allow-host=127.0.0.1")
		data, err := os.ReadFile(r.outputs + ".md")
		if err != nil {
			t.Fatal(err)
		}
		requests, summary := service.requests(), string(data)
		for _, c := range cases {
			refused := run.stranger && c.refused != ""
			if c.asked != "" && slices.Contains(requests, c.asked) == refused {
				t.Errorf("%+v: %s: requests %q", run, c.name, requests)
			}
			if c.refused != "" && strings.Contains(summary, in("the base does not name the "+c.refused+",")) != refused {
				t.Errorf("%+v: %s: the summary is\n%s", run, c.name, summary)
			}
		}
	}
}

// downloadedSecret is the answer of a server. It is neither a policy nor an image nor a name.
const downloadedSecret = "S3cret_of the/service!"

// TestReviewShowsNoDownloadedText: the author of a pull request brings the content of a download into each field that
// a review shows, and into errors. It is in no comment, job summary, annotation and line of the log.
func TestReviewShowsNoDownloadedText(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(downloadedSecret)) }))
	defer server.Close()
	replaced := func(kind, field string) string {
		return "resources: [object.yaml]\nconfigMapGenerator: [{name: c, files: [k=" + server.URL + "/secret]}]\n" +
			"replacements:\n- source: {kind: ConfigMap, name: c, fieldPath: data.k}\n" +
			"  targets: [{select: {kind: " + kind + "}, fieldPaths: [" + field + "], options: {create: true}}]\n"
	}
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: a\n    image: example/a:1\n"
	const application = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: NAME}\n" +
		"spec: {source: {repoURL: https://example.com/acme/apps, path: chart}, destination: {namespace: a}}\n"
	const chart = "apiVersion: v2\nname: a\nversion: 1.0.0\n"
	files := map[string]string{"chart/Chart.yaml": chart, "chart/templates/pod.yaml": pod, "generated/charts/a/Chart.yaml": chart}
	for _, field := range []string{"spec.containers.0.imagePullPolicy", "spec.containers.0.image", "spec.containers.0.name", "metadata.name", "metadata.namespace"} {
		files[field+"/object.yaml"], files[field+"/kustomization.yaml"] = pod, replaced("Pod", field)
		files["never/"+field+"/object.yaml"] = pod + "    imagePullPolicy: Never\n"
		files["never/"+field+"/kustomization.yaml"] = replaced("Pod", field)
	}
	for i, field := range []string{"metadata.name", "spec.source.path", "spec.source.repoURL", "spec.source.helm.releaseName", "spec.source.helm.values"} {
		files[field+"/object.yaml"] = strings.Replace(application, "NAME", fmt.Sprint("app-", i), 1)
		files[field+"/kustomization.yaml"] = replaced("Application", field)
	}
	for name, line := range map[string]string{
		"patch": "patches: [{path: URL/x}]", "configuration": "configurations: [URL/x]", "replacement": "replacements: [{path: URL/x}]",
		"crd": "crds: [URL/x]", "openapi": "openapi: {path: URL/x}", "env": "configMapGenerator: [{name: c, envs: [URL/x]}]",
		"resource": "resources: [URL/x.yaml]", "repository": "resources: ['URL/org/repo//base']",
		"generated": "helmCharts: [{name: a, valuesFile: URL/x}]",
	} {
		files[name+"/kustomization.yaml"] = strings.ReplaceAll(line, "URL", server.URL) + "\n"
		if !strings.Contains(line, "resources") {
			files[name+"/pod.yaml"] = pod
			files[name+"/kustomization.yaml"] += "resources: [pod.yaml]\n"
		}
	}
	files["index/Chart.yaml"] = chart + "dependencies: [{name: d, version: 1.0.0, repository: " + server.URL + "}]\n"
	files["registry/Chart.yaml"] = chart + "dependencies: [{name: d, version: 1.0.0, repository: " + strings.Replace(server.URL, "http", "oci", 1) + "}]\n"

	flags := []string{"--allow-host=127.0.0.1", "--repo-url=https://example.com/acme/apps"}
	shown := ""
	for _, token := range []string{githubtest.BotToken, githubtest.ReadToken} { // With the second, findings are annotations.
		r, code, output := reviewOf(t, token, map[string]string{"x": "x\n"}, files, false, flags...)
		summary, err := os.ReadFile(r.outputs + ".md")
		if err != nil || code != exitFailures {
			t.Fatal(code, err)
		}
		shown += output + string(summary) + fmt.Sprint(r.ReviewComments(), r.IssueComments())
	}
	for _, line := range strings.Split(shown, "\n") {
		if strings.Contains(line, "S3cret") || strings.Contains(line, "service!") {
			t.Errorf("this is shown: %s", line)
		}
	}
	contains(t, "what is shown", shown, "::error", "(not one of Always, IfNotPresent, Never)", "(not an image)", "(not a name)", "is not shown here")
}
