package review

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/cmd/pullcheck/internal/change"
	"github.com/pullcheck/pullcheck/cmd/pullcheck/internal/githubtest"
	"github.com/pullcheck/pullcheck/render"
)

// In these tests a line "KEY: IfNotPresent" that main does not have is a finding.

// pull is a pull request of the simulator, reviewed from a clone.
type pull struct {
	*githubtest.Server
	t     *testing.T
	clone string
	// checked is the subject of the commits that of names.
	checked *Subject
	of      string
}

func open(t *testing.T, before, after map[string]string) *pull {
	t.Helper()
	s := githubtest.New(t, before)
	s.Open(s.Commit(s.Main(), after))
	p := &pull{Server: s, t: t, clone: filepath.Join(t.TempDir(), "clone")}
	p.git("init", "--quiet", p.clone)
	return p
}

func (p *pull) git(args ...string) string {
	p.t.Helper()
	output, err := exec.Command("git", args...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("git %v: %v %s", args, err, output)
	}
	return string(output)
}

// subject is what a check of the pull request would find.
func (p *pull) subject() Subject {
	p.t.Helper()
	if p.checked == nil || p.of != p.Head()+p.Main() {
		s := p.check()
		p.checked, p.of = &s, p.Head()+p.Main()
	}
	s := *p.checked
	report := *s.Report
	report.Findings = slices.Clone(report.Findings)
	s.Report = &report
	return s
}

func (p *pull) check() Subject {
	p.t.Helper()
	p.git("-C", p.clone, "fetch", "--quiet", "file://"+p.Dir(), p.Head(), p.Main())
	repository, err := change.Open(context.Background(), p.clone)
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
	for _, name := range strings.Fields(p.git("-C", p.clone, "ls-tree", "-r", "--name-only", p.Head())) {
		before := ""
		if output, err := exec.Command("git", "-C", p.clone, "show", base+":"+name).Output(); err == nil {
			before = "\n" + string(output)
		}
		for i, line := range strings.Split(p.git("-C", p.clone, "show", p.Head()+":"+name), "\n") {
			if key, policy, ok := strings.Cut(line, ": "); ok && policy == "IfNotPresent" && !strings.Contains(before, "\n"+line+"\n") {
				report.Findings = append(report.Findings, found(name, i+1, key))
			}
		}
	}
	return Subject{Report: report, Files: files, Blob: p.ServerURL() + "/acme/apps/blob/" + p.Head() + "/"}
}

// found is a finding that a line KEY: IfNotPresent decides, with its fix.
func found(path string, line int, key string) check.Finding {
	at := render.Location{Path: path, Line: line, Column: len(key) + 3, EndLine: line, EndColumn: len(key) + 15, Key: key, Own: true}
	return check.Finding{
		Rule: "pull-policy-not-always", Severity: check.SeverityError, Fingerprint: fmt.Sprintf("%032x", path+key)[:32], Decision: at, Exact: true,
		Affected: []check.Affected{{Source: path, Kind: "Pod", Name: key, Container: key, Written: "IfNotPresent", Effective: "IfNotPresent"}},
		Fix:      &check.Fix{Message: "set " + key + " to Always", Proven: true, Edits: []render.Edit{{Location: at, NewText: "Always"}}},
	}
}

func (p *pull) github(token string) GitHub {
	transport := &http.Transport{}
	p.t.Cleanup(transport.CloseIdleConnections)
	return GitHub{
		API: p.APIURL(), GraphQL: p.GraphQLURL(), Token: token, Owner: githubtest.Owner, Repository: githubtest.Repository,
		Number: githubtest.Number, Head: p.Head(), Transport: transport, Timeout: 2 * time.Second, Now: p.Now,
		Sleep: func(_ context.Context, d time.Duration) error {
			p.Advance(d)
			return nil
		},
	}
}

// review reviews and returns how many writes that took.
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

// places are the comments as they stand: path, line, and what became of them.
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

