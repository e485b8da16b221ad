// Package fetch is the one way to ask the network over HTTP, and keeps the answers.
//
// A [Client] gets files; a [Transport] bounds and carries the requests of other libraries' clients, such as that for
// registries. Both make their connections in one place, [NewTransport]. [Redact] hides credentials in messages. [Once]
// keeps answers in memory for the life of an engine, [WriteFile] and [MakePartial] keep them in files that several
// processes may share.
package fetch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Request is one file to get.
type Request struct {
	URL string
	// Login, if not nil, is sent as basic authentication to the host of URL. Hosts that it redirects to do not get it.
	Login *url.Userinfo
	// Limit is the largest size of the file in bytes. A larger one is an error.
	Limit int64
	// Timeout bounds the whole exchange: the connection, redirects and the content.
	Timeout time.Duration
}

// Client gets files over HTTP. The zero value is ready to use. It is safe for concurrent use.
type Client struct {
	// Transport carries the requests. If nil, the clients of the program share one without options.
	Transport *Transport
}

// StatusError is the error for an answer without the file: 404, "404 Not Found".
type StatusError struct {
	Code   int
	Status string
}

func (e *StatusError) Error() string { return "the server says " + e.Status }

// shared is the transport of all clients that have none of their own.
var shared = sync.OnceValue(func() *Transport { return NewTransport(Options{}) })

// Get returns the content of the file. It follows up to ten redirects and never tries again. An error is a
// *[StatusError], or says why there is no complete answer; it names neither the URL nor credentials.
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
	transport := c.Transport
	if transport == nil {
		transport = shared()
	}
	client := http.Client{Transport: transport, Timeout: r.Timeout, CheckRedirect: dropCredentials}
	response, err := client.Do(request)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return nil, &StatusError{response.StatusCode, response.Status}
	}
	data, err := io.ReadAll(&boundedBody{response.Body, r.Limit, r.Limit})
	if err != nil {
		return nil, RedactError(err)
	}
	return data, nil
}

// withoutURL returns the cause of a failed request. The rest of the message is the URL, with a user's name in it.
func withoutURL(err error) error {
	if failure := (*url.Error)(nil); errors.As(err, &failure) {
		err = failure.Err
	}
	return RedactError(err) // which may quote the address of a redirect
}

// dropCredentials keeps credentials from other hosts. Go's client does so too, but regards another port and a
// subdomain as the same host.
func dropCredentials(request *http.Request, via []*http.Request) error {
	if !SameHost(request.URL, via[0].URL) {
		request.Header.Del("Authorization")
		request.Header.Del("Referer") // has the query
	}
	return nil
}

// SameHost reports whether two URLs have the same scheme, host and port, so that the credentials for one may be sent
// to the other.
func SameHost(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }
