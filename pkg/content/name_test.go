package content_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/file"
)

func TestCleanName(t *testing.T) {
	tests := []struct {
		name, raw, want string
		refused         bool
	}{
		{"plain", "report.pdf", "report.pdf", false},
		{"surrounding space", " \u00a0report.pdf\u3000", "report.pdf", false},
		{"decomposed", "e\u0301te\u0301.txt", "\u00e9t\u00e9.txt", false},
		{"leading dash", "-rf.txt", "-rf.txt", false},
		{"dot file", ".htaccess", ".htaccess", false},
		{"device name", "CON.txt", "CON.txt", false},
		{"markup", "<img onerror=x>.png", "<img onerror=x>.png", false},
		{"colon", "shot 10:30.png", "shot 10:30.png", false},
		{"emoji with joiner", "\U0001F469\u200d\U0001F4BB\ufe0f.png", "\U0001F469\u200d\U0001F4BB\ufe0f.png", false},
		{"255 bytes", strings.Repeat("a", 251) + ".txt", strings.Repeat("a", 251) + ".txt", false},
		{"256 bytes", strings.Repeat("a", 252) + ".txt", "", true},
		{"256 bytes that compose to 255", strings.Repeat("a", 249) + "e\u0301.txt", strings.Repeat("a", 249) + "\u00e9.txt", false},
		{"combining flood", "a" + strings.Repeat("\u0301", 400), "", true},
		{"huge", strings.Repeat("a", 1<<20), "", true},
		{"empty", "", "", true},
		{"spaces only", " \u3000 ", "", true},
		{"dot", ".", "", true},
		{"dot dot", "..", "", true},
		{"trailing dot", "a.exe.", "", true},
		{"trailing dot and space", "a.exe. ", "", true},
		{"slash", "a/b.txt", "", true},
		{"backslash", `..\a.txt`, "", true},
		{"NUL", "a.png\x00.exe", "", true},
		{"newline", "a\nb.txt", "", true},
		{"trailing newline", "a.txt\n", "", true},
		{"C1 control", "a\u0085.txt", "", true},
		{"line separator", "a\u2028.txt", "", true},
		{"invalid UTF-8", "a\xff.txt", "", true},
		{"bidi override", "invoice\u202egnp.exe", "", true},
		{"bidi isolate", "invoice\u2066gnp.exe", "", true},
		{"zero width space", "a.ex\u200be", "", true},
		{"soft hyphen", "a\u00ad.png", "", true},
		{"byte order mark", "\ufeffa.png", "", true},
		{"Hangul filler", "a\u3164.png", "", true},
		{"joiner in the extension", "a.ex\u200de", "", true},
		{"variation selector in the extension", "a.exe\ufe0f", "", true},
		{"tag characters", "a\U000E0041.png", "", true},
		{"NTFS stream", "a.asp::$DATA", "", true},
		{"NTFS named stream", "a.txt:b:$data", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := content.CleanName(tt.raw)
			if tt.refused {
				if !file.Is(err, file.Invalid) || file.PublicText(err, "") == "" {
					t.Fatalf("CleanName(%q) = %q, %v; want Invalid with a public text", tt.raw, got, err)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Fatalf("CleanName(%q) = %q, %v; want %q", tt.raw, got, err, tt.want)
			}
		})
	}
}

func TestExtension(t *testing.T) {
	for name, want := range map[string]string{
		"a.PDF": ".pdf", "archive.tar.gz": ".gz", ".htaccess": "", ".env.local": ".local", "name.": "", "name": "", "": "",
		"a.b/c": ".b/c", "photo.JPG": ".jpg",
	} {
		if got := content.Extension(name); got != want {
			t.Errorf("Extension(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestTruncateName(t *testing.T) {
	tests := []struct {
		name  string
		limit int
		want  string
	}{
		{"short.txt", 20, "short.txt"},
		{"averylongname.txt", 10, "averyl.txt"},
		{"éééé.txt", 9, "éé.txt"},
		{"日本語の名前", 10, "日本語"},
		{"a.verylongextension", 8, "a.verylo"},
		{"abc. def", 4, "abc"},
		{"x.txt", 0, ""},
		{"\x80\x80\x80", 2, ""},
	}
	for _, tt := range tests {
		if got := content.TruncateName(tt.name, tt.limit); got != tt.want {
			t.Errorf("TruncateName(%q, %d) = %q, want %q", tt.name, tt.limit, got, tt.want)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	for _, s := range []string{"report.pdf", " a. ", "e\u0301.txt", "a\u200d.b\u200d", "..", "\xff", "a:$DATA", "\ufeff", "x\u202e.y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		name, err := content.CleanName(raw)
		if err != nil {
			if name != "" || !file.Is(err, file.Invalid) {
				t.Fatalf("CleanName(%q) = %q, %v", raw, name, err)
			}
			return
		}
		if !utf8.ValidString(name) || !norm.NFC.IsNormalString(name) || len(name) > file.MaxNameBytes || name == "" {
			t.Fatalf("CleanName(%q) = %q: not in the clean form", raw, name)
		}
		if strings.ContainsAny(name, "/\\\x00\r\n") || strings.Trim(name, ". ") == "" || strings.HasSuffix(name, ".") {
			t.Fatalf("CleanName(%q) = %q: dangerous", raw, name)
		}
		if again, err := content.CleanName(name); err != nil || again != name {
			t.Fatalf("CleanName is not idempotent: %q, then %q, %v", name, again, err)
		}
		short := content.TruncateName(name, 20)
		if len(short) > 20 || !utf8.ValidString(short) {
			t.Fatalf("TruncateName(%q, 20) = %q", name, short)
		}
	})
}