func TestFirstRunAndSecond(t *testing.T) {
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

func TestSuggestionsLeaveItClean(t *testing.T) {
	t.Parallel()
	p := open(t, plain, two)
	p.review()
	var ids []int64
	for _, c := range p.ReviewComments() {
		ids = append(ids, c.ID)
	}
	if _, err := p.ApplySuggestions(ids...); err != nil {
		t.Fatal(err)
	}
	equal(t, "findings", len(p.subject().Report.Findings), 0)
	p.review()
	equal(t, "comments", p.places(), nil)
	equal(t, "notifications", len(p.Notifications()), 1)
}

func TestPushes(t *testing.T) {
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
	p.PushBase(p.Commit(p.Main(), map[string]string{"other": "x\n"}))
	p.Push(p.Commit(p.Main(), map[string]string{"a.yaml": "a: IfNotPresent\n", "b.yaml": "# rewritten\nb: IfNotPresent\n"}))
	equal(t, "writes after a rebase", p.review(), 0)
}

func TestPeople(t *testing.T) {
	t.Parallel()
	p := open(t, plain, two)
	p.review()
	comments := p.ReviewComments()
	p.Reply("alice", comments[0].ID, "why?")
	p.Resolve("alice", comments[1].ID)
	equal(t, "writes where nothing changed", p.review(), 0)
	p.push(plain)
	equal(t, "writes where both are fixed", p.review(), 1)
	equal(t, "comments", p.places(), []string{"a.yaml:0 outdated", "b.yaml:0"})
	p.push(two)
	p.review()
	equal(t, "comments where both are back: the resolved one stays so", p.places(), []string{"a.yaml:1", "a.yaml:1 outdated", "b.yaml:1"})
}

// TestSummary: what no line of the change leads to is in the summary, which is edited and never says that all is clear
// where it said nothing before.
func TestSummary(t *testing.T) {
	t.Parallel()
	p := open(t, plain, map[string]string{"a.yaml": "a: Always # changed\n"})
	elsewhere := p.subject()
	elsewhere.Report.Findings = []check.Finding{found("far.yaml", 21, "far")}
	post := func(s Subject) int {
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
	if body := p.IssueComments()[0].Body; !strings.Contains(body, "nothing more to say") {
		t.Errorf("the summary still says: %s", body)
	}
	equal(t, "writes once it is clear", post(p.subject()), 0)
}

func TestFileComments(t *testing.T) {
	t.Parallel()
	changed := map[string]string{}
	for i := range 12 {
		name := fmt.Sprintf("far%02d.yaml", i)
		plain[name] = plain["far.yaml"]
		changed[name] = strings.Replace(plain["far.yaml"], "x: 1", "x: 2", 1)
	}
	before := map[string]string{}
	for name := range changed {
		before[name] = plain["far.yaml"]
		delete(plain, name)
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

func TestManyFindings(t *testing.T) {
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

func TestRequestChanges(t *testing.T) {
	t.Parallel()
	p := open(t, plain, two)
	s := p.subject()
	s.Block = true
	if _, err := p.github(githubtest.BotToken).Post(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	equal(t, "state", p.Reviews()[0].State, "CHANGES_REQUESTED")
	equal(t, "writes of a second run", p.review(), 0)
	p.push(plain)
	p.review()
	equal(t, "state once it is done", p.Reviews()[0].State, "DISMISSED")
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	p := open(t, plain, two)
	_, err := p.github(githubtest.ReadToken).Post(context.Background(), p.subject())
	if !errors.Is(err, errForbidden) {
		t.Errorf("got %v, want %v", err, errForbidden)
	}
	equal(t, "writes tried", len(p.Writes()), 1)
}

func TestWrongToken(t *testing.T) {
	t.Parallel()
	p := open(t, plain, two)
	g := p.github("ghs_secret")
	_, err := g.Post(context.Background(), p.subject())
	if err == nil || strings.Contains(g.Redact(err).Error(), "ghs_secret") {
		t.Errorf("got %v", err)
	}
	equal(t, "requests", len(p.Requests()), 1)
}

// TestForeign: comments that look like this program's and are somebody else's count for nothing, and somebody's draft
// stays.
func TestForeign(t *testing.T) {
	t.Parallel()
	p := open(t, plain, two)
	p.Comment("alice", "hello\n"+marker(summaryMark))
	p.review()
	for _, c := range p.ReviewComments() {
		p.Reply("alice", c.ID, "hello\n"+marker(strings.Repeat("0", 32)))
	}
	equal(t, "writes", p.review(), 0)
	equal(t, "comments", p.IssueComments()[0].Author, "alice")

	request, err := http.NewRequest("POST", p.APIURL()+"/repos/acme/apps/pulls/1/reviews", strings.NewReader(`{"body":"mine","commit_id":"`+p.Head()+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+p.Token("alice", true))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if _, err := p.github(p.Token("alice", true)).Post(context.Background(), p.subject()); !errors.Is(err, errForeign) {
		t.Errorf("got %v, want %v", err, errForeign)
	}
	equal(t, "reviews", p.Reviews()[len(p.Reviews())-1].Body, "mine")
}

func TestMergeBase(t *testing.T) {
	t.Parallel()
	p := open(t, plain, two)
	base := p.Main()
	p.PushBase(p.Commit(base, map[string]string{"other": "x\n"}))
	got, err := p.github(githubtest.ReadToken).MergeBase(context.Background(), p.Main(), p.Head())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "merge base", got, base)
}

// faults are what can go wrong with any request.
var faults = map[string]githubtest.Fault{
	"502 before":             {Status: 502},
	"502 after":              {Status: 502, After: true},
	"403 limit":              {Status: 403},
	"429 limit, Retry-After": {Status: 429, Header: map[string]string{"Retry-After": "7"}},
	"reset after":            {Break: githubtest.Reset, After: true},
	"truncated":              {Break: githubtest.Truncate, After: true},
	"422":                    {Status: 422},
}

// TestFaults: one fault at each request of a run that writes everything there is. The run gets by, or the next does,
// nothing is said twice, and nothing is lost.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for at := 1; ; at++ {
				p := everything(t)
				start, hit := len(p.Requests()), false
				fault := fault
				fault.Match = func(r githubtest.Request) bool { return r.Index == start+at }
				fault.Do = func() { hit = true }
				p.Inject(fault)
				_, err := p.github(githubtest.BotToken).Post(context.Background(), p.everything())
				if err != nil && name != "422" {
					t.Errorf("request %d: %v", at, err)
				}
				if _, err := p.github(githubtest.BotToken).Post(context.Background(), p.everything()); err != nil {
					t.Errorf("request %d, the run after: %v", at, err)
				}
				p.checkEverything(fmt.Sprintf("request %d", at), name == "422")
				if !hit {
					if at < 8 {
						t.Errorf("only %d requests were made", at-1)
					}
					return
				}
			}
		})
	}
}

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

func (p *pull) everything() Subject {
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

// TestHang: a server that does not answer costs a timeout.
func TestHang(t *testing.T) {
	t.Parallel()
	p := open(t, plain, two)
	p.Inject(githubtest.Fault{Break: githubtest.Hang})
	p.review()
	equal(t, "comments", p.places(), []string{"a.yaml:1", "b.yaml:1"})
}

// TestBoundedWait: a run waits two minutes in all, and then says why it stops.
func TestBoundedWait(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]githubtest.Fault{
		"no end":    {Status: 429, Times: -1},
		"too long":  {Status: 403, Header: map[string]string{"Retry-After": "3600"}},
		"the limit": {Status: 403, Header: map[string]string{"X-RateLimit-Remaining": "0"}, Body: `{"message":"API rate limit exceeded"}`},
		"failing":   {Status: 503, Times: -1},
	} {
		p := open(t, plain, two)
		start := p.Now()
		p.Inject(fault)
		if _, err := p.github(githubtest.BotToken).Post(context.Background(), p.subject()); err == nil {
			t.Errorf("%s: no error", name)
		}
		if waited := p.Now().Sub(start); waited > patience {
			t.Errorf("%s: waited %s", name, waited)
		}
	}
}

// TestHeadMoved: at each request of a run somebody pushes. The run stops, and what it leaves is right for the next.
func TestHeadMoved(t *testing.T) {
	t.Parallel()
	for at := 1; at <= 4; at++ {
		p := open(t, plain, two)
		subject := p.subject()
		p.Inject(githubtest.Fault{Match: func(r githubtest.Request) bool { return r.Index == at }, Do: func() {
			p.Push(p.Commit(p.Main(), map[string]string{"a.yaml": "a: IfNotPresent\n"}))
		}})
		_, err := p.github(githubtest.BotToken).Post(context.Background(), subject)
		if at < 4 && !errors.Is(err, ErrMoved) {
			t.Errorf("request %d: %v", at, err)
		}
		p.review()
		equal(t, fmt.Sprintf("request %d: comments", at), p.places(), []string{"a.yaml:1"})
	}
}

// TestTwoRuns: two runs at once, one of them held back at each of its requests until the other is done.
func TestTwoRuns(t *testing.T) {
	t.Parallel()
	for at := 1; at <= 8; at++ {
		p := everything(t)
		subject, other := p.everything(), p.everything()
		start := len(p.Requests())
		p.Inject(githubtest.Fault{Match: func(r githubtest.Request) bool { return r.Index == start+at }, Do: func() {
			if _, err := p.github(githubtest.BotToken).Post(context.Background(), other); err != nil {
				t.Errorf("held at %d: the other: %v", at, err)
			}
		}})
		if _, err := p.github(githubtest.BotToken).Post(context.Background(), subject); err != nil {
			t.Errorf("held at %d: %v", at, err)
		}
		// Held while it creates the summary for longer than a request may take, a run cannot know that its draft is
		// gone: there are two summaries, until the same run removes one.
		creating := p.Requests()[start+at-1].Path == "/repos/acme/apps/issues/1/comments"
		p.checkEverything(fmt.Sprintf("held at %d", at), creating)
	}
}

func TestManyRuns(t *testing.T) {
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
