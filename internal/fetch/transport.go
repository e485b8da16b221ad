package fetch

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// maxRedirects is the largest number of redirects that are followed, as in Go's own client.
const maxRedirects = 10

// Options are the options of a Transport.
type Options struct {
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

// Transport is an http.RoundTripper that limits the size of answers and the number of redirects. It keeps connections
// open for later requests. It is safe for concurrent use.
type Transport struct {
	limit func(*http.Request) int64
	base  *http.Transport
}

// NewTransport returns a transport. All HTTP connections for charts and registries come from here. So a rule about the
// hosts that may be asked belongs in the dialer of base.
func NewTransport(options Options) *Transport {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.TLSClientConfig = options.TLS
	base.DisableCompression = options.Verbatim
	return &Transport{options.Limit, base}
}

// RoundTrip implements http.RoundTripper. It returns an error for a request after too many redirects.
func (t *Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	first, redirects := request, 0
	for ; first.Response != nil && first.Response.Request != nil; redirects++ {
		first = first.Response.Request
	}
	if redirects >= maxRedirects {
		return nil, fmt.Errorf("stopped after %d redirects", redirects)
	}
	response, err := t.base.RoundTrip(request)
	if err == nil && t.limit != nil {
		limit := t.limit(first)
		response.Body = &boundedBody{response.Body, limit, limit}
	}
	return response, err
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
