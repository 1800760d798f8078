package core

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/inlethq/inlet/pkg/file"
)

// Blob keys are made here and nowhere else, from the tenant and the file's id, never from a name that somebody sent:
//
//	<tenant>/<last two of the id>/<id>            the bytes
//	<tenant>/<last two of the id>/<id>.<name>.<n> a variant, made under claim n
//	<tenant>/<last two of the id>/<id>.piece.<n>  the bytes from offset n on of an upload in pieces
//
// The last two characters of a ULID are random: they spread a tenant's files over 1,024 folders. The claim's number keeps two workers
// that make the same variant apart, so that the loser's bytes can be removed without a look at the winner's.

func originalKey(t file.Tenant, id file.ID) string {
	return string(t) + "/" + string(id[len(id)-2:]) + "/" + string(id)
}

func variantKey(t file.Tenant, id file.ID, name string, token int64) string {
	return fmt.Sprintf("%s.%s.%d", originalKey(t, id), name, token)
}

// pieceMark stands between a file's key and the offset of a piece. No variant is called like that.
const pieceMark = ".piece."

// pieceKey is where a piece of an upload is, which begins at offset.
func pieceKey(f *file.File, offset int64) string {
	return fmt.Sprintf("%s%s%019d", originalKey(f.Tenant, f.ID), pieceMark, offset)
}

// pieceOffset is the offset in the key of a piece; ok is false for another key.
func pieceOffset(key string) (offset int64, ok bool) {
	_, text, found := strings.Cut(key, pieceMark)
	if !found {
		return 0, false
	}
	offset, err := strconv.ParseInt(text, 10, 64)
	return offset, err == nil
}

// parseKey returns whose blob a key names; ok is false for a key that was not made here.
func parseKey(key string) (t file.Tenant, id file.ID, ok bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 3 {
		return "", "", false
	}
	base, _, _ := strings.Cut(parts[2], ".")
	id, err := file.ParseID(base)
	if err != nil || string(id) != base || !strings.HasSuffix(base, parts[1]) {
		return "", "", false
	}
	return file.Tenant(parts[0]), id, true
}
