package githubtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"
)

// lines makes a file of the lines 1 to n, some of them replaced.
func lines(n int, replaced map[int]string) string {
	var content strings.Builder
	for i := 1; i <= n; i++ {
		text, ok := replaced[i]
		if !ok {
			text = fmt.Sprintf("line %d\n", i)
		}
		content.WriteString(text)
	}
	return content.String()
}

// opened is a pull request that changes line 10 of app.yaml and removes line 30, so that its hunks are the lines 7 to
// 13 and 27 to 32 of the head.
func opened(t testing.TB) *Server {
	t.Helper()
	s := New(t, map[string]string{"app.yaml": lines(40, nil), "other.yaml": "a: b\n"})
	s.Open(s.Commit(s.Main(), map[string]string{"app.yaml": lines(40, map[int]string{10: "changed\n", 30: ""})}))
	return s
}

func client(t testing.TB, s *Server, token string) *github.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c := github.NewClient(&http.Client{Transport: transport}).WithAuthToken(token)
	address, err := url.Parse(s.APIURL() + "/")
	if err != nil {
		t.Fatal(err)
	}
	c.BaseURL = address
	return c
}

func onLine(path string, line int, body string) *github.DraftReviewComment {
	return &github.DraftReviewComment{Path: &path, Line: &line, Body: &body}
}

// post posts a review and returns its error.
func post(t testing.TB, s *Server, comments ...*github.DraftReviewComment) error {
	t.Helper()
	_, _, err := client(t, s, BotToken).PullRequests.CreateReview(context.Background(), Owner, Repository, Number,
		&github.PullRequestReviewRequest{CommitID: github.String(s.Head()), Event: github.String("COMMENT"), Comments: comments})
	return err
}

// send sends a request without a client's help and returns the status and the answer.
func send(t testing.TB, s *Server, token, method, path, body string) (int, http.Header, string) {
	t.Helper()
	request, err := http.NewRequest(method, s.APIURL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var content bytes.Buffer
	if _, err := content.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, content.String()
}

// query sends a GraphQL request as the README of go-github says and returns the answer's data and errors.
func query(t testing.TB, s *Server, token, text string, variables map[string]any) (data map[string]any, problems []string) {
	t.Helper()
	c := client(t, s, token)
	request, err := c.NewRequest("POST", s.GraphQLURL(), map[string]any{"query": text, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Data   map[string]any
		Errors []struct{ Type, Message string }
	}
	if _, err := c.Do(context.Background(), request, &answer); err != nil {
		t.Fatal(err)
	}
	for _, problem := range answer.Errors {
		problems = append(problems, strings.TrimPrefix(problem.Type+": "+problem.Message, ": "))
	}
	return answer.Data, problems
}

// recorder notes the failures that a Server reports.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Errorf(format string, values ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, values...))
}

func equal[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	g, _ := json.Marshal(got)
	w, _ := json.Marshal(want)
	if !bytes.Equal(g, w) {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	s := opened(t)
	comments, compared := repo+"/issues/1/comments", repo+"/compare/main...change"
	for _, test := range []struct {
		token, method, path string
		status              int
		message             string
	}{
		{"ghs_wrong", "GET", compared, 401, "Bad credentials"},
		{ReadToken, "GET", compared, 200, ""},
		{ReadToken, "POST", comments, 403, notAccessible},
		{ReadToken, "DELETE", repo + "/pulls/1/reviews/1", 403, notAccessible},
		{BotToken, "POST", comments, 201, ""},
		{BotToken, "POST", repo + "/issues/2/comments", 404, "Not Found"},
		{BotToken, "GET", "/repos/acme/nothing/compare/main...change", 404, "Not Found"},
		{s.Token("alice"), "POST", comments, 201, ""},
	} {
		body := ""
		if test.method == "POST" {
			body = `{"body": "hello"}`
		}
		status, _, answer := send(t, s, test.token, test.method, test.path, body)
		if status != test.status || !strings.Contains(answer, test.message) {
			t.Errorf("%s %s: %d %s, want %d %q", test.method, test.path, status, answer, test.status, test.message)
		}
	}
	posted := s.IssueComments()
	equal(t, "authors", []string{posted[0].Author, posted[1].Author}, []string{BotLogin, "alice"})
}

func TestRequestsAreRecorded(t *testing.T) {
	t.Parallel()
	s := opened(t)
	send(t, s, BotToken, "GET", repo+"/compare/main...change?per_page=5", "")
	send(t, s, BotToken, "POST", repo+"/issues/1/comments", `{"body":"hello"}`)
	query(t, s, BotToken, `{ viewer { login } repository(owner: "acme", name: "apps") { pullRequest(number: 1) { headRefOid } } }`, nil)
	query(t, s, BotToken, `mutation { minimizeComment(input: {subjectId: "IC_1", classifier: OUTDATED}) { clientMutationId } }`, nil)
	requests := s.Requests()
	equal(t, "comparison", requests[0], Request{Index: 1, Method: "GET", Path: repo + "/compare/main...change"})
	equal(t, "comment", requests[1], Request{Index: 2, Method: "POST", Path: repo + "/issues/1/comments", Write: true})
	equal(t, "query", requests[2].Operation, "query viewer,repository")
	equal(t, "writes", []int{s.Writes()[0].Index, s.Writes()[1].Index}, []int{2, 4})
	equal(t, "notifications", s.Notifications(), []Notification{{BotLogin, "issue comment", s.IssueComments()[0].ID}})
}

func TestRequestsAreLimited(t *testing.T) {
	t.Parallel()
	s := opened(t)
	write := func() (int, http.Header, string) {
		return send(t, s, BotToken, "POST", repo+"/issues/1/comments", `{"body":"hello"}`)
	}
	for range writesAMinute {
		write()
	}
	s.Advance(20 * time.Second)
	status, header, answer := write()
	if status != 403 || header.Get("Retry-After") != "40" || !strings.Contains(answer, "secondary rate limit") {
		t.Errorf("write 81 of a minute: %d, Retry-After %q, %s", status, header.Get("Retry-After"), answer)
	}
	if header.Get("X-RateLimit-Remaining") != "920" || header.Get("Date") != s.Now().Format(http.TimeFormat) {
		t.Errorf("headers: %v", header)
	}
	s.Advance(40 * time.Second)
	if status, _, _ := write(); status != 201 {
		t.Errorf("a minute later: %d", status)
	}
	for range requestsAnHour - 81 {
		query(t, s, BotToken, "{ viewer { login } }", nil)
	}
	status, header, answer = send(t, s, BotToken, "GET", repo+"/compare/main...change", "")
	if status != 403 || header.Get("X-RateLimit-Remaining") != "0" || header.Get("X-RateLimit-Reset") != fmt.Sprint(startTime.Add(time.Hour).Unix()) {
		t.Errorf("request 1001 of an hour: %d %v %s", status, header, answer)
	}
	s.Advance(time.Hour)
	if status, _, _ := write(); status != 201 {
		t.Errorf("an hour later: %d", status)
	}
}

func TestWritesAnHourAreLimited(t *testing.T) {
	t.Parallel()
	s := opened(t)
	last := 0
	for range writesAnHour + 1 {
		last, _, _ = send(t, s, BotToken, "DELETE", repo+"/pulls/1/reviews/1", "")
		s.Advance(time.Second)
	}
	if last != 403 {
		t.Errorf("write 501 of an hour: %d", last)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		fault  Fault
		status int // 0 where the connection breaks
		posted int
		header string // Retry-After
	}{
		{"502 before", Fault{Status: 502}, 502, 0, ""},
		{"502 after", Fault{Status: 502, After: true}, 502, 1, ""},
		{"secondary limit", Fault{Status: 403, Header: map[string]string{"Retry-After": "60"}}, 403, 0, "60"},
		{"429 without Retry-After", Fault{Status: 429}, 429, 0, ""},
		{"reset before", Fault{Break: Reset}, 0, 0, ""},
		{"reset after", Fault{Break: Reset, After: true}, 0, 1, ""},
		{"truncated", Fault{Break: Truncate}, 0, 1, ""},
		{"hanging", Fault{Break: Hang, After: true}, 0, 1, ""},
		{"another request", Fault{Match: func(r Request) bool { return r.Index == 2 }, Status: 502}, 201, 1, ""},
		{"none but Do", Fault{Do: func() {}}, 201, 1, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := opened(t)
			s.Inject(test.fault)
			c := client(t, s, BotToken)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if test.fault.Break == Hang {
				s.faults[0].Do = cancel
			}
			_, response, err := c.Issues.CreateComment(ctx, Owner, Repository, Number, &github.IssueComment{Body: github.String("hello")})
			status := 0
			if err == nil || errors.As(err, new(*github.ErrorResponse)) || errors.As(err, new(*github.AbuseRateLimitError)) {
				status = response.StatusCode
				equal(t, "Retry-After", response.Header.Get("Retry-After"), test.header)
			}
			equal(t, "status", status, test.status)
			equal(t, "requests", len(s.Requests()), 1)
			if test.fault.Break != Hang { // there the client is gone first
				equal(t, "comments", len(s.IssueComments()), test.posted)
			}
		})
	}
}

// TestClientRefusesAfterSecondaryLimit holds what makes go-github dangerous here: on a 403 without Retry-After it
// takes X-RateLimit-Reset, held against the real clock, and sends nothing more.
func TestClientRefusesAfterSecondaryLimit(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Inject(Fault{Status: 403})
	c := client(t, s, BotToken)
	for range 2 {
		_, _, err := c.Issues.CreateComment(context.Background(), Owner, Repository, Number, &github.IssueComment{Body: github.String("hello")})
		if !errors.As(err, new(*github.AbuseRateLimitError)) {
			t.Errorf("got %v, want an AbuseRateLimitError", err)
		}
	}
	equal(t, "requests", len(s.Requests()), 1)
}

func TestFaultTimesAndDo(t *testing.T) {
	t.Parallel()
	s := opened(t)
	old := s.Head()
	s.Inject(Fault{Times: 2, Status: 500})
	s.Inject(Fault{Times: -1, Do: func() { s.Push(s.Commit(s.Head(), map[string]string{"new": "x\n"})) }})
	var statuses []int
	for range 4 {
		status, _, _ := send(t, s, BotToken, "GET", repo+"/compare/main...change", "")
		statuses = append(statuses, status)
	}
	equal(t, "statuses", statuses, []int{500, 500, 200, 200})
	if s.Head() == old {
		t.Error("the head has not moved")
	}
}

func TestWhatIsNotSimulatedFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, want string
		request    func(s *Server)
	}{
		{"route", "githubtest: GET /api/v3/repos/acme/apps/teams is not simulated", func(s *Server) {
			status, _, _ := send(t, s, BotToken, "GET", repo+"/teams", "")
			equal(t, "status", status, 404)
		}},
		{"page", "page 2 is not simulated", func(s *Server) { send(t, s, BotToken, "GET", repo+"/compare/main...change?page=2", "") }},
		{"parameter", "there is no parameter sort", func(s *Server) { send(t, s, BotToken, "GET", repo+"/compare/main...change?sort=updated", "") }},
		{"field of a body", `is not simulated: json: unknown field "position"`, func(s *Server) {
			send(t, s, BotToken, "POST", repo+"/pulls/1/reviews", `{"comments":[{"path":"app.yaml","position":1,"body":"x"}]}`)
		}},
		{"deleted line", "comments on deleted lines are not simulated", func(s *Server) {
			s.Review("alice", "COMMENT", "", DraftComment{Path: "app.yaml", Line: 10, Side: "LEFT", Body: "x"})
		}},
		{"GraphQL field", `Cannot query field "bio" on type "User"`, func(s *Server) { query(t, s, BotToken, "{ viewer { bio } }", nil) }},
		{"GraphQL directive", "fragments and directives", func(s *Server) { query(t, s, BotToken, "{ viewer { login @skip(if: false) } }", nil) }},
		{"comment on a line", "comments on lines over GraphQL are not simulated", func(s *Server) {
			query(t, s, BotToken, `mutation { addPullRequestReviewThread(input: {path: "app.yaml", body: "x", line: 10}) { thread { id } } }`, nil)
		}},
	} {
		r := &recorder{TB: t}
		s := opened(r)
		test.request(s)
		if len(r.failures) != 1 || !strings.Contains(r.failures[0], test.want) {
			t.Errorf("%s: failures %q, want %q", test.name, r.failures, test.want)
		}
	}
}

func TestEveryRunIsTheSame(t *testing.T) {
	t.Parallel()
	var runs []string
	for range 2 {
		s := opened(t)
		if err := post(t, s, onLine("app.yaml", 10, "hello")); err != nil {
			t.Fatal(err)
		}
		_, _, answer := send(t, s, BotToken, "GET", repo+"/compare/main...change", "")
		runs = append(runs, strings.ReplaceAll(string(s.Event("opened"))+answer, s.ServerURL(), ""))
	}
	equal(t, "the second run", runs[1], runs[0])
	if slices.Contains(runs, "") {
		t.Error("nothing was compared")
	}
}
