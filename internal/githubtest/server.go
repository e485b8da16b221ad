// Package githubtest is test code, which nothing of the product may import. It is a GitHub for tests: an in-process server that answers the part of GitHub's REST and GraphQL
// API that a reviewing tool needs, with a real bare git repository behind it. It has one repository with one pull
// request, enforces GitHub's rules on reviews and comments against the real diff, counts requests and
// notifications, and fails on demand. What it does not simulate fails the test that asked for it.
//
// Where PULLCHECK_GITHUB_OPENAPI and PULLCHECK_GITHUB_GRAPHQL name GitHub's own descriptions, every request and every
// answer is held against them. The clock stands still until the test moves it, and identifiers count up, so that
// every run is the same.
package githubtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
)

const (
	// Owner and Repository name the repository, Contributor owns the fork, and Number is the pull request.
	Owner       = "acme"
	Repository  = "apps"
	Contributor = "contributor"
	Number      = 1

	// BotLogin is who a workflow's GITHUB_TOKEN is, as REST and GraphQL's viewer say it.
	BotLogin = "github-actions[bot]"
	// BotToken is the GITHUB_TOKEN of a workflow with "contents: read" and "pull-requests: write".
	BotToken = "ghs_write"
	// ReadToken is the GITHUB_TOKEN of a workflow that runs for a fork: every write is answered with 403.
	ReadToken = "ghs_read"

	base = "/api/v3"
	repo = "/repos/" + Owner + "/" + Repository
)

// start lies in the future of every real clock (and not beyond the dates that git takes), so that a client which holds a reset time against the real clock
// instead of the simulated one waits for ever, as it would where the clocks differ.
var start = time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)

// Server is the simulated GitHub. Its methods may be called while requests are under way.
type Server struct {
	tb     testing.TB
	http   *httptest.Server
	routes *http.ServeMux
	closed chan struct{}
	dir    string

	mergeBases map[string]string // by main...commit
	diffs      map[string][]*file

	description *description // nil where nothing is to be held against it
	schema      *ast.Schema  // likewise

	mu            sync.Mutex
	now           time.Time
	lastID        int64
	tokens        map[string]identity
	limits        map[string]*usage
	requests      []*Request
	faults        []*Fault
	notifications []Notification

	main, head, baseSHA string
	fork                bool
	omitted             map[string]bool
	threads             []*thread
	reviews             []*review
	issueComments       []*issueComment
}

// identity is whom a token stands for.
type identity struct {
	login        string
	write, human bool
}

// Request is one request as the server received it.
type Request struct {
	// Index counts the requests from 1.
	Index int
	// Method and Path are as sent; Path is without the prefix that GITHUB_API_URL has.
	Method, Path string
	Query        url.Values
	Body         string
	// Operation of a GraphQL request is "query" or "mutation" and its top fields, such as "mutation minimizeComment".
	Operation string
	// Write is true for everything but GET and GraphQL queries.
	Write bool
	// Status is what was answered, 0 where nothing was.
	Status int
}

// Notification is one message that GitHub sends to the pull request's subscribers. A submitted review is one,
// whatever the number of its comments; edits, deletions, minimizing, resolving and pending reviews send none.
type Notification struct {
	By string
	// Kind is "review", "review comment", "reply" or "issue comment".
	Kind string
	ID   int64
}

// New starts a GitHub whose main branch holds files (path → content) in one commit. It ends with the test.
func New(tb testing.TB, files map[string]string) *Server {
	tb.Helper()
	s := &Server{
		tb: tb, now: start, lastID: 1000, dir: tb.TempDir(), closed: make(chan struct{}),
		mergeBases: map[string]string{}, diffs: map[string][]*file{}, limits: map[string]*usage{}, omitted: map[string]bool{},
		tokens: map[string]identity{BotToken: {login: BotLogin, write: true}, ReadToken: {login: BotLogin}},
	}
	var err error
	if s.description, err = loadDescription(); err != nil {
		tb.Fatal(err)
	}
	if s.schema, err = loadSchema(); err != nil {
		tb.Fatal(err)
	}
	s.initialize()
	s.routes = s.router()
	s.http = httptest.NewServer(http.HandlerFunc(s.serve))
	tb.Cleanup(func() {
		close(s.closed)
		s.http.Close()
	})
	s.PushBase(s.Commit("", files))
	return s
}

