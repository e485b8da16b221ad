package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// Network is the way to the network, with the rules for every request. They do not trust the author of a URL:
//
//   - A request goes to an address of the public internet, over HTTPS. The address is checked after the name is
//     resolved, when the connection is made, so that a DNS server cannot answer the check with another address than the
//     connection. Each redirect is checked as the first request is.
//   - The user can exempt hosts: an allowed host may be at any address, and may be asked over plain HTTP.
//   - If a proxy is in between, the proxy resolves the name, and only the proxy can refuse its address. The scheme, an
//     address in the URL and names of the local network are checked nevertheless.
//
// The zero value allows no host and uses no proxy. It is safe for concurrent use.
type Network struct {
	// Allowed are the exempt hosts.
	Allowed []Host
	// Proxies are the proxies of this machine: see FindProxies.
	Proxies httpproxy.Config
	// Permit, if not nil, is asked before Download gets anything, also from a cache. Its error refuses the item.
	Permit func(ctx context.Context, item string) error
}

// Host is a host that the user allows, with one port or with all ports.
type Host struct{ name, port string }

// ParseHost parses HOST or HOST:PORT. HOST is a name or an address, without wildcards: 10.0.0.5, [::1]:8080. The error
// says what would be accepted.
func ParseHost(text string) (Host, error) {
	name, port, err := net.SplitHostPort(text)
	if err != nil {
		name, port = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"), ""
	}
	_, notAddress := netip.ParseAddr(name)
	_, notPort := strconv.ParseUint(cmp.Or(port, "0"), 10, 16)
	notName := name == "" || strings.ContainsAny(name, "/@*? ") || notAddress != nil && strings.Contains(name, ":")
	if notName || notPort != nil {
		return Host{}, fmt.Errorf("%q, expected HOST or HOST:PORT, such as charts.example.com or 10.0.0.5:8080", text)
	}
	return Host{canonicalHost(name), port}, nil
}

// canonicalHost returns a name in lower case and without a dot at the end, and an address in its shortest form.
func canonicalHost(name string) string {
	if address, err := netip.ParseAddr(name); err == nil {
		return address.Unmap().String()
	}
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// FindProxies returns the proxies that the variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY name, in upper or in lower
// case. getenv returns the value of an environment variable.
func FindProxies(getenv func(name string) string) httpproxy.Config {
	either := func(name string) string { return cmp.Or(getenv(name), getenv(strings.ToLower(name))) }
	return httpproxy.Config{
		HTTPSProxy: either("HTTPS_PROXY"), HTTPProxy: either("HTTP_PROXY"), NoProxy: either("NO_PROXY"),
		CGI: getenv("REQUEST_METHOD") != "", // HTTP_PROXY is then a header of the request.
	}
}

// Allows reports whether the user allows a host. It may have a port; without one, the port is 443.
func (n Network) Allows(host string) bool {
	return n.allows((&url.URL{Host: host}).Hostname(), cmp.Or((&url.URL{Host: host}).Port(), "443"))
}

// allows reports whether the user allows a port of a host.
func (n Network) allows(name, port string) bool {
	name = canonicalHost(name)
	for _, host := range n.Allowed {
		if host.name == name && (host.port == "" || host.port == port) {
			return true
		}
	}
	return false
}

// RefusedError is the error for a request that the rules refuse. It says which flag would allow it.
type RefusedError struct {
	// Host is the host of the URL, with the port if the URL has one. Fault says what is wrong with it.
	Host, Fault string
}

// Error implements error. For example: intranet.example.com is at 10.0.0.5, a private address: only --allow-host
// intranet.example.com permits a request.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s %s: only --allow-host %s permits a request", e.Host, e.Fault, e.Host)
}

// checkURL returns an error for a URL that may not be asked, as far as that shows before its name is resolved.
func (n Network) checkURL(u *url.URL) error {
	switch {
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return errors.New("a download has a URL with https:// and a host")
	case n.allows(u.Hostname(), portOf(u)):
		return nil
	}
	if address, err := netip.ParseAddr(u.Hostname()); err == nil {
		if err := checkAddress(u.Host, address); err != nil {
			return err
		}
	}
	if u.Scheme == "http" {
		return &RefusedError{u.Host, "would be asked over plain HTTP"}
	}
	return nil
}

// portOf returns the port of a URL, or else the port of its scheme.
func portOf(u *url.URL) string {
	port := "443"
	if u.Scheme == "http" {
		port = "80"
	}
	return cmp.Or(u.Port(), port)
}

// checkProxied returns an error for a URL whose name a proxy would look for in its own network: a name without a dot,
// a name that is never public, or a number that a resolver of C takes for an address (127.1).
func (n Network) checkProxied(u *url.URL) error {
	name := canonicalHost(u.Hostname())
	if _, err := netip.ParseAddr(name); err == nil || n.allows(name, portOf(u)) {
		return nil
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	if last == name || last[:min(1, len(last))] <= "9" || last == "localhost" || last == "local" || last == "internal" {
		return &RefusedError{u.Host, "is a name of a local network"}
	}
	return nil
}

// dialTimeout is the time for one connection.
const dialTimeout = 30 * time.Second

// dial makes a connection to HOST:PORT, without a proxy. If the user does not allow the host, the connection is made
// only to a public address.
func (n Network) dial(ctx context.Context, network, target string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	if !n.allows(host, port) {
		dialer.ControlContext = func(_ context.Context, _, resolved string, _ syscall.RawConn) error {
			address, err := netip.ParseAddrPort(resolved)
			if err != nil {
				return err
			}
			return checkAddress(strings.TrimSuffix(target, ":443"), address.Addr())
		}
	}
	connection, err := dialer.DialContext(ctx, network, target)
	if refused := (*RefusedError)(nil); errors.As(err, &refused) {
		return nil, refused // without the words of package net around it
	}
	return connection, err
}

// PermitHost resolves a host, and returns an error if one of its addresses may not be asked. It is for a program that
// makes a connection of its own, such as ssh: the program resolves the name again, and may then get another address.
// port may be empty.
func (n Network) PermitHost(ctx context.Context, host, port string) error {
	if n.allows(host, port) {
		return nil
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return &RefusedError{host, "has no address that could be checked"}
	}
	for _, address := range addresses {
		if err := checkAddress(host, address); err != nil {
			return err
		}
	}
	return nil
}
