package githubtest

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-github/v60/github"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	s := New(t, map[string]string{"gone": "x\n", "old name": lines(20, nil), "bin": "\x00a", "größe \"1\"\t.yaml": "x\n", "link": "x\n"})
	head := s.Commit(s.Main(), map[string]string{
		"new": "x", "new name": lines(20, map[int]string{20: "other\n"}), "bin": "\x00b", "größe \"1\"\t.yaml": "y\n", "link": "x\n",
	}, "gone", "old name")
	git := s.pull.git
	// Server.Commit cannot make a symbolic link or a submodule.
	git.git("", "read-tree", head)
	git.git("", "update-index", "--add", "--cacheinfo", "120000,"+git.git("x", "hash-object", "-w", "--stdin")+",link", "--cacheinfo", "160000,"+s.Main()+",sub")
	s.Open(git.git("", "commit-tree", "-p", head, "-m", "by hand", git.git("", "write-tree")))
	var got []string
	for _, f := range git.diff(s.Main(), s.Head()) {
		text := fmt.Sprintf("%s %q", f.path, f.previous)
		for _, r := range f.rows {
			text += fmt.Sprintf(" %c%d,%d %s", r.kind, r.old, r.new, r.text)
		}
		got = append(got, text)
	}
	equal(t, "files", got, []string{
		`bin ""`,
		`gone "" -1,0 x`,
		"größe \"1\"\t.yaml \"\" -1,1 x +2,1 y",
		`link ""`,
		`new "" +0,1 x`,
		`new name "old name"  17,17 line 17  18,18 line 18  19,19 line 19 -20,20 line 20 +21,20 other`,
		`sub "" +0,1 Subproject commit ` + s.Main(),
	})
	if err := post(t, s, onLine("new name", 20, "hello"), onLine("größe \"1\"\t.yaml", 1, "hello")); err != nil {
		t.Error(err)
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	s := opened(t)
	base, first := s.Main(), s.Head()
	s.Push(s.Commit(first, map[string]string{"new": "x\n"}))
	s.PushBase(s.Commit(base, map[string]string{"other.yaml": "c: d\n"}))
	c := client(t, s, BotToken).Repositories
	ctx := context.Background()
	compared, _, err := c.CompareCommits(ctx, Owner, Repository, "main", headBranch, &github.ListOptions{PerPage: 1})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "status", compared.GetStatus(), "diverged")
	equal(t, "merge base", compared.GetMergeBaseCommit().GetSHA(), base)
	equal(t, "base", compared.GetBaseCommit().GetSHA(), s.Main())
	equal(t, "counts", []int{compared.GetAheadBy(), compared.GetBehindBy(), compared.GetTotalCommits(), len(compared.Commits)}, []int{2, 1, 2, 1})
	equal(t, "oldest commit", compared.Commits[0].GetSHA(), first)
	for revision, status := range map[string]string{base: "behind", s.Main(): "identical"} {
		if compared, _, err := c.CompareCommits(ctx, Owner, Repository, "main", revision, nil); err != nil || compared.GetStatus() != status {
			t.Errorf("%s: %v, want %s", compared.GetStatus(), err, status)
		}
	}
	if _, response, _ := c.CompareCommits(ctx, Owner, Repository, "main", "nothing", nil); response.StatusCode != 404 {
		t.Errorf("an unknown branch: %d", response.StatusCode)
	}
}

func TestConflictLeavesTheMerge(t *testing.T) {
	t.Parallel()
	s := opened(t)
	merge := s.pull.git.git("", "rev-parse", mergeRef)
	s.PushBase(s.Commit(s.Main(), map[string]string{"app.yaml": lines(40, map[int]string{10: "conflict\n"})}))
	equal(t, "merge", s.pull.git.git("", "rev-parse", mergeRef), merge)
}

func TestLinesFollowDiff(t *testing.T) {
	t.Parallel()
	s := New(t, map[string]string{"a": lines(30, nil)})
	from := s.Main()
	to := s.Commit(from, map[string]string{"a": lines(30, map[int]string{2: "", 10: "line 10\nnew\nnew\n", 20: "changed\n"})})
	var got []int
	for _, line := range []int{1, 2, 3, 8, 10, 11, 15, 20, 25, 30} {
		moved, ok := lineAfter(s.pull.git.diff(from, to), "a", line)
		if !ok {
			moved = 0
		}
		got = append(got, moved)
	}
	equal(t, "lines", got, []int{1, 0, 2, 7, 9, 12, 16, 0, 26, 31})
}
