package kustomize

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render"
)

// repo is a git repository on the disk.
type repo struct {
	t   *testing.T
	dir string
}

// newRepo makes an empty repository. Neither its git nor the engine's git reads the user's configuration.
func newRepo(t *testing.T) repo {
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	for _, variable := range []string{"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"} {
		t.Setenv(variable, "test")
	}
	r := repo{t, filepath.Join(t.TempDir(), "org", "repo")}
	if err := os.MkdirAll(r.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	r.git("init", "--quiet", "--initial-branch=main")
	return r
}

func (r repo) git(args ...string) string {
	command := exec.Command("git", args...)
	command.Dir = r.dir
	out, err := command.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit replaces all files by the files of an archive, commits them, and returns the hash.
func (r repo) commit(archive string) string {
	r.git("rm", "-r", "--quiet", "--ignore-unmatch", ".")
	for name, file := range treeOf(archive) {
		path := filepath.Join(r.dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o777)
		if file.Mode&fs.ModeSymlink != 0 {
			err = errors.Join(err, os.Symlink(string(file.Data), path))
		} else {
			err = errors.Join(err, os.WriteFile(path, file.Data, 0o666))
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
	r.git("add", "--all")
	r.git("commit", "--quiet", "--message=test")
	return r.git("rev-parse", "HEAD")
}

func (r repo) url() string { return "file://" + filepath.ToSlash(r.dir) }

// serve serves the repository over HTTP, as /org/repo, and returns the URL of the server.
func (r repo) serve() string {
	backend := filepath.Join(r.git("--exec-path"), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		r.t.Skip("this git has no server for HTTP")
	}
	server := httptest.NewServer(&cgi.Handler{Path: backend, Stderr: io.Discard, Env: []string{
		"GIT_PROJECT_ROOT=" + filepath.Dir(filepath.Dir(r.dir)), "GIT_HTTP_EXPORT_ALL=1",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"}})
	r.t.Cleanup(server.Close)
	return server.URL
}

// pod is a base with one object, whose image tells versions apart.
func pod(image string) string {
	return `
-- base/kustomization.yaml --
resources: [pod.yaml]
-- base/pod.yaml --
apiVersion: v1
kind: Pod
metadata: {name: app}
spec: {containers: [{name: app, image: "` + image + `"}]}
`
}

// naming is a tree with a kustomization that has one resource.
func naming(entry string) fs.FS {
	return treeOf("-- app/kustomization.yaml --\nnamePrefix: p-\nresources:\n- " + entry + "\n")
}

// wantImage renders app and looks for the image.
func wantImage(t *testing.T, e *Engine, fsys fs.FS, image string) {
	t.Helper()
	result, err := Source{Engine: e, Path: "app"}.Render(context.Background(), render.In{Tree: fsys})
	if err != nil {
		t.Error(err)
	} else if text := string(result.Text); !strings.Contains(text, "image: "+image+"\n") || !strings.Contains(text, "name: p-app\n") {
		t.Errorf("got\n%s\nwant p-app with image %s", text, image)
	}
}

func wantError(t *testing.T, e *Engine, fsys fs.FS, want string) {
	t.Helper()
	result, err := Source{Engine: e, Path: "app"}.Render(context.Background(), render.In{Tree: fsys})
	if err == nil {
		t.Fatalf("got\n%s\nwant error\n%s", result.Text, want)
	}
	if got := message(err); got != want {
		t.Errorf("got error\n%s\nwant\n%s", got, want)
	}
}

func TestRemoteBaseFollowsItsRefAndTheCache(t *testing.T) {
	r := newRepo(t)
	first := r.commit(pod("one"))
	r.git("tag", "--annotate", "--message=test", "v1")
	r.commit(pod("two"))
	r.git("branch", "v1") // a tag goes before a branch
	dir := t.TempDir()
	online := func() *Engine { return &Engine{Dir: dir, Env: os.Environ(), LocalRepositories: true} }
	offline := &Engine{Dir: dir, Offline: true, LocalRepositories: true}

	var builds sync.WaitGroup
	shared := online()
	for range 3 {
		builds.Go(func() { wantImage(t, shared, naming(r.url()+"//base?ref=v1"), "one") })
		builds.Go(func() { wantImage(t, online(), naming(r.url()+"//base?ref=v1"), "one") }) // as another process
	}
	builds.Wait()
	wantImage(t, online(), naming(r.url()+"//base?ref=v1"), "one")
	wantImage(t, online(), naming(r.url()+"//base"), "two")
	wantImage(t, online(), naming(r.url()+"//base?ref="+first+"&submodules=false"), "one")
	wantImage(t, online(), naming(r.url()+"//base?ref=refs/heads/main"), "two")
	wantImage(t, offline, naming(r.url()+"//base"), "two")

	r.commit(pod("three"))
	wantImage(t, offline, naming(r.url()+"//base"), "two")
	wantImage(t, online(), naming(r.url()+"//base"), "three")
	wantImage(t, &Engine{Dir: dir, Offline: true, LocalRepositories: true}, naming(r.url()+"//base"), "three")

	failing := online()
	unfetched := naming(r.url() + "//base?ref=later")
	wantError(t, failing, unfetched, fmt.Sprintf("app/kustomization.yaml:3:3: resources: %[1]s//base?ref=later: %[1]s has no branch or tag %[2]q", r.url(), "later"))
	r.git("branch", "later")
	wantError(t, failing, unfetched, fmt.Sprintf("app/kustomization.yaml:3:3: resources: %[1]s//base?ref=later: %[1]s has no branch or tag %[2]q", r.url(), "later"))
	wantImage(t, online(), unfetched, "three")

	if err := os.RemoveAll(r.dir); err != nil {
		t.Fatal(err)
	}
	wantImage(t, online(), naming(r.url()+"//base?ref="+first), "one")
	wantImage(t, offline, naming(r.url()+"//base?ref=v1"), "one")
	wantError(t, online(), naming(r.url()+"//base?ref=v1"), fmt.Sprintf("app/kustomization.yaml:3:3: resources: %[1]s//base?ref=v1: "+
		"git cannot fetch %[1]s at v1: fatal: '%[2]s' does not appear to be a git repository", r.url(), r.dir))
	wantError(t, offline, naming(r.url()+"//base?ref=v2"), fmt.Sprintf("app/kustomization.yaml:3:3: resources: %[1]s//base?ref=v2: "+
		"it is not in the cache, and --offline is set\nhint: run once without --offline", r.url()))

	leftovers, err := filepath.Glob(filepath.Join(dir, "*", ".partial-*"))
	if err != nil || len(leftovers) > 0 {
		t.Errorf("left in the cache: %v, %v", leftovers, err)
	}
}

// TestCacheIsVerified: a name in the cache cannot lead out of it, and a file has its digest.
func TestCacheIsVerified(t *testing.T) {
	r := newRepo(t)
	r.commit(pod("one"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "apiVersion: v1\nkind: Pod\nmetadata: {name: app}\nspec: {containers: [{name: a, image: one}]}\n")
	}))
	defer server.Close()
	e := engine(t)
	wantImage(t, e, naming(r.url()+"//base?ref=main"), "one")
	wantImage(t, e, naming(server.URL+"/pod.yaml"), "one")
	for pattern, content := range map[string]string{
		"*/refs/*": "../elsewhere",
		"files/*":  strings.Repeat("0", 64) + "\napiVersion: v1\nkind: Pod\nmetadata: {name: app}\n",
	} {
		names, err := filepath.Glob(filepath.Join(e.Dir, pattern))
		if err != nil || len(names) != 1 {
			t.Fatal(names, err)
		}
		if err := os.WriteFile(names[0], []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	elsewhere := filepath.Join(e.Dir, "elsewhere", "base")
	err := errors.Join(os.MkdirAll(elsewhere, 0o777), os.WriteFile(filepath.Join(elsewhere, "kustomization.yaml"), []byte("namePrefix: a\n"), 0o666))
	if err != nil {
		t.Fatal(err)
	}
	offline := &Engine{Dir: e.Dir, Offline: true, LocalRepositories: true}
	for _, entry := range []string{r.url() + "//base?ref=main", server.URL + "/pod.yaml"} {
		wantError(t, offline, naming(entry), "app/kustomization.yaml:3:3: resources: "+entry+": it is not in the cache, and --offline is set\nhint: run once without --offline")
	}
	if info, err := os.Stat(e.Dir); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others can read the cache: %v, %v", info, err)
	}
}

// TestRemoteBaseOverHTTP has addresses that may be files too.
func TestRemoteBaseOverHTTP(t *testing.T) {
	r := newRepo(t)
	r.commit(pod("one") + strings.ReplaceAll(pod("two"), "-- base/", "-- base.yaml/"))
	server := r.serve()
	e := engine(t)
	wantImage(t, e, naming(server+"/org/repo/base?ref=main"), "one")
	wantImage(t, e, naming(server+"/org/repo/base.yaml"), "two")
	wantError(t, e, naming(server+"/org/other"), fmt.Sprintf("app/kustomization.yaml:3:3: resources: %[1]s/org/other: "+
		"git cannot fetch %[1]s/org/other: fatal: repository '%[1]s/org/other/' not found", server))
}

func TestRemoteBaseErrorsNameTheReason(t *testing.T) {
	r := newRepo(t)
	r.commit(`
-- loop/kustomization.yaml --
resources: [` + r.url() + `//loop]
-- mutual/a/kustomization.yaml --
resources: [` + r.url() + `//mutual/b]
-- mutual/b/kustomization.yaml --
resources: [` + r.url() + `//mutual/./a]
-- out/kustomization.yaml --
resources: [../../elsewhere]
-- link/kustomization.yaml --
resources: [passwd.yaml]
-- link/passwd.yaml -> /etc/passwd --
-- above/kustomization.yaml --
resources: [../file.yaml]
-- broken/kustomization.yaml --
patches: [{target: {kind: Pod}, patch: "{}"}, {patch: "{apiVersion: v1, kind: Pod, metadata: {name: none}}"}]
-- file.yaml --
`)
	tests := []struct{ entry, want string }{
		{"?ref=v9", `URL has no branch or tag "v9"`},
		{"?ref=--upload-pack=touch", `URL has no branch or tag "--upload-pack=touch"`},
		{"?timeout=1ns", "fetching URL took longer than 1ns\nhint: give it longer with a parameter, as ?timeout=120, up to 300 seconds"},
		{"//none", "URL: open none: no such file or directory"},
		{"//file.yaml", "file.yaml is a file, and a kustomization is a directory"},
		{"", "the directory has no kustomization.yaml"},
		{"//loop", "loop/kustomization.yaml:1:13: resources: URL//loop: this is a cycle: URL//loop leads here"},
		{"//mutual/a", "mutual/a/kustomization.yaml:1:13: resources: URL//mutual/b: mutual/b/kustomization.yaml:1:13: " +
			"resources: URL//mutual/./a: this is a cycle: it is in the repository that leads here"},
		{"//out", "out/kustomization.yaml:1:13: resources: ../../elsewhere: it leads out of the repository"},
		{"//link", "link/kustomization.yaml:1:13: resources: passwd.yaml: it leads out of the repository"},
		{"//above", "above/kustomization.yaml:1:13: resources: ../file.yaml: the file is not in or below above, as kustomize wants it"},
	}
	e := engine(t)
	for _, test := range tests {
		entry := r.url() + test.entry
		wantError(t, e, naming(entry), "app/kustomization.yaml:3:3: resources: "+entry+": "+strings.ReplaceAll(test.want, "URL", r.url()))
	}
	wantError(t, e, naming(r.url()+"//broken"), fmt.Sprintf(`app/kustomization.yaml:3:3: %s//broken: `+
		`no resource matches strategic merge patch "Pod.v1/none": no matches for Id Pod.v1/none`+
		"\nhint: a patch names an object as it is before this kustomization changes it: apiVersion, kind, name and namespace", r.url()))

	t.Setenv("PATH", "")
	wantError(t, engine(t), naming(r.url()), fmt.Sprintf("app/kustomization.yaml:3:3: resources: %[1]s: "+
		"git is needed to fetch %[1]s, and there is no git on the PATH\nhint: install git", r.url()))
}

func TestRemoteBaseIgnoresTheEnvironmentOfAGitHook(t *testing.T) {
	r := newRepo(t)
	r.commit(pod("one"))
	ran := filepath.Join(t.TempDir(), "ran")
	hooks := t.TempDir()
	if err := os.WriteFile(filepath.Join(hooks, "post-checkout"), []byte("#!/bin/sh\ntouch "+ran+"\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_DIR", filepath.Join(t.TempDir(), "other"))
	t.Setenv("GIT_INDEX_FILE", "index")
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "core.hooksPath")
	t.Setenv("GIT_CONFIG_VALUE_0", hooks)
	wantImage(t, engine(t), naming(r.url()+"//base"), "one")
	if _, err := os.Stat(ran); err == nil {
		t.Error("a hook of the user was run")
	}
}

func TestSubmodulesAreFetchedUnlessTurnedOff(t *testing.T) {
	inner, outer := newRepo(t), newRepo(t)
	inner.commit(pod("inner"))
	outer.git("submodule", "--quiet", "add", inner.serve()+"/org/repo", "inner")
	outer.git("commit", "--quiet", "--message=test")
	e := engine(t)
	wantImage(t, e, naming(outer.url()+"//inner/base"), "inner")
	entry := outer.url() + "//inner/base?submodules=false"
	wantError(t, e, naming(entry), fmt.Sprintf("app/kustomization.yaml:3:3: resources: %s: %s: open inner/base: no such file or directory", entry, outer.url()))
}

// TestSubmodulesOnThisMachineAreRefused: a repository cannot name other repositories that this process may read, also
// if the user's configuration permits them.
func TestSubmodulesOnThisMachineAreRefused(t *testing.T) {
	inner, outer := newRepo(t), newRepo(t)
	inner.commit(pod("inner"))
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "protocol.file.allow")
	t.Setenv("GIT_CONFIG_VALUE_0", "always")
	outer.git("submodule", "--quiet", "add", inner.url(), "inner")
	outer.git("commit", "--quiet", "--message=test")
	wantError(t, engine(t), naming(outer.url()+"//inner/base"), fmt.Sprintf("app/kustomization.yaml:3:3: resources: %s//inner/base: "+
		"git cannot fetch %s: fatal: transport 'file' not allowed", outer.url(), outer.url()))
}

// TestRepositoriesOnThisMachineAreRefused: not for a stranger, not from the cache, and not under another spelling.
func TestRepositoriesOnThisMachineAreRefused(t *testing.T) {
	r := newRepo(t)
	commit := r.commit(pod("one"))
	e := engine(t)
	wantImage(t, e, naming(r.url()+"//base"), "one")
	for _, offline := range []bool{false, true} {
		stranger := &Engine{Dir: e.Dir, Env: e.Env, Offline: offline}
		for _, entry := range []string{r.url() + "//base", r.url() + "//base?ref=" + commit, "git::FILE://" + r.dir + "//base", "a@/" + r.dir + "//base"} {
			wantError(t, stranger, naming(entry), fmt.Sprintf("app/kustomization.yaml:3:3: resources: %s: a git repository on this machine "+
				"is not read for a pull request or an Application\nhint: name a directory of this repository, or an https:// URL", fetch.Redact(entry)))
		}
	}
}

// TestKustomizeFetchesNothingItself has URLs that look like YAML, or like a file. Kustomize would run git with the ref
// as an argument, so that git takes it for an option and runs the command in it.
func TestKustomizeFetchesNothingItself(t *testing.T) {
	asked := ""
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked += r.UserAgent() }))
	defer server.Close()
	ran := filepath.Join(t.TempDir(), "ran")
	command := "file:///x?ref=--upload-pack=touch%20" + ran + "%20"
	for _, test := range []struct{ name, files string }{
		{"line break", "-- app/kustomization.yaml --\nresources: [\"" + command + "\\n\"]\n"},
		{"mapping", "-- app/kustomization.yaml --\nresources: ['" + command + ": b']\n"},
		{"component", "-- app/kustomization.yaml --\ncomponents: [\"" + command + "\\n\"]\n"},
		{"transformer", "-- app/kustomization.yaml --\ntransformers: ['" + command + ": b']\nresources: [pod.yaml]\n" + object},
		{"validator", "-- app/kustomization.yaml --\nvalidators: [\"" + command + "\\n\"]\nresources: [pod.yaml]\n" + object},
		{"generator", "-- app/kustomization.yaml --\ngenerators: ['" + command + ": b']\nresources: [pod.yaml]\n" + object},
		{"file that is no YAML", "-- app/kustomization.yaml --\nresources: [\"file://x/y?ref=--upload-pack=touch%20" + strings.ReplaceAll(ran, "/", "%2F") +
			"%20\"]\n-- app/file:/x/y?ref=--upload-pack=touch%20" + strings.ReplaceAll(ran, "/", "%2F") + "%20 --\na: [\n"},
		{"patch", "-- app/kustomization.yaml --\npatchesStrategicMerge: ['" + server.URL + "/?a: b']\nresources: [pod.yaml]\n" + object},
		{"key and file", "-- app/kustomization.yaml --\ngenerators: [g.yaml]\n-- app/g.yaml --\napiVersion: builtin\nkind: ConfigMapGenerator\n" +
			"metadata: {name: a}\nfiles: ['k=" + server.URL + "']\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			os.Remove(ran)
			result, err := Source{Engine: &Engine{Dir: t.TempDir(), Env: os.Environ(), Network: local}, Path: "app"}.Render(t.Context(), render.In{Tree: treeOf(test.files)})
			if err == nil || strings.Contains(err.Error(), "failed to run") {
				t.Errorf("got %v, %v", result, err)
			}
			if _, err := os.Stat(ran); err == nil {
				t.Error("a command of the URL was run")
			}
		})
	}
	if strings.Contains(asked, "Go-http-client") {
		t.Errorf("kustomize has asked the server: %s", asked)
	}
}

const object = "-- app/pod.yaml --\napiVersion: v1\nkind: Pod\nmetadata: {name: app}\n"

// TestRemoteOriginsEqualKustomizes compares with the output of the program kustomize, with the repository's URL.
func TestRemoteOriginsEqualKustomizes(t *testing.T) {
	r := newRepo(t)
	r.commit(pod("one") + "-- kustomization.yaml --\nresources: [base]\nnameSuffix: -root\n")
	result, err := engine(t).Render(context.Background(), render.In{Tree: treeOf(`
-- app/kustomization.yaml --
resources:
- ` + r.url() + `//base?ref=main
- ` + r.url() + `
buildMetadata: [originAnnotations, transformerAnnotations]
`)}, Source{Path: "app"})
	if err != nil {
		t.Fatal(err)
	}
	want := `apiVersion: v1
kind: Pod
metadata:
  annotations:
    config.kubernetes.io/origin: |
      path: base/pod.yaml
      repo: ` + r.url() + `
      ref: main
  name: app
spec:
  containers:
  - image: one
    name: app
---
apiVersion: v1
kind: Pod
metadata:
  annotations:
    alpha.config.kubernetes.io/transformations: |
      - repo: ` + r.url() + `
        configuredIn: notCloned/kustomization.yaml
        configuredBy:
          apiVersion: builtin
          kind: SuffixTransformer
    config.kubernetes.io/origin: |
      path: notCloned/base/pod.yaml
      repo: ` + r.url() + `
  name: app-root
spec:
  containers:
  - image: one
    name: app
`
	if string(result.Text) != want {
		t.Errorf("got\n%s\nwant\n%s", result.Text, want)
	}
}

func TestRemoteFilesAreDownloaded(t *testing.T) {
	var requests atomic.Int32
	files := map[string]string{
		"/pod.yaml":       string(treeOf(pod("web"))["base/pod.yaml"].Data),
		"/pod":            "",
		"/app.properties": "color=blue\n",
		"/patch.json":     `[{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]`,
		"/page.yaml":      "<!DOCTYPE html>\n<html></html>\n",
	}
	files["/pod"] = files["/pod.yaml"]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		requests.Add(1)
		fmt.Fprint(w, content)
	}))
	defer server.Close()
	e := engine(t)
	all := treeOf(`
-- app/kustomization.yaml --
resources: [` + server.URL + `/pod.yaml]
patches: [{target: {kind: Pod}, path: ` + server.URL + `/patch.json}]
configMapGenerator:
- name: settings
  files: [` + server.URL + `/app.properties, named=` + server.URL + `/app.properties]
  envs: [` + server.URL + `/app.properties]
`)
	want := `apiVersion: v1
data:
  app.properties: |
    color=blue
  color: blue
  named: |
    color=blue
kind: ConfigMap
metadata:
  name: settings-8ttmct7m8t
---
apiVersion: v1
kind: Pod
metadata:
  labels:
    a: b
  name: app
spec:
  containers:
  - image: web
    name: app
`
	for _, e := range []*Engine{e, e, {Dir: e.Dir, Offline: true}} {
		result, err := Source{Engine: e, Path: "app"}.Render(context.Background(), render.In{Tree: all})
		if err != nil || string(result.Text) != want {
			t.Fatalf("got %v\n%s\nwant\n%s", err, result.Text, want)
		}
	}
	if got := requests.Load(); got != 3 {
		t.Errorf("%d requests for 3 files", got)
	}

	files["/pod.yaml"] = strings.ReplaceAll(files["/pod.yaml"], "web", "newer")
	wantImage(t, &Engine{Network: local, Dir: e.Dir}, naming(server.URL+"/pod.yaml"), "newer")
	wantImage(t, &Engine{Dir: e.Dir, Offline: true}, naming(server.URL+"/pod.yaml"), "newer")
	wantImage(t, e, naming(server.URL+"/pod"), "web") // The URL could be a repository, but is a file.

	for _, test := range []struct{ entry, want string }{
		{server.URL + "/none.yaml", "the server says 404 Not Found"},
		{server.URL + "/page.yaml", "what it leads to is no Kubernetes object"},
		{strings.Replace(server.URL, "://", "://user:secret@", 1) + "/none.yaml", "the server says 404 Not Found"},
	} {
		shown := strings.Replace(test.entry, "user:secret@", "", 1)
		wantError(t, e, naming(test.entry), "app/kustomization.yaml:3:3: resources: "+shown+": "+test.want)
	}
	wantError(t, e, naming(server.URL+"/none.yaml?token=s3cret&ref=v1"), fmt.Sprintf(
		"app/kustomization.yaml:3:3: resources: %s/none.yaml?ref=v1: the server says 404 Not Found", server.URL))
	wantError(t, e, treeOf("-- app/kustomization.yaml --\npatches: [{path: 'ssh://user:s3/cret@example.com/a.yaml?token=s3cret'}]\n"),
		"app/kustomization.yaml:1:18: patches.path: ssh://example.com/a.yaml: there is no app/ssh://example.com/a.yaml")
	wantError(t, &Engine{Dir: e.Dir, Offline: true}, naming(server.URL+"/other.yaml"), fmt.Sprintf(
		"app/kustomization.yaml:3:3: resources: %s/other.yaml: it is not in the cache, and --offline is set\nhint: run once without --offline", server.URL))
}
