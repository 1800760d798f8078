package file

import (
	"strconv"
	"strings"
)

// ID identifies a file everywhere: a ULID in its canonical form, 26 upper-case characters of Crockford's base 32.
type ID string

const (
	idLen    = 26
	crockfrd = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)

// MaxNumber is the largest Number: 2^53-1, so that a JavaScript client reads it exactly.
const MaxNumber = 1<<53 - 1

// ParseID accepts a ULID in either case and returns its canonical form.
func ParseID(s string) (ID, error) {
	if len(s) != idLen || s[0] > '7' {
		return "", Errorf(Invalid, "id", "a file id has %d characters of base 32", idLen)
	}
	up := strings.ToUpper(s)
	for i := range len(up) {
		if strings.IndexByte(crockfrd, up[i]) < 0 {
			return "", Errorf(Invalid, "id", "a file id has %d characters of base 32", idLen)
		}
	}
	return ID(up), nil
}

// Ref names one file of a tenant in one of three ways. Exactly one field is set.
type Ref struct {
	ID     ID
	Number int64
	Path   string
}

// ByID names a file by its id.
func ByID(id ID) Ref { return Ref{ID: id} }

// ByNumber names a file by its Number.
func ByNumber(n int64) Ref { return Ref{Number: n} }

// ByPath names a file by its Path.
func ByPath(path string) Ref { return Ref{Path: path} }

// ParseRef reads the forms that the native API takes in a URL: file_<ULID>, a bare ULID, or the number.
func ParseRef(s string) (Ref, error) {
	if id, err := ParseID(strings.TrimPrefix(s, "file_")); err == nil {
		return ByID(id), nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 && n <= MaxNumber && s[0] != '+' {
		return ByNumber(n), nil
	}
	return Ref{}, Errorf(Invalid, "id", "not a file id")
}
