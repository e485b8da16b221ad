package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/fix"
	"github.com/pullcheck/pullcheck/internal/rendertest"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// TestRuleCasesAreFixed checks and fixes the cases in testdata/rules. A case is a tree of files, and files that say
// what the program must do with the tree:
//
//	want         the findings and their fixes, as the function findings writes them
//	args         further arguments of the command
//	fixed/PATH   each file that differs after check --fix
//
// The files below NAME.tgz/ are packed into an archive. The files below NAME.git/ are committed to a repository, and
// its URL replaces ${NAME.git} in other files.
//
// Each case is fixed in two more forms: with lines that end with CRLF, and without a newline at the end of its files.
// The fix must keep both forms.
func TestRuleCasesAreFixed(t *testing.T) {
	files, err := filepath.Glob("../../testdata/rules/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	cache := t.TempDir()
	for _, file := range files {
		rule, name := filepath.Base(filepath.Dir(file)), strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(rule+"/"+name, func(t *testing.T) {
			t.Parallel()
			c := readRuleCase(t, file)
			c.cache = cache
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
	cache        string // the directory of downloads
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
			c.files[container] = rendertest.Pack(inner)
		} else {
			c.urls = append(c.urls, "${"+container+"}", rendertest.Commit(t, inner))
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
	var out, err bytes.Buffer
	command := &Command{Stdout: &out, Stderr: &err, Dir: dir, Env: []string{"XDG_CACHE_HOME=" + c.cache}}
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
		rendertest.Git(t, patched, "apply", patchFile)
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

// TestReplaceKeepsTheMode: a file that --fix writes keeps its mode. A file that is not the one that was proven stays
// as it is, with an error.
func TestReplaceKeepsTheMode(t *testing.T) {
	dir := t.TempDir()
	work := &tree.Work{Root: dir}
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
		if err := work.Replace(file.Path, file.Before, file.After, tree.Disk); err != nil {
			t.Fatal(err)
		}
		is("new", mode)
		if err := os.Chmod(name, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("changed", 0o644)
	if err := work.Replace(file.Path, file.Before, file.After, tree.Disk); err == nil || !strings.Contains(err.Error(), "values.yaml has changed since it was read") {
		t.Errorf("a file that changed: %v", err)
	}
	is("changed", 0o644)
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := work.Replace(file.Path, file.Before, file.After, tree.Disk); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is gone: %v", err) // not: a symbolic link leads there
	}
	if files := readFiles(t, dir); len(files) > 0 {
		t.Errorf("there are %v", slices.Sorted(maps.Keys(files)))
	}
}

// TestReplaceInReadOnlyDirectory: a file in a directory where no file can be created stays as it is, and the error
// names it.
func TestReplaceInReadOnlyDirectory(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write to every directory")
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "values.yaml")
	if err := cmp.Or(os.WriteFile(name, []byte("old"), 0o644), os.Chmod(dir, 0o555)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) }) // so that it can be removed
	err := (&tree.Work{Root: dir}).Replace("values.yaml", []byte("old"), []byte("new"), tree.Disk)
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "values.yaml") {
		t.Errorf("the error is %v", err)
	}
	if data, err := os.ReadFile(name); err != nil || string(data) != "old" {
		t.Errorf("it is %q, %v", data, err)
	}
}

// unfixed makes a tree with files to fix. It returns the files with their content before and after the fixes.
func unfixed(t *testing.T) (work *tree.Work, files []fix.File) {
	t.Helper()
	work = &tree.Work{Root: t.TempDir()}
	before := map[string][]byte{}
	for _, name := range []string{"a.yaml", "b.yaml", "c.yaml"} {
		text := "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{imagePullPolicy: %s, image: a}]}}\n"
		before[name] = fmt.Appendf(nil, text, "Never")
		files = append(files, fix.File{Path: name, Before: before[name], After: fmt.Appendf(nil, text, "Always")})
	}
	writeFiles(t, work.Root, before)
	return work, files
}

// fixedIn returns the files in a directory that are fixed. It is an error if another file is not as it was.
func fixedIn(t *testing.T, dir string, files []fix.File) (fixed []string) {
	t.Helper()
	for _, file := range files {
		switch data, err := os.ReadFile(filepath.Join(dir, file.Path)); {
		case err == nil && bytes.Equal(data, file.After):
			fixed = append(fixed, file.Path)
		case err != nil || !bytes.Equal(data, file.Before):
			t.Errorf("%s is %q, %v: neither what it was nor what it should be", file.Path, data, err)
		}
	}
	return fixed
}

// TestKilledFixLeavesWholeFiles copies the tree at each moment at which somebody could kill check --fix: before a file
// is created, when it is half written, and before and after it replaces the old file. In each copy, every file is
// either as it was or completely fixed, and another run fixes the rest.
func TestKilledFixLeavesWholeFiles(t *testing.T) {
	work, files := unfixed(t)
	var copies []string
	moment := func() {
		t.Helper()
		fixedIn(t, work.Root, files)
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(work.Root)); err != nil {
			t.Fatal(err)
		}
		copies = append(copies, dir)
	}
	steps := tree.Steps{
		Create: func(dir, pattern string) (*os.File, error) {
			moment()
			return os.CreateTemp(dir, pattern)
		},
		Write: func(file *os.File, data []byte) (int, error) {
			if _, err := file.Write(data[:len(data)/2]); err != nil {
				t.Fatal(err)
			}
			moment()
			n, err := file.Write(data[len(data)/2:])
			return len(data)/2 + n, err
		},
		Rename: func(from, to string) error {
			moment()
			defer moment()
			return os.Rename(from, to)
		},
	}
	command := &Command{Stdout: io.Discard, Stderr: io.Discard}
	if err := writeFixes(t.Context(), command, work, steps, files, &check.Report{}); err != nil {
		t.Fatal(err)
	}
	if want := 4 * len(files); len(copies) != want {
		t.Fatalf("%d moments were seen, want %d", len(copies), want)
	}
	if fixed := fixedIn(t, work.Root, files); len(fixed) != len(files) {
		t.Errorf("only %v are fixed", fixed)
	}
	for i, dir := range copies {
		command.Dir = dir
		if code := command.Run(t.Context(), []string{"check", "--fix", "--quiet"}); code != exitClean {
			t.Errorf("another run after moment %d ends with code %d", i, code)
		}
		if fixed := fixedIn(t, dir, files); len(fixed) != len(files) {
			t.Errorf("another run after moment %d leaves only %v fixed", i, fixed)
		}
	}
}

