package imaging

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/file"
)

func TestParse(t *testing.T) {
	tests := []struct {
		query string
		want  Transform
	}{
		{"", Transform{}},
		{"expires=1&sig=ff", Transform{}},
		{"width=800&quality=80&format=webp", Transform{Width: 800, Quality: 80, Format: WebP}},
		{"height=1", Transform{Height: 1}},
		{"width=4096&height=4096&quality=100", Transform{Width: 4096, Height: 4096, Quality: 100}},
		{"format=gif&other=1&other=2", Transform{Format: GIF}},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			got, err := Parse(query(t, tt.query))
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ query, public string }{
		{"width=0", "width must be a whole number from 1 to 4096"},
		{"width=4097", "width must be a whole number from 1 to 4096"},
		{"width=99999999999999999999", "width must be a whole number from 1 to 4096"},
		{"width=", "width must be a whole number from 1 to 4096"},
		{"width=-1", "width must be a whole number from 1 to 4096"},
		{"width=%2B1", "width must be a whole number from 1 to 4096"},
		{"width=010", "width must be a whole number from 1 to 4096"},
		{"width=1e2", "width must be a whole number from 1 to 4096"},
		{"width=0x10", "width must be a whole number from 1 to 4096"},
		{"width=1_0", "width must be a whole number from 1 to 4096"},
		{"width=+10", "width must be a whole number from 1 to 4096"},
		{"width=10.0", "width must be a whole number from 1 to 4096"},
		{"width=%D9%A1", "width must be a whole number from 1 to 4096"}, // ARABIC-INDIC DIGIT ONE
		{"height=auto", "height must be a whole number from 1 to 4096"},
		{"quality=101", "quality must be a whole number from 1 to 100"},
		{"quality=0", "quality must be a whole number from 1 to 100"},
		{"format=", "format must be one of jpeg, png, webp, avif, gif"},
		{"format=svg", "format must be one of jpeg, png, webp, avif, gif"},
		{"format=PNG", "format must be one of jpeg, png, webp, avif, gif"},
		{"width=1&width=1", "width may be given only once"},
		{"height=1&height=2", "height may be given only once"},
		{"quality=1&quality=1", "quality may be given only once"},
		{"format=png&format=png", "format may be given only once"},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			got, err := Parse(query(t, tt.query))
			if !file.Is(err, file.Invalid) || file.PublicText(err, "") != tt.public {
				t.Errorf("got %v, want Invalid: %s", err, tt.public)
			}
			if got != (Transform{}) {
				t.Errorf("got %+v beside an error", got)
			}
		})
	}
}

func query(t *testing.T, s string) url.Values {
	t.Helper()
	q, err := url.ParseQuery(s)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// FuzzParse checks that whatever Parse accepts is valid, has one spelling, and leads to a size within the limits.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", "width=800&quality=80&format=webp", "height=4096", "width=0", "width=1&width=2", "format=svg", "width=%2B1", "quality=0100",
	} {
		f.Add(s, 4000, 3000)
	}
	f.Fuzz(func(t *testing.T, s string, w, h int) {
		q, err := url.ParseQuery(s)
		if err != nil {
			return
		}
		tr, err := Parse(q)
		if err != nil {
			var e *file.Error
			if !errors.As(err, &e) || e.Kind != file.Invalid || e.Public == "" {
				t.Fatalf("%q: error %v is not an Invalid one with a public text", s, err)
			}
			return
		}
		if err := tr.Validate(); err != nil {
			t.Fatalf("%q: accepted %+v: %v", s, tr, err)
		}
		again, err := Parse(spell(tr))
		if err != nil || again != tr {
			t.Fatalf("%q: %+v spelled anew is %+v, %v", s, tr, again, err)
		}
		for name, values := range spell(tr) {
			if q.Get(name) != values[0] {
				t.Fatalf("%q: %s has a second spelling of %s", s, name, values[0])
			}
		}
		if strings.ContainsFunc(tr.Canonical(), func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-", r) }) {
			t.Fatalf("%q: key %q", s, tr.Canonical())
		}
		if w < 1 || h < 1 || w > MaxSourceSide || h > MaxSourceSide {
			return
		}
		for _, tr.Fit = range []Fit{Inside, Cover} {
			outW, outH := tr.Size(w, h)
			if outW < 1 || outH < 1 || outW > min(w, orMax(tr.Width)) || outH > min(h, orMax(tr.Height)) {
				t.Fatalf("%+v of %dx%d is %dx%d", tr, w, h, outW, outH)
			}
		}
	})
}

// spell writes a transform as the parameters that Parse reads.
func spell(t Transform) url.Values {
	q := url.Values{}
	for name, n := range map[string]int{paramWidth: t.Width, paramHeight: t.Height, paramQuality: t.Quality} {
		if n > 0 {
			q.Set(name, strconv.Itoa(n))
		}
	}
	if t.Format != Original {
		q.Set(paramFormat, string(t.Format))
	}
	return q
}
