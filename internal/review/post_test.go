package review

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/git"
	"github.com/pullcheck/pullcheck/internal/githubtest"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// In these tests, each line "KEY: IfNotPresent" that the branch main does not have is a finding.

// pull is a pull request of the simulator.
type pull struct {
	*githubtest.Server
	t *testing.T
}

func open(t *testing.T, before, after map[string]string) *pull {
	t.Helper()
	s := githubtest.New(t, before)
	s.Open(s.Commit(s.Main(), after))
	return &pull{s, t}
}

func (p *pull) git(args ...string) string {
	p.t.Helper()
	output, err := exec.Command("git", args...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("git %v: %v %s", args, err, output)
	}
	return string(output)
}

// checked are the inputs by the ids of their commits, which are the same in every test with the same files.
var checked sync.Map

// subject returns the input that a check of the pull request would give.
func (p *pull) subject() Input {
	p.t.Helper()
	commits := p.Head() + p.Main()
	known, ok := checked.Load(commits)
	if !ok {
		known = p.check()
		checked.Store(commits, known)
	}
	s := known.(Input)
	report := *s.Report
	report.Findings = slices.Clone(report.Findings)
	s.Report = &report
	return s
}

func (p *pull) check() Input {
	p.t.Helper()
	clone := filepath.Join(p.t.TempDir(), "clone")
	p.git("init", "--quiet", clone)
	p.git("-C", clone, "fetch", "--quiet", "file://"+p.Dir(), p.Head(), p.Main())
	repository, err := git.Open(context.Background(), clone, os.Environ())
	if err != nil {
		p.t.Fatal(err)
	}
	base, err := repository.MergeBase(context.Background(), p.Main(), p.Head())
	if err != nil {
		p.t.Fatal(err)
	}
	files, err := repository.Diff(context.Background(), base, p.Head())
	if err != nil {
		p.t.Fatal(err)
	}
	report := check.NewReport(nil, nil, nil)
	for name := range strings.SplitSeq(strings.TrimSuffix(p.git("-C", clone, "ls-tree", "-r", "-z", "--name-only", p.Head()), "\x00"), "\x00") {
		before := ""
		if output, err := exec.Command("git", "-C", clone, "show", base+":"+name).Output(); err == nil {
			before = "\n" + string(output)
		}
		for i, line := range strings.Split(p.git("-C", clone, "show", p.Head()+":"+name), "\n") {
			if key, policy, ok := strings.Cut(line, ": "); ok && policy == "IfNotPresent" && !strings.Contains(before, "\n"+line+"\n") {
				report.Findings = append(report.Findings, found(name, i+1, key))
			}
		}
	}
	return Input{Report: report, Files: files, Blob: "https://github.example/acme/apps/blob/" + p.Head() + "/"}
}

// found is a finding that a line KEY: IfNotPresent decides, with its fix.
func found(path string, line int, key string) check.Finding {
	at := yamldoc.Location{Path: path, Line: line, Column: len(key) + 3, EndLine: line, EndColumn: len(key) + 15, Key: key, Tracked: true}
	return check.Finding{
		Rule: "pull-policy-not-always", Severity: check.SeverityError, Fingerprint: fmt.Sprintf("%032x", path+key)[:32], Decision: at, Exact: true,
		Affected: []check.Affected{{Source: path, Kind: "Pod", Name: key, Container: key, Written: "IfNotPresent", Effective: "IfNotPresent"}},
		Fix:      &check.Fix{Message: "set " + key + " to Always", Proven: true, Edits: []yamldoc.Edit{{Location: at, NewText: "Always"}}},
	}
}

func (p *pull) github(token string) *GitHub {
	transport := &http.Transport{}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &GitHub{
		API: p.APIURL(), GraphQL: p.GraphQLURL(), Token: token, Owner: githubtest.Owner, Repository: githubtest.Repository,
		Number: githubtest.Number, Head: p.Head(), Transport: transport, Timeout: 2 * time.Second, Now: p.Now,
		Sleep: func(_ context.Context, d time.Duration) error {
			p.Advance(d)
			return nil
		},
	}
}

