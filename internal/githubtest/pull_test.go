package githubtest

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-github/v60/github"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	s := New(t, map[string]string{"gone": "x\n", "old name": lines(20, nil), "bin": "\x00a", "large": "x\n", "größe \"1\"\t.yaml": "x\n"})
	s.Open(s.Commit(s.Main(), map[string]string{
		"new": "x", "new name": lines(20, map[int]string{20: "other\n"}), "bin": "\x00b", "large": "y\n", "größe \"1\"\t.yaml": "y\n",
	}, "gone", "old name"))
	s.OmitPatch("large")
	files, _, err := client(t, s, BotToken).PullRequests.ListFiles(context.Background(), Owner, Repository, Number, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		got = append(got, fmt.Sprintf("%s %s +%d -%d %q %s", f.GetStatus(), f.GetFilename(), f.GetAdditions(), f.GetDeletions(), f.GetPatch(), f.GetPreviousFilename()))
	}
	equal(t, "files", got, []string{
		`modified bin +0 -0 "" `,
		`removed gone +0 -1 "@@ -1 +0,0 @@\n-x" `,
		`modified größe "1"	.yaml +1 -1 "@@ -1 +1 @@\n-x\n+y" `,
		`modified large +1 -1 "" `,
		`added new +1 -0 "@@ -0,0 +1 @@\n+x\n\\ No newline at end of file" `,
		`renamed new name +1 -1 "@@ -17,4 +17,4 @@ line 16\n line 17\n line 18\n line 19\n-line 20\n+other" old name`,
	})
	if err := post(t, s, comment("large", 1, "a file without a patch can be commented on"), comment("new name", 20, "hello")); err != nil {
		t.Error(err)
	}
}

// TestCommitsOfGit: what Commit cannot make, git can; here a file that becomes a symbolic link, and a submodule.
func TestCommitsOfGit(t *testing.T) {
	t.Parallel()
	s := New(t, map[string]string{"a": "x\n", "link": "x\n", "z": "x\n"})
	s.Open(s.Commit(s.Main(), map[string]string{"a": "y\n", "z": "y\n"}))
	s.git("", "read-tree", s.Head())
	s.git("", "update-index", "--add", "--cacheinfo", "120000,"+s.git("x", "hash-object", "-w", "--stdin")+",link", "--cacheinfo", "160000,"+s.Main()+",sub")
	s.Push(s.git("", "commit-tree", "-p", s.Head(), "-m", "by hand", s.git("", "write-tree")))
	files, _, err := client(t, s, BotToken).PullRequests.ListFiles(context.Background(), Owner, Repository, Number, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		got = append(got, f.GetStatus()+" "+f.GetFilename()+" "+f.GetPatch())
	}
	equal(t, "files", got, []string{
		"modified a @@ -1 +1 @@\n-x\n+y", "changed link ", "added sub @@ -0,0 +1 @@\n+Subproject commit " + s.Main(), "modified z @@ -1 +1 @@\n-x\n+y",
	})
}

// many is a pull request that adds n files of one line.
func many(t *testing.T, n int) *Server {
	s := New(t, map[string]string{"a": "x\n"})
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("%04d", i)] = "x\n"
	}
	s.Open(s.Commit(s.Main(), files))
	return s
}

func TestDiffLimits(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	large := New(t, map[string]string{"a": "x\n"})
	large.Open(large.Commit(large.Main(), map[string]string{"a": lines(linesInDiff+1, nil)}))
	for _, test := range []struct {
		name string
		s    *Server
		want bool
	}{{"300 files", many(t, filesInDiff), true}, {"301 files", many(t, filesInDiff+1), false}, {"many lines", large, false}} {
		c := client(t, test.s, BotToken)
		diff, response, err := c.PullRequests.GetRaw(ctx, Owner, Repository, Number, github.RawOptions{Type: github.Diff})
		switch {
		case test.want && (err != nil || diff != test.s.git("", "diff", test.s.Main(), test.s.Head())+"\n"):
			t.Errorf("%s: %v %.100s", test.name, err, diff)
		case !test.want && response.StatusCode != 406:
			t.Errorf("%s: %v", test.name, err)
		}
		if _, response, _ := c.Repositories.CompareCommitsRaw(ctx, Owner, Repository, "main", test.s.Head(), github.RawOptions{Type: github.Diff}); (response.StatusCode == 200) != test.want {
			t.Errorf("%s, compare: %d", test.name, response.StatusCode)
		}
	}
}

