package native

import (
	"net/http"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/file"
)

// The first bytes of files of some types.
const (
	jpegHead = "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"
	pngHead  = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
	pdfHead  = "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
	zipHead  = "PK\x03\x04\x14\x00\x00\x00\x08\x00"
	peHead   = "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00"
	htmlHead = "<!DOCTYPE html><html><body>hello</body></html>"
	jsonHead = `{"a": [1, 2, 3]}`
	textHead = "hello, this is a text\n"
	shHead   = "#!/bin/sh\nrm -rf /\n"
)

func TestRemoteName(t *testing.T) {
	long := strings.Repeat("a", 300)
	for _, c := range []struct{ called, head, want string }{
		{"report.pdf", pdfHead, "report.pdf"},
		{"photo.JPEG", jpegHead, "photo.JPEG"},
		{"report.pdf", jpegHead, "report.pdf"}, // a contradiction, which the door refuses
		{"photo.php", jpegHead, "photo.jpg"},
		{"photo.aspx", pngHead, "photo.png"},
		{"photo.jpg!large", jpegHead, "photo.jpg"},
		{"v1.2", pdfHead, "v1.pdf"},
		{"photo", jpegHead, "photo.jpg"},
		{".php", jpegHead, ".php.jpg"},
		{"notes", textHead, "notes.txt"},
		{"data", jsonHead, "data.json"},
		{"", jpegHead, "file.jpg"},
		{"", textHead, "file.txt"},
		{"../../etc/passwd", textHead, "passwd.txt"},
		{`C:\photos\a.jpg`, jpegHead, "a.jpg"},
		{"folder/", pngHead, "file.png"},
		{"a\u202egnp.exe", pngHead, "file.png"},
		{"\xff.pdf", pdfHead, "file.pdf"},
		{"a\r\nX: y.pdf", pdfHead, "file.pdf"},
		{long + ".pdf", pdfHead, long[:251] + ".pdf"},
		{long, pdfHead, long[:251] + ".pdf"},
		{long[:254], jpegHead, long[:251] + ".jpg"},
		{strings.Repeat("ä", 200), jpegHead, strings.Repeat("ä", 125) + ".jpg"},
		// what the policy refuses stays what it is
		{"setup.exe", peHead, "setup.exe"},
		{"setup", peHead, "setup"},
		{"app.js", textHead, "app.js"},
		{"app.py", textHead, "app.py"},
		{"app.php", textHead, "app.php"},
		{"page.aspx", jsonHead, "page.aspx"},
		{"run.sh", shHead, "run.sh"},
		{"run", shHead, "run"},
		{"app.jar", zipHead, "app.jar"},
		{"app.ipa", zipHead, "app.ipa"},
		{"notes.md", textHead, "notes.md"},
		{"page.html", htmlHead, "page.html"},
		{"page", htmlHead, "page"},
	} {
		got := remoteName(c.called, []byte(c.head), content.TagdAI)
		if got != c.want {
			t.Errorf("%q with %q is %q, want %q", c.called, c.head, got, c.want)
		}
	}
	if got := remoteName("notes.md", []byte(textHead), content.Generic); got != "notes.md" {
		t.Errorf("a policy that allows all turned notes.md into %q", got)
	}
}

func FuzzRemoteName(f *testing.F) {
	for _, called := range []string{"a.pdf", "photo.php", "", "a/b", ".", "İ.İ", "a.\u200d", strings.Repeat("é", 200) + ".x"} {
		for _, head := range []string{jpegHead, textHead, zipHead, peHead, ""} {
			f.Add(called, []byte(head))
		}
	}
	f.Fuzz(func(t *testing.T, called string, head []byte) {
		name := remoteName(called, head, content.TagdAI)
		if clean, err := content.CleanName(name); err != nil || clean != name {
			t.Errorf("%q became %q, which cannot be stored: %q, %v", called, name, clean, err)
		}
	})
}

func TestProvisionalName(t *testing.T) {
	for rawURL, want := range map[string]string{
		"https://example.com/a/report.pdf?sig=secret#x": "report.pdf",
		"https://example.com/my%20report.pdf":           "my report.pdf",
		"https://example.com/a%2Fb.pdf":                 "b.pdf",
		"https://example.com":                           unnamed,
		"https://example.com/a/":                        unnamed,
		"https://example.com/..":                        unnamed,
		"https://example.com/%zz":                       unnamed,
		"http://exa mple/a.pdf":                         unnamed,
		"not a URL":                                     "not a URL",
		"":                                              unnamed,
	} {
		if got := provisionalName(rawURL); got != want {
			t.Errorf("%q: %q, want %q", rawURL, got, want)
		}
	}
}

func TestReadFromURL(t *testing.T) {
	for _, text := range []string{
		"", "{}", "null", "[]", `"https://a"`, "{", `{"url": ""}`, `{"url": null}`, `{"url": 1}`, `{"url": ["https://a"]}`, `{"url": "https://a"} {}`,
		`{"url": "https://a", "size": 1}`, `{"url": "https://a", "headers": {}}`, `{"url": "https://a", "wait": "no"}`, `{"url": "https://a", "expires_in": true}`,
		`{"url": "https://a", "expires_in": "soon"}`,
	} {
		if _, err := readFromURL(strings.NewReader(text)); !file.Is(err, file.Invalid) || file.PublicText(err, "") == "" {
			t.Errorf("%s: %v", text, err)
		}
	}
	got, err := readFromURL(strings.NewReader(`{"url": "https://a", "name": "n", "description": "d", "expires_in": 60, "wait": false}`))
	if err != nil || got.URL != "https://a" || got.Name != "n" || got.Description != "d" || got.ExpiresIn != "60" || got.Wait == nil || *got.Wait {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestLater(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		wait   *bool
		prefer string
		want   bool
	}{
		{nil, "", false}, {&yes, "", false}, {&no, "", true},
		{nil, "respond-async", true}, {&yes, "respond-async", true}, {nil, "wait=0", false}, {nil, "wait=5, respond-async", true},
	} {
		if got := (fromURLBody{Wait: c.wait}).later(http.Header{"Prefer": {c.prefer}}); got != c.want {
			t.Errorf("wait %v, Prefer %q: %v", c.wait, c.prefer, got)
		}
	}
}
