package fetch

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// maxURLBytes is the longest URL that is fetched, or followed.
const maxURLBytes = 2048

// checkURL parses what may be asked for at all: an absolute http or https URL without user information. Where it leads is not judged
// here: only the address of the connection can tell (see egress). Its errors do not repeat the URL.
func checkURL(raw string) (*url.URL, error) {
	if len(raw) > maxURLBytes {
		return nil, fmt.Errorf("a URL of %d bytes", len(raw))
	}
	if strings.ContainsFunc(raw, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return nil, errors.New("a URL with a control character") // url.Parse lets them pass in a fragment
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, withoutURL(err)
	}
	host := u.Hostname()
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("a URL of scheme %q", u.Scheme)
	case u.User != nil:
		return nil, errors.New("a URL with user information")
	case host == "":
		return nil, errors.New("a URL without a host")
	case strings.Contains(host, "%"):
		return nil, errors.New("a URL with a zone, which names an interface of this machine")
	case endsInNumber(host) && !isAddress(host):
		return nil, errors.New("a URL with a number for a host")
	}
	return u, nil
}

// endsInNumber reports whether a host can only be meant for an IPv4 address, in whatever notation: its last label is a decimal, octal
// or hexadecimal number, which no top-level domain is (WHATWG URL, "ends in a number checker"). Resolvers disagree on 127.1 and 0x7f.1,
// so only the one notation that means the same to all is fetched. An empty last label is no better.
func endsInNumber(host string) bool {
	host = strings.TrimSuffix(host, ".")
	last := strings.ToLower(host[strings.LastIndexByte(host, '.')+1:])
	digits := "0123456789"
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		last, digits = hex, digits+"abcdef"
	}
	return strings.Trim(last, digits) == ""
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// fileName is what the answer calls its file: filename* or else filename of Content-Disposition (RFC 6266, 4.3), or else the last segment
// of the URL that gave the answer, unescaped. It may be empty, and hold anything.
func fileName(h http.Header, u *url.URL) string {
	_, params, err := mime.ParseMediaType(h.Get("Content-Disposition"))
	if err == nil && params["filename"] != "" { // filename*, where both are there
		return params["filename"]
	}
	escaped := u.EscapedPath()
	name, err := url.PathUnescape(escaped[strings.LastIndexByte(escaped, '/')+1:])
	if err != nil {
		return ""
	}
	return name
}
