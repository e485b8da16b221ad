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

// unknownWait is how long a client must wait if GitHub refuses a request for its rate and does not say how long.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
const unknownWait = time.Minute

// limitError is the error for a request that GitHub refuses because there were too many.
type limitError struct {
	wait time.Duration // until GitHub accepts requests again
}

func (e *limitError) Error() string {
	return fmt.Sprintf("GitHub's rate limit is reached; it can be tried again in %s", e.wait.Round(time.Second))
}

// transport adds the token to requests to GitHub, and not to requests to hosts that GitHub redirects to. It turns
// every answer that means "too many requests" into a limitError. go-github (v60) does not recognise the status 429,
// and after some of these answers it refuses all requests by itself, with its own clock, which tests cannot set.
type transport struct {
	base  http.RoundTripper
	token string
	// origins are the origins that get the token, as the function origin writes them.
	origins []string
}

// origin returns scheme, host and port of a URL: https://api.github.com.
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

// limit reports whether an answer means "too many requests", and how long to wait. A status 403 can also mean that the
// token lacks a permission: headers and body tell the two apart.
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
	now, errDate := http.ParseTime(header.Get("Date")) // The clock of GitHub counts, and not the clock of the runner.
	if none && errReset == nil && errDate == nil {
		return max(time.Second, time.Unix(reset, 0).Sub(now)), true, nil
	}
	return unknownWait, true, nil
}
