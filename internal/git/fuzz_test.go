package git

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// FuzzTree holds that any list of `git ls-tree` is refused, or becomes a file system whose walk ends and names only
// valid paths below its root.
func FuzzTree(f *testing.F) {
	id := strings.Repeat("a", 40)
	for _, list := range []string{
		"100644 blob " + id + "      12\ta/b.yaml\x00120000 blob " + id + " 3\ta/link\x00160000 commit " + id + "       -\tsub\x00100755 blob " + id + " 0\trun\x00",
		"100644 blob " + id + " 1\t../x\x00", "100644 blob " + id + " 1\t/\x00", "100644 blob " + id + " 1\ta\x00100644 blob " + id + " 1\ta/b\x00", "100644 blob " + id + " -1\t\x00", "100644\x00", "\t\x00",
		"100644 blob " + id + " 1\ta//b\x00100644 blob " + id + " 1\ta/./b\x00", "160000 commit " + id + " -\t.\x00",
	} {
		f.Add(list)
	}
	f.Fuzz(func(t *testing.T, list string) {
		root := &node{name: ".", mode: fs.ModeDir | 0o555}
		for entry := range strings.SplitSeq(list, "\x00") {
			if root.add(entry) != nil {
				return
			}
		}
		r := &Revision{root: root, objects: &objects{ctx: t.Context(), err: errors.New("there are no objects")}}
		seen := 0
		_ = fs.WalkDir(r, ".", func(name string, entry fs.DirEntry, err error) error {
			if seen++; seen > len(list)+1 {
				t.Fatalf("%q: the walk does not end", list)
			}
			if !fs.ValidPath(name) {
				return nil // Nothing can open it.
			}
			_, _ = r.Stat(name)
			_, _ = r.ReadFile(name)
			return nil
		})
	})
}

// FuzzObjects holds that any answer of `git cat-file` is refused, or is as long as it says.
func FuzzObjects(f *testing.F) {
	for _, answer := range []string{"id blob 3\nabc\n", "id missing\n", "id blob -2\n", "id blob 3\nab", "id blob 99999\nx\n", "id blob x\n", "", "\n", "id blob 0\n\nid blob 1\na\n"} {
		f.Add(answer)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		header, _, _ := strings.Cut(answer, "\n")
		fields := strings.Fields(header)
		if n := len(fields); n > 0 {
			if size, err := strconv.Atoi(fields[n-1]); err == nil && size > 1<<20 {
				return // It asks for the memory that it says.
			}
		}
		o := &objects{ctx: t.Context(), stdin: nopCloser{io.Discard}, stdout: bufio.NewReader(strings.NewReader(answer))}
		for range 3 {
			data, err := o.read("id")
			if err == nil && !strings.Contains(answer, "\n"+string(data)+"\n") {
				t.Errorf("%q is read from %q", data, answer)
			}
			if err != nil && data != nil {
				t.Errorf("%q beside the error %v", data, err)
			}
		}
	})
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// FuzzMessages holds that a ref is picked from the lines of `git ls-remote` only, and that an error of git becomes one
// line.
func FuzzMessages(f *testing.F) {
	for _, text := range []string{"abc\trefs/heads/main\nabd\trefs/tags/v1\nabe\trefs/tags/v1^{}\n", "warning: x\nfatal: repository 'https://u:p@h/' not found\n", "\t\n", "hint: a\n\nerror: b\r\n"} {
		f.Add(text, "main")
		f.Add(text, "v1")
	}
	f.Fuzz(func(t *testing.T, text, ref string) {
		if commit := pickRef(text, ref); commit != "" && !slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool {
			return strings.HasPrefix(strings.TrimSpace(line), commit+"\t")
		}) {
			t.Errorf("%q for %q of %q", commit, ref, text)
		}
		if line := firstErrorLine(text, errors.New("exit status 1")); strings.Contains(line, "\n") || strings.TrimSpace(line) == "" && strings.TrimSpace(text) == "" {
			t.Errorf("the first line of %q is %q", text, line)
		}
	})
}
