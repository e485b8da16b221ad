// Package fetch makes the HTTP requests of the program, except those to GitHub's API (internal/review), and has what a
// cache of the answers needs.
//
//   - [Network] has the rules for every request: which hosts may be asked, and how.
//   - [Client] downloads files. [Transport] carries the requests of other libraries, such as the client for registries.
//     [Proxy] carries the requests of git. All of them obey the rules, and limit the size of answers.
//   - [Download] is around everything that is downloaded.
//   - [Redact] removes credentials from messages.
//   - [Once] keeps answers in memory, for the life of an engine. [WriteFile] and [MakePartial] keep them in files,
//     which several processes of one user may share. [OpenCache] keeps other users out.
//
// Nothing is retried.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Request is a file to download.
type Request struct {
	URL string
	// Login, if not nil, is sent as basic authentication to the host of URL, and not to another host to which that
	// redirects.
	Login *url.Userinfo
	// Limit is the largest size of the file in bytes. A larger file is an error.
	Limit int64
	// Timeout bounds the whole exchange: the connection, redirects and the content.
	Timeout time.Duration
}

// Client downloads files over HTTP. It is safe for concurrent use.
type Client struct {
	// Transport carries the requests.
	Transport *Transport
}

// StatusError is the error for an answer whose status is not 2xx. For example, Code is 404 and Status is "404 Not
// Found".
type StatusError struct {
	Code   int
	Status string
}

// Error implements error.
func (e *StatusError) Error() string { return "the server says " + e.Status }

// Get returns the content of the file. It follows up to ten redirects, and does not try again after a failure. The
// error is a *[StatusError], or says why there is no complete answer. It contains neither the URL nor credentials.
func (c *Client) Get(ctx context.Context, r Request) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL, nil)
	if err != nil {
		return nil, withoutURL(err)
	}
	request.Header.Set("User-Agent", "pullcheck")
	if r.Login != nil {
		password, _ := r.Login.Password()
		request.SetBasicAuth(r.Login.Username(), password)
	}
	client := http.Client{Transport: c.Transport, Timeout: r.Timeout, CheckRedirect: dropCredentials}
	response, err := client.Do(request)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		// The server chooses the words of response.Status, so these are Go's.
		status := strings.TrimSpace(fmt.Sprintf("%d %s", response.StatusCode, http.StatusText(response.StatusCode)))
		return nil, &StatusError{response.StatusCode, status}
	}
	data, err := io.ReadAll(&boundedBody{response.Body, r.Limit, r.Limit})
	if err != nil {
		return nil, RedactError(err)
	}
	return data, nil
}

// withoutURL returns the cause of an *url.Error, whose message also has the URL with the name of a user.
func withoutURL(err error) error {
	if failure := (*url.Error)(nil); errors.As(err, &failure) {
		err = failure.Err
	}
	return RedactError(err) // The cause may quote the URL of a redirect.
}

// dropCredentials removes credentials from a redirected request to another host. Go's client does the same, but for Go
// a subdomain and another port are the same host.
func dropCredentials(request *http.Request, via []*http.Request) error {
	if !SameHost(request.URL, via[0].URL) {
		request.Header.Del("Authorization")
		request.Header.Del("Referer") // It has the query of the first URL, which may hold a token.
	}
	return nil
}

// SameHost reports whether two URLs have the same scheme, host and port, so that the credentials for one may be sent
// to the other.
func SameHost(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }
