// Package githubtest is test code: a GitHub that runs inside a test. Nothing of the product may import it.
//
// It answers the part of GitHub's REST and GraphQL API that package review uses, for one repository with one pull
// request, and has a real bare git repository behind it. It enforces GitHub's rules on reviews and comments against
// the real diff, counts requests and notifications, and fails on demand (Fault). What people do to the pull request
// are methods of Server: Comment, Review, Reply, Resolve, Hide, Push, ApplySuggestions.
//
// Every request and every answer is checked against GitHub's own description of its API, in the directory description.
// A request that the description does not allow, or that is not simulated, fails the test. The clock stands still
// until the test moves it, and identifiers count up, so that every run is the same.
package githubtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// Owner and Repository name the repository, Contributor owns the fork, and Number is the pull request.
	Owner       = "acme"
	Repository  = "apps"
	Contributor = "contributor"
	Number      = 1

	// BotLogin is the identity of a workflow's GITHUB_TOKEN, as REST and GraphQL's viewer write it.
	BotLogin = "github-actions[bot]"
	// BotToken is the GITHUB_TOKEN of a workflow with "contents: read" and "pull-requests: write".
	BotToken = "ghs_write"
	// ReadToken is the GITHUB_TOKEN of a workflow that runs for a fork: GitHub answers every write with 403.
	ReadToken = "ghs_read"

	apiPath     = "/api/v3" // a GitHub Enterprise Server has the API below a path, too
	graphQLPath = "/api/graphql"
	repo        = "/repos/" + Owner + "/" + Repository

	notAccessible = "Resource not accessible by integration"
)

// start is in the future of every real clock, and before the last date that git takes. A client that compares a reset
// time with the real clock, not with GitHub's clock, waits for ever.
var start = time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)

// clock is the simulated time.
type clock struct{ now time.Time }

// Server is the simulated GitHub. Its methods may be called while requests are under way.
type Server struct {
	tb     testing.TB
	http   *httptest.Server
	routes *http.ServeMux
	rest   *rest
	closed chan struct{}

	mu       sync.Mutex // guards the fields below, and everything that a request reads or changes
	clock    *clock
	tokens   map[string]identity
	limits   *limits
	requests []Request
	faults   faults
	pull     *pullRequest
}

// identity is the user that a token stands for, and whether the token may write.
type identity struct {
	login string
	write bool
}

// Request is one request as the server received it.
type Request struct {
	// Index counts the requests from 1.
	Index int
	// Method and Path are as sent; Path is without the path of APIURL.
	Method, Path string
	// Operation of a GraphQL request is "query" or "mutation" and its top fields, such as "mutation minimizeComment".
	Operation string
	// Write is true for every request but GET and GraphQL queries.
	Write bool
}

// New starts a GitHub whose main branch holds files (path → content) in one commit. It ends with the test.
func New(tb testing.TB, files map[string]string) *Server {
	tb.Helper()
	clock := &clock{now: start}
	pull := &pullRequest{tb: tb, clock: clock, git: newRepository(tb, clock), lastID: 1000}
	s := &Server{
		tb: tb, closed: make(chan struct{}), clock: clock, pull: pull,
		limits: &limits{clock: clock, used: map[string]*usage{}},
		tokens: map[string]identity{BotToken: {BotLogin, true}, ReadToken: {BotLogin, false}},
	}
	s.routes = s.router()
	s.http = httptest.NewServer(http.HandlerFunc(s.serve))
	s.rest = &rest{tb: tb, pull: pull, api: s.APIURL(), web: s.ServerURL()}
	tb.Cleanup(func() {
		close(s.closed)
		s.http.Close()
	})
	s.PushBase(s.Commit("", files))
	return s
}

// lock locks the server and returns what unlocks it: defer s.lock()().
func (s *Server) lock() (unlock func()) {
	s.mu.Lock()
	return s.mu.Unlock
}

// APIURL is the value of GITHUB_API_URL. It has a path, as on a GitHub Enterprise Server.
func (s *Server) APIURL() string { return s.http.URL + apiPath }

// GraphQLURL is the value of GITHUB_GRAPHQL_URL.
func (s *Server) GraphQLURL() string { return s.http.URL + graphQLPath }

// ServerURL is the value of GITHUB_SERVER_URL.
func (s *Server) ServerURL() string { return s.http.URL }

// Token makes a person's personal access token, which may write.
func (s *Server) Token(login string) string {
	defer s.lock()()
	token := "ghp_" + login
	s.tokens[token] = identity{login, true}
	return token
}

