package content

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/inlethq/inlet/pkg/file"
)

const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

// CleanName returns the name in the form that is stored: NFC, without the white space around it, at most
// file.MaxNameBytes bytes of UTF-8. Cleaning a clean name changes nothing.
//
// It refuses, as file.Invalid, what could be taken for a path, for another extension or for nothing: slashes of either
// kind, control characters and line separators, bidirectional controls and other invisible characters, a dot at the
// end (which covers "." and ".."), and an NTFS stream type (":$DATA"). Joiners and variation selectors are part of
// emoji and of some scripts, so they may stand before the extension. Device names of Windows (CON.txt) and a leading
// dash are allowed: a name is never used as a path here.
func CleanName(raw string) (string, error) {
	if len(raw) > 4*file.MaxNameBytes { // NFC shortens a text to no less than a third
		return "", badName("is longer than %d bytes", file.MaxNameBytes)
	}
	if !utf8.ValidString(raw) {
		return "", badName("is not valid UTF-8")
	}
	name := norm.NFC.String(raw)
	extension := len(name) - len(rawExtension(name))
	for i, r := range name {
		if why := forbidden(r, i >= extension); why != "" {
			return "", badName("%s", why)
		}
	}
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", badName("is empty")
	case strings.HasSuffix(name, "."):
		return "", badName("must not end in a dot")
	case strings.Contains(name, ":$"):
		return "", badName("must not name a stream")
	case len(name) > file.MaxNameBytes:
		return "", badName("is longer than %d bytes", file.MaxNameBytes)
	}
	return name, nil
}

func badName(format string, args ...any) error {
	return file.Errorf(file.Invalid, "content.name", "File name "+format, args...)
}

// forbidden says why r may not be part of a name, or nothing when it may.
func forbidden(r rune, inExtension bool) string {
	switch {
	case r == '/' || r == '\\':
		return "must not contain slashes"
	case unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp):
		return "must not contain control characters"
	case r == zeroWidthJoiner || r == zeroWidthNonJoiner || unicode.Is(unicode.Variation_Selector, r):
		if inExtension {
			return "must not contain invisible characters in its extension"
		}
	case unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point):
		return "must not contain invisible characters"
	}
	return ""
}

// Extension returns the extension of a name: its last dot and what follows, in lower case. It is empty when there is no
// dot, or none but the first or the last character: ".htaccess" and "name." have no extension, "a.tar.gz" has ".gz".
func Extension(name string) string { return strings.ToLower(rawExtension(name)) }

func rawExtension(name string) string {
	i := strings.LastIndexByte(name, '.')
	if i <= 0 || i == len(name)-1 {
		return ""
	}
	return name[i:]
}

// TruncateName shortens a name to at most limit bytes. It keeps the extension when that leaves room for at least one
// byte before it, and never cuts a character in two.
func TruncateName(name string, limit int) string {
	if len(name) <= limit {
		return name
	}
	ext := rawExtension(name)
	if len(ext) >= limit {
		ext = ""
	}
	stem := cut(name[:len(name)-len(ext)], limit-len(ext))
	if ext == "" {
		stem = strings.TrimRight(stem, ". ")
	}
	return stem + ext
}

// cut returns the longest prefix of s that has at most limit bytes and ends between two characters.
func cut(s string, limit int) string {
	if limit <= 0 {
		return ""
	}
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
