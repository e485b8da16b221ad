package fetch

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/http/httpproxy"
)

// TestClassOfAddresses has addresses of each class, and the forms in which an IPv6 address holds one of IPv4.
func TestClassOfAddresses(t *testing.T) {
	for class, addresses := range map[string][]string{
		"":                                     {"8.8.8.8", "140.82.121.4", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1", "64:ff9b::808:808", "::ffff:8.8.8.8"},
		"an unspecified address":               {"0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0"},
		"a loopback address":                   {"127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"},
		"a private address":                    {"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "::ffff:10.1.2.3", "64:ff9b::a00:1"},
		"a link-local address":                 {"169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fe80::1", "fe80::1%eth0"},
		"a unique local address":               {"fc00::1", "fd00:ec2::254"},
		"a shared address (carrier-grade NAT)": {"100.64.0.1", "100.100.100.200"},
		"a multicast address":                  {"224.0.0.1", "239.1.1.1", "ff02::1"},
		"the address of Azure's platform for its machines": {"168.63.129.16"},
		"a reserved address": {"192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "240.0.0.1", "255.255.255.255",
			"::7f00:1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "64:ff9b:1::7f00:1", "fec0::1", "4000::1"},
	} {
		for _, text := range addresses {
			if got := classOf(netip.MustParseAddr(text)); got != class {
				t.Errorf("%s is %q, want %q", text, got, class)
			}
		}
	}
}

func TestParseHost(t *testing.T) {
	for text, want := range map[string]Host{
		"example.com": {"example.com", ""}, "Example.COM.:8443": {"example.com", "8443"}, "10.0.0.5": {"10.0.0.5", ""},
		"::1": {"::1", ""}, "[::1]": {"::1", ""}, "[0:0::1]:80": {"::1", "80"}, "::ffff:10.0.0.5": {"10.0.0.5", ""},
	} {
		if got, err := ParseHost(text); got != want || err != nil {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", ":80", "https://example.com", "example.com/x", "*.example.com", "user@example.com", "a:b:c", "a:http", "a:70000"} {
		if got, err := ParseHost(text); err == nil || !strings.Contains(err.Error(), "expected HOST or HOST:PORT") {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
}

// TestRules has the URLs that may be asked before their name is resolved, and the reason for the others.
func TestRules(t *testing.T) {
	n := Network{Allowed: []Host{{"allowed.example.com", ""}, {"port.example.com", "8080"}, {"10.0.0.5", ""}}}
	for address, want := range map[string]string{
		"https://example.com/x": "", "https://8.8.8.8/": "", "http://allowed.example.com:81/": "", "http://ALLOWED.example.com./": "",
		"http://port.example.com:8080/": "", "https://10.0.0.5/": "", "http://10.0.0.5:1/": "", "https://[::ffff:10.0.0.5]/": "",
		"http://example.com/":       "example.com would be asked over plain HTTP: only --allow-host example.com permits a request",
		"http://port.example.com/":  "port.example.com would be asked over plain HTTP: only --allow-host port.example.com permits a request",
		"http://example.com:8080/":  "example.com:8080 would be asked over plain HTTP: only --allow-host example.com:8080 permits a request",
		"https://10.0.0.6/":         "10.0.0.6 is at 10.0.0.6, a private address: only --allow-host 10.0.0.6 permits a request",
		"https://[::1]:8443/":       "[::1]:8443 is at ::1, a loopback address: only --allow-host [::1]:8443 permits a request",
		"https://169.254.169.254/":  "169.254.169.254 is at 169.254.169.254, a link-local address: only --allow-host 169.254.169.254 permits a request",
		"http://8.8.8.8/":           "8.8.8.8 would be asked over plain HTTP: only --allow-host 8.8.8.8 permits a request",
		"http://[::1]:8443/":        "[::1]:8443 is at ::1, a loopback address: only --allow-host [::1]:8443 permits a request",
		"ftp://allowed.example.com": "a download has a URL with https:// and a host",
		"file:///etc/passwd":        "a download has a URL with https:// and a host",
		"gopher://example.com":      "a download has a URL with https:// and a host",
		"/origin-form":              "a download has a URL with https:// and a host",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := n.checkURL(u); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q\nwant %q", address, got, want)
		}
	}
}

// TestNamesAreCheckedWhenTheyAreConnected: the name of this machine is no address, so that only the connection shows
// that it is one of loopback.
func TestNamesAreCheckedWhenTheyAreConnected(t *testing.T) {
	asked := false
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	client := &Client{NewTransport(Options{TLS: server.Client().Transport.(*http.Transport).TLSClientConfig})}
	_, err := get(t, client, Request{URL: "https://localhost:" + port})
	if refused := (*RefusedError)(nil); !errors.As(err, &refused) || asked || !strings.HasPrefix(err.Error(), "localhost:"+port+" is at ") ||
		!strings.HasSuffix(err.Error(), ", a loopback address: only --allow-host localhost:"+port+" permits a request") {
		t.Errorf("got the error %v, asked %t", err, asked)
	}
	for host, want := range map[string]bool{"localhost": true, "127.0.0.1": true, "10.0.0.1": true, "8.8.8.8": false} {
		err := Network{}.PermitHost(t.Context(), host, "22")
		if refused := (*RefusedError)(nil); errors.As(err, &refused) != want {
			t.Errorf("PermitHost of %s: got %v", host, err)
		}
		if err := (Network{Allowed: []Host{{host, "22"}}}).PermitHost(t.Context(), host, "22"); err != nil {
			t.Errorf("%s is allowed: got %v", host, err)
		}
	}
}

// TestRedirectsObeyTheRules: an allowed server redirects to servers that are not allowed.
func TestRedirectsObeyTheRules(t *testing.T) {
	asked := false
	inside := serve(t, func(http.ResponseWriter, *http.Request) { asked = true })
	target := ""
	server := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusFound) })
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	client := &Client{NewTransport(Options{Network: Network{Allowed: []Host{{"127.0.0.1", port}}}})}
	for _, target = range []string{inside.URL, "http://169.254.169.254/", "https://169.254.169.254/", "https://10.0.0.1/", "http://example.com/"} {
		_, err := get(t, client, Request{URL: server.URL, Limit: 1})
		if refused := (*RefusedError)(nil); !errors.As(err, &refused) || asked {
			t.Errorf("to %s: got the error %v, asked %t", target, err, asked)
		}
	}
}

// TestProxyOfTheMachine: a request goes through the proxy, which may be at any address. The rules that need no address
// of the host count nevertheless.
func TestProxyOfTheMachine(t *testing.T) {
	var asked []string
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.Host)
		http.Error(w, "enough", http.StatusTeapot)
	})
	n := Network{Allowed: []Host{{name: "intranet"}}, Proxies: httpproxy.Config{HTTPSProxy: proxy.URL, HTTPProxy: proxy.URL}}
	client := &Client{NewTransport(Options{Network: n})}
	for address, want := range map[string]string{
		"https://example.com/": "CONNECT example.com:443", "http://intranet/": "GET intranet", "http://example.com/": "", "https://other/": "",
		"https://169.254.169.254/": "", "https://2852039166/": "", "https://127.1/": "", "https://0x7f.1/": "", "https://metadata.google.internal/": "",
		"https://localhost./": "", "https://a.localhost/": "", "https://[::ffff:10.0.0.1]/": "",
	} {
		asked = nil
		_, err := get(t, client, Request{URL: address})
		refused := (*RefusedError)(nil)
		if got := strings.Join(asked, ", "); got != want || errors.As(err, &refused) != (want == "") {
			t.Errorf("%s: the proxy was asked for %q, %v; want %q", address, got, err, want)
		}
		u, _ := url.Parse(address)
		if connection, err := n.connect(t.Context(), u); err == nil {
			connection.Close()
			t.Errorf("%s: connected", address)
		} else if u.Scheme == "https" && errors.As(err, &refused) != (want == "") {
			t.Errorf("%s: connect: %v", address, err)
		}
	}
}

