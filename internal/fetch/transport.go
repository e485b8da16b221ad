package fetch

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"time"
)

// maxRedirects is the largest number of redirects that are followed, as in Go's own client.
const maxRedirects = 10

// Options are the options of a Transport.
type Options struct {
	// Network has the rules for the requests.
	Network Network
	// TLS has the certificate authorities to trust, and the client certificate. If it is nil, the authorities of the
	// system are trusted, and there is no client certificate.
	TLS *tls.Config
	// Verbatim turns off the decompression of answers with "Content-Encoding: gzip". Some servers send a .tgz file with
	// this header, and decompression would change its digest.
	Verbatim bool
	// Limit returns the largest size of the answer to a request, in bytes. If it is nil, there is no limit. After
	// redirects, it is called with the first request.
	Limit func(*http.Request) int64
}

// Transport is an http.RoundTripper that applies the rules of a Network to each request and each redirect, and limits
// the size of answers and the number of redirects. It keeps connections open for later requests. It is safe for
// concurrent use.
type Transport struct {
	network Network
	limit   func(*http.Request) int64
	// direct checks the address of each connection. proxied connects to proxies, which may be at any address.
	direct, proxied *http.Transport
}

// NewTransport returns a transport. All HTTP connections of the program come from here, except those to GitHub's API.
func NewTransport(options Options) *Transport {
	base := func() *http.Transport {
		return &http.Transport{
			TLSClientConfig: options.TLS.Clone(), DisableCompression: options.Verbatim, ForceAttemptHTTP2: true,
			MaxIdleConns: 100, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
		}
	}
	t := &Transport{options.Network, options.Limit, base(), base()}
	proxy := options.Network.Proxies.ProxyFunc()
	t.direct.DialContext = options.Network.dial
	t.proxied.Proxy = func(r *http.Request) (*url.URL, error) { return proxy(r.URL) }
	return t
}

// RoundTrip implements http.RoundTripper. It returns a *[RefusedError] for a request that the rules refuse, and an
// error for a request after too many redirects.
func (t *Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	first, redirects := request, 0
	for ; first.Response != nil && first.Response.Request != nil; redirects++ {
		first = first.Response.Request
	}
	if redirects >= maxRedirects {
		return nil, fmt.Errorf("stopped after %d redirects", redirects)
	}
	base, err := t.route(request)
	if err != nil {
		return nil, err
	}
	response, err := base.RoundTrip(request)
	if err != nil {
		return nil, withoutAnswer(err)
	}
	if _, err := response.Location(); err != nil && err != http.ErrNoLocation {
		response.Body.Close()
		return nil, errors.New("the server redirects to what is no URL")
	}
	if t.limit != nil {
		limit := t.limit(first)
		response.Body = &boundedBody{response.Body, limit, limit}
	}
	return response, nil
}

// brokenAnswer matches the errors of package net/http for an answer that is no HTTP, or is wrong HTTP.
var brokenAnswer = regexp.MustCompile(`malformed|transport connection broken|GOAWAY`)

// withoutAnswer returns an error of package net/http without the answer that it quotes.
func withoutAnswer(err error) error {
	if brokenAnswer.MatchString(err.Error()) {
		return errors.New("the answer is broken, or no HTTP")
	}
	return err
}

// route checks a request, and returns the transport for it.
func (t *Transport) route(request *http.Request) (*http.Transport, error) {
	if err := t.network.checkURL(request.URL); err != nil {
		return nil, err
	}
	switch proxy, err := t.proxied.Proxy(request); {
	case err != nil:
		return nil, err
	case proxy == nil:
		return t.direct, nil
	}
	return t.proxied, t.network.checkProxied(request.URL)
}

// boundedBody is the body of an answer. A read fails at the first byte beyond the limit.
type boundedBody struct {
	io.ReadCloser
	limit, left int64
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLarge(b.limit)
	}
	return n, err
}

// errTooLarge returns the error for an answer beyond the limit in bytes. It writes whole MiB as MiB.
func errTooLarge(limit int64) error {
	size := fmt.Sprintf("%d bytes", limit)
	if limit > 0 && limit%(1<<20) == 0 {
		size = fmt.Sprintf("%d MiB", limit>>20)
	}
	return errors.New("the answer is larger than " + size)
}