// APIURL is what GITHUB_API_URL says; it has a path, as on GitHub Enterprise Server.
func (s *Server) APIURL() string { return s.http.URL + base }

// GraphQLURL is what GITHUB_GRAPHQL_URL says.
func (s *Server) GraphQLURL() string { return s.http.URL + "/api/graphql" }

// ServerURL is what GITHUB_SERVER_URL says.
func (s *Server) ServerURL() string { return s.http.URL }

// Token makes a person's personal access token.
func (s *Server) Token(login string, write bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := fmt.Sprintf("ghp_%s_%t", login, write)
	s.tokens[token] = identity{login: login, write: write, human: true}
	return token
}

// Now is the simulated time; nothing but Advance moves it.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// Advance moves the simulated time.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// Requests returns all requests so far in the order in which they came.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := make([]Request, len(s.requests))
	for i, request := range s.requests {
		requests[i] = *request
	}
	return requests
}

// Writes returns the requests among Requests that asked for a change, also where it was refused.
func (s *Server) Writes() []Request {
	return slices.DeleteFunc(s.Requests(), func(r Request) bool { return !r.Write })
}

// Notifications returns what GitHub has sent to the pull request's subscribers so far.
func (s *Server) Notifications() []Notification {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.notifications)
}

func (s *Server) notify(by, kind string, id int64) {
	s.notifications = append(s.notifications, Notification{By: by, Kind: kind, ID: id})
}

func (s *Server) nextID() int64 {
	s.lastID++
	return s.lastID
}

// call is one authenticated request to a handler.
type call struct {
	*http.Request
	body   []byte
	by     identity
	header http.Header
}

// handler answers a call with a status and a value to be written as JSON (a string is written as it stands).
type handler func(*Server, *call) (int, any)

func (s *Server) router() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, handle := range map[string]handler{
		"GET /repos/{owner}/{repo}/pulls/{pull_number}":                                (*Server).getPull,
		"GET /repos/{owner}/{repo}/pulls/{pull_number}/files":                          (*Server).listFiles,
		"GET /repos/{owner}/{repo}/compare/{basehead}":                                 (*Server).compare,
		"GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews":                        (*Server).listReviews,
		"POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews":                       (*Server).createReview,
		"DELETE /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}":         (*Server).deletePendingReview,
		"POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/events":    (*Server).submitReview,
		"PUT /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/dismissals": (*Server).dismissReview,
		"GET /repos/{owner}/{repo}/pulls/{pull_number}/comments":                       (*Server).listReviewComments,
		"POST /repos/{owner}/{repo}/pulls/{pull_number}/comments":                      (*Server).createReviewComment,
		"POST /repos/{owner}/{repo}/pulls/{pull_number}/comments/{comment_id}/replies": (*Server).createReply,
		"PATCH /repos/{owner}/{repo}/pulls/comments/{comment_id}":                      (*Server).updateReviewComment,
		"DELETE /repos/{owner}/{repo}/pulls/comments/{comment_id}":                     (*Server).deleteReviewComment,
		"GET /repos/{owner}/{repo}/issues/{issue_number}/comments":                     (*Server).listIssueComments,
		"POST /repos/{owner}/{repo}/issues/{issue_number}/comments":                    (*Server).createIssueComment,
		"PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}":                     (*Server).updateIssueComment,
		"DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}":                    (*Server).deleteIssueComment,
		"GET /user": (*Server).getUser,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		mux.Handle(method+" "+base+path, s.rest(pattern, handle))
	}
	mux.HandleFunc("POST /api/graphql", s.serveGraphQL)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.tb.Errorf("githubtest: %s %s is not simulated", r.Method, r.URL.Path)
		write(w, http.StatusNotFound, failure(http.StatusNotFound, "Not Found"))
	})
	return mux
}

// serve records a request, has it handled unless a fault comes before that, and delivers the answer or the fault.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	request, fault := s.receive(r, string(body))
	if fault.Do != nil {
		fault.Do()
	}
	var answer *httptest.ResponseRecorder
	if fault.After || !fault.answers() {
		answer = s.handle(r)
	}
	s.deliver(w, r, request, fault, answer)
}

func (s *Server) handle(r *http.Request) *httptest.ResponseRecorder {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := httptest.NewRecorder()
	s.routes.ServeHTTP(answer, r)
	return answer
}

func (s *Server) receive(r *http.Request, body string) (*Request, Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	request := &Request{
		Index: len(s.requests) + 1, Method: r.Method, Path: strings.TrimPrefix(r.URL.Path, base), Query: r.URL.Query(), Body: body,
	}
	if r.URL.Path == "/api/graphql" {
		request.Operation = operationOf(body)
		request.Write = strings.HasPrefix(request.Operation, "mutation")
	} else {
		request.Write = r.Method != http.MethodGet
	}
	s.requests = append(s.requests, request)
	return request, s.faultFor(*request)
}

// rest puts in front of a handler what every REST request has in common.
func (s *Server) rest(pattern string, handle handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // bytes in memory
		c := &call{Request: r, body: body, header: w.Header()}
		s.checkRequest(pattern, r, body)
		status, answer := s.admit(c, r.Method != http.MethodGet)
		if status == 0 && !s.knows(r) {
			status, answer = notFound()
		}
		if status == 0 && r.Method != http.MethodGet && !c.by.write {
			status, answer = http.StatusForbidden, failure(http.StatusForbidden, notAccessible)
		}
		if status == 0 {
			status, answer = handle(s, c)
		}
		content := write(w, status, answer)
		if _, text := answer.(string); !text {
			s.checkAnswer(pattern, status, content)
		}
	})
}

const notAccessible = "Resource not accessible by integration"

// admit authenticates a call and holds it against the limits; 0 lets it pass.
func (s *Server) admit(c *call, write bool) (int, any) {
	kind, token, _ := strings.Cut(c.Header.Get("Authorization"), " ")
	by, known := s.tokens[token]
	if !known || (!strings.EqualFold(kind, "bearer") && !strings.EqualFold(kind, "token")) {
		return http.StatusUnauthorized, failure(http.StatusUnauthorized, "Bad credentials")
	}
	c.by = by
	return s.limit(c, write)
}

// knows reports whether the repository and the pull request in the path exist.
func (s *Server) knows(r *http.Request) bool {
	for name, want := range map[string]string{"owner": Owner, "repo": Repository} {
		if got := r.PathValue(name); got != "" && !strings.EqualFold(got, want) {
			return false
		}
	}
	number := r.PathValue("pull_number") + r.PathValue("issue_number")
	return number == "" || (number == fmt.Sprint(Number) && s.head != "")
}

func (s *Server) getUser(c *call) (int, any) {
	if !c.by.human {
		return http.StatusForbidden, failure(http.StatusForbidden, notAccessible)
	}
	return http.StatusOK, s.user(c.by.login)
}

// decode reads a JSON body into v and answers 400 where it is none.
func (c *call) decode(v any) (int, any) {
	if err := json.Unmarshal(c.body, v); err != nil {
		return http.StatusBadRequest, failure(http.StatusBadRequest, "Problems parsing JSON")
	}
	return 0, nil
}

// failure is the body of GitHub's errors; each of errors is a string or an object, as the endpoint has it.
func failure(status int, message string, errors ...any) map[string]any {
	body := map[string]any{"message": message, "documentation_url": "https://docs.github.com/rest", "status": fmt.Sprint(status)}
	if len(errors) > 0 {
		body["errors"] = errors
	}
	return body
}

// write sends an answer and returns its bytes.
func write(w http.ResponseWriter, status int, answer any) []byte {
	var content []byte
	switch answer := answer.(type) {
	case nil:
	case string:
		w.Header().Set("Content-Type", "application/vnd.github.diff; charset=utf-8")
		content = []byte(answer)
	default:
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		content, _ = json.Marshal(answer) // maps of what JSON knows
	}
	w.WriteHeader(status)
	_, _ = w.Write(content) // into a recorder
	return content
}
