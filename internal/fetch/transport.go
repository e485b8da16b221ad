package fetch

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// maxRedirects is the number of redirects that are followed, as in Go's own client.
const maxRedirects = 10

// Options are what transports differ in.
type Options struct {
	// TLS has the authorities to trust and the certificate to present. If nil, they are the system's, and none.
	TLS *tls.Config
	// Verbatim leaves an answer packed that the server calls gzip-encoded. Some servers call a .tgz so.
	Verbatim bool
	// Limit returns the largest size in bytes of the answer to a request. If nil, Transport sets no limit. After
	// redirects the request is the one that they began with.
	Limit func(*http.Request) int64
}

// Transport is an http.RoundTripper that bounds answers and redirects. It keeps connections for later requests.
type Transport struct {
	limit func(*http.Request) int64
	base  *http.Transport
}

// NewTransport makes a transport. All connections of the program over HTTP come from here: a rule about which hosts
// may be asked belongs in the dialer of base.
func NewTransport(options Options) *Transport {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.TLSClientConfig = options.TLS
	base.DisableCompression = options.Verbatim
	return &Transport{options.Limit, base}
}

// RoundTrip sends one request.
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

// boundedBody is the body of an answer. Reading it fails at the first byte beyond the limit.
type boundedBody struct {
	io.ReadCloser
	limit, left int64
}

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

// errTooLarge says the limit in the largest unit that fits.
func errTooLarge(limit int64) error {
	size := fmt.Sprintf("%d bytes", limit)
	if limit > 0 && limit%(1<<20) == 0 {
		size = fmt.Sprintf("%d MiB", limit>>20)
	}
	return errors.New("the answer is larger than " + size)
}
