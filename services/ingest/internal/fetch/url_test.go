package fetch

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestGoodURLs(t *testing.T) {
	for _, raw := range []string{
		"http://example.com",
		"HTTPS://EXAMPLE.COM/",
		"https://example.com:443/a/b.pdf?x=y&z=%0d%0a#part",
		"https://example.com./a b.pdf",
		"http://example.com:/a",
		"http://1.1.1.1/",
		"http://[2606:4700:4700::1111]:80/",
		"https://xn--mnchen-3ya.de/",
		"https://münchen.de/straße.pdf",
		"http://1.example.com/",
		"http://0xabc.example/",
		"http://127.0.0.1.example.com/",
		"http://0xcafe.cafe/",
		"http://example.com/" + strings.Repeat("a", maxURLBytes-len("http://example.com/")),
	} {
		if _, err := checkURL(raw); err != nil {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

// TestBadURLs has those that a line of testdata/blocked.txt cannot hold.
func TestBadURLs(t *testing.T) {
	names := &nameserver{}
	c := New(Config{Resolver: names.resolver(t)})
	for name, raw := range map[string]string{
		"empty":                 "",
		"one byte too long":     "http://example.com/" + strings.Repeat("a", maxURLBytes+1-len("http://example.com/")),
		"CR LF in the path":     "http://example.com/\r\nHost: other",
		"CR LF in the query":    "http://example.com/?a=\r\nX: y",
		"CR LF in the fragment": "http://example.com/#\r\nX: y",
		"CR LF in the host":     "http://example.com\r\nX: y/",
		"line feed at the end":  "http://example.com/\n",
		"tab in the scheme":     "ht\ttp://example.com/",
		"NUL":                   "http://example.com/\x00",
		"DEL":                   "http://example.com/\x7f",
		"space before":          " http://example.com/",
		"zone":                  "http://[2606:4700::1%25eth0]/",
		"zone that is no text":  "http://[2606:4700::1%25\x98]/",
		"empty last label":      "http://example..",
	} {
		t.Run(name, func(t *testing.T) {
			_ = getRefused(t, c, raw)
			if u, err := checkURL(raw); err == nil { // however far the fetch would have come
				t.Errorf("passes as %q", u)
			}
		})
	}
}

func TestErrorsDoNotRepeatTheURL(t *testing.T) {
	_, err := checkURL("http://user:secret@[::1/?sig=secret")
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v: it is logged", err)
	}
}

func TestFileName(t *testing.T) {
	for name, c := range map[string]struct{ disposition, path, want string }{
		"path":                     {"", "/a/b.pdf", "b.pdf"},
		"path, escaped":            {"", "/a/%C3%A4%20b.pdf", "ä b.pdf"},
		"path, escaped slash":      {"", "/a/..%2F..%2Fb.pdf", "../../b.pdf"},
		"path, escaped percent":    {"", "/a/b%2525.pdf", "b%25.pdf"},
		"path, not a file":         {"", "/a/", ""},
		"no path":                  {"", "", ""},
		"query is no name":         {"", "/a?b=/c.pdf", "a"},
		"filename":                 {`attachment; filename="x.pdf"`, "/a.pdf", "x.pdf"},
		"filename, a token":        {`attachment; filename=x.pdf`, "/a.pdf", "x.pdf"},
		"filename, inline":         {`inline; filename="x.pdf"`, "/a.pdf", "x.pdf"},
		"filename, a path":         {`attachment; filename="../../etc/passwd"`, "/a.pdf", "../../etc/passwd"},
		"filename, empty":          {`attachment; filename=""`, "/a.pdf", "a.pdf"},
		"filename* alone":          {`attachment; filename*=UTF-8''%C3%A4.pdf`, "/a.pdf", "ä.pdf"},
		"filename* after":          {`attachment; filename="x.pdf"; filename*=UTF-8''%C3%A4.pdf`, "/a.pdf", "ä.pdf"},
		"filename* before":         {`attachment; filename*=UTF-8''%C3%A4.pdf; filename="x.pdf"`, "/a.pdf", "ä.pdf"},
		"filename*, other charset": {`attachment; filename="x.pdf"; filename*=ISO-8859-1''%E4.pdf`, "/a.pdf", "x.pdf"},
		"filename twice":           {`attachment; filename="x.pdf"; filename="y.pdf"`, "/a.pdf", "a.pdf"},
		"no parameter":             {`attachment`, "/a.pdf", "a.pdf"},
		"malformed":                {`attachment; filename=x y.pdf`, "/a.pdf", "a.pdf"},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := url.Parse("http://example.com" + c.path)
			if err != nil {
				t.Fatal(err)
			}
			if got := fileName(http.Header{"Content-Disposition": {c.disposition}}, u); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, raw := range blocked(f) {
		f.Add(raw)
	}
	f.Add("https://example.com:443/a/b.pdf?x=y#part")
	f.Add("http://[2606:4700:4700::1111]/")
	f.Add("http://münchen.de/\r\n")
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := checkURL(raw)
		if err != nil {
			return
		}
		switch host := u.Hostname(); {
		case u.Scheme != "http" && u.Scheme != "https", u.User != nil, u.Opaque != "", host == "", len(raw) > maxURLBytes:
			t.Errorf("%q passes", raw)
		case strings.Trim(host, "0123456789.") == "" && !isAddress(host):
			t.Errorf("%q passes: resolvers disagree on its host", raw)
		case strings.ContainsAny(u.String(), "\r\n\x00"):
			t.Errorf("%q passes as %q", raw, u)
		}
		again, err := http.NewRequest(http.MethodGet, u.String(), nil)
		if err != nil {
			t.Fatalf("%q passes, and cannot be asked for: %v", raw, err)
		}
		if again.URL.Hostname() != u.Hostname() || again.URL.User != nil {
			t.Errorf("%q was judged as %q and is asked for as %q", raw, u, again.URL)
		}
	})
}
