package tus

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestChecksum(t *testing.T) {
	for header, want := range map[string]int{
		"sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=":                   0,
		"sha256 LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=": 0,
		"md5 XUFAKrxLKna5cZ2REBfFkg==":                        0,
		"md5 XUFAKrxLKna5cZ2REBfFkw==":                        statusChecksumMismatch,
		"md5 qvTGHdzF6KLavt4PO0gs2a6pQ00=":                    http.StatusBadRequest,
		"sha512 AAAA":                                         http.StatusBadRequest,
		"sha1":                                                http.StatusBadRequest,
		"sha1 ****":                                           http.StatusBadRequest,
		"sha1  qvTGHdzF6KLavt4PO0gs2a6pQ00=":                  http.StatusBadRequest,
	} {
		c, err := parseChecksum(header)
		if err == nil {
			if _, err := io.ReadAll(c.reading(strings.NewReader("hello"))); err != nil {
				t.Fatal(err)
			}
			err = c.check()
		}
		var refusal *Error
		if got := errors.As(err, &refusal); got != (want != 0) || got && refusal.Status != want {
			t.Errorf("%q: %v, want %d", header, err, want)
		}
	}
	if c, err := parseChecksum(""); c != nil || err != nil {
		t.Errorf("none: %v, %v", c, err)
	}
}

func FuzzChecksum(f *testing.F) {
	for _, header := range []string{"sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=", "sha1", " ", "md5 ===", "sha256 AAAA"} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if c, err := parseChecksum(header); err == nil && c != nil && len(c.want) != c.hash.Size() {
			t.Errorf("%q asks for %d bytes of a sum of %d", header, len(c.want), c.hash.Size())
		}
	})
}
