// Package egress keeps connections to addresses that a stranger chose away from what only this machine can reach: files that are fetched from
// URLs, and webhooks.
//
// It judges the address of a connection that is about to be made, after every name was resolved, so neither a redirect nor a name that changes
// its mind leads inside. It reads no URL and follows no redirect.
package egress

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// azureHost answers every virtual machine of Azure from inside its host (metadata, DNS, agents), at an address that looks public.
var azureHost = netip.MustParsePrefix("168.63.129.16/32")

// errEmbedded is the refusal of an IPv6 address that leads to an IPv4 address.
var errEmbedded = errors.New("an IPv6 address that embeds an IPv4 address")

// ParseAllow reads address ranges ("10.0.0.0/8") and single addresses ("10.1.2.3"). Its error quotes the one that is neither.
func ParseAllow(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		s = strings.TrimSpace(s)
		if s == "" {
			continue
		}
		p, err := parseRange(s)
		if err != nil {
			return nil, fmt.Errorf("%q is not a range of addresses such as 10.0.0.0/8: %w", s, err)
		}
		out = append(out, p)
	}
	return out, nil
}

func parseRange(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		switch {
		case err != nil:
			return netip.Prefix{}, err
		case a.Is4In6():
			return netip.Prefix{}, errors.New("write it as IPv4")
		case a.Zone() != "":
			return netip.Prefix{}, errors.New("it has a zone")
		}
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return netip.Prefix{}, err
	case p.Addr().Is4In6():
		return netip.Prefix{}, errors.New("write it as IPv4") // no address is matched by it
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("it begins at %s", p.Masked().Addr())
	}
	return p, nil
}

// Guard decides which addresses may be connected to. It is safe for concurrent use.
type Guard struct {
	allow  []netip.Prefix
	public *ssrf.Guardian
}

// Web are the ports of http and https.
var Web = []uint16{80, 443}

// New makes a Guard that lets through public addresses on these ports, and those of allow on any port.
func New(allow []netip.Prefix, ports []uint16) *Guard {
	return &Guard{allow: allow, public: ssrf.New(ssrf.WithDeniedV4Prefixes(azureHost), ssrf.WithPorts(ports...))}
}

// Refused reports whether an error of a connection is a Guard's: the address may not be reached, or not on that port.
func Refused(err error) bool {
	return errors.Is(err, errEmbedded) || errors.Is(err, ssrf.ErrProhibitedIP) || errors.Is(err, ssrf.ErrProhibitedPort) || errors.Is(err, ssrf.ErrProhibitedNetwork)
}

// MaxHeaderBytes is how long the header of an answer may be.
const MaxHeaderBytes = 64 << 10

const stepTimeout = 10 * time.Second // to connect, to shake hands: each

// Transport makes a transport that connects only where the Guard lets it, and undoes no coding of a body. resolver may be nil, which is
// net.DefaultResolver. The caller owns the transport, and sets what else it wants before the first request.
func (g *Guard) Transport(resolver *net.Resolver) *http.Transport {
	dialer := &net.Dialer{Timeout: stepTimeout, Resolver: resolver, Control: g.Control}
	return &http.Transport{
		Proxy:                  nil, // not the environment's either: a proxy would connect where the guard cannot see it
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    stepTimeout,
		MaxResponseHeaderBytes: MaxHeaderBytes,
		DisableCompression:     true,
	}
}

// Control is a net.Dialer's Control: the address is the one that is about to be connected to.
func (g *Guard) Control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	return g.Judge(to)
}

// Judge returns nil for an address that may be connected to. It refuses every IPv6 address that embeds an IPv4 address (RFC 3056, 4380, 5214,
// 6052), unless it is allowed; then it is judged as the IPv4 address that it leads to, so that to allow a NAT64 prefix does not open what is
// behind it. A mapped address is that IPv4 address.
func (g *Guard) Judge(to netip.AddrPort) error {
	addr := to.Addr().Unmap()
	allowed := slices.ContainsFunc(g.allow, func(p netip.Prefix) bool { return p.Contains(addr) })
	v4, embeds := embedded(addr)
	switch {
	case allowed && embeds:
		return g.Judge(netip.AddrPortFrom(v4, to.Port()))
	case allowed:
		return nil
	case embeds:
		return fmt.Errorf("%w: %s", errEmbedded, addr)
	default:
		return g.public.SafeAddrPort(netip.AddrPortFrom(addr, to.Port()))
	}
}

// embeddings are the prefixes whose addresses hold an IPv4 address, and where in them it begins.
var embeddings = []struct {
	prefix netip.Prefix
	at     int  // byte
	flip   byte // what each byte is XORed with
}{
	{prefix: netip.MustParsePrefix("::/96"), at: 12},                 // IPv4-compatible (RFC 4291, 2.5.5.1)
	{prefix: netip.MustParsePrefix("::ffff:0:0:0/96"), at: 12},       // IPv4-translated (RFC 2765)
	{prefix: netip.MustParsePrefix("64:ff9b::/96"), at: 12},          // NAT64 (RFC 6052)
	{prefix: netip.MustParsePrefix("64:ff9b:1::/48"), at: 12},        // NAT64 within a network (RFC 8215)
	{prefix: netip.MustParsePrefix("2001::/32"), at: 12, flip: 0xff}, // Teredo (RFC 4380): the client
	{prefix: netip.MustParsePrefix("2002::/16"), at: 2},              // 6to4 (RFC 3056)
}

// embedded returns the IPv4 address that an IPv6 address leads to, if its form says so.
func embedded(addr netip.Addr) (netip.Addr, bool) {
	if addr.Is4() || addr.IsLoopback() || addr.IsUnspecified() {
		return netip.Addr{}, false
	}
	bytes := addr.As16()
	for _, e := range embeddings {
		if !e.prefix.Contains(addr.WithZone("")) {
			continue
		}
		v4 := [4]byte(bytes[e.at:])
		for i := range v4 {
			v4[i] ^= e.flip
		}
		return netip.AddrFrom4(v4), true
	}
	if bytes[8]&^0x02 == 0 && bytes[9] == 0 && bytes[10] == 0x5e && bytes[11] == 0xfe { // ISATAP (RFC 5214, 6.1), under any prefix
		return netip.AddrFrom4([4]byte(bytes[12:])), true
	}
	return netip.Addr{}, false
}
