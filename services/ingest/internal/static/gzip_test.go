package static

import (
	"strings"
	"testing"
)

func TestPrefersGzip(t *testing.T) {
	for _, c := range []struct {
		accept string // fields, one a line
		want   bool
	}{
		{"gzip", true},
		{"x-gzip", true},
		{"GZip", true},
		{"br, gzip", true},
		{"br\ngzip", true},
		{" , deflate ,\tgzip ; q=0.001 ,", true},
		{"gzip;Q=1.000", true},
		{"*", true},
		{"br;q=1.0, *;q=0.1", true},
		{"gzip;q=0.5, *;q=0", true},
		{"identity;q=0.5, gzip", true},
		{"identity;q=0.5, gzip;q=0.5", true},
		{"gzip;q=0, gzip", true},

		{"", false},
		{"identity", false},
		{"deflate, br", false},
		{"xgzip", false},
		{"gzip2", false},
		{"gzip;q=0", false},
		{"gzip;q=0.000", false},
		{"x-gzip;q=0", false},
		{"gzip;q=0, *", false},
		{"*;q=0", false},
		{"identity, gzip;q=0.9", false},
		{"gzip;q=0.2, *;q=0.5", false}, // identity is among the others

		{"gzip;", false},
		{"gzip;q", false},
		{"gzip;q=", false},
		{"gzip;q=x", false},
		{"gzip;q=-1", false},
		{"gzip;q=1.1", false},
		{"gzip;q=2", false},
		{"gzip;q=.5", false},
		{"gzip;q=0.1234", false},
		{"gzip;q=1e0", false},
		{"gzip;q=Inf", false},
		{"gzip;q =1", false},
		{"gzip;level=9", false},
		{"gzip;q=1;q=1", false},
	} {
		if got := prefersGzip(strings.Split(c.accept, "\n")); got != c.want {
			t.Errorf("%q: %t", c.accept, got)
		}
	}
	if prefersGzip(nil) {
		t.Error("a client that says nothing is sent gzip")
	}
}

func FuzzPrefersGzip(f *testing.F) {
	for _, seed := range []string{"", "gzip", "br, gzip;q=0.5", "*;q=0,identity", "x-gzip ; q=1.000", ",;q=,", "gzip;q=0,gzip", "\xff;q=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		got := prefersGzip([]string{field})
		if split := prefersGzip(strings.Split(field, ",")); split != got {
			t.Errorf("one field is %t, the same in many %t (RFC 9110, 5.3)", got, split)
		}
		if lower := strings.ToLower(field); got && !strings.Contains(lower, "gzip") && !strings.Contains(lower, "*") {
			t.Error("gzip is sent to one who has not named it")
		}
		if !prefersGzip([]string{field, "gzip"}) {
			t.Error("gzip has the largest weight, and is not sent")
		}
		if !got && prefersGzip([]string{field, "identity"}) {
			t.Error("who likes gzip less is sent gzip")
		}
	})
}