// TestFailedWriteLeavesTheFile makes each step fail for each file in turn. That file stays as it was, no temporary
// file is left, the error names the file, and the other files are fixed.
func TestFailedWriteLeavesTheFile(t *testing.T) {
	injected := errors.New("injected")
	for _, step := range []string{"create", "write", "rename"} {
		for failing := range 3 {
			work, files := unfixed(t)
			calls := map[string]int{}
			fails := func(name string) bool {
				calls[name]++
				return name == step && calls[name] == failing+1
			}
			steps := tree.Steps{
				Create: func(dir, pattern string) (*os.File, error) {
					if fails("create") {
						return nil, injected
					}
					return os.CreateTemp(dir, pattern)
				},
				Write: func(file *os.File, data []byte) (int, error) {
					if fails("write") {
						n, _ := file.Write(data[:len(data)/2])
						return n, injected
					}
					return file.Write(data)
				},
				Rename: func(from, to string) error {
					if fails("rename") {
						return &os.LinkError{Op: "rename", Old: from, New: to, Err: injected}
					}
					return os.Rename(from, to)
				},
			}
			command := &Command{Stdout: io.Discard, Stderr: io.Discard}
			err := writeFixes(t.Context(), command, work, steps, files, &check.Report{})
			if !errors.Is(err, injected) || !strings.Contains(err.Error(), files[failing].Path) {
				t.Errorf("%s of %s: the error is %v", step, files[failing].Path, err)
			}
			want := []string{"a.yaml", "b.yaml", "c.yaml"}
			want = slices.Delete(want, failing, failing+1)
			if got := fixedIn(t, work.Root, files); !slices.Equal(got, want) {
				t.Errorf("%s of %s: %v are fixed, want %v", step, files[failing].Path, got, want)
			}
			if all := readFiles(t, work.Root); len(all) != len(files) {
				t.Errorf("%s of %s leaves %v", step, files[failing].Path, slices.Sorted(maps.Keys(all)))
			}
		}
	}
}