// review posts a review and returns the number of its writes.
func (p *pull) review() int {
	p.t.Helper()
	before := len(p.Writes())
	if _, err := p.github(githubtest.BotToken).Post(context.Background(), p.subject()); err != nil {
		p.t.Fatal(err)
	}
	return len(p.Writes()) - before
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

// places returns path, line and state of the comments on the pull request.
func (p *pull) places() []string {
	var places []string
	for _, c := range p.ReviewComments() {
		if c.Author == githubtest.BotLogin {
			places = append(places, strings.TrimSpace(fmt.Sprintf("%s:%d %s", c.Path, c.Line, c.Minimized)))
		}
	}
	slices.Sort(places)
	return places
}

func (p *pull) push(files map[string]string, removed ...string) {
	p.Push(p.Commit(p.Head(), files, removed...))
}

var (
	plain = map[string]string{"a.yaml": "a: Always\n", "b.yaml": "b: Always\n", "far.yaml": strings.Repeat("x: 1\n", 20) + "far: Always\n"}
	two   = map[string]string{"a.yaml": "a: IfNotPresent\n", "b.yaml": "b: IfNotPresent\n"}
)

// TestSecondRunWritesNothing: a run on a commit that was reviewed already writes nothing.
func TestSecondRunWritesNothing(t *testing.T) {
	t.Parallel()
	p := open(t, plain, two)
	p.review()
	equal(t, "comments", p.places(), []string{"a.yaml:1", "b.yaml:1"})
	equal(t, "notifications", len(p.Notifications()), 1)
	equal(t, "summaries", len(p.IssueComments()), 0)
	requests := len(p.Requests())
	equal(t, "writes of a second run", p.review(), 0)
	equal(t, "requests of a second run", len(p.Requests())-requests, 1)
	for _, review := range p.Reviews() {
		equal(t, "review", review.State+" "+review.Commit, "COMMENTED "+p.Head())
	}
}

// TestSuggestionsMakeTheFixes: the files after GitHub has applied all suggestions are the files after the fixes.
func TestSuggestionsMakeTheFixes(t *testing.T) {
	t.Parallel()
	at := func(path string, line, column, endColumn int) yamldoc.Location {
		return yamldoc.Location{Path: path, Line: line, Column: column, EndLine: line, EndColumn: endColumn}
	}
	type files = map[string]string
	for name, test := range map[string]struct {
		before, after, want files
		edits               [][]yamldoc.Edit // of each finding, the first one at the decision
	}{
		"a line of each of two files": {plain, two, files{"a.yaml": "a: Always\n", "b.yaml": "b: Always\n"}, nil},
		"a tab, backticks and a comment": {files{"f": "x\n"}, files{"f": "x\n\ty: \"```` @a\" # ``\n"}, files{"f": "x\n\ty: Always # ``\n"},
			[][]yamldoc.Edit{{{Location: at("f", 2, 5, 14), NewText: "Always"}}}},
		"the last line, without an end": {files{"f": "x"}, files{"f": "x\ny: Never"}, files{"f": "x\ny: Always"},
			[][]yamldoc.Edit{{{Location: at("f", 2, 4, 9), NewText: "Always"}}}},
		"behind the last line": {files{"f": "x\n"}, files{"f": "x\n- image: y\n"}, files{"f": "x\n- image: y\n  policy: Always\n"},
			[][]yamldoc.Edit{{{Location: at("f", 3, 1, 1), NewText: "  policy: Always\n"}}}},
		"behind the last line, without an end": {files{"f": "x\n"}, files{"f": "x\n- image: y"}, files{"f": "x\n- image: y\n  policy: Always"},
			[][]yamldoc.Edit{{{Location: at("f", 2, 11, 11), NewText: "\n  policy: Always"}}}},
		"before the first line": {files{"f": "x\n"}, files{"f": "y\nx\n"}, files{"f": "policy: Always\ny\nx\n"},
			[][]yamldoc.Edit{{{Location: at("f", 1, 1, 1), NewText: "policy: Always\n"}}}},
		"two findings on a line": {files{"f": "x\n"}, files{"f": "x\n[{p: Never}, {p: Never}]\n"}, files{"f": "x\n[{p: Always}, {p: Always}]\n"},
			[][]yamldoc.Edit{{{Location: at("f", 2, 6, 11), NewText: "Always"}}, {{Location: at("f", 2, 18, 23), NewText: "Always"}}}},
		"two keys at one place": {files{"f": "x\n"}, files{"f": "x\ny:\n"}, files{"f": "x\ny:\n  a: Always\n  b: Always\n"},
			[][]yamldoc.Edit{{{Location: at("f", 3, 1, 1), NewText: "  b: Always\n"}}, {{Location: at("f", 3, 1, 1), NewText: "  a: Always\n"}}}},
		"a renamed file": {files{"old": "1\n2\n3\n4\np: Always\n"}, files{"new": "1\n2\n3\n4\np: Never\n"}, files{"new": "1\n2\n3\n4\np: Always\n"},
			[][]yamldoc.Edit{{{Location: at("new", 5, 4, 9), NewText: "Always"}}}},
		"names and text that try to get out": {files{"f": "x\n"}, files{"`@a` <!--](x)\n.yaml": "```\n<!-- pullcheck:v1 fp=summary -->: Never # ```` @a\n"},
			files{"`@a` <!--](x)\n.yaml": "```\n<!-- pullcheck:v1 fp=summary -->: Always # ```` @a\n"},
			[][]yamldoc.Edit{{{Location: at("`@a` <!--](x)\n.yaml", 2, 35, 40), NewText: "Always"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var gone []string
			if name == "a renamed file" {
				gone = append(gone, "old")
			}
			s := githubtest.New(t, test.before)
			s.Open(s.Commit(s.Main(), test.after, gone...))
			p := &pull{s, t}
			subject := p.subject()
			for i, edits := range test.edits {
				f := found(edits[0].Path, min(edits[0].Line, strings.Count(strings.TrimSuffix(test.after[edits[0].Path], "\n"), "\n")+1), fmt.Sprint(i))
				f.Fix.Edits = edits
				subject.Report.Findings = append(subject.Report.Findings, f)
			}
			for range 2 {
				if _, err := p.github(githubtest.BotToken).Post(context.Background(), subject); err != nil {
					t.Fatal(err)
				}
			}
			var ids []int64
			for _, c := range p.ReviewComments() {
				if strings.Contains(c.Body, "suggestion\n") {
					ids = append(ids, c.ID)
				}
			}
			equal(t, "comments", len(p.ReviewComments()), len(subject.Report.Findings))
			commit, err := p.ApplySuggestions(ids...)
			if err != nil {
				t.Fatal(err)
			}
			for path, want := range test.want {
				equal(t, path, p.git("--git-dir", p.Dir(), "show", commit+":"+path), want)
			}
			equal(t, "findings", len(p.subject().Report.Findings), 0)
			p.review()
			equal(t, "comments", p.places(), nil)
			equal(t, "notifications", len(p.Notifications()), 1)
		})
	}
}

// TestCommentsFollowPushes: a comment whose line moved stays, a comment on a fixed line is deleted, and a finding whose
// comment became outdated gets a new one.
func TestCommentsFollowPushes(t *testing.T) {
	t.Parallel()
	p := open(t, plain, two)
	p.review()
	p.push(map[string]string{"a.yaml": "a: Always\n"})
	equal(t, "writes where one of two is fixed", p.review(), 1)
	equal(t, "comments", p.places(), []string{"b.yaml:1"})
	p.push(map[string]string{"b.yaml": "new: line\nb: IfNotPresent\n"})
	equal(t, "writes where lines moved", p.review(), 0)
	p.Push(p.Commit(p.Main(), map[string]string{"a.yaml": "a: IfNotPresent\n", "b.yaml": "# rewritten\nb: IfNotPresent\n"}))
	p.review()
	equal(t, "comments after a forced push", p.places(), []string{"a.yaml:1", "b.yaml:2"})
	p.PushBase(p.Commit(p.Main(), map[string]string{"a.yaml": "# 1\n# 2\na: Always\n"}))
	p.Push(p.Commit(p.Main(), map[string]string{"a.yaml": "# 1\n# 2\na: IfNotPresent\n", "b.yaml": "# rewritten\nb: IfNotPresent\n"}))
	equal(t, "findings after a rebase", len(p.subject().Report.Findings), 2)
	equal(t, "writes after a rebase", p.review(), 0)
	equal(t, "comments after a rebase", p.places(), []string{"a.yaml:3", "b.yaml:2"})
}

// TestRepliedAndResolvedThreadsStay: a thread with a reply is minimized and not deleted, a resolved thread is left
// alone, also if its finding is back.
func TestRepliedAndResolvedThreadsStay(t *testing.T) {
	t.Parallel()
	p := open(t, plain, two)
	p.review()
	comments := p.ReviewComments()
	p.Reply("alice", comments[0].ID, "why?")
	p.Resolve(comments[1].ID)
	equal(t, "writes where nothing changed", p.review(), 0)
	p.push(plain)
	equal(t, "writes where both are fixed", p.review(), 1)
	equal(t, "comments", p.places(), []string{"a.yaml:0 outdated", "b.yaml:0"})
	p.push(two)
	p.review()
	equal(t, "comments where both are back: the resolved one stays so", p.places(), []string{"a.yaml:1", "a.yaml:1 outdated", "b.yaml:1"})
}

// TestStateIsPaginated: a run finds its own comments behind a hundred comments and a hundred threads of other people.
func TestStateIsPaginated(t *testing.T) {
	t.Parallel()
	p := open(t, plain, two)
	var comments []githubtest.DraftComment
	for range 105 {
		p.Comment("alice", "hello")
		comments = append(comments, githubtest.DraftComment{Path: "a.yaml", Line: 1, Body: "hello"})
	}
	for some := range slices.Chunk(comments, 30) {
		p.Review("alice", "COMMENT", "", some...)
	}
	subject := p.subject()
	subject.Report.Findings = append(subject.Report.Findings, found("far.yaml", 21, "far"))
	for range 2 {
		if _, err := p.github(githubtest.BotToken).Post(context.Background(), subject); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "comments", p.places(), []string{"a.yaml:1", "b.yaml:1"})
	equal(t, "comments on the whole", len(p.IssueComments()), 106)
}

// TestHiddenCommentIsNotRepeated: a run does not write a comment again that somebody has hidden.
func TestHiddenCommentIsNotRepeated(t *testing.T) {
	t.Parallel()
	p := open(t, plain, two)
	p.review()
	p.Hide(p.ReviewComments()[0].ID, "OFF_TOPIC")
	equal(t, "writes", p.review(), 0)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestSummaryListsFindingsWithoutAnAnchor: a finding that no file of the change leads to is in the summary. A later run
// edits the summary. A pull request without a summary never gets one that says that there is nothing to report.
func TestSummaryListsFindingsWithoutAnAnchor(t *testing.T) {
	t.Parallel()
	p := open(t, plain, map[string]string{"a.yaml": "a: Always # changed\n"})
	elsewhere := p.subject()
	elsewhere.Report.Findings = []check.Finding{found("far.yaml", 21, "far")}
	post := func(s Input) int {
		t.Helper()
		before := len(p.Writes())
		if _, err := p.github(githubtest.BotToken).Post(context.Background(), s); err != nil {
			t.Fatal(err)
		}
		return len(p.Writes()) - before
	}
	equal(t, "writes without findings", post(p.subject()), 0)
	post(elsewhere)
	post(elsewhere)
	equal(t, "summaries", len(p.IssueComments()), 1)
	if body := p.IssueComments()[0].Body; !strings.Contains(body, "`far.yaml:21`") {
		t.Errorf("the summary does not name the line: %s", body)
	}
	equal(t, "notifications", len(p.Notifications()), 1)
	equal(t, "reviews", len(p.Reviews()), 0)
	equal(t, "writes once it is fixed", post(p.subject()), 1)
	if body := p.IssueComments()[0].Body; !strings.Contains(body, "no new finding") {
		t.Errorf("the summary still says: %s", body)
	}
	equal(t, "writes once it is clear", post(p.subject()), 0)
}

// TestFileCommentsAreLimited: findings in changed files get comments on the files, up to a limit.
func TestFileCommentsAreLimited(t *testing.T) {
	t.Parallel()
	before, changed := map[string]string{}, map[string]string{}
	for i := range 12 {
		name := fmt.Sprintf("far%02d.yaml", i)
		before[name] = plain["far.yaml"]
		changed[name] = strings.Replace(plain["far.yaml"], "x: 1", "x: 2", 1)
	}
	p := open(t, before, changed)
	s := p.subject()
	for name := range changed {
		s.Report.Findings = append(s.Report.Findings, found(name, 21, "far"))
	}
	if _, err := p.github(githubtest.BotToken).Post(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	onFile := 0
	for _, c := range p.ReviewComments() {
		if c.File {
			onFile++
		}
	}
	equal(t, "comments on files", onFile, maxFile)
	equal(t, "findings in the summary", strings.Count(p.IssueComments()[0].Body, "- **Error**"), 2)
	equal(t, "notifications: the review and the summary", len(p.Notifications()), 2)
}

// TestFindingsBeyondTheLimitAreInTheSummary: of 200 findings, some have comments and all others are in the summary.
func TestFindingsBeyondTheLimitAreInTheSummary(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for i := range 200 {
		fmt.Fprintf(&text, "key%d: IfNotPresent\n", i)
	}
	p := open(t, plain, map[string]string{"a.yaml": text.String()})
	p.review()
	equal(t, "comments", len(p.ReviewComments()), maxInline)
	equal(t, "findings in the summary", strings.Count(p.IssueComments()[0].Body, "- **Error**"), 200-maxInline)
	equal(t, "writes of a second run", p.review(), 0)
}

// TestBlockingReviewIsDismissed: a review requests changes once, and is dismissed when the caller no longer blocks.
func TestBlockingReviewIsDismissed(t *testing.T) {
	t.Parallel()
	p := open(t, plain, two)
	s := p.subject()
	s.Block = true
	if _, err := p.github(githubtest.BotToken).Post(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	equal(t, "state", p.Reviews()[0].State, "CHANGES_REQUESTED")
	writes := len(p.Writes())
	if _, err := p.github(githubtest.BotToken).Post(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	equal(t, "writes of a second run", len(p.Writes())-writes, 0)
	p.review() // The caller no longer wants to block, though there are findings.
	equal(t, "state once nothing has to block", p.Reviews()[0].State, "DISMISSED")
	p.push(plain)
	equal(t, "writes once it is fixed", p.review(), len(two))
}

// TestTokenWithoutPermission: the error for a token that may only read names the missing permission.
func TestTokenWithoutPermission(t *testing.T) {
	t.Parallel()
	p := open(t, plain, two)
	_, err := p.github(githubtest.ReadToken).Post(context.Background(), p.subject())
	if !errors.Is(err, errForbidden) {
		t.Errorf("got %v, want %v", err, errForbidden)
	}
	equal(t, "writes tried", len(p.Writes()), 1)
}

// TestWrongTokenIsTriedOnce: a wrong token ends the run at its first request, and the error does not hold the token.
func TestWrongTokenIsTriedOnce(t *testing.T) {
	t.Parallel()
	p := open(t, plain, two)
	g := p.github("ghs_secret")
	_, err := g.Post(context.Background(), p.subject())
	if err == nil || strings.Contains(g.redact(err).Error(), "ghs_secret") {
		t.Errorf("got %v", err)
	}
	equal(t, "requests", len(p.Requests()), 1)
}

// TestCommentsOfPeopleAreLeftAlone: a comment of another author counts for nothing, although it has a marker, and the
// draft of a person is not deleted.
func TestCommentsOfPeopleAreLeftAlone(t *testing.T) {
	t.Parallel()
	p := open(t, plain, two)
	summary := p.Comment("alice", "hello\n"+marker(summaryMark))
	forged := "hello\n" + marker(found("a.yaml", 1, "a").Fingerprint)
	p.Review("alice", "COMMENT", "", githubtest.DraftComment{Path: "a.yaml", Line: 1, Body: forged})
	p.review()
	equal(t, "comments", p.places(), []string{"a.yaml:1", "b.yaml:1"})
	for _, c := range p.ReviewComments() {
		p.Reply("alice", c.ID, "hello\n"+marker(strings.Repeat("0", 32)))
	}
	equal(t, "writes", p.review(), 0)
	equal(t, "summaries", p.IssueComments(), []githubtest.IssueComment{{ID: summary, Author: "alice", Body: "hello\n" + marker(summaryMark)}})

	p.Review("alice", "", "mine") // without an event: a draft
	if _, err := p.github(p.Token("alice")).Post(context.Background(), p.subject()); !errors.Is(err, errOtherDraft) {
		t.Errorf("got %v, want %v", err, errOtherDraft)
	}
	equal(t, "reviews", p.Reviews()[len(p.Reviews())-1].Body, "mine")

	p = open(t, plain, two)
	p.review()
	p.Review(githubtest.BotLogin, "", "another action's")
	equal(t, "writes with nothing to say and a draft in the way", p.review(), 0)
}

// TestTokenIsSentToGitHubOnly: the token goes to the two origins of GitHub, and not to hosts that GitHub redirects to.
func TestTokenIsSentToGitHubOnly(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{"https://api.example.com/x": "Bearer secret", "http://api.example.com/x": "", "https://api.example.com:81/x": "", "https://other.example.com/x": ""} {
		got := ""
		base := roundTripper(func(r *http.Request) (*http.Response, error) {
			got = r.Header.Get("Authorization")
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody}, nil
		})
		request := must(http.NewRequest("GET", url, nil))
		if _, err := (&transport{base, "secret", []string{"https://api.example.com"}}).RoundTrip(request); err != nil {
			t.Fatal(err)
		}
		equal(t, url, got, want)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

// TestMergeBaseIsAskedOfGitHub: a fault of GitHub or of the network is retried.
func TestMergeBaseIsAskedOfGitHub(t *testing.T) {
	t.Parallel()
	p := open(t, plain, two)
	base := p.Main()
	p.PushBase(p.Commit(base, map[string]string{"other": "x\n"}))
	got, err := p.github(githubtest.ReadToken).MergeBase(context.Background(), p.Main(), p.Head())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "merge base", got, base)
	for name, fault := range faults {
		if fault.end == "" && name != "limit in GraphQL" && name != "hang" {
			p.Inject(fault.Fault)
			if got, err = p.github(githubtest.ReadToken).MergeBase(context.Background(), p.Main(), p.Head()); err != nil || got != base {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
	}
}

// faults are failures of a request, with the time that a run waits afterwards if that matters. A fault with an end is
// final: end is part of the error.
var faults = map[string]struct {
	githubtest.Fault
	waits time.Duration
	end   string
}{
	"500":                    {Fault: githubtest.Fault{Status: 500}},
	"502 before":             {Fault: githubtest.Fault{Status: 502}},
	"502 after":              {Fault: githubtest.Fault{Status: 502, After: true}},
	"403 limit":              {Fault: githubtest.Fault{Status: 403}, waits: time.Minute},
	"403 limit, Retry-After": {Fault: githubtest.Fault{Status: 403, Header: map[string]string{"Retry-After": "7"}}, waits: 7 * time.Second},
	"429 limit":              {Fault: githubtest.Fault{Status: 429}, waits: time.Minute},
	"429 limit, Retry-After": {Fault: githubtest.Fault{Status: 429, Header: map[string]string{"Retry-After": "7"}}, waits: 7 * time.Second},
	"limit in GraphQL":       {Fault: githubtest.Fault{Status: 200, Body: `{"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded"}]}`}, waits: time.Minute},
	"too quickly":            {Fault: githubtest.Fault{Status: 422, Body: `{"message":"Validation Failed","errors":[{"resource":"IssueComment","code":"unprocessable","field":"data","message":"was submitted too quickly"}]}`}, waits: time.Minute},
	"reset before":           {Fault: githubtest.Fault{Break: githubtest.Reset}},
	"reset after":            {Fault: githubtest.Fault{Break: githubtest.Reset, After: true}},
	"truncated":              {Fault: githubtest.Fault{Break: githubtest.Truncate, After: true}},
	"hang":                   {Fault: githubtest.Fault{Break: githubtest.Hang}},
	"422":                    {Fault: githubtest.Fault{Status: 422}, end: "422"},
	"404":                    {Fault: githubtest.Fault{Status: 404}, end: "404"},
	"401":                    {Fault: githubtest.Fault{Status: 401, Body: `{"message":"bad: ` + githubtest.BotToken + `"}`}, end: "401 bad: ***"},
	"403 permission":         {Fault: githubtest.Fault{Status: 403, Body: `{"message":"Resource not accessible by integration"}`}, end: "permission"},
	"hour's limit": {end: "it can be tried again in 1h", Fault: githubtest.Fault{
		Status: 403, Header: map[string]string{"X-RateLimit-Remaining": "0"}, Body: `{"message":"API rate limit exceeded for installation."}`,
	}},
}

// TestEachRequestMayFail: one request after the other fails, in a run that writes comments of each kind. The run
// recovers, or it says why not and the next run completes the review. No comment is written twice, and none is
// missing.
func TestEachRequestMayFail(t *testing.T) {
	t.Parallel()
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			graphQL := func(r githubtest.Request) bool { return name != "limit in GraphQL" || r.Operation != "" }
			failed := 0
			atEachRequest(t, graphQL, func(*pull) githubtest.Fault { return fault.Fault }, func(p *pull, when string, err error, waited time.Duration) {
				if err != nil {
					failed++
				}
				if err != nil && (fault.end == "" || waited != 0 || !strings.Contains(err.Error(), fault.end)) {
					t.Errorf("%s: after %s: %v", when, waited, err)
				}
				if fault.waits != 0 && waited != fault.waits && (waited != 0 || name != "limit in GraphQL") {
					t.Errorf("%s: waited %s, want %s", when, waited, fault.waits)
				}
				// A 422 takes the comments back to the summary, from which the next run brings them out.
				p.runAfter(when, fault.end == "422")
			})
			if fault.end != "" && fault.end != "422" && failed < 5 {
				t.Errorf("%d of the requests made the run fail", failed)
			}
		})
	}
}

// atEachRequest runs a review that writes everything there is, once with a fault at its first request, once with one
// at its second, and so on. A fault at a request that is not wanted is none.
func atEachRequest(t *testing.T, wanted func(githubtest.Request) bool, fault func(*pull) githubtest.Fault, then func(p *pull, when string, err error, waited time.Duration)) {
	t.Helper()
	for at := 1; ; at++ {
		p := everything(t)
		f, before := fault(p), len(p.Requests())
		f.Match = func(r githubtest.Request) bool { return r.Index == before+at && wanted(r) }
		p.Inject(f)
		subject, g, start := p.everything(), p.github(githubtest.BotToken), p.Now()
		if f.Break == githubtest.Hang {
			g.Timeout = 500 * time.Millisecond
		}
		_, err := g.Post(context.Background(), subject)
		requests, when, waited := len(p.Requests())-before, fmt.Sprintf("request %d", at), p.Now().Sub(start)
		if waited > reviewDeadline || requests > 40 {
			t.Errorf("%s: waited %s and made %d requests", when, waited, requests)
		}
		if err != nil && strings.Contains(err.Error(), githubtest.BotToken) {
			t.Errorf("%s: the error has the token: %v", when, err)
		}
		if at > requests {
			if at < 8 {
				t.Errorf("only %d requests were made", requests)
			}
			return
		}
		then(p, when, err, waited)
	}
}

// runAfter is the run after one that may have failed.
func (p *pull) runAfter(when string, notified bool) {
	p.t.Helper()
	for _, r := range p.Reviews() {
		if r.State == "PENDING" {
			p.t.Errorf("%s: a draft was left", when)
		}
	}
	if _, err := p.github(githubtest.BotToken).Post(context.Background(), p.everything()); err != nil {
		p.t.Errorf("%s, the run after: %v", when, err)
	}
	p.checkEverything(when, notified)
}

func anyRequest(githubtest.Request) bool { return true }

// everything is a pull request in a state from which a review creates comments on a line and on a file and a summary,
// deletes a comment and minimizes another one.
func everything(t *testing.T) *pull {
	t.Helper()
	before := map[string]string{"a.yaml": "a: Always\n", "b.yaml": "b: Always\n", "c.yaml": "c: Always\n", "far.yaml": plain["far.yaml"], "none.yaml": "x: 1\n"}
	p := open(t, before, map[string]string{"a.yaml": "a: IfNotPresent\n", "b.yaml": "b: IfNotPresent\n"})
	p.review()
	for _, c := range p.ReviewComments() {
		if c.Path == "b.yaml" {
			p.Reply("alice", c.ID, "why?")
		}
	}
	p.push(map[string]string{"a.yaml": "a: Always\n", "b.yaml": "b: Always # now\n", "c.yaml": "c: IfNotPresent\n", "far.yaml": strings.Replace(plain["far.yaml"], "x: 1", "x: 2", 1)})
	return p
}

func (p *pull) everything() Input {
	s := p.subject()
	s.Report.Findings = append(s.Report.Findings, found("far.yaml", 21, "far"), found("none.yaml", 1, "x"))
	return s
}

// checkEverything holds that each finding is said exactly once, and notified of once unless that may differ.
func (p *pull) checkEverything(when string, notified bool) {
	p.t.Helper()
	said := map[string]int{}
	for _, c := range p.ReviewComments() {
		if c.Author == githubtest.BotLogin && c.Minimized == "" {
			said[c.Path]++
		}
	}
	summaries := 0
	for _, c := range p.IssueComments() {
		summaries++
		for _, path := range []string{"c.yaml", "far.yaml", "none.yaml"} {
			if strings.Contains(c.Body, "- **Error** `pull-policy-not-always`: [`"+path) {
				said[path]++
			}
		}
	}
	if n := len(p.Notifications()); !notified && n != 4 { // the first review, the reply, the second review, the summary
		p.t.Errorf("%s: %d notifications, want 4", when, n)
	}
	equal(p.t, when+": summaries", summaries, 1)
	equal(p.t, when+": said", fmt.Sprint(said), "map[c.yaml:1 far.yaml:1 none.yaml:1]")
	for _, r := range p.Reviews() {
		if r.State == "PENDING" {
			p.t.Errorf("%s: a draft was left", when)
		}
	}
}

// TestWaitIsBounded: a run waits at most two minutes in all, with the calls before Post, and then says why it stops.
func TestWaitIsBounded(t *testing.T) {
	t.Parallel()
	const always = -1
	for name, test := range map[string]struct {
		status, times int
		header        map[string]string
		wants         time.Duration
		succeeds      bool
	}{
		"limits without end":         {429, always, nil, 2 * time.Minute, false},
		"secondary without end":      {403, always, nil, 2 * time.Minute, false},
		"short waits without end":    {429, always, map[string]string{"Retry-After": "10"}, (maxAttempts - 1) * 10 * time.Second, false},
		"too long":                   {403, 1, map[string]string{"Retry-After": "121"}, 0, false},
		"just not too long":          {403, 1, map[string]string{"Retry-After": "120"}, 2 * time.Minute, true},
		"the hour's limit, far away": {403, 1, map[string]string{"X-RateLimit-Remaining": "0"}, 0, false},
		"the hour's limit, near":     {403, 1, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "+90"}, 90 * time.Second, true},
		"failing":                    {503, always, nil, (maxAttempts - 1) * retryDelay, false},
	} {
		p := open(t, plain, two)
		start := p.Now()
		if reset := test.header["X-RateLimit-Reset"]; reset != "" {
			test.header["X-RateLimit-Reset"] = fmt.Sprint(start.Add(90 * time.Second).Unix())
		}
		p.Inject(githubtest.Fault{Status: test.status, Times: test.times, Header: test.header})
		_, err := p.github(githubtest.BotToken).Post(context.Background(), p.subject())
		if (err == nil) != test.succeeds {
			t.Errorf("%s: %v", name, err)
		}
		equal(t, name+": waited", p.Now().Sub(start), test.wants)
	}

	p := open(t, plain, two)
	start, g := p.Now(), p.github(githubtest.BotToken)
	p.Inject(githubtest.Fault{Status: 429})
	if _, err := g.MergeBase(context.Background(), p.Main(), p.Head()); err != nil {
		t.Error(err)
	}
	p.Inject(githubtest.Fault{Status: 429, Times: always})
	if _, err := g.Post(context.Background(), p.subject()); err == nil {
		t.Error("no error")
	}
	equal(t, "waited in all", p.Now().Sub(start), reviewDeadline)
}

// TestPushDuringARun: somebody pushes before one request after the other. The run stops, and the next run makes the
// review right.
func TestPushDuringARun(t *testing.T) {
	t.Parallel()
	moved := 0
	atEachRequest(t, anyRequest, func(p *pull) githubtest.Fault {
		return githubtest.Fault{Do: func() { p.push(map[string]string{"later.yaml": "x: 1\n"}) }}
	}, func(p *pull, when string, err error, _ time.Duration) {
		if errors.Is(err, ErrMoved) {
			moved++
		} else if err != nil {
			t.Errorf("%s: %v", when, err)
		}
		p.runAfter(when, false)
	})
	equal(t, "requests at which the run noticed", moved, 3) // until it has looked for the second time
}

// TestTwoRunsWriteOneReview: of two runs at the same time, one is held back at one request after the other until the
// other run is done. Each comment is written once.
func TestTwoRunsWriteOneReview(t *testing.T) {
	t.Parallel()
	creating := false
	atEachRequest(t, anyRequest, func(p *pull) githubtest.Fault {
		other := p.everything()
		return githubtest.Fault{Do: func() {
			requests := p.Requests()
			creating = requests[len(requests)-1].Path == "/repos/acme/apps/issues/1/comments"
			if _, err := p.github(githubtest.BotToken).Post(context.Background(), other); err != nil {
				t.Errorf("the other: %v", err)
			}
		}}
	}, func(p *pull, when string, err error, _ time.Duration) {
		if err != nil {
			t.Errorf("%s: %v", when, err)
		}
		// Held while it creates the summary for longer than a request may take, a run cannot know that its draft is
		// gone: there are two summaries, until the same run removes one.
		p.checkEverything(when, creating)
	})
}

// TestManyRunsWriteOneReview: several runs at the same time write each comment once.
func TestManyRunsWriteOneReview(t *testing.T) {
	t.Parallel()
	p := everything(t)
	var runs sync.WaitGroup
	for range 3 {
		subject := p.everything()
		runs.Go(func() {
			_, _ = p.github(githubtest.BotToken).Post(context.Background(), subject) // one gets through
		})
	}
	runs.Wait()
	if _, err := p.github(githubtest.BotToken).Post(context.Background(), p.everything()); err != nil {
		t.Fatal(err)
	}
	p.checkEverything("many", false)
}
