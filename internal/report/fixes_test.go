package report

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/pullcheck/pullcheck/check/fix"
)

// TestGitReadsTheNamesInADiff: git reads the name of each file from the diff, whatever bytes it has.
func TestGitReadsTheNamesInADiff(t *testing.T) {
	names := []string{" a", "a ", "a b/a b", "a 2001-01-01 00:00:00 +0000", "a\n+++ b/a", `"a"`, `\a\`, "a\xff", "ü"}
	for b := 1; b <= 0xff; b++ {
		if b != '/' {
			names = append(names, fmt.Sprintf("a%s.yaml", []byte{byte(b)}), fmt.Sprintf("a/%s", []byte{'a', byte(b)}))
		}
	}
	var files []fix.File
	var want strings.Builder
	for _, name := range names {
		files = append(files, fix.File{Path: name, Before: []byte("a\nb\n"), After: []byte("a\nc\n")})
		want.WriteString("1\t1\t" + name + "\x00")
	}
	var diff bytes.Buffer
	if err := Diff(&diff, files); err != nil {
		t.Fatal(err)
	}
	git := exec.Command("git", "apply", "--numstat", "-z", "-")
	git.Dir, git.Stdin = t.TempDir(), &diff
	got, err := git.CombinedOutput()
	if err != nil || string(got) != want.String() {
		t.Errorf("got %q (%v), want %q", got, err, want.String())
	}
}
