// Package githubtest is test code: it simulates GitHub inside a test. The product must not import it.
//
// It answers the part of GitHub's REST and GraphQL API that package review uses, for one repository with one pull
// request. A real bare git repository stands behind it. It enforces GitHub's rules for reviews and comments against the
// real diff, counts requests and notifications, and fails on demand (Fault). Methods of Server do what people do on the
// pull request: Comment, Review, Reply, Resolve, Hide, Delete, Push,
// ApplySuggestions.
//
// Every request and every answer is checked against GitHub's own description of its API, in the directory description.
// A request fails the test if the description does not allow it, or if it is not simulated. Only the test moves the
// clock, and identifiers count up, so that every run is the same.
//
// # A request
//
// The client posts a review. serve records the request and asks whether a Fault applies. serveREST checks the request
// against the description, the token (admit) and the rate limits, and calls the handler in routes: createReview. The
// handler changes the pullRequest, which knows GitHub's rules and nothing of HTTP. The answer is checked against the
// description, and sent. A GraphQL request goes through serveGraphQL in the same way.
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

// startTime is the first time of the simulated clock. It is later than any real time, so that a client that
// compares a reset time with the real clock waits for ever, and the test shows the mistake. It is before the last
// date that git accepts.
var startTime = time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)

// clock is the simulated time.
type clock struct{ now time.Time }

// Server is the simulated GitHub. Its methods may be called while requests are in progress.
type Server struct {
	tb     testing.TB
	http   *httptest.Server
	routes *http.ServeMux
	rest   *rest
	closed chan struct{}

	mu       sync.Mutex // guards the fields below, and all data that a request reads or changes
	clock    *clock
	tokens   map[string]identity
	limits   *limits
	requests []Request
	faults   faults
	pull     *pullRequest
}

// identity is the user of a token, and whether the token may write.
type identity struct {
	login string
	write bool
}

// Request is one request as the server received it.
type Request struct {
	// Index counts the requests from 1.
	Index int
	// Method and Path are as the client sent them; Path lacks the path of APIURL.
	Method, Path string
	// Operation is, for a GraphQL request, "query" or "mutation" and the names of its top fields: "mutation
	// minimizeComment".
	Operation string
	// Write is true for every request except GET requests and GraphQL queries.
	Write bool
}

// New starts a GitHub whose main branch has one commit with files (path → content). It ends with the test.
func New(tb testing.TB, files map[string]string) *Server {
	tb.Helper()
	clock := &clock{now: startTime}
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

// lock locks the server and returns the function that unlocks it, so that one line does both: defer s.lock()().
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

// Writes returns the requests that asked for a change, including the refused requests.
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

// serve records a request, answers it, and sends the answer. If a fault applies, the handler runs only if the fault
// lets the request take effect first (Fault.After).
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
	if fault.After || !fault.replacesAnswer() {
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

// answer answers requests one at a time.
func (s *Server) answer(r *http.Request) *httptest.ResponseRecorder {
	defer s.lock()()
	answer := httptest.NewRecorder()
	s.routes.ServeHTTP(answer, r)
	return answer
}

// serveREST does the steps that all REST operations share: it checks the request, asks admit, calls the handler,
// and checks the answer.
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

// admit authenticates a request and counts it against the rate limits. Status 0 means that the request may go on.
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