// Now is the simulated time. Only Advance moves it.
func (s *Server) Now() time.Time {
	defer s.lock()()
	return s.clock.now
}

// Advance moves the simulated time.
func (s *Server) Advance(d time.Duration) {
	defer s.lock()()
	s.clock.now = s.clock.now.Add(d)
}

// Requests returns all requests so far, in the order of their arrival.
func (s *Server) Requests() []Request {
	defer s.lock()()
	return slices.Clone(s.requests)
}

// Writes returns the requests that asked for a change, also the refused ones.
func (s *Server) Writes() []Request {
	return slices.DeleteFunc(s.Requests(), func(r Request) bool { return !r.Write })
}

func (s *Server) router() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern := range routes {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+apiPath+path, func(w http.ResponseWriter, r *http.Request) { s.serveREST(pattern, w, r) })
	}
	mux.HandleFunc("POST "+graphQLPath, s.serveGraphQL)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.tb.Errorf("githubtest: %s %s is not simulated", r.Method, r.URL.Path)
		status, answer := notFound()
		write(w, status, answer)
	})
	return mux
}

// serve records a request, answers it unless a fault comes before its effect, and sends the answer or the fault.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	fault := s.receive(r, string(body))
	if fault.Do != nil {
		fault.Do()
	}
	var answer *httptest.ResponseRecorder
	if fault.After || !fault.answers() {
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer = s.answer(r)
	}
	if fault.Status != 0 {
		s.mu.Lock()
		answer = fault.answer(s.limits.of(BotLogin))
		s.mu.Unlock()
	}
	w.Header().Set("Date", s.Now().Format(http.TimeFormat))
	fault.send(w, r, answer, s.closed)
}

// receive records a request and returns its fault.
func (s *Server) receive(r *http.Request, body string) Fault {
	defer s.lock()()
	path := strings.TrimPrefix(r.URL.Path, apiPath)
	request := Request{Index: len(s.requests) + 1, Method: r.Method, Path: path, Write: r.Method != http.MethodGet}
	if r.URL.Path == graphQLPath {
		request.Operation = operationOf(body)
		request.Write = strings.HasPrefix(request.Operation, "mutation")
	}
	s.requests = append(s.requests, request)
	return s.faults.next(request)
}

// answer answers a request, one at a time.
func (s *Server) answer(r *http.Request) *httptest.ResponseRecorder {
	defer s.lock()()
	answer := httptest.NewRecorder()
	s.routes.ServeHTTP(answer, r)
	return answer
}

// serveREST does what all REST operations have in common around an operation's handler.
func (s *Server) serveREST(pattern string, w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // bytes in memory
	if err := described().checkRequest(pattern, r.URL.Query(), body); err != nil {
		s.tb.Errorf("githubtest: the request %s %s is not as GitHub describes it: %v", r.Method, r.URL, err)
	}
	isWrite := r.Method != http.MethodGet
	by, status, answer := s.admit(r, isWrite, w.Header())
	switch {
	case status != 0:
	case !s.knows(r):
		status, answer = notFound()
	case isWrite && !by.write:
		status, answer = http.StatusForbidden, failure(http.StatusForbidden, notAccessible)
	default:
		status, answer = routes[pattern](s.rest, &call{Request: r, body: body, by: by})
	}
	if err := described().checkAnswer(pattern, status, write(w, status, answer)); err != nil {
		s.tb.Errorf("githubtest: the answer %d to %s is not as GitHub describes it: %v", status, pattern, err)
	}
}

// admit authenticates a request and counts it against the limits. Status 0 lets it pass.
func (s *Server) admit(r *http.Request, write bool, header http.Header) (by identity, status int, answer any) {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	by, known := s.tokens[token]
	if !known || !strings.EqualFold(kind, "bearer") {
		return by, http.StatusUnauthorized, failure(http.StatusUnauthorized, "Bad credentials")
	}
	status, answer = s.limits.admit(by, write, header)
	return by, status, answer
}

// knows reports whether the repository and the pull request in the path exist.
func (s *Server) knows(r *http.Request) bool {
	number := r.PathValue("pull_number") + r.PathValue("issue_number")
	return strings.EqualFold(r.PathValue("owner"), Owner) && strings.EqualFold(r.PathValue("repo"), Repository) &&
		(number == "" || (number == fmt.Sprint(Number) && s.pull.head != ""))
}

// write writes an answer as JSON and returns its bytes.
func write(w http.ResponseWriter, status int, answer any) []byte {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	content, _ := json.Marshal(answer) // maps of what JSON knows
	w.WriteHeader(status)
	_, _ = w.Write(content) // into memory
	return content
}
