package native

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

func TestPrefer(t *testing.T) {
	const limit = 10 * time.Second
	for header, want := range map[string]preference{
		"":                         {wait: limit},
		"respond-async":            {applied: "respond-async"},
		"wait=3":                   {wait: 3 * time.Second, applied: "wait=3"},
		`wait="3"`:                 {wait: 3 * time.Second, applied: "wait=3"},
		"wait=0":                   {applied: "wait=0"},
		"wait=3600":                {wait: limit, applied: "wait=10"},
		"wait=-1":                  {wait: limit},
		"wait=x":                   {wait: limit},
		"wait=1, wait=5":           {wait: time.Second, applied: "wait=1"},
		"return=minimal; x, ,":     {wait: limit},
		"Wait=2;foo, handling=all": {wait: 2 * time.Second, applied: "wait=2"},
	} {
		h := http.Header{}
		if header != "" {
			h.Set("Prefer", header)
		}
		if got := parsePrefer(h, limit); got != want {
			t.Errorf("%q: %+v, want %+v", header, got, want)
		}
	}
}

func TestLife(t *testing.T) {
	for text, want := range map[string]time.Duration{"": 0, "1": time.Second, "315360000": 10 * 365 * 24 * time.Hour} {
		if got, err := life(text); err != nil || got != want {
			t.Errorf("life(%q) = %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"0", "-1", "1.5", "1e309", "x", " 1", "315360001", "18446744073709551616", "1000000000000000000"} {
		if _, err := life(text); !file.Is(err, file.Invalid) {
			t.Errorf("life(%q): %v", text, err)
		}
	}
}

func TestContentDigest(t *testing.T) {
	const sum = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
	for value, want := range map[string]string{
		"sha-256=:" + sum + ":":              "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
		"md5=:x:, sha-256=:" + sum + ":":     "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
		"md5=:XUFAKrxLKna5cZ2REBfFkg==:":     "",
		"":                                   "",
		"sha-256=:" + sum:                    "bad",
		"sha-256=:AAAA:":                     "bad",
		"sha-256=:" + sum[:len(sum)-1] + "!": "bad",
	} {
		got, err := contentDigest(http.Header{"Content-Digest": {value}})
		if (err != nil) != (want == "bad") || err == nil && got != want {
			t.Errorf("%q: %q, %v; want %q", value, got, err, want)
		}
	}
}

func TestTags(t *testing.T) {
	for id, want := range map[string]bool{"abc123": true, "a.b_c-D": true, strings.Repeat("a", 128): true, strings.Repeat("a", 129): false, "": false, "a/b": false, "ä": false, "a b": false} {
		if got := validTag(id); got != want {
			t.Errorf("%q: %v", id, got)
		}
	}
}

func TestEveryKindHasAnAnswer(t *testing.T) {
	for _, k := range file.Kinds {
		if a, ok := answers[k]; !ok || a.status < 400 || a.code == "" || a.text == "" {
			t.Errorf("%s: %+v", k, a)
		}
	}
}
