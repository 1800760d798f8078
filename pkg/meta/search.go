package meta

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/inlethq/inlet/pkg/file"
)

// Bounds of Query.Name, in bytes.
const (
	MinName = 2
	MaxName = 100
)

// Fold is the form in which names are compared: NFC, and of the letters that differ by case alone (unicode.SimpleFold) always the same one.
// It is no text to show.
func Fold(s string) string { return strings.Map(foldRune, norm.NFC.String(s)) }

// foldRune returns the small letter where ASCII has one, or else the first of the runes that differ by case alone.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		return unicode.ToLower(r)
	}
	first := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		first = min(first, next)
	}
	if first < utf8.RuneSelf { // the signs for kelvin and the long s
		return unicode.ToLower(first)
	}
	return first
}

// NameIndex is what a file is found by: its names, folded. The line end between them is in no name.
func NameIndex(name, originalName string) string {
	name, originalName = Fold(name), Fold(originalName)
	if originalName == "" || originalName == name {
		return name
	}
	return name + "\n" + originalName
}

// TypeIndex is a media type without its parameters, in small letters.
func TypeIndex(mediaType string) string {
	essence, _, _ := strings.Cut(mediaType, ";")
	return strings.ToLower(strings.TrimSpace(essence))
}

// TypeRange returns the types that q asks for: those from low on and below high. Both are empty when it asks for none.
func (q Query) TypeRange() (low, high string) {
	if q.Type == "" {
		return "", ""
	}
	if family, ok := strings.CutSuffix(q.Type, "/*"); ok {
		return TypeIndex(family) + "/", TypeIndex(family) + "0" // the byte after the slash
	}
	low = TypeIndex(q.Type)
	return low, low + "\x00"
}

// validateSearch returns an Invalid error for a name or a type that no file can have, or that would find too many.
func (q Query) validateSearch() error {
	if q.Name != "" && (len(q.Name) < MinName || len(q.Name) > MaxName || !utf8.ValidString(q.Name) || strings.ContainsFunc(q.Name, unicode.IsControl)) {
		return invalid("a name is searched by %d to %d bytes of text", MinName, MaxName)
	}
	family, kind, ok := strings.Cut(q.Type, "/")
	if q.Type != "" && (!ok || !validTypeName(family) || kind != "*" && !validTypeName(kind)) {
		return invalid("a type is one as in image/png, or a family as in image/*")
	}
	return nil
}

// maxTypeName bounds each half of a media type (RFC 6838, 4.2).
const maxTypeName = 127

func validTypeName(s string) bool {
	return s != "" && len(s) <= maxTypeName && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("!#$&-^_.+", r)
	})
}

// searched is what the drivers keep of f to find it by its name and type. What is deleted is not found by them any more.
func searched(f *file.File) (name, mediaType string) {
	if f.State == file.Deleting || f.State == file.Gone {
		return "", ""
	}
	return NameIndex(f.Name, f.OriginalName), TypeIndex(f.Type())
}
