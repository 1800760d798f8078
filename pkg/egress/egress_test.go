package egress

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
)

func TestGuard(t *testing.T) {
	for _, c := range []struct {
		allow string // one range, or none
		to    string
		ok    bool
	}{
		{"", "1.1.1.1:80", true},
		{"", "1.1.1.1:443", true},
		{"", "1.1.1.1:8080", false},
		{"", "168.63.129.15:80", true},
		{"", "168.63.129.16:80", false},
		{"", "[2606:4700:4700::1111]:443", true},
		{"", "[2606:4700:4700::1111]:22", false},
		{"", "[::ffff:1.1.1.1]:80", true}, // the IPv4 address itself, in another notation
		{"", "[::ffff:10.0.0.1]:80", false},
		{"", "[64:ff9b::1.1.1.1]:80", false},
		{"", "[2002:101:101::1]:80", false},
		{"", "[2606:4700::5efe:1.1.1.1]:80", false},
		{"", "[2606:4700::300:5efe:1.1.1.1]:80", true}, // a group address: not ISATAP
		{"", "[2606:4700::1%eth0]:80", false},

		{"10.0.0.0/8", "10.1.2.3:80", true},
		{"10.0.0.0/8", "10.1.2.3:9000", true},
		{"10.0.0.0/8", "[::ffff:10.1.2.3]:9000", true},
		{"10.0.0.0/8", "11.1.2.3:9000", false},
		{"10.0.0.0/8", "172.16.0.1:80", false},
		{"10.0.0.0/8", "1.1.1.1:80", true},
		{"10.0.0.0/8", "[64:ff9b::10.1.2.3]:80", false},
		{"168.63.129.16/32", "168.63.129.16:32526", true},
		{"::1/128", "[::1]:8080", true},
		{"fd00::/8", "[fd00::1]:8080", true},
		{"fd00::/8", "[fd00::5efe:127.0.0.1]:80", false},

		// An allowed tunnel opens nothing behind it.
		{"64:ff9b::/96", "[64:ff9b::1.1.1.1]:80", true},
		{"64:ff9b::/96", "[64:ff9b::1.1.1.1]:22", false},
		{"64:ff9b::/96", "[64:ff9b::127.0.0.1]:80", false},
		{"64:ff9b::/96", "[64:ff9b::168.63.129.16]:80", false},
		{"64:ff9b:1::/48", "[64:ff9b:1::10.0.0.1]:80", false},
		{"2002::/16", "[2002:101:101::1]:80", true},
		{"2002::/16", "[2002:a00:1::1]:80", false},
		{"2001::/32", "[2001:0:4136:e378:8000:63bf:fefe:fefe]:80", true}, // 1.1.1.1
		{"2001::/32", "[2001:0:4136:e378:8000:63bf:80ff:fffe]:80", false},
		{"2000::/3", "[2606:4700::5efe:1.1.1.1]:80", true},
		{"2000::/3", "[2606:4700::200:5efe:10.0.0.1]:80", false},
		{"::/0", "[::ffff:0:10.0.0.1]:80", false},
		{"::/0", "[::10.0.0.1]:80", false},
		{"::/0", "[::1]:80", true},
	} {
		var allow []netip.Prefix
		if c.allow != "" {
			allow = []netip.Prefix{netip.MustParsePrefix(c.allow)}
		}
		if err := New(allow, Web).Control("tcp", c.to, nil); (err == nil) != c.ok {
			t.Errorf("%s with %q allowed: %v", c.to, c.allow, err)
		}
	}
	if New(nil, Web).Control("tcp", "example.com:80", nil) == nil {
		t.Error("a name passes for an address")
	}
	if err := New(nil, []uint16{8443}).Control("tcp", "1.1.1.1:8443", nil); err != nil {
		t.Errorf("a port of its own: %v", err)
	}
}

func TestRefused(t *testing.T) {
	for _, to := range []string{"10.0.0.1:80", "1.1.1.1:22", "[64:ff9b::1.1.1.1]:80", "168.63.129.16:80"} {
		if err := New(nil, Web).Control("tcp", to, nil); !Refused(err) {
			t.Errorf("%s: %v is not known to be a refusal", to, err)
		}
	}
	if Refused(errors.New("another")) || Refused(nil) {
		t.Error("what is no refusal is one")
	}
}

func TestParseAllow(t *testing.T) {
	got, err := ParseAllow([]string{"10.0.0.0/8", " 192.168.1.7 ", "", "fd00::/8", "::1"})
	want := []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.168.1.7/32"),
		netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("::1/128"),
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{
		"10.0.0.0/33", "10.0.0.1/8", "10.0.0/8", "10.0.0.0/", "10", "localhost", "::ffff:10.0.0.0/104", "::ffff:10.0.0.1", "fe80::1%lo", "010.0.0.0/8", "*",
	} {
		if got, err := ParseAllow([]string{"10.0.0.0/8", bad}); err == nil {
			t.Errorf("%q gives %v", bad, got)
		}
	}
}
