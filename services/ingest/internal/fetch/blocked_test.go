package fetch

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/egress"
)

// blocked returns the URLs of testdata/blocked.txt.
func blocked(t testing.TB) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/blocked.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSuffix(line, "\n"); line != "" && line[0] != '#' {
			out = append(out, line)
		}
	}
	return out
}

func TestBlocked(t *testing.T) {
	// Every name leads to this machine, so that none passes for blocked because it does not resolve.
	names := &nameserver{fallback: []string{"127.0.0.1"}}
	c := New(Config{Resolver: names.resolver(t)})
	list := blocked(t)
	if len(list) < 100 {
		t.Fatalf("%d URLs: the list is not whole", len(list))
	}
	for _, raw := range list {
		t.Run(raw, func(t *testing.T) {
			if err := getRefused(t, c, raw); !byUs(raw, err) {
				t.Errorf("%v: refused, but not by a rule of ours", err)
			}
		})
	}
}

// byUs reports whether a rule, rather than the network that the test runs on, keeps a URL from being fetched.
func byUs(raw string, err error) bool {
	u, bad := checkURL(raw)
	if bad != nil {
		return true
	}
	if addr, notAddr := netip.ParseAddr(u.Hostname()); notAddr == nil && u.Port() == "" { // a machine without IPv6 does not get as far as the guard
		return egress.New(nil, egress.Web).Judge(netip.AddrPortFrom(addr, 80)) != nil
	}
	var port *net.AddrError // 65536
	return egress.Refused(err) || errors.As(err, &port)
}

// TestRefusalsLookAlike times what must not be told apart: a blocked address, a name that does not exist, a port where nothing listens.
func TestRefusalsLookAlike(t *testing.T) {
	names := &nameserver{answers: map[string][][]string{"inside.test": {{"10.0.0.1"}}}}
	c := New(Config{Resolver: names.resolver(t), Allow: loopback})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	var fastest, slowest time.Duration
	for i, raw := range []string{"http://10.0.0.1/", "http://inside.test/", "http://missing.test/", "http://" + l.Addr().String() + "/"} {
		var took []time.Duration
		for range 9 {
			start := time.Now()
			_ = getRefused(t, c, raw)
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		median := took[len(took)/2]
		t.Logf("%s: %v", raw, median)
		if i == 0 {
			fastest, slowest = median, median
		}
		fastest, slowest = min(fastest, median), max(slowest, median)
	}
	if slowest-fastest > 100*time.Millisecond {
		t.Errorf("between %v and %v: the time tells them apart", fastest, slowest)
	}
}
