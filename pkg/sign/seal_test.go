package sign

import (
	"bytes"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/file"
)

func ringOf(t *testing.T, entries ...string) *Ring {
	t.Helper()
	r, err := ParseRing(strings.Join(entries, ","))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSeal(t *testing.T) {
	older, newer := NewKey(), NewKey()
	secret := []byte("whsec_0123456789")
	sealed := ringOf(t, older).Seal(secret, "webhook/1")
	if strings.Contains(sealed, "0123") || sealed == ringOf(t, older).Seal(secret, "webhook/1") {
		t.Fatalf("sealed as %s", sealed)
	}
	for name, c := range map[string]struct {
		ring  *Ring
		stale bool
	}{
		"the key itself":   {ringOf(t, older), false},
		"behind a new key": {ringOf(t, newer, older), true},
	} {
		got, stale, err := c.ring.Unseal(sealed, "webhook/1")
		if err != nil || !bytes.Equal(got, secret) || stale != c.stale {
			t.Errorf("%s: %q, %v, %v", name, got, stale, err)
		}
	}
	for name, c := range map[string]struct {
		ring          *Ring
		sealed, place string
	}{
		"another place":     {ringOf(t, older), sealed, "webhook/2"},
		"without the key":   {ringOf(t, newer), sealed, "webhook/1"},
		"changed":           {ringOf(t, older), sealed[:len(sealed)-2] + "AA", "webhook/1"},
		"cut off":           {ringOf(t, older), strings.Join(strings.Split(sealed, ".")[:2], ".") + ".AAAA", "webhook/1"},
		"another version":   {ringOf(t, older), "s2" + sealed[2:], "webhook/1"},
		"not base64":        {ringOf(t, older), strings.Join(strings.Split(sealed, ".")[:2], ".") + ".*", "webhook/1"},
		"no form at all":    {ringOf(t, older), string(secret), "webhook/1"},
		"nothing":           {ringOf(t, older), "", "webhook/1"},
		"a part too many":   {ringOf(t, older), sealed + ".x", "webhook/1"},
		"of another's name": {ringOf(t, strings.Split(older, ":")[0]+":"+strings.Split(newer, ":")[1]), sealed, "webhook/1"},
	} {
		got, _, err := c.ring.Unseal(c.sealed, c.place)
		if got != nil || !file.Is(err, file.Damaged) || strings.Contains(err.Error(), "0123") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
