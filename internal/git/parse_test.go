package git

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestParseErrors(t *testing.T) {
	const head = "diff --git a/f b/f\nindex 1..2 100644\n--- a/f\n+++ b/f\n"
	for _, test := range []struct{ name, diff, want string }{
		{"no diff", "hello\n", `found the diff "hello\n", not whole lines`},
		{"cut in a line", head + "@@ -1 +1 @@\n-a\n+b", "not whole lines"},
		{"two names", "diff --git a/f b/g\n", "the diff from line 1 on: gitdiff: line 2: git file header: missing filename"},
		{"no prefix", "diff --git f f\n", "missing filename"},
		{"two names without a rename", "diff --git a/f b/g\n--- a/f\n+++ b/g\n@@ -1 +1 @@\n-a\n+b\n", "found two names without a rename"},
		{"unknown header", "diff --git a/f b/f\ncopy from g\n", "missing filename"},
		{"wrong quotes", "diff --git a/f b/g\nrename from \"f\n", "gitdiff: line 2: git file header: missing name"},
		{"cut", head + "@@ -1,2 +1,2 @@\n a\n", "gitdiff: line 5: fragment header miscounts lines"},
		{"too many", head + "@@ -1,2 +1 @@\n+a\n+b\n-c\n-d\n", "fragment header miscounts lines"},
		{"no row", head + "@@ -1 +1 @@\nx\n", "gitdiff: line 6: invalid line operation: 'x'"},
		{"text behind a hunk", head + "@@ -1 +1 @@\n-a\n+b\nx\n", "found text that belongs to no hunk"},
		{"text between files", head + "@@ -1 +1 @@\n-a\n+b\nx\n" + head, "the diff from line 1 on: found text that belongs to no hunk"},
		{"second file", head + "diff --git a/f b/g\n", "the diff from line 5 on: gitdiff: line 2"},
		{"range", head + "@@ -1,x +1 @@\n", "bad end of range: x"},
		{"no sign", head + "@@ 1 +1 @@\n", "found text that belongs to no hunk"},
		{"line 0", head + "@@ -0 +1 @@\n-a\n+b\n", "found the hunk @@ -0,1 +1,1 @@"},
		{"huge", head + "@@ -1 +99999999999999999999 @@\n", "value out of range"},
		{"large", head + "@@ -1 +9999999999 @@\n-a\n+b\n", "found the hunk @@ -1,1 +9999999999,1 @@"},
		{"combined", head + "@@ -1 +1\n", "invalid fragment header"},
		{"no newline of nothing", head + "@@ -0,0 +0,0 @@\n\\ No newline\n", "fragment contains no changes"},
	} {
		_, err := Parse(test.diff)
		checkError(t, test.name, err, test.want, "")
	}
}

func TestParseBlankRows(t *testing.T) {
	files, err := Parse("diff --git a/f b/f\n@@ -1,3 +1,4 @@\n\n+\n \n\n")
	checkFiles(t, "blank", files, err, []string{"modified f\n@@ -1,3 +1,4 @@\n1 1 \"\"\n0 2 \"\"\n2 3 \"\"\n3 4 \"\"\n"})
}

// TestLongNameTakesLinearTime has a name for which a parser with quadratic time would take minutes.
func TestLongNameTakesLinearTime(t *testing.T) {
	long := strings.Repeat("x ", 1<<19)
	files, err := Parse("diff --git a/" + long + " b/" + long + "\nold mode 100644\nnew mode 100755\n" +
		"diff --git a/" + long + "a b/" + long + "b\nsimilarity index 100%\nrename from " + long + "a\nrename to " + long + "b\n")
	checkFiles(t, "long names", files, err, []string{"modified " + long + "\n", "renamed " + long + "a -> " + long + "b\n"})
}

