package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pullcheck/pullcheck/internal/printable"
)

// hostileNames are names of manifests that a diff, a log or a terminal could take for something else.
var hostileNames = []string{
	"plain.yaml",
	"line\nFORGED line.yaml",
	`quo"te.yaml`,
	"tab\t.yaml",
	`back\slash.yaml`,
	`esca\tpe.yaml`,
	"übel.yaml",
	"a space.yaml",
	"x b/x b/y.yaml",
	"named/return.yaml\r",
	"named/date.yaml 2001-01-01 00:00:00.000000000 +0000",
	"named/tab.yaml\t2001-01-01 00:00:00.000000000 +0000",
	"esc\x1b[31m\x07.yaml",
	"c1\u009b31m.yaml",
	"bidi\u202elmay.yaml",
	"zero\u200bwidth\U000e0041.yaml",
	"::error::command.yaml",
	"stop\n::set-output name=x::y\n##[group]z.yaml",
	// This is a hunk for the file victim, and the beginning of one for y.yaml.
	"x\n--- a/victim\n+++ b/victim\n@@ -2,3 +2,3 @@\n safe\n-safe\n+pwned\n safe\n--- a/y.yaml\n+++ b/y.yaml",
}

// hostileRepository makes a git repository with a manifest of each of the hostile names, and with files that a name
// could be taken for. The objects of the manifests have hostile names, too. It returns its directory.
func hostileRepository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"named/kustomization.yaml": "resources:\n" +
		`  - "return.yaml\r"` + "\n  - date.yaml 2001-01-01 00:00:00.000000000 +0000\n" + `  - "tab.yaml\t2001-01-01 00:00:00.000000000 +0000"` + "\n"}
	for i, name := range hostileNames {
		files[name] = fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: \"p%d\\u202e\\e[31m\\nFORGED\\n::error::name\"}\nspec:\n  containers:\n"+
			"    - name: c\n      image: a:1\n      imagePullPolicy: IfNotPresent\n", i)
	}
	for _, name := range []string{"victim", "named/return.yaml", "named/date.yaml", "named/tab.yaml", "esca\tpe.yaml", "b/y.yaml"} {
		files[name] = strings.Repeat("safe\n", 100)
	}
	_, files["y.yaml"], _ = strings.Cut(files["plain.yaml"], "\n")
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Skipf("this file system does not keep the name %q: %v", name, err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Skipf("this file system does not keep the name %q: %v", name, err)
		}
	}
	return dir
}

// contents returns the files below a directory by their names.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		files[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestDiffPatchesTheNamedFiles: `git apply` of the diff changes the file of each finding and no other file, whatever
// the names of the files are.
func TestDiffPatchesTheNamedFiles(t *testing.T) {
	t.Parallel()
	dir := hostileRepository(t)
	want := contents(t, dir)
	for _, name := range hostileNames {
		want[name] = strings.Replace(want[name], "IfNotPresent", "Always", 1)
	}
	var diff, stderr strings.Builder
	c := &Command{Stdout: &diff, Stderr: &stderr, Dir: dir}
	if code := c.Run(context.Background(), []string{"check", "--diff"}); code != exitFindings {
		t.Fatalf("code %d\n%s", code, stderr.String())
	}
	apply := exec.Command("git", "apply", "-")
	apply.Dir, apply.Stdin = dir, strings.NewReader(diff.String())
	if output, err := apply.CombinedOutput(); err != nil {
		t.Errorf("git apply: %v\n%s\n%s", err, output, diff.String())
	}
	got := contents(t, dir)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			t.Errorf("%q is\n%s\nwant\n%s", name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("there are %d files, want %d", len(got), len(want))
	}
}

