package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/fix"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// TestRules checks and fixes the cases in testdata/rules. A case is a tree of files, less those that say what becomes
// of it:
//
//	want         the findings and their fixes, as findings writes them
//	args         of the command, beside those that the test gives
//	fixed/PATH   each file that differs after check --fix
//
// What stands below NAME.tgz/ is packed, and what stands below NAME.git/ is committed to a repository, whose URL is in
// the place of ${NAME.git} in other files.
//
// Each case is fixed once more with lines that end with CRLF, and once with no newline at the end of its files: both
// have to stay as they are.
func TestRules(t *testing.T) {
	files, err := filepath.Glob("../../testdata/rules/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for _, file := range files {
		rule, name := filepath.Base(filepath.Dir(file)), strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(rule+"/"+name, func(t *testing.T) {
			c := readRuleCase(t, file)
			if !strings.Contains(c.want, " "+rule+": ") {
				t.Errorf("no finding of %s is wanted", rule)
			}
			t.Run("LF", func(t *testing.T) { c.check(t) })
			t.Run("CRLF", func(t *testing.T) {
				c.as(func(text []byte) []byte { return bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")) }).fix(t)
			})
			t.Run("no final newline", func(t *testing.T) {
				c.as(func(text []byte) []byte { return bytes.TrimSuffix(text, []byte("\n")) }).fix(t)
			})
		})
	}
}

// ruleCase is a case of testdata/rules.
type ruleCase struct {
	files, fixed map[string][]byte
	args         []string
	want         string
	// urls are those of repositories, which differ from run to run, each behind what stands for it in the case.
	urls []string
}

func readRuleCase(t *testing.T, file string) *ruleCase {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &ruleCase{files: map[string][]byte{}}
	packed, changed := map[string]map[string][]byte{}, map[string][]byte{}
	for _, f := range archive.Files {
		fixed, isFixed := strings.CutPrefix(f.Name, "fixed/")
		container, inner, isPacked := cutContainer(f.Name)
		switch {
		case f.Name == "want":
			c.want = string(f.Data)
		case f.Name == "args":
			c.args = strings.Fields(string(f.Data))
		case isFixed:
			changed[fixed] = f.Data
		case isPacked && packed[container] == nil:
			packed[container] = map[string][]byte{inner: f.Data}
		case isPacked:
			packed[container][inner] = f.Data
		default:
			c.files[f.Name] = f.Data
		}
	}
	for container, inner := range packed {
		if path.Ext(container) == ".tgz" {
			c.files[container] = pack(t, inner)
		} else {
			c.urls = append(c.urls, "${"+container+"}", commit(t, inner))
		}
	}
	for _, files := range []map[string][]byte{c.files, changed} {
		for name, data := range files {
			if path.Ext(name) != ".tgz" {
				files[name] = []byte(strings.NewReplacer(c.urls...).Replace(string(data)))
			}
		}
	}
	c.fixed = maps.Clone(c.files)
	for name := range changed {
		if c.files[name] == nil {
			t.Fatalf("there is no %s to fix", name)
		}
	}
	maps.Copy(c.fixed, changed)
	return c
}

// cutContainer takes apart the path of a file in a packaged chart or a repository.
func cutContainer(name string) (container, inner string, ok bool) {
	for _, extension := range []string{".tgz", ".git"} {
		if container, inner, ok = strings.Cut(name, extension+"/"); ok {
			return container + extension, inner, true
		}
	}
	return "", "", false
}

func pack(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var data bytes.Buffer
	compressed := gzip.NewWriter(&data)
	archive := tar.NewWriter(compressed)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))})
		if _, writeErr := archive.Write(files[name]); cmp.Or(err, writeErr) != nil {
			t.Fatal(cmp.Or(err, writeErr))
		}
	}
	if err := cmp.Or(archive.Close(), compressed.Close()); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

// commit makes a repository with one commit and returns its URL.
func commit(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "repository")
	writeFiles(t, dir, files)
	runGit(t, dir, "init", "--quiet", "--initial-branch=main")
	runGit(t, dir, "add", "--all")
	runGit(t, dir, "commit", "--quiet", "--message=test")
	return "file://" + filepath.ToSlash(dir)
}

func runGit(t *testing.T, dir string, args ...string) {
	t.Helper()
	command := exec.Command("git", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=test", "GIT_AUTHOR_EMAIL=test", "GIT_COMMITTER_NAME=test", "GIT_COMMITTER_EMAIL=test")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func writeFiles(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, data := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := cmp.Or(os.MkdirAll(filepath.Dir(name), 0o777), os.WriteFile(name, data, 0o666)); err != nil {
			t.Fatal(err)
		}
	}
}