// FuzzParse checks that the numbers of a hunk agree with its rows, and that a diff written from parsed files parses to
// the same files.
func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, diff string) {
		files, err := Parse(diff)
		if err != nil {
			if files != nil {
				t.Error("files beside an error")
			}
			return
		}
		var text strings.Builder
		for i, file := range files {
			if i > 0 && files[i-1].Path == file.Path {
				t.Skip("git shows no file twice, and what was deleted and added would become one when read again")
			}
			if i > 0 && files[i-1].Path > file.Path {
				t.Errorf("%q stands behind %q", file.Path, files[i-1].Path)
			}
			if file.Path == "" {
				t.Error("a file without a path")
			}
			for _, hunk := range file.Hunks {
				checkHunk(t, diff, hunk)
				checkSpans(t, file, hunk)
			}
			write(&text, file)
		}
		again, err := Parse(text.String())
		if err != nil || !reflect.DeepEqual(again, files) {
			t.Errorf("read again from\n%s\ngot %v, %v\nwant %v", text.String(), again, err, files)
		}
	})
}

func checkHunk(t *testing.T, diff string, hunk Hunk) {
	before, after := hunk.OldStart, hunk.NewStart
	for _, row := range hunk.Rows {
		sign := "-"
		if row.New != 0 && row.Old != 0 {
			sign = " "
		} else if row.New != 0 {
			sign = "+"
		}
		if row.Text != "" && !strings.Contains(diff, sign+row.Text) {
			t.Errorf("the diff has no row %q", sign+row.Text)
		}
		if row.Old != 0 {
			if row.Old != before {
				t.Errorf("old line %d, want %d", row.Old, before)
			}
			before++
		}
		if row.New != 0 {
			if row.New != after {
				t.Errorf("new line %d, want %d", row.New, after)
			}
			after++
		}
	}
	if before != hunk.OldStart+hunk.OldLines || after != hunk.NewStart+hunk.NewLines {
		t.Errorf("the rows end before lines %d and %d, the header says %v", before, after, hunk)
	}
}

func checkSpans(t *testing.T, file File, hunk Hunk) {
	end := hunk.NewStart + hunk.NewLines - 1
	if hunk.NewLines > 0 && !file.Submodule && !file.Commentable(hunk.NewStart, end) {
		t.Errorf("lines %d to %d of a hunk are not commentable", hunk.NewStart, end)
	}
	file.Suggestable(hunk.NewStart, end+1)
	file.Adds(end)
}

// write writes the diff of a file as git does.
func write(text *strings.Builder, file File) {
	old := file.Path
	if file.Status == Renamed {
		old = file.OldPath
	}
	header := fmt.Sprintf("diff --git %s %s\n", quote("a/"+old), quote("b/"+file.Path))
	switch file.Status {
	case TypeChanged:
		text.WriteString(header + "deleted file mode 120000\n" + header + "new file mode 100644\n")
	case Added:
		text.WriteString(header + "new file mode 100644\n")
	case Deleted:
		text.WriteString(header + "deleted file mode 100644\n")
	default:
		text.WriteString(header)
	}
	if file.OldPath != "" {
		fmt.Fprintf(text, "rename from %s\n", quote(file.OldPath))
	}
	if file.Status == Renamed {
		fmt.Fprintf(text, "rename to %s\n", quote(file.Path))
	}
	if file.Binary {
		text.WriteString("Binary files x and y differ\n")
	}
	for _, hunk := range file.Hunks {
		fmt.Fprintf(text, "@@ -%d,%d +%d,%d @@\n", hunk.OldStart, hunk.OldLines, hunk.NewStart, hunk.NewLines)
		for _, row := range hunk.Rows {
			sign := " "
			if row.New == 0 {
				sign = "-"
			} else if row.Old == 0 {
				sign = "+"
			}
			text.WriteString(sign + row.Text + "\n")
			if row.NoNewline {
				text.WriteString("\\ No newline at end of file\n")
			}
		}
	}
}

// quote quotes a name as git does (quote_c_style in git's quote.c), with every byte escaped.
func quote(name string) string {
	var text strings.Builder
	for _, b := range []byte(name) {
		fmt.Fprintf(&text, `\%03o`, b)
	}
	return `"` + text.String() + `"`
}
