package githubtest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
)

// Break is a way in which a connection ends before the client has a whole answer.
type Break int

const (
	// Reset closes the connection without an answer.
	Reset Break = iota + 1
	// Truncate sends the headers and half of the answer.
	Truncate
	// Hang sends nothing until the client gives up.
	Hang
)

// Fault is a failure of a request. A Fault with neither Status nor Break leaves the answer as it is: its Do can
// delay the request, or change the pull request before the request takes effect.
type Fault struct {
	// Match chooses the requests; nil chooses every request.
	Match func(Request) bool
	// Times is how many of the chosen requests fail. 0 means one request, a negative number means all requests.
	Times int
	// Do runs when the request has arrived, before it has any effect. It may call methods of Server, such as Push.
	// It may also block: a test so delays a request, or orders two requests.
	Do func()
	// After lets the request take effect before it fails.
	After bool
	// Status, Header and Body are the answer. If Body is empty, the answer has the body that GitHub sends for the
	// status; for 403 and 429 this is the body of a secondary rate limit.
	Status int
	Header map[string]string
	Body   string
	// Break ends the connection; it wins over Status.
	Break Break
}

// Inject makes requests fail. Where several faults match a request, the first one injected applies.
func (s *Server) Inject(fault Fault) {
	defer s.lock()()
	if fault.Times == 0 {
		fault.Times = 1
	}
	s.faults = append(s.faults, &fault)
}

// faults are the injected faults, the oldest first.
type faults []*Fault

// next returns the fault for a request, and counts down its Times. It returns the zero Fault if no fault applies.
func (f faults) next(request Request) Fault {
	for _, fault := range f {
		if fault.Times != 0 && (fault.Match == nil || fault.Match(request)) {
			fault.Times--
			return *fault
		}
	}
	return Fault{}
}

// replacesAnswer reports whether the client sees the fault and not the answer of the handler.
func (f Fault) replacesAnswer() bool { return f.Status != 0 || (f.Break != 0 && f.Break != Truncate) }

// answer returns the answer of a fault with a Status. GitHub itself sends the headers of the rate limit; a gateway
// in front of it (5xx) does not.
func (f Fault) answer(u *usage) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	if f.Status < http.StatusInternalServerError {
		u.describe(answer.Header())
	}
	for name, value := range f.Header {
		answer.Header().Set(name, value)
	}
	switch {
	case f.Body != "":
		answer.Header().Set("Content-Type", "application/json; charset=utf-8")
		answer.WriteHeader(f.Status)
		_, _ = io.WriteString(answer, f.Body) // into memory
	case f.Status == http.StatusForbidden, f.Status == http.StatusTooManyRequests:
		write(answer, f.Status, secondaryLimit(f.Status))
	default:
		write(answer, f.Status, failure(f.Status, http.StatusText(f.Status)))
	}
	return answer
}

// send sends an answer, or breaks the connection as the fault says. A hanging request ends at the latest when
// closed is closed.
func (f Fault) send(w http.ResponseWriter, r *http.Request, answer *httptest.ResponseRecorder, closed <-chan struct{}) {
	switch f.Break {
	case Hang:
		select {
		case <-r.Context().Done():
		case <-closed:
		}
		fallthrough
	case Reset:
		panic(http.ErrAbortHandler) // net/http closes the connection
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	content := answer.Body.Bytes()
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	if f.Break == Truncate {
		content = content[:len(content)/2]
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(content) // a client that is gone needs no answer
	if f.Break == Truncate {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}