// readFiles reads all files below a directory.
func readFiles(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files[name], err = os.ReadFile(filepath.Join(dir, name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// as is the case with another form of its text files.
func (c *ruleCase) as(form func([]byte) []byte) *ruleCase {
	formed := &ruleCase{files: map[string][]byte{}, fixed: map[string][]byte{}, args: c.args, want: c.want}
	for name, data := range c.files {
		if path.Ext(name) == ".tgz" {
			formed.files[name], formed.fixed[name] = data, data
		} else {
			formed.files[name], formed.fixed[name] = form(data), form(c.fixed[name])
		}
	}
	return formed
}

// run runs check in a directory and returns the exit code.
func (c *ruleCase) run(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Chdir(dir)
	var out, err bytes.Buffer
	command := &Command{Stdout: &out, Stderr: &err}
	code = command.Run(t.Context(), slices.Concat([]string{"check"}, args, c.args))
	return code, out.String(), err.String()
}

// check compares the findings, the diff, and the tree after --fix, once and again.
func (c *ruleCase) check(t *testing.T) {
	dir, patched := t.TempDir(), t.TempDir()
	writeFiles(t, dir, c.files)
	_, stdout, stderr := c.run(t, dir, "--format", "json")
	want := strings.NewReplacer(c.urls...).Replace(c.want)
	if got := findings(t, stdout+stderr); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, patch, _ := c.run(t, dir, "--diff"); patch != "" {
		writeFiles(t, patched, c.files)
		patchFile := filepath.Join(t.TempDir(), "patch")
		if err := os.WriteFile(patchFile, []byte(patch), 0o666); err != nil {
			t.Fatal(err)
		}
		runGit(t, patched, "apply", patchFile)
		c.compare(t, "git apply of --diff", patched)
	}
	c.fixIn(t, dir)
	c.fixIn(t, dir) // There is nothing more to do.
}

func (c *ruleCase) fix(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, c.files)
	c.fixIn(t, dir)
}

func (c *ruleCase) fixIn(t *testing.T, dir string) {
	t.Helper()
	code, stdout, stderr := c.run(t, dir, "--fix")
	want := exitClean
	if strings.Contains(c.want, " no fix") {
		want = exitFindings
	}
	if code != want {
		t.Errorf("the exit code is %d, want %d:\n%s\n%s", code, want, stdout, stderr)
	}
	c.compare(t, "--fix", dir)
}

func (c *ruleCase) compare(t *testing.T, what, dir string) {
	t.Helper()
	got := readFiles(t, dir)
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if want, ok := c.fixed[name]; !ok {
			t.Errorf("%s leaves %s", what, name)
		} else if !bytes.Equal(got[name], want) {
			visible := func(text []byte) []byte { return bytes.ReplaceAll(text, []byte("\r"), []byte(`\r`)) }
			t.Errorf("%s, %s:\n%s", what, name, diff.Diff("want", visible(want), "got", visible(got[name])))
		}
	}
}

// findings writes the findings of a report, one a line: PATH:LINE:COLUMN RULE: FIX.
func findings(t *testing.T, report string) string {
	t.Helper()
	var r struct {
		Findings []struct {
			Rule     string
			Decision yamldoc.Location
			Fix      *check.Fix
		}
		Failures []check.Failure
	}
	if err := json.Unmarshal([]byte(report), &r); err != nil {
		t.Fatalf("%v in %s", err, report)
	}
	var b strings.Builder
	for _, f := range r.Findings {
		becomes := "no fix"
		if f.Fix != nil {
			becomes = f.Fix.Message
			if !f.Fix.Proven {
				t.Errorf("%s: a fix that is not proven", f.Decision)
			}
		} else if f.Rule == check.DigestID {
			becomes = "not to be fixed"
		}
		fmt.Fprintf(&b, "%s %s: %s\n", f.Decision, f.Rule, becomes)
	}
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "failure: %s: %s\n", f.Source, f.Message)
	}
	return b.String()
}

