package git

import (
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"
)

// paths returns status and path of files: "modified a, added b".
func paths(files Files) string {
	var all []string
	for _, f := range files {
		name := f.Path
		if f.OldPath != "" {
			name = f.OldPath + " -> " + name
		}
		all = append(all, string(f.Status)+" "+name)
	}
	return strings.Join(all, ", ")
}

// show returns everything about a file, with a line for the file, for each hunk and for each row.
func show(f File) string {
	var text strings.Builder
	text.WriteString(paths(Files{f}))
	for flag, set := range map[string]bool{"binary": f.Binary, "submodule": f.Submodule} {
		if set {
			text.WriteString(" " + flag)
		}
	}
	text.WriteByte('\n')
	for _, h := range f.Hunks {
		fmt.Fprintf(&text, "@@ -%d,%d +%d,%d @@\n", h.OldStart, h.OldLines, h.NewStart, h.NewLines)
		for _, row := range h.Rows {
			end := ""
			if row.NoNewline {
				end = " no newline"
			}
			fmt.Fprintf(&text, "%d %d %q%s\n", row.Old, row.New, row.Text, end)
		}
	}
	return text.String()
}

// TestChangeIsTheSameInEachDiff makes one change at a time. The diff of two commits, the diff of the working tree, and
// the diff in the form of GitHub's API give the same files.
func TestChangeIsTheSameInEachDiff(t *testing.T) {
	odd := "dir with space/qu\"o\\te\tü 日本.yaml"
	for _, test := range []struct {
		name          string
		before, after func(scratch)
		want          []string
	}{
		{"modified", func(s scratch) { s.write("a", numbered(1, 20)) },
			func(s scratch) { s.write("a", numbered(1, 9)+"new\n"+numbered(11, 20)) },
			[]string{"modified a\n@@ -7,7 +7,7 @@\n7 7 \"line 7\"\n8 8 \"line 8\"\n9 9 \"line 9\"\n10 0 \"line 10\"\n0 10 \"new\"\n11 11 \"line 11\"\n12 12 \"line 12\"\n13 13 \"line 13\"\n"}},
		{"two hunks", func(s scratch) { s.write("a", numbered(1, 20)) },
			func(s scratch) { s.write("a", "new\n"+numbered(1, 19)) },
			[]string{"modified a\n@@ -1,3 +1,4 @@\n0 1 \"new\"\n1 2 \"line 1\"\n2 3 \"line 2\"\n3 4 \"line 3\"\n@@ -17,4 +18,3 @@\n17 18 \"line 17\"\n18 19 \"line 18\"\n19 20 \"line 19\"\n20 0 \"line 20\"\n"}},
		{"added, deleted, one line", func(s scratch) { s.write("a", "old\n") },
			func(s scratch) { s.remove("a"); s.write("b", "completely new\n") },
			[]string{"deleted a\n@@ -1,1 +0,0 @@\n1 0 \"old\"\n", "added b\n@@ -0,0 +1,1 @@\n0 1 \"completely new\"\n"}},
		{"renamed", func(s scratch) { s.write("a", numbered(1, 9)) },
			func(s scratch) { s.remove("a"); s.write("b/c", numbered(1, 9)) }, []string{"renamed a -> b/c\n"}},
		{"renamed and modified", func(s scratch) { s.write("a", numbered(1, 5)) },
			func(s scratch) { s.remove("a"); s.write("b", numbered(1, 4)) },
			[]string{"renamed a -> b\n@@ -2,4 +2,3 @@\n2 2 \"line 2\"\n3 3 \"line 3\"\n4 4 \"line 4\"\n5 0 \"line 5\"\n"}},
		{"odd names", func(s scratch) { s.write(odd, "a\n"); s.write("b b", "b\n"); s.write("ä", numbered(1, 5)) },
			func(s scratch) {
				s.write(odd, "b\n")
				s.write("b b", "c\n")
				s.remove("ä")
				s.write("a b/ö b/x", numbered(1, 5))
			},
			[]string{"renamed ä -> a b/ö b/x\n", "modified b b\n@@ -1,1 +1,1 @@\n1 0 \"b\"\n0 1 \"c\"\n",
				"modified " + odd + "\n@@ -1,1 +1,1 @@\n1 0 \"a\"\n0 1 \"b\"\n"}},
		{"backslashes in names", func(s scratch) { s.write(`a\`, "a\n"); s.write(`b\\`, ""); s.write(`c "\`, numbered(1, 5)) },
			func(s scratch) {
				s.write(`a\`, "b\n")
				s.remove(`b\\`)
				s.remove(`c "\`)
				s.write("c\\\"\t\\", numbered(1, 5))
				s.write(`d" \134\`, "d\n")
			},
			[]string{"modified a\\\n@@ -1,1 +1,1 @@\n1 0 \"a\"\n0 1 \"b\"\n", "deleted b\\\\\n", "renamed c \"\\ -> c\\\"\t\\\n",
				"added d\" \\134\\\n@@ -0,0 +1,1 @@\n0 1 \"d\"\n"}},
		{"binary", func(s scratch) { s.write("a", "a\x00b"); s.write("b", "a\x00b"); s.write("c", "c\x00") },
			func(s scratch) { s.write("a", "a\x00c"); s.remove("b"); s.write("d", "\x00") },
			[]string{"modified a binary\n", "deleted b binary\n", "added d binary\n"}},
		{"CRLF and no newline", func(s scratch) { s.write("a", "x\r\ny\r\nz") },
			func(s scratch) { s.write("a", "x\r\nY\r\nz\r\n") },
			[]string{"modified a\n@@ -1,3 +1,3 @@\n1 1 \"x\\r\"\n2 0 \"y\\r\"\n3 0 \"z\" no newline\n0 2 \"Y\\r\"\n0 3 \"z\\r\"\n"}},
		{"no newline on both sides", func(s scratch) { s.write("a", "x\ny") },
			func(s scratch) { s.write("a", "X\ny") },
			[]string{"modified a\n@@ -1,2 +1,2 @@\n1 0 \"x\"\n0 1 \"X\"\n2 2 \"y\" no newline\n"}},
		{"empty files", func(s scratch) { s.write("a", "") },
			func(s scratch) { s.remove("a"); s.write("b c", "") }, []string{"renamed a -> b c\n"}},
		{"empty file added", func(s scratch) { s.write("a", "x") },
			func(s scratch) { s.write("b c", "") }, []string{"added b c\n"}},
		{"mode", func(s scratch) { s.write("a", "x\n") },
			func(s scratch) { s.do(os.Chmod(s.path("a"), 0o777)) }, []string{"modified a\n"}},
		{"rows like headers", func(s scratch) { s.write("a", "-- a/x\n") },
			func(s scratch) { s.write("a", "++ b/x\n@@ -1 +1 @@\ndiff --git a/x b/x\n\\ No newline\n\n") },
			[]string{"modified a\n@@ -1,1 +1,5 @@\n1 0 \"-- a/x\"\n0 1 \"++ b/x\"\n0 2 \"@@ -1 +1 @@\"\n0 3 \"diff --git a/x b/x\"\n0 4 \"\\\\ No newline\"\n0 5 \"\"\n"}},
		{"link becomes a file", func(s scratch) { s.write("b", "b\n"); s.link("b", "a") },
			func(s scratch) { s.remove("a"); s.write("a", "x\n") },
			[]string{"type changed a\n@@ -0,0 +1,1 @@\n0 1 \"x\"\n"}},
		{"link", func(s scratch) { s.link("b", "a") },
			func(s scratch) { s.remove("a"); s.link("c", "a") },
			[]string{"modified a\n@@ -1,1 +1,1 @@\n1 0 \"b\" no newline\n0 1 \"c\" no newline\n"}},
		{"file becomes a directory", func(s scratch) { s.write("a", "a\n") },
			func(s scratch) { s.remove("a"); s.write("a/b", "one\ntwo\n") },
			[]string{"deleted a\n@@ -1,1 +0,0 @@\n1 0 \"a\"\n", "added a/b\n@@ -0,0 +1,2 @@\n0 1 \"one\"\n0 2 \"two\"\n"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newScratch(t)
			test.before(s)
			base := s.commit()
			test.after(s)
			r := s.open()
			tree, err := r.DiffWorkingTree(t.Context(), base)
			checkFiles(t, "working tree", tree, err, test.want)
			head := s.commit()
			tree, err = r.DiffWorkingTree(t.Context(), base)
			checkFiles(t, "working tree after the commit", tree, err, test.want)
			files, err := r.Diff(t.Context(), base, head)
			checkFiles(t, "commits", files, err, test.want)
			checkRows(s, files, base, head)
		})
	}
}

func checkFiles(t *testing.T, name string, files Files, err error, want []string) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var got []string
	for _, f := range files {
		got = append(got, show(f))
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, ""), strings.Join(want, ""))
	}
}

// checkRows checks that each row has the text of the line that it numbers.
func checkRows(s scratch, files Files, base, head string) {
	s.Helper()
	before, after := s.revision(base), s.revision(head)
	for _, f := range files {
		old := f.Path
		if f.OldPath != "" {
			old = f.OldPath
		}
		for _, h := range f.Hunks {
			for _, row := range h.Rows {
				checkRow(s.T, before, old, row.Old, row)
				checkRow(s.T, after, f.Path, row.New, row)
			}
		}
	}
}

func checkRow(t *testing.T, tree *Revision, name string, line int, row Row) {
	t.Helper()
	if line == 0 {
		return
	}
	var data []byte
	if info, err := tree.Lstat(name); err == nil && info.Mode().Type() == fs.ModeSymlink {
		target, _ := tree.ReadLink(name)
		data = []byte(target)
	} else if data, err = tree.ReadFile(name); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	want := row.Text + "\n"
	if row.NoNewline {
		want = row.Text
	}
	if line > len(lines) || lines[line-1] != want {
		t.Errorf("%s: line %d is not %q", name, line, want)
	}
}

func TestDiffIgnoresConfiguration(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.write("sub/a", numbered(1, 30))
	s.write("sub/b", numbered(1, 9))
	base := s.commit()
	s.write("sub/a", numbered(1, 14)+"new\n"+numbered(15, 20)+"\n"+numbered(21, 30))
	s.remove("sub/b")
	s.write("sub/c", numbered(1, 9))
	head := s.commit()
	r := s.open()
	want, err := r.Diff(t.Context(), base, head)
	if err != nil {
		t.Fatal(err)
	}
	s.write("order", "*c\n")
	for key, value := range map[string]string{
		"diff.noprefix": "true", "diff.mnemonicPrefix": "true", "diff.context": "9", "diff.interHunkContext": "9", "diff.renames": "false",
		"diff.renameLimit": "1", "diff.algorithm": "patience", "diff.orderFile": "order", "diff.relative": "true", "color.ui": "always",
		"diff.suppressBlankEmpty": "true", "core.quotePath": "false", "diff.submodule": "log", "diff.wordRegex": ".", "core.abbrev": "4",
	} {
		s.git("config", key, value)
	}
	got, err := r.Diff(t.Context(), base, head)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func TestDiffSubmodule(t *testing.T) {
	t.Parallel()
	inner := newScratch(t)
	inner.write("x", "x\n")
	first := inner.commit()
	second := inner.commit()
	s := newScratch(t)
	s.write("a", "a\n")
	start := s.commit()
	s.git("submodule", "--quiet", "add", "file://"+inner.dir, "sub")
	s.git("config", "-f", ".gitmodules", "submodule.sub.ignore", "all")
	s.git("-C", "sub", "checkout", "--quiet", first)
	base := s.commit()
	s.git("add", "--force", "sub")
	s.git("-C", "sub", "checkout", "--quiet", second)
	s.write("sub/dirty", "x")
	r := s.open()
	want := []string{fmt.Sprintf("modified sub submodule\n@@ -1,1 +1,1 @@\n1 0 \"Subproject commit %s\"\n0 1 \"Subproject commit %s\"\n", first, second)}
	files, err := r.DiffWorkingTree(t.Context(), base)
	checkFiles(t, "working tree", files, err, want)
	s.git("update-index", "--cacheinfo", "160000,"+second+",sub")
	s.git("commit", "--quiet", "-m", "m")
	files, err = r.Diff(t.Context(), base, "HEAD")
	checkFiles(t, "commits", files, err, want)
	if files[0].Commentable(1, 1) {
		t.Error("a submodule is commentable")
	}
	files, err = r.Diff(t.Context(), start, "HEAD")
	if got, want := paths(files), "added .gitmodules, added sub"; got != want || err != nil {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func TestDiffWorkingTree(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.write(".gitignore", "ignored\n")
	s.write("moved", numbered(1, 9))
	for _, name := range []string{"staged", "removed", "reset", "touched", "dir/file"} {
		s.write(name, name+"\n")
	}
	base := s.commit()
	s.do(os.Rename(s.path("moved"), s.path("here")))
	s.write("staged", "new\n")
	s.git("add", "staged")
	s.remove("removed")
	s.git("rm", "--quiet", "--cached", "reset")
	s.write("touched", "")
	s.write("touched", "touched\n")
	s.write("ignored", "x\n")
	s.write("intended", "x\n")
	s.git("add", "--intent-to-add", "intended")
	s.write("untracked\nline", "x\n")
	s.write("inner/file", "x\n")
	s.git("init", "--quiet", "inner")
	before, _ := os.ReadFile(s.path(".git/index"))
	r := s.open()
	files, err := r.DiffWorkingTree(t.Context(), base)
	want := "renamed moved -> here, added inner, added intended, deleted removed, modified staged, added untracked\nline"
	if got := paths(files); got != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if inner, ok := files.Find("inner"); !ok || !inner.Submodule {
		t.Errorf("got %v, %v, want a submodule", inner, ok)
	}
	if after, _ := os.ReadFile(s.path(".git/index")); string(after) != string(before) {
		t.Error("the index was written")
	}
	if below, err := Open(t.Context(), s.path("dir"), os.Environ()); err != nil {
		t.Error(err)
	} else if again, err := below.DiffWorkingTree(t.Context(), base); err != nil || !reflect.DeepEqual(again, files) {
		t.Errorf("from below: got %v, %v, want %v", again, err, files)
	}
}

func TestDiffWorkingTreeInConflict(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.write("a", "a\n")
	s.write("b", "b\n")
	s.commit()
	s.git("checkout", "--quiet", "-b", "other")
	s.write("a", "other\n")
	s.git("rm", "--quiet", "b")
	s.commit()
	s.git("checkout", "--quiet", "main")
	s.write("a", "main\n")
	s.write("b", "main\n")
	s.commit()
	scratch{t, s.dir}.conflict("other")
	files, err := s.open().DiffWorkingTree(t.Context(), "other")
	if got, want := paths(files), "modified a, added b"; got != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func (s scratch) conflict(branch string) {
	s.Helper()
	if text := s.git("-c", "alias.m=!git merge "+branch+" || true", "m"); !strings.Contains(text, "CONFLICT") {
		s.Fatal(text)
	}
}

func TestDiffMergeCommit(t *testing.T) {
	t.Parallel()
	s, base, head := pullRequest(t)
	s.git("merge", "--quiet", "--message=m", head)
	r := s.open()
	for _, test := range []struct{ base, want string }{{base, "modified a, modified b"}, {"HEAD^1", "modified a"}, {"HEAD^2", "modified b"}} {
		files, err := r.Diff(t.Context(), test.base, "HEAD")
		if got := paths(files); got != test.want || err != nil {
			t.Errorf("%s: got %s, %v, want %s", test.base, got, err, test.want)
		}
	}
}

func TestDiffManyFiles(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	base := s.commit()
	const count = 350
	for i := range count {
		s.write(fmt.Sprintf("dir%d/file%d", i%7, i), fmt.Sprintf("%d\n", i))
	}
	head := s.commit()
	files, err := s.open().Diff(t.Context(), base, head)
	if err != nil || len(files) != count {
		t.Fatalf("got %d files, %v, want %d", len(files), err, count)
	}
	for i := range count {
		if f, ok := files.Find(fmt.Sprintf("dir%d/file%d", i%7, i)); !ok || f.Status != Added || f.Hunks[0].Rows[0].Text != fmt.Sprint(i) {
			t.Fatalf("got %v, %v for file %d", f, ok, i)
		}
	}
}

func TestDiffSHA256(t *testing.T) {
	t.Parallel()
	s := newScratch(t, "--object-format=sha256")
	s.write("a", "a\n")
	base := s.commit()
	s.write("a", "b\n")
	s.write("b", "")
	r := s.open()
	files, err := r.DiffWorkingTree(t.Context(), base)
	checkFiles(t, "working tree", files, err, []string{"modified a\n@@ -1,1 +1,1 @@\n1 0 \"a\"\n0 1 \"b\"\n", "added b\n"})
	s.commit()
	files, err = r.Diff(t.Context(), base, "HEAD")
	checkFiles(t, "commits", files, err, []string{"modified a\n@@ -1,1 +1,1 @@\n1 0 \"a\"\n0 1 \"b\"\n", "added b\n"})
	if data, err := s.revision(base).ReadFile("a"); string(data) != "a\n" || err != nil {
		t.Errorf("got %q, %v", data, err)
	}
}

func TestDiffBeforeTheFirstAdd(t *testing.T) {
	t.Parallel()
	origin, base, _ := pullRequest(t)
	s := origin.clone("--no-checkout")
	s.remove(".git/index")
	files, err := s.open().DiffWorkingTree(t.Context(), base)
	if got, want := paths(files), "deleted a, deleted b"; got != want || err != nil {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}
