package fetch

import (
	"fmt"
	"net/netip"
)

// notPublic are the addresses that are not of the public internet, by the registries of special-purpose addresses
// (https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry). Of IPv6, only 2000::/3
// is public. The first prefix that contains an address counts.
var notPublic = []struct {
	prefix netip.Prefix
	class  string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "an unspecified address"},
	{netip.MustParsePrefix("10.0.0.0/8"), "a private address"},
	{netip.MustParsePrefix("100.64.0.0/10"), "a shared address (carrier-grade NAT)"},
	{netip.MustParsePrefix("127.0.0.0/8"), "a loopback address"},
	{netip.MustParsePrefix("168.63.129.16/32"), "the address of Azure's platform for its machines"},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local address"},
	{netip.MustParsePrefix("172.16.0.0/12"), "a private address"},
	{netip.MustParsePrefix("192.0.0.0/24"), "a reserved address"},
	{netip.MustParsePrefix("192.0.2.0/24"), "a reserved address"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a reserved address"},
	{netip.MustParsePrefix("192.168.0.0/16"), "a private address"},
	{netip.MustParsePrefix("198.18.0.0/15"), "a reserved address"},
	{netip.MustParsePrefix("198.51.100.0/24"), "a reserved address"},
	{netip.MustParsePrefix("203.0.113.0/24"), "a reserved address"},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast address"},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved address"},
	{netip.MustParsePrefix("::/128"), "an unspecified address"},
	{netip.MustParsePrefix("::1/128"), "a loopback address"},
	{netip.MustParsePrefix("fc00::/7"), "a unique local address"},
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address"},
	{netip.MustParsePrefix("2001::/23"), "a reserved address"}, // Teredo is among them.
	{netip.MustParsePrefix("2001:db8::/32"), "a reserved address"},
	{netip.MustParsePrefix("2002::/16"), "a reserved address"}, // 6to4
	{netip.MustParsePrefix("3fff::/20"), "a reserved address"},
}

var (
	publicIPv6 = netip.MustParsePrefix("2000::/3")
	// nat64 has the addresses by which a machine that only has IPv6 reaches hosts that only have IPv4 (RFC 6052). Their
	// last four bytes are the address of the host.
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

// classOf returns what an address is, if it is not public: "a private address". It is empty for a public address.
func classOf(address netip.Addr) string {
	address = address.WithZone("").Unmap()
	if nat64.Contains(address) {
		bytes := address.As16()
		address = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	for _, special := range notPublic {
		if special.prefix.Contains(address) {
			return special.class
		}
	}
	if address.Is6() && !publicIPv6.Contains(address) {
		return "a reserved address"
	}
	return ""
}

// checkAddress returns an error for an address of a host that is not public.
func checkAddress(host string, address netip.Addr) error {
	if class := classOf(address); class != "" {
		return &RefusedError{host, fmt.Sprintf("is at %s, %s", address.Unmap(), class)}
	}
	return nil
}