// through returns a client that uses a proxy, as git does.
func through(t *testing.T, p *Proxy, config *http.Transport) *http.Client {
	address, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	// The function is not http.ProxyURL of an environment, which leaves loopback out.
	return &http.Client{Transport: &http.Transport{TLSClientConfig: config.TLSClientConfig, Proxy: http.ProxyURL(address)}}
}

// TestProxyAppliesTheRules: a program behind the proxy reaches allowed hosts over HTTP and HTTPS, also through the proxy
// of this machine, and nothing else. Explain says why.
func TestProxyAppliesTheRules(t *testing.T) {
	plain := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "plain") })
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "secure") }))
	secure.Config.ErrorLog = silent
	secure.StartTLS()
	defer secure.Close()
	transport := secure.Client().Transport.(*http.Transport)
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		remote, err := net.Dial("tcp", secure.Listener.Addr().String())
		if err != nil || r.Host != "example.com:443" || r.Header.Get("Proxy-Authorization") != "Basic dTpw" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		client, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
		}
		(&Proxy{ctx: t.Context(), limit: 1 << 20}).tunnel(client, remote)
	})
	for _, test := range []struct {
		network   Network
		limit     int64
		get, want string
	}{
		{local, 1 << 20, plain.URL, "plain"},
		{local, 1 << 20, secure.URL, "secure"},
		{Network{}, 1 << 20, plain.URL, ", a loopback address: "},
		{Network{}, 1 << 20, secure.URL, ", a loopback address: "},
		{local, 3, plain.URL, "the answer is larger than 3 bytes"},
		{local, 3, secure.URL, "the answer is larger than 3 bytes"},
		{Network{}, 1 << 20, "http://169.254.169.254/", ", a link-local address: "},
		{Network{Proxies: httpproxy.Config{HTTPSProxy: upstream.URL}}, 1 << 20, "https://example.com", "the proxy of HTTPS_PROXY says 403 Forbidden"},
		{Network{Proxies: httpproxy.Config{HTTPSProxy: strings.Replace(upstream.URL, "//", "//u:p@", 1)}}, 1 << 20, "https://example.com", "secure"},
		{Network{Proxies: httpproxy.Config{HTTPSProxy: "socks5://example.com"}}, 1 << 20, "https://example.com", "a proxy with http:// or https://"},
	} {
		p := start(t, test.network, test.limit)
		got := ""
		response, err := through(t, p, transport).Get(test.get)
		if err == nil {
			var data []byte
			data, err = io.ReadAll(response.Body)
			response.Body.Close()
			got = string(data)
		}
		if err == nil && response.StatusCode != http.StatusOK {
			err = errors.New(response.Status)
		}
		if err != nil {
			got = p.Explain(err).Error()
		}
		if !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.get, got, test.want)
		}
	}
	if err := start(t, local, 1).Explain(context.Canceled); err != context.Canceled {
		t.Errorf("without a refused request: got %v", err)
	}
}

