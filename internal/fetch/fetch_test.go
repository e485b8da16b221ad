package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// serve starts a server that has handler and ends with the test.
func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// local is a network on which this machine may be asked.
var local = Network{Allowed: []Host{{name: "127.0.0.1"}}}

// localClient returns a client for servers on this machine.
func localClient() *Client { return &Client{NewTransport(Options{Network: local})} }

func get(t *testing.T, c *Client, r Request) (string, error) {
	t.Helper()
	if r.Timeout == 0 {
		r.Timeout = 10 * time.Second
	}
	data, err := c.Get(t.Context(), r)
	return string(data), err
}

func TestLimitIsTheLargestAnswer(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "12345") })
	for limit, want := range map[int64]string{5: "", 6: "", 4: "the answer is larger than 4 bytes", 0: "the answer is larger than 0 bytes"} {
		got, err := get(t, localClient(), Request{URL: server.URL, Limit: limit})
		if want == "" && (err != nil || got != "12345") || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("limit %d: got %q, %v; want the error %q", limit, got, err, want)
		}
	}
	if got := errTooLarge(64 << 20).Error(); got != "the answer is larger than 64 MiB" {
		t.Errorf("got %q", got)
	}
}

func TestStatusIsAnError(t *testing.T) {
	server := serve(t, http.NotFound)
	_, err := get(t, localClient(), Request{URL: server.URL, Limit: 1})
	status := (*StatusError)(nil)
	if !errors.As(err, &status) || status.Code != 404 || err.Error() != "the server says 404 Not Found" {
		t.Errorf("got the error %v", err)
	}
}

// TestErrorsHoldNoCredentials: an error contains neither the credentials of the URL nor those of a redirect.
func TestErrorsHoldNoCredentials(t *testing.T) {
	redirect := serve(t, http.RedirectHandler("http://user:s3cret@example.com/%zz?token=s3cret", http.StatusFound).ServeHTTP)
	closed := httptest.NewServer(nil)
	closed.Close()
	for _, address := range []string{redirect.URL, closed.URL, "http://[::1"} {
		_, err := get(t, localClient(), Request{URL: strings.Replace(address, "://", "://user:s3cret@", 1) + "/a.yaml?token=s3cret", Limit: 1})
		if err == nil || strings.Contains(err.Error(), "s3") || strings.Contains(err.Error(), "cret") {
			t.Errorf("%s: got the error %v, want one without secrets", address, err)
		}
	}
}

// TestLoginStaysWithItsHost: another port is another host. Go's client would send the login there.
func TestLoginStaysWithItsHost(t *testing.T) {
	var headers http.Header
	other := serve(t, func(_ http.ResponseWriter, r *http.Request) { headers = r.Header })
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "user" || password != "s3cret" {
			http.Error(w, "who?", http.StatusUnauthorized)
			return
		}
		target := other.URL
		if r.URL.Path != "/same" {
			target = "/same"
		}
		http.Redirect(w, r, target, http.StatusFound)
	})
	login := url.UserPassword("user", "s3cret")
	if _, err := get(t, localClient(), Request{URL: server.URL + "?token=s3cret", Login: login}); err != nil {
		t.Fatal(err)
	}
	if headers.Get("User-Agent") != "pullcheck" || headers.Get("Authorization") != "" || headers.Get("Referer") != "" {
		t.Errorf("the other host got %v", headers)
	}
}

func TestRedirectsEnd(t *testing.T) {
	asked := 0
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.Redirect(w, r, "/", http.StatusFound)
	})
	_, err := get(t, localClient(), Request{URL: server.URL})
	if err == nil || err.Error() != "stopped after 10 redirects" || asked != 10 {
		t.Errorf("got the error %v after %d requests", err, asked)
	}
}

// TestSilentServerIsNotWaitedFor: a request to a server that does not answer ends at its timeout, or when its context
// ends.
func TestSilentServerIsNotWaitedFor(t *testing.T) {
	arrived, release := make(chan struct{}, 2), make(chan struct{})
	server := serve(t, func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	})
	defer close(release)
	if _, err := get(t, localClient(), Request{URL: server.URL, Timeout: time.Millisecond}); err == nil {
		t.Error("no error at the deadline")
	}
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := localClient().Get(ctx, Request{URL: server.URL, Timeout: time.Hour})
		failed <- err
	}()
	<-arrived
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got the error %v, want context.Canceled", err)
	}
}

// TestVerbatimKeepsGzip: only a transport with the option Verbatim leaves an answer compressed.
func TestVerbatimKeepsGzip(t *testing.T) {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	io.WriteString(writer, "text")
	writer.Close()
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed.Bytes())
	})
	for want, client := range map[string]*Client{
		"text": localClient(), packed.String(): {NewTransport(Options{Network: local, Verbatim: true})},
	} {
		if got, err := get(t, client, Request{URL: server.URL, Limit: 100}); err != nil || got != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
}

// TestErrorsDoNotQuoteTheServer: what a server says stays out of errors, which may become public.
func TestErrorsDoNotQuoteTheServer(t *testing.T) {
	for name, answer := range map[string]string{
		"no HTTP":     "220 s3cret ready\r\n",
		"status":      "HTTP/1.1 s3cret\r\n\r\n",
		"header":      "HTTP/1.1 200 OK\r\ns3cret\r\n\r\n",
		"reason":      "HTTP/1.1 404 s3cret\r\nContent-Length: 0\r\n\r\n",
		"no redirect": "HTTP/1.1 302 Found\r\nLocation: http://[s3cret\r\nContent-Length: 0\r\n\r\n",
		"length":      "HTTP/1.1 200 OK\r\nContent-Length: s3cret\r\n\r\n",
		"encoding":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: s3cret\r\n\r\n",
		"chunk":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ns3cret\r\n",
	} {
		server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			connection, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer connection.Close()
			io.WriteString(connection, answer)
		})
		_, err := get(t, localClient(), Request{URL: server.URL, Limit: 100})
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got the error %v", name, err)
		}
	}
}
