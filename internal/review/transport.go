package review

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// unknownWait is how long GitHub wants clients to wait where it does not say how long.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
const unknownWait = time.Minute

// limitError is GitHub's refusal of a request because there were too many.
type limitError struct {
	wait time.Duration
}

func (e *limitError) Error() string {
	return fmt.Sprintf("GitHub's rate limit is reached; it can be tried again in %s", e.wait.Round(time.Second))
}

// transport adds the token to what goes to GitHub itself, not to where that redirects to, and turns all of GitHub's
// limits into a limitError. go-github (v60) would take a 429 for any other error, and after some of the limits
// refuse all requests by itself, by its own clock.
type transport struct {
	base  http.RoundTripper
	token string
	// origins are where the token goes, as origin writes them.
	origins []string
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	if slices.Contains(t.origins, origin(request.URL)) {
		request.Header.Set("Authorization", "Bearer "+t.token)
	}
	response, err := t.base.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if wait, limited, err := limit(response); err != nil || limited {
		response.Body.Close()
		if err == nil {
			err = &limitError{wait}
		}
		return nil, err
	}
	for name := range response.Header {
		if strings.HasPrefix(name, "X-Ratelimit-") {
			delete(response.Header, name)
		}
	}
	return response, nil
}

// limit reports whether an answer is the refusal of a limit, and how long to wait.
func limit(response *http.Response) (time.Duration, bool, error) {
	header := response.Header
	retry, err := strconv.Atoi(header.Get("Retry-After"))
	known := err == nil && retry >= 0
	none := header.Get("X-RateLimit-Remaining") == "0"
	switch response.StatusCode {
	case http.StatusTooManyRequests:
	case http.StatusForbidden:
		body, err := io.ReadAll(response.Body)
		if err != nil {
			return 0, false, err
		}
		response.Body.Close()
		response.Body = io.NopCloser(bytes.NewReader(body))
		if !known && !none && !bytes.Contains(body, []byte("rate limit")) && !bytes.Contains(body, []byte("rate-limit")) {
			return 0, false, nil // The token lacks a permission.
		}
	default:
		return 0, false, nil
	}
	if known {
		return time.Duration(retry) * time.Second, true, nil
	}
	reset, errReset := strconv.ParseInt(header.Get("X-RateLimit-Reset"), 10, 64)
	now, errDate := http.ParseTime(header.Get("Date")) // GitHub's clock, not that of the runner
	if none && errReset == nil && errDate == nil {
		return max(time.Second, time.Unix(reset, 0).Sub(now)), true, nil
	}
	return unknownWait, true, nil
}
