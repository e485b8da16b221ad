package githubtest

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"
)

// TestCommentsFollowLines says where a comment on line 10 and a comment on the lines 8 to 11 are after a push.
func TestCommentsFollowLines(t *testing.T) {
	t.Parallel()
	changed := map[int]string{10: "changed\n", 30: ""}
	with := func(n int, text string) string {
		edits := map[int]string{n: text}
		for line, text := range changed {
			if line != n {
				edits[line] = text
			}
		}
		return lines(40, edits)
	}
	for _, test := range []struct {
		name             string
		content          string // of app.yaml on top of main, empty where it is renamed
		one, start, line int
	}{
		{"the same again", with(10, "changed\n"), 10, 8, 11},
		{"a line above", "new\n" + with(10, "changed\n"), 11, 9, 12},
		{"the line itself", with(10, "changed again\n"), 0, 0, 0},
		{"a line beside", with(8, "other\n"), 10, 0, 0},
		{"a line between", with(9, "line 9\nnew\n"), 11, 0, 0},
		{"the change is gone", lines(40, map[int]string{30: ""}), 0, 0, 0},
		{"the deletion is gone", lines(40, map[int]string{10: "changed\n"}), 10, 8, 11},
		{"the file is as it was", lines(40, nil), 0, 0, 0},
		{"renamed", "", 0, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := opened(t)
			several := span(8, 11)
			several.Body = github.String("several")
			if err := post(t, s, onLine("app.yaml", 10, "one"), &several); err != nil {
				t.Fatal(err)
			}
			if test.content == "" {
				s.Push(s.Commit(s.Main(), map[string]string{"moved.yaml": with(10, "changed\n")}, "app.yaml"))
			} else {
				s.Push(s.Commit(s.Main(), map[string]string{"app.yaml": test.content})) // by force
			}
			got := s.ReviewComments()
			equal(t, "one", got[0].Line, test.one)
			equal(t, "several", []int{got[1].StartLine, got[1].Line}, []int{test.start, test.line})
			equal(t, "outdated", []bool{got[0].Outdated, got[1].Outdated}, []bool{test.one == 0, test.line == 0})
		})
	}
}

// TestReviewOfDiscardedCommitIsRefused: a review of a commit that a push has built upon is taken; one of a commit that a forced push has
// thrown away is not.
func TestReviewOfDiscardedCommitIsRefused(t *testing.T) {
	t.Parallel()
	s := opened(t)
	old := s.Head()
	review := `{"event":"COMMENT","commit_id":"` + old + `","comments":[{"path":"app.yaml","line":10,"body":"x"}]}`
	s.Push(s.Commit(old, map[string]string{"app.yaml": lines(40, map[int]string{10: "again\n"})}))
	if status, _, answer := send(t, s, BotToken, "POST", repo+"/pulls/1/reviews", review); status != 200 {
		t.Errorf("after a push: %d %s", status, answer)
	}
	if !s.ReviewComments()[0].Outdated {
		t.Error("the comment on a line that is gone already is not outdated")
	}
	s.Push(s.Commit(s.Main(), map[string]string{"app.yaml": lines(40, map[int]string{11: "again\n"})}))
	if status, _, answer := send(t, s, BotToken, "POST", repo+"/pulls/1/reviews", review); status != 422 {
		t.Errorf("after a forced push: %d %s", status, answer)
	}
}

func TestCommentsFollowRebase(t *testing.T) {
	t.Parallel()
	s := opened(t)
	if err := post(t, s, onLine("app.yaml", 10, "hello")); err != nil {
		t.Fatal(err)
	}
	base := s.Main()
	s.PushBase(s.Commit(base, map[string]string{"app.yaml": "first\n" + lines(40, nil)}))
	equal(t, "line, as the head has not moved", s.ReviewComments()[0].Line, 10)
	if event := string(s.Event("edited")); !strings.Contains(event, `"sha":"`+base) {
		t.Error("base.sha is not the stale one")
	}
	s.Push(s.Commit(s.Main(), map[string]string{"app.yaml": "first\n" + lines(40, map[int]string{10: "changed\n"})}))
	equal(t, "line after the rebase", s.ReviewComments()[0].Line, 11)
	if event := string(s.Event("synchronize")); strings.Contains(event, base) {
		t.Error("base.sha is stale after a push")
	}
}

// TestWorkflowCanFetch: as a workflow does, from a shallow clone of the merge commit.
func TestWorkflowCanFetch(t *testing.T) {
	t.Parallel()
	s := opened(t)
	clone := filepath.Join(t.TempDir(), "clone")
	git := func(args ...string) string {
		t.Helper()
		command := exec.Command("git", args...)
		command.Env = append(command.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null")
		output, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v %s", args, err, output)
		}
		return strings.TrimSpace(string(output))
	}
	git("init", "--quiet", clone)
	git("-C", clone, "fetch", "--quiet", "--depth=1", "file://"+s.Dir(), mergeRef)
	equal(t, "parents of the merge", git("-C", s.Dir(), "rev-list", "--parents", "--max-count=1", mergeRef), git("-C", clone, "rev-parse", "FETCH_HEAD")+" "+s.Main()+" "+s.Head())
	git("-C", clone, "fetch", "--quiet", "--depth=1", "file://"+s.Dir(), s.Head())
	equal(t, "file", git("-C", clone, "show", s.Head()+":app.yaml"), strings.TrimSpace(lines(40, map[int]string{10: "changed\n", 30: ""})))
}

func TestForkHasNoBranchInRepository(t *testing.T) {
	t.Parallel()
	s := New(t, map[string]string{"a": "x\n"})
	s.OpenFromFork(s.Commit(s.Main(), map[string]string{"a": "y\n"}))
	for _, want := range []string{`"label":"contributor:change"`, `"fork":true`} {
		if event := string(s.Event("opened")); !strings.Contains(event, want) {
			t.Errorf("%s is missing in %s", want, event)
		}
	}
	equal(t, "branches in the repository", s.pull.git.git("", "for-each-ref", "--format=%(refname)", "refs/heads", "refs/pull"), "refs/heads/main\n"+pullRef+"\n"+mergeRef)
}
