package core

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/inlethq/inlet/pkg/file"
)

// displayText normalises a text that people read: NFC, trimmed, at most limit bytes, no control characters but line breaks and tabs.
func displayText(field, s string, limit int) (string, error) {
	if !utf8.ValidString(s) {
		return "", file.Errorf(file.Invalid, "text", "%s is not valid UTF-8", field)
	}
	s = strings.TrimSpace(norm.NFC.String(s))
	if len(s) > limit {
		return "", file.Errorf(file.Invalid, "text", "%s is longer than %d bytes", field, limit)
	}
	if i := strings.IndexFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' }); i >= 0 {
		return "", file.Errorf(file.Invalid, "text", "%s holds a control character", field)
	}
	return s, nil
}

// Megabytes writes a size as plans do: in whole or decimal MB (10^6 bytes), or in bytes below one.
func Megabytes(n int64) string {
	const mb = 1_000_000
	switch {
	case n < mb:
		return strconv.FormatInt(n, 10) + " bytes"
	case n%mb == 0:
		return strconv.FormatInt(n/mb, 10) + "MB"
	default:
		return strconv.FormatFloat(float64(n)/mb, 'f', 1, 64) + "MB"
	}
}