// TestRewrite writes files as --fix does: mode and owner stay, and a file that is not what was proven is left alone.
func TestRewrite(t *testing.T) {
	dir := t.TempDir()
	tree := &workTree{root: dir}
	name := filepath.Join(dir, "values.yaml")
	write := func(content string, mode fs.FileMode) {
		t.Helper()
		if err := cmp.Or(os.WriteFile(name, []byte(content), 0o600), os.Chmod(name, mode)); err != nil {
			t.Fatal(err)
		}
	}
	is := func(content string, mode fs.FileMode) {
		t.Helper()
		info, err := os.Stat(name)
		data, readErr := os.ReadFile(name)
		if cmp.Or(err, readErr) != nil {
			t.Fatal(cmp.Or(err, readErr))
		}
		if string(data) != content || info.Mode() != mode {
			t.Errorf("it is %q with mode %v, want %q with %v", data, info.Mode(), content, mode)
		}
		if files := readFiles(t, dir); len(files) != 1 {
			t.Errorf("there are %v", slices.Sorted(maps.Keys(files)))
		}
	}
	file := fix.File{Path: "values.yaml", Before: []byte("old"), After: []byte("new")}
	for _, mode := range []fs.FileMode{0o644, 0o600, 0o755, 0o444, 0o666} {
		write("old", mode)
		if err := tree.rewrite(file); err != nil {
			t.Fatal(err)
		}
		is("new", mode)
		if err := os.Chmod(name, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("changed", 0o644)
	if err := tree.rewrite(file); err == nil || !strings.Contains(err.Error(), "values.yaml has changed since it was read") {
		t.Errorf("a file that changed: %v", err)
	}
	is("changed", 0o644)
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := tree.rewrite(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is gone: %v", err) // not: a symbolic link leads there
	}
	if files := readFiles(t, dir); len(files) > 0 {
		t.Errorf("there are %v", slices.Sorted(maps.Keys(files)))
	}
}

// TestRewriteReadOnly leaves a file alone in a directory in which nothing may be made.
func TestRewriteReadOnly(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write to every directory")
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "values.yaml")
	if err := cmp.Or(os.WriteFile(name, []byte("old"), 0o644), os.Chmod(dir, 0o555)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) }) // so that it can be removed
	err := (&workTree{root: dir}).rewrite(fix.File{Path: "values.yaml", Before: []byte("old"), After: []byte("new")})
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "values.yaml") {
		t.Errorf("the error is %v", err)
	}
	if data, err := os.ReadFile(name); err != nil || string(data) != "old" {
		t.Errorf("it is %q, %v", data, err)
	}
}

// TestFixKilled kills check --fix after some of the files were written: each is as it was or as it is when all is done,
// and another run goes on from there.
func TestFixKilled(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const count = 40
	before, after := map[string][]byte{}, map[string][]byte{}
	for i := range count {
		name := fmt.Sprintf("pod%02d.yaml", i)
		text := "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{imagePullPolicy: %s, image: a}]}}\n" + strings.Repeat("# padding\n", 400)
		before[name], after[name] = fmt.Appendf(nil, text, "Never"), fmt.Appendf(nil, text, "Always")
	}
	start := func(dir string) (*exec.Cmd, chan error) {
		command := exec.Command(program, "check", "--fix", "--quiet")
		command.Args[0] = "pullcheck" // By this name the program of the tests is the one that they test.
		command.Dir = dir
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- command.Wait() }()
		return command, done
	}
	for written := 0; written < count; written += 10 {
		dir := t.TempDir()
		writeFiles(t, dir, before)
		command, done := start(dir)
		for len(done) == 0 {
			if n, temporary := progress(t, dir, len(after["pod00.yaml"])); n > written || n == written && temporary {
				_ = command.Process.Kill() // It may have ended.
				break
			}
		}
		<-done
		fixed := 0
		for name, data := range readFiles(t, dir) {
			switch {
			case strings.HasPrefix(name, ".pullcheck-"):
			case bytes.Equal(data, after[name]):
				fixed++
			case !bytes.Equal(data, before[name]):
				t.Errorf("%s has %d bytes that are neither what it was nor what it should be", name, len(data))
			}
		}
		t.Logf("%d of %d files were fixed", fixed, count)
		_, done = start(dir)
		if err := <-done; err != nil {
			t.Errorf("another run: %v", err)
		}
		if fixed, _ := progress(t, dir, len(after["pod00.yaml"])); fixed != count {
			t.Errorf("another run leaves %d of %d files fixed", fixed, count)
		}
	}
}

// progress counts the files of a size, and tells whether one is being written.
func progress(t *testing.T, dir string, size int) (files int, temporary bool) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".pullcheck-") {
			temporary = true
		} else if info, err := entry.Info(); err == nil && info.Size() == int64(size) {
			files++
		}
	}
	return files, temporary
}