// TestTextIsSafeToPrint runs each subcommand that prints text of a repository. All its text for people, and JSON, is
// visible, has no line that the repository forges, and has no command for the runner of a workflow.
func TestTextIsSafeToPrint(t *testing.T) {
	t.Parallel()
	dir := hostileRepository(t)
	write := func(name, text string) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	const evil = "\u202e\u200b\x1b[31m\n::error::FORGED\nFORGED ##[group]"
	write("chart\nFORGED/Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\n")
	write("chart\nFORGED/templates/a.yaml", `{{ fail "\u202e\u200b\x1b[31m\n::error::FORGED\r::error::FORGED\n ##[group]" }}`)
	write("ignore.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n    - name: c\n      image: \"a:1\\u202e\\e[31m\\n::error::FORGED\"\n"+
		"      imagePullPolicy: Never # pullcheck: ignore[pull-policy-not-always] \u202e\u200b\u00ad::error::##[group]\n")
	write("wrong.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: \"\\e[31m\\n::error::FORGED\"}\nspec: {containers: [{name: c, image: b, imagePullPolicy: \"\\u202e##[group]\\n::error::FORGED\"}]}\n")
	write("link.yaml", "a: \u202e *x\n##[group]\n  ::error::\n")
	input, err := os.ReadFile(filepath.Join(dir, "wrong.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	chart := "chart\nFORGED"
	for _, test := range []struct {
		args []string
		// exact is true if standard output is for programs, and holds what the repository holds.
		exact bool
	}{
		{args: []string{"check"}},
		{args: []string{"check", "--quiet", "--show-suppressed", "--color=always"}},
		{args: []string{"check", "--format=json"}},
		{args: []string{"check", "--diff"}, exact: true},
		{args: []string{"check", chart}},
		{args: []string{"check", evil}},
		{args: []string{"check", "--since", evil}},
		{args: []string{"check", "--set", evil, chart}},
		{args: []string{"check", "-f", evil}},
		{args: []string{"check", "--format", evil}},
		{args: []string{evil}},
		{args: []string{"render", chart}},
		{args: []string{"render", "plain.yaml"}, exact: true},
		{args: []string{"why", "pod/a", "spec.containers[c].image", "ignore.yaml"}},
		{args: []string{"why", "pod/" + evil, evil, "ignore.yaml"}},
		{args: []string{"explain", evil}},
		{args: []string{"hook"}, exact: true},
		{args: []string{"hook", "--mutate"}, exact: true},
		{args: []string{"generate"}},
		{args: []string{"review", "--dry-run", "--base", evil}},
		{args: []string{"check", "--fix"}}, // It is last, because it writes.
	} {
		t.Run(fmt.Sprintf("%.30q", test.args), func(t *testing.T) {
			var stdout, stderr strings.Builder
			c := &Command{Stdin: strings.NewReader(string(input)), Stdout: &stdout, Stderr: &stderr, Dir: dir,
				Env: append(os.Environ(), "ARGOCD_APP_NAME=a", "ARGOCD_APP_NAMESPACE=a", "XDG_CACHE_HOME="+t.TempDir())}
			c.Run(context.Background(), test.args)
			safeToPrint(t, stderr.String())
			if !test.exact {
				safeToPrint(t, stdout.String())
			}
			if stdout.String()+stderr.String() == "" {
				t.Error("it prints nothing")
			}
		})
	}
}

// safeToPrint fails the test if a text has a hidden character, a forged line, or a workflow command.
func safeToPrint(t *testing.T, text string) {
	t.Helper()
	for _, style := range []string{printable.Red, printable.Yellow, printable.Cyan, printable.Bold, printable.Faint, printable.Plain} {
		text = strings.ReplaceAll(text, style, "")
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if i := strings.IndexFunc(line, printable.IsHidden); i >= 0 {
			t.Errorf("%q has a hidden character", line)
		}
		begin := strings.TrimSpace(line)
		if strings.HasPrefix(begin, "::") || strings.Contains(line, "##[") || strings.HasPrefix(line, "FORGED") {
			t.Errorf("%q is not of this program", line)
		}
	}
}
