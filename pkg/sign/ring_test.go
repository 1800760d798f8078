package sign_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/sign"
)

// secret returns n bytes that no two numbers of an example share.
func secret(n int, first byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

func entry(id string, first byte) string {
	return id + ":" + base64.StdEncoding.EncodeToString(secret(32, first))
}

func ring(t testing.TB, text string) *sign.Ring {
	t.Helper()
	r, err := sign.ParseRing(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestParseRing(t *testing.T) {
	odd := secret(47, 0xf0) // has both characters in which the alphabets differ, and needs padding
	for name, s := range map[string]struct {
		text string
		keys int
	}{
		"one":            {entry("k1", 0), 1},
		"three":          {entry("k3", 0) + "," + entry("k2", 1) + "," + entry("k1", 2), 3},
		"spaces between": {" " + entry("k2", 0) + ", " + entry("k1", 1) + "\n", 2},
		"standard":       {"a:" + base64.StdEncoding.EncodeToString(odd), 1},
		"no padding":     {"a:" + base64.RawStdEncoding.EncodeToString(odd), 1},
		"URL":            {"a:" + base64.URLEncoding.EncodeToString(odd), 1},
		"URL no padding": {"a:" + base64.RawURLEncoding.EncodeToString(odd), 1},
		"longest":        {"a_key-of-16-char:" + base64.StdEncoding.EncodeToString(secret(64, 0)), 1},
		"fresh":          {sign.NewKey() + "," + sign.NewKey(), 2},
	} {
		if got := len(ring(t, s.text).PostCredentials()); got != s.keys {
			t.Errorf("%s: %d keys", name, got)
		}
	}
}

func TestParseRingRefuses(t *testing.T) {
	encode := base64.StdEncoding.EncodeToString
	good := encode(secret(32, 0))
	for name, s := range map[string]struct{ text, says string }{
		"empty":                 {"", "entry 1:"},
		"no id":                 {":" + good, "entry 1:"},
		"no colon":              {good, "entry 1:"},
		"upper case":            {"K1:" + good, "entry 1:"},
		"a dot":                 {"k.1:" + good, "entry 1:"},
		"long id":               {"a234567890123456b:" + good, "entry 1:"},
		"comma at the end":      {"k1:" + good + ",", "entry 2:"},
		"id twice":              {entry("k1", 0) + "," + entry("k1", 1), "entry 2 (k1)"},
		"no secret":             {"k1:", "entry 1 (k1)"},
		"not base64":            {"k1:" + good[:43] + "!", "entry 1 (k1)"},
		"a bit too many":        {"k1:" + good[:42] + "9=", "entry 1 (k1)"},
		"31 bytes":              {"k1:" + encode(secret(31, 0)), "entry 1 (k1)"},
		"65 bytes":              {"k1:" + encode(secret(65, 0)), "entry 1 (k1)"},
		"zeros":                 {entry("k2", 0) + ",k1:" + encode(make([]byte, 32)), "entry 2 (k1)"},
		"one byte repeated":     {"k1:" + encode(bytes.Repeat([]byte{0xa5}, 64)), "entry 1 (k1)"},
		"a few bytes repeated":  {"k1:" + encode(bytes.Repeat([]byte("abcdefg"), 5)), "entry 1 (k1)"},
		"changeme":              {"k1:" + encode([]byte("changeme-0123456789-abcdefghijkl")), "entry 1 (k1)"},
		"Secret":                {"k1:" + encode([]byte("Secret-of-this-service-0123456789")), "entry 1 (k1)"},
		"base64 that says so":   {"k1:" + strings.Repeat("secretkeythatstays", 3)[:44], "entry 1 (k1)"},
		"base64 that repeats":   {"k1:" + strings.Repeat("changeme", 6), "entry 1 (k1)"},
		"second of three wrong": {entry("k3", 0) + ",k2:" + good[:40] + "," + entry("k1", 2), "entry 2 (k2)"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sign.ParseRing(s.text)
			if !file.Is(err, file.Invalid) || !strings.Contains(err.Error(), s.says) {
				t.Fatalf("got %v, want one that says %q", err, s.says)
			}
			for _, part := range strings.FieldsFunc(s.text, func(r rune) bool { return r == ':' || r == ',' }) {
				if len(part) > 20 && strings.Contains(err.Error(), part[:12]) {
					t.Errorf("the error tells of the secret: %v", err)
				}
			}
		})
	}
}

func TestNewKey(t *testing.T) {
	form := regexp.MustCompile(`^k[a-z0-9]{8}:[A-Za-z0-9+/]{43}=$`)
	a, b := sign.NewKey(), sign.NewKey()
	if !form.MatchString(a) || a == b {
		t.Errorf("got %s and %s", a, b)
	}
	if x, y := sign.NewRing().PostCredentials(), sign.NewRing().PostCredentials(); x[0] == y[0] {
		t.Error("two new rings have the same key")
	}
}

// The values were computed apart from this package. A change of them ends the life of all that was ever signed.
func TestDerivedCredentials(t *testing.T) {
	got := ring(t, entry("k1", 0)).PostCredentials()[0]
	want := sign.Credentials{ //nolint:gosec // of the numbers 0 to 31
		AccessKey: "INLETLUPYWE7VJFWZDX2Q",
		SecretKey: "cy60EdT828ul5ywKctYxQouuo3Gdi4OawA14oGKcGcw",
		Region:    "inlet",
	}
	if got != want {
		t.Errorf("got %#v", got)
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	r := ring(t, entry("k2", 0)+","+entry("k1", 1))
	c := r.PostCredentials()[0]
	if got := fmt.Sprintf("%v %+v %s", r, r, c); strings.Contains(got, c.SecretKey) || !strings.Contains(got, "k2, k1") || !strings.Contains(got, c.AccessKey) {
		t.Error(got)
	}
}