func start(t *testing.T, n Network, limit int64) *Proxy {
	p, err := n.StartProxy(limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// TestWatch: work notes its downloads for the work around it, and not for its neighbours. What is refused is no
// download.
func TestWatch(t *testing.T) {
	outer, around := Watch(t.Context())
	inner, within := Watch(outer)
	_, beside := Watch(outer)
	refusal := errors.New("refused")
	refusing := Network{Permit: func(context.Context, string) error { return refusal }}
	if _, err := Download(inner, refusing, "x", func() (int, error) { return 1, nil }); err != refusal || within.Used() {
		t.Errorf("got %v, used %t", err, within.Used())
	}
	if _, err := Download(inner, Network{}, "x", func() (int, error) { return 1, nil }); err != nil || !within.Used() || !around.Used() || beside.Used() {
		t.Errorf("got %v, used within %t, around %t, beside %t", err, within.Used(), around.Used(), beside.Used())
	}
}

func TestFindProxies(t *testing.T) {
	environment := map[string]string{"https_proxy": "a", "HTTP_PROXY": "b", "no_proxy": "c", "REQUEST_METHOD": "GET"}
	want := httpproxy.Config{HTTPSProxy: "a", HTTPProxy: "b", NoProxy: "c", CGI: true}
	if got := FindProxies(func(name string) string { return environment[name] }); got != want {
		t.Errorf("got %+v", got)
	}
}
