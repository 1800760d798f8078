package meta_test

import (
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/inlethq/inlet/pkg/meta"
)

func TestFold(t *testing.T) {
	for text, want := range map[string]string{
		"Photo 1.JPG": "photo 1.jpg",
		"ÄRGER":       meta.Fold("ärger"),
		"A\u0308rger": meta.Fold("ÄRGER"),
		"ΟΔΟΣ":        meta.Fold("οδος"),
		"\u212a":      "k", // the sign for kelvin
		"\u017f":      "s", // the long s
		"ß":           meta.Fold("ẞ"),
		"":            "",
	} {
		if got := meta.Fold(text); got != want {
			t.Errorf("%q is folded to %q, want %q", text, got, want)
		}
	}
	if meta.Fold("a") == meta.Fold("ä") || meta.Fold("ß") == meta.Fold("ss") {
		t.Error("letters that differ by more than case are one")
	}
}

func TestNameIndex(t *testing.T) {
	for _, c := range [][3]string{{"A.jpg", "a.JPG", "a.jpg"}, {"A.jpg", "", "a.jpg"}, {"Photo", "IMG.jpg", "photo\nimg.jpg"}, {"", "", ""}, {"", "x", "\nx"}} {
		if got := meta.NameIndex(c[0], c[1]); got != c[2] {
			t.Errorf("%q and %q: %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

// FuzzFold: a text and its normal form are one.
func FuzzFold(f *testing.F) {
	for _, s := range []string{"", "Photo.JPG", "ÄRGER", "e\u0301", "ΟΔΟΣ", "\u212a\u0345", "İ", "ǅ", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		once := meta.Fold(s)
		if !utf8.ValidString(once) {
			t.Errorf("%q is folded to %q", s, once)
		}
		if nfc := norm.NFC.String(s); meta.Fold(nfc) != once {
			t.Errorf("%q and its NFC are folded to %q and %q", s, once, meta.Fold(nfc))
		}
	})
}
