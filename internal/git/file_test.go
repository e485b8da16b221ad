package git

import (
	"fmt"
	"testing"
)

// TestLinesForCommentsAndSuggestions has lines of a diff, and whether GitHub accepts a comment or a suggestion on them.
func TestLinesForCommentsAndSuggestions(t *testing.T) {
	files, err := Parse(`diff --git a/f b/f
index 1..2 100644
--- a/f
+++ b/f
@@ -2,9 +2,9 @@ above
 2
 3
 4
-old 5
-old 6
+new 5
+new 6
 7
-old 8
 8
+new 9
 10
@@ -30,4 +30,5 @@
 30
+new 31` + "\r" + `
 32
 33
 34
`)
	if err != nil {
		t.Fatal(err)
	}
	f := files[0]
	for _, test := range []struct {
		start, end               int
		commentable, suggestable bool
	}{
		{1, 1, false, false}, {2, 2, true, true}, {2, 4, true, true}, {1, 2, false, false},
		{4, 4, true, true}, {5, 6, true, true}, {5, 5, true, true},
		{4, 5, true, false}, // two deleted rows stand between
		{6, 7, true, true}, {7, 7, true, true}, {8, 10, true, true},
		{7, 8, true, false}, {2, 10, true, false},
		{10, 10, true, true}, {10, 11, false, false}, {11, 11, false, false},
		{10, 30, false, false}, // in two hunks
		{30, 34, true, false}, {31, 31, true, false}, {32, 34, true, true}, {34, 35, false, false},
		{6, 5, false, false}, {0, 0, false, false}, {-1, 3, false, false}, {0, 2, false, false},
	} {
		if got := f.Commentable(test.start, test.end); got != test.commentable {
			t.Errorf("%d-%d: got commentable %v", test.start, test.end, got)
		}
		if got := f.Suggestable(test.start, test.end); got != test.suggestable {
			t.Errorf("%d-%d: got suggestable %v", test.start, test.end, got)
		}
	}
	added := ""
	for line := range 40 {
		if f.Adds(line) {
			added += fmt.Sprint(line, " ")
		}
	}
	if added != "5 6 9 31 " {
		t.Errorf("got added lines %s", added)
	}
}

func TestDeletedFileHasNoLines(t *testing.T) {
	files, err := Parse("diff --git a/f b/f\ndeleted file mode 100644\nindex 1..0\n--- a/f\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n")
	if err != nil {
		t.Fatal(err)
	}
	if f := files[0]; f.Commentable(0, 0) || f.Commentable(1, 1) || f.Adds(1) {
		t.Error("a line of a deleted file is commentable")
	}
}

func TestFind(t *testing.T) {
	files, err := Parse("diff --git a/b b/b\nnew file mode 100644\ndiff --git a/a/b b/a/b\ndeleted file mode 100644\ndiff --git a/c b/a\nsimilarity index 100%\nrename from c\nrename to a\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		path  string
		found bool
	}{{"a", true}, {"a/b", true}, {"b", true}, {"c", false}, {"", false}} {
		if f, ok := files.Find(test.path); ok != test.found || ok && f.Path != test.path {
			t.Errorf("%s: got %v, %v", test.path, f, ok)
		}
	}
}