func TestFileLimits(t *testing.T) {
	t.Parallel()
	s := many(t, filesInListing+1)
	ctx := context.Background()
	c := client(t, s, BotToken)
	count := 0
	options := &github.ListOptions{PerPage: 100}
	for {
		files, response, err := c.PullRequests.ListFiles(ctx, Owner, Repository, Number, options)
		if err != nil {
			t.Fatal(err)
		}
		count += len(files)
		if options.Page = response.NextPage; options.Page == 0 {
			break
		}
	}
	equal(t, "files listed", count, filesInListing)
	compared, _, err := c.Repositories.CompareCommits(ctx, Owner, Repository, "main", "change", nil)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "files compared", len(compared.Files), filesInDiff)
}

func TestCompare(t *testing.T) {
	t.Parallel()
	s := opened(t)
	base, first := s.Main(), s.Head()
	s.Push(s.Commit(first, map[string]string{"new": "x\n"}))
	s.PushBase(s.Commit(base, map[string]string{"other.yaml": "c: d\n"}))
	c := client(t, s, BotToken).Repositories
	ctx := context.Background()
	compared, _, err := c.CompareCommits(ctx, Owner, Repository, "main", Owner+":"+headBranch, &github.ListOptions{PerPage: 1})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "status", compared.GetStatus(), "diverged")
	equal(t, "merge base", compared.GetMergeBaseCommit().GetSHA(), base)
	equal(t, "base", compared.GetBaseCommit().GetSHA(), s.Main())
	equal(t, "counts", []int{compared.GetAheadBy(), compared.GetBehindBy(), compared.GetTotalCommits(), len(compared.Commits), len(compared.Files)}, []int{2, 1, 2, 1, 2})
	equal(t, "oldest commit", compared.Commits[0].GetSHA(), first)
	second, _, err := c.CompareCommits(ctx, Owner, Repository, "main", s.Head(), &github.ListOptions{PerPage: 1, Page: 2})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "second page", []int{len(second.Commits), len(second.Files)}, []int{1, 0})
	for revision, status := range map[string]string{base: "behind", s.Main(): "identical"} {
		if compared, _, err := c.CompareCommits(ctx, Owner, Repository, "main", revision, nil); err != nil || compared.GetStatus() != status {
			t.Errorf("%s: %v, want %s", compared.GetStatus(), err, status)
		}
	}
	if _, response, _ := c.CompareCommits(ctx, Owner, Repository, "main", "nothing", nil); response.StatusCode != 404 {
		t.Errorf("an unknown branch: %d", response.StatusCode)
	}
}

func TestPull(t *testing.T) {
	t.Parallel()
	s := opened(t)
	pull, _, err := client(t, s, BotToken).PullRequests.Get(context.Background(), Owner, Repository, Number)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "ends", []string{pull.GetBase().GetSHA(), pull.GetHead().GetSHA(), pull.GetMergeCommitSHA()}, []string{s.Main(), s.Head(), s.git("", "rev-parse", mergeRef)})
	equal(t, "counts", []int{pull.GetAdditions(), pull.GetDeletions(), pull.GetChangedFiles(), pull.GetCommits()}, []int{1, 2, 1, 1})
}

func TestConflictLeavesTheMerge(t *testing.T) {
	t.Parallel()
	s := opened(t)
	merge := s.git("", "rev-parse", mergeRef)
	s.PushBase(s.Commit(s.Main(), map[string]string{"app.yaml": lines(40, map[int]string{10: "conflict\n"})}))
	equal(t, "merge", s.git("", "rev-parse", mergeRef), merge)
}

func TestFollow(t *testing.T) {
	t.Parallel()
	s := New(t, map[string]string{"a": lines(30, nil)})
	from := s.Main()
	to := s.Commit(from, map[string]string{"a": lines(30, map[int]string{2: "", 10: "line 10\nnew\nnew\n", 20: "changed\n"})})
	var got []int
	for _, line := range []int{1, 2, 3, 8, 10, 11, 15, 20, 25, 30} {
		moved, ok := follow(s.diff(from, to), "a", line)
		if !ok {
			moved = 0
		}
		got = append(got, moved)
	}
	equal(t, "lines", got, []int{1, 0, 2, 7, 9, 12, 16, 0, 26, 31})
}
