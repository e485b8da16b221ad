package githubtest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
)

// Break is a way in which a connection ends without a whole answer.
type Break int

const (
	// Reset closes the connection without an answer.
	Reset Break = iota + 1
	// Truncate sends the headers and half of the answer.
	Truncate
	// Hang sends nothing until the client gives up.
	Hang
)

// Fault is something that goes wrong with a request. Without Status and Break the request is answered as ever, so
// that Do can delay it or change the world under it.
type Fault struct {
	// Match chooses the requests; nil chooses every one.
	Match func(Request) bool
	// Times is how many of them fail; 0 means one, a negative number all.
	Times int
	// Do runs when the request has arrived and before it has any effect. It may call the Server's methods, such as
	// Push, or block: that is how a test delays a request or puts two in an order.
	Do func()
	// After lets the request take effect before it fails.
	After bool
	// Status, Header and Body are the answer. An empty Body is GitHub's own for the status: for 403 and 429 the one
	// of a secondary rate limit.
	Status int
	Header map[string]string
	Body   string
	// Break ends the connection; it wins over Status.
	Break Break
}

// Inject lets requests fail. Where several faults match a request, the one injected first applies.
func (s *Server) Inject(fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if fault.Times == 0 {
		fault.Times = 1
	}
	s.faults = append(s.faults, &fault)
}

func (s *Server) faultFor(request Request) Fault {
	for _, fault := range s.faults {
		if fault.Times != 0 && (fault.Match == nil || fault.Match(request)) {
			fault.Times--
			return *fault
		}
	}
	return Fault{}
}

// answers reports whether the fault is what the client sees, instead of the handler's answer.
func (f Fault) answers() bool { return f.Status != 0 || (f.Break != 0 && f.Break != Truncate) }

// deliver sends the answer, or what the fault makes of it.
func (s *Server) deliver(w http.ResponseWriter, r *http.Request, request *Request, fault Fault, answer *httptest.ResponseRecorder) {
	switch {
	case fault.Break == Reset:
		panic(http.ErrAbortHandler) // net/http closes the connection
	case fault.Break == Hang:
		select {
		case <-r.Context().Done():
		case <-s.closed:
		}
		panic(http.ErrAbortHandler)
	case fault.Status != 0:
		answer = s.faultAnswer(fault)
	}
	s.mu.Lock()
	request.Status = answer.Code
	w.Header().Set("Date", s.now.Format(http.TimeFormat))
	s.mu.Unlock()
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	content := answer.Body.Bytes()
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	if fault.Break == Truncate {
		content = content[:len(content)/2]
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(content) // a client that is gone needs no answer
	if fault.Break == Truncate {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func (s *Server) faultAnswer(fault Fault) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	if fault.Status < http.StatusInternalServerError {
		s.mu.Lock()
		s.usageOf(BotLogin).describe(answer.Header(), s.now)
		s.mu.Unlock()
	}
	for name, value := range fault.Header {
		answer.Header().Set(name, value)
	}
	if fault.Body != "" {
		answer.Header().Set("Content-Type", "application/json; charset=utf-8")
		answer.WriteHeader(fault.Status)
		_, _ = io.WriteString(answer, fault.Body)
		return answer
	}
	switch fault.Status {
	case http.StatusForbidden, http.StatusTooManyRequests:
		write(answer, fault.Status, secondaryLimit(fault.Status))
	default:
		write(answer, fault.Status, failure(fault.Status, http.StatusText(fault.Status)))
	}
	return answer
}
