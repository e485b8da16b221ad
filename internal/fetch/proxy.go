package fetch

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy is an HTTP proxy on loopback for a program that makes its own requests, such as git. It applies the rules of a
// Network to each request, also to redirects that the program follows, and limits the size of all answers together.
type Proxy struct {
	// URL is the URL for the settings of the program.
	URL string

	network  Network
	server   *http.Server
	forward  httputil.ReverseProxy // for requests over plain HTTP; HTTPS comes as CONNECT
	ctx      context.Context       // ends with Close
	cancel   context.CancelFunc
	limit    int64
	received atomic.Int64
	mutex    sync.Mutex
	refused  error // the first request that was not answered
}

// StartProxy starts a proxy. Together, the answers to the program have at most limit bytes. The caller must close it.
func (n Network) StartProxy(limit int64) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{URL: "http://" + listener.Addr().String(), network: n, limit: limit}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.forward = httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.Out.Host = r.In.Host },
		Transport: NewTransport(Options{Network: n, Verbatim: true}),
		ModifyResponse: func(response *http.Response) error {
			response.Body = &countedBody{response.Body, p}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) { p.refuse(w, err) },
		ErrorLog:     silent,
	}
	p.server = &http.Server{Handler: p, ErrorLog: silent, BaseContext: func(net.Listener) context.Context { return p.ctx }}
	go p.server.Serve(listener) // It ends with Close.
	return p, nil
}

// silent drops the messages of package net/http, which would go to standard error.
var silent = log.New(io.Discard, "", 0)

// Close ends the proxy and all its connections.
func (p *Proxy) Close() {
	p.cancel()
	p.server.Close()
}

// Explain returns the reason for an error of the program: the first request that the proxy did not answer, if there is
// one, and otherwise the error itself.
func (p *Proxy) Explain(err error) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if err != nil && p.refused != nil {
		return RedactError(p.refused)
	}
	return err
}

// note stores the reason why a request is not answered, unless there is an earlier one.
func (p *Proxy) note(err error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.refused == nil && p.ctx.Err() == nil {
		p.refused = err
	}
}

// refuse answers a request that failed or that the rules refuse.
func (p *Proxy) refuse(w http.ResponseWriter, err error) {
	p.note(err)
	w.WriteHeader(http.StatusForbidden)
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		p.forward.ServeHTTP(w, r)
		return
	}
	remote, err := p.network.connect(r.Context(), &url.URL{Scheme: "https", Host: r.Host})
	if err != nil {
		p.refuse(w, err)
		return
	}
	client, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		remote.Close()
		p.refuse(w, err)
		return
	}
	p.tunnel(client, remote)
}

// tunnel carries the bytes of a connection in both directions, until one side or the proxy closes it.
func (p *Proxy) tunnel(client, remote net.Conn) {
	shut := func() {
		client.Close()
		remote.Close()
	}
	defer context.AfterFunc(p.ctx, shut)()
	var sending sync.WaitGroup
	sending.Go(func() {
		defer shut()
		io.Copy(remote, client)
	})
	if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err == nil {
		io.Copy(client, &countedBody{remote, p})
	}
	shut()
	sending.Wait()
}

// countedBody is an answer whose bytes count towards the limit of a proxy.
type countedBody struct {
	io.ReadCloser
	proxy *Proxy
}

// Read implements io.Reader.
func (b *countedBody) Read(data []byte) (int, error) {
	n, err := b.ReadCloser.Read(data)
	if b.proxy.received.Add(int64(n)) > b.proxy.limit {
		err := errTooLarge(b.proxy.limit)
		b.proxy.note(err)
		return 0, err
	}
	return n, err
}

// connect makes a connection to the host of a URL, if the rules permit it: through the proxy of this machine, if there
// is one for the URL.
func (n Network) connect(ctx context.Context, u *url.URL) (net.Conn, error) {
	if err := n.checkURL(u); err != nil {
		return nil, err
	}
	target := net.JoinHostPort(u.Hostname(), portOf(u))
	proxy, err := n.Proxies.ProxyFunc()(u)
	if err != nil {
		return nil, err
	}
	if proxy == nil {
		return n.dial(ctx, "tcp", target)
	}
	if err := n.checkProxied(u); err != nil {
		return nil, err
	}
	if proxy.Scheme != "http" && proxy.Scheme != "https" {
		return nil, fmt.Errorf("git can be used through a proxy with http:// or https://, HTTPS_PROXY has %s://", proxy.Scheme)
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	connection, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(proxy.Hostname(), portOf(proxy)))
	if err != nil {
		return nil, err
	}
	if proxy.Scheme == "https" {
		connection = tls.Client(connection, &tls.Config{ServerName: proxy.Hostname()})
	}
	if err := connectThrough(connection, proxy, target); err != nil {
		connection.Close()
		return nil, err
	}
	return connection, nil
}

// connectThrough asks the proxy at the other end of a connection to connect it to HOST:PORT.
func connectThrough(connection net.Conn, proxy *url.URL, target string) error {
	request := &http.Request{
		Method: http.MethodConnect, URL: &url.URL{Opaque: target}, Host: target, Header: http.Header{},
	}
	if proxy.User != nil {
		password, _ := proxy.User.Password()
		login := base64.StdEncoding.EncodeToString([]byte(proxy.User.Username() + ":" + password))
		request.Header.Set("Proxy-Authorization", "Basic "+login)
	}
	if err := connection.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
		return err
	}
	if err := request.Write(connection); err != nil {
		return err
	}
	// The other side speaks only when it is spoken to, so that the reader takes no bytes behind the answer.
	response, err := http.ReadResponse(bufio.NewReader(connection), request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return errors.New("the proxy of HTTPS_PROXY says " + response.Status)
	}
	return connection.SetDeadline(time.Time{})
}
