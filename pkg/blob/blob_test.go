package blob

import (
	"context"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/file"
)

func TestValidKey(t *testing.T) {
	long := strings.Repeat("a", 255)
	for _, c := range []struct {
		key   string
		valid bool
	}{
		{"a", true},
		{"ab/cd/01ARZ3NDEKTSV4RRFFQ69G5FAV", true},
		{"a/b/c/d/e/f/g/h", true},
		{"...", true},
		{".hidden/x_y-z.0", true},
		{long, true},
		{long + "/" + long, true},
		{long + "/" + long[1:] + "/a", true}, // 512 bytes
		{long + "/" + long + "/a", false},
		{long + "a", false},
		{"a/b/c/d/e/f/g/h/i", false},
		{"", false},
		{".", false},
		{"..", false},
		{"../a", false},
		{"a/../b", false},
		{"a/./b", false},
		{"/a", false},
		{"a/", false},
		{"a//b", false},
		{`a\b`, false},
		{"a\x00b", false},
		{"a b", false},
		{"ä", false},
		{"a%2fb", false},
		{"C:", false},
	} {
		err := ValidKey(c.key)
		if c.valid && err != nil {
			t.Errorf("%q: %v", c.key, err)
		}
		if !c.valid && !file.Is(err, file.Invalid) {
			t.Errorf("%q: %v, want invalid", c.key, err)
		}
	}
}

// A valid key names one place below the folder it is joined to, whoever reads it.
func FuzzValidKey(f *testing.F) {
	for _, s := range []string{"a/b", "..", "a/../b", "/", "a//b", "CON", "a\x00", strings.Repeat("a/", 9)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if ValidKey(key) != nil {
			return
		}
		if !filepath.IsLocal(key) || path.Clean(key) != key || len(key) > maxKey || strings.ContainsAny(key, "\\:\x00%") {
			t.Errorf("%q passed", key)
		}
	})
}

func TestAdmit(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	if err := Admit(ctx, "test", "a"); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := Admit(ctx, "test", "a"); !file.Is(err, file.Cancelled) {
		t.Errorf("ended context: %v", err)
	}
	if err := Admit(ctx, "test", ".."); !file.Is(err, file.Invalid) {
		t.Errorf("bad key: %v", err)
	}
}
