package core

import (
	"fmt"
	"strings"

	"github.com/inlethq/inlet/pkg/file"
)

// Blob keys are made here and nowhere else, from the tenant and the file's id, never from a name that somebody sent:
//
//	<tenant>/<last two of the id>/<id>            the bytes
//	<tenant>/<last two of the id>/<id>.<name>.<n> a variant, made under claim n
//
// The last two characters of a ULID are random: they spread a tenant's files over 1,024 folders. The claim's number keeps two workers
// that make the same variant apart, so that the loser's bytes can be removed without a look at the winner's.

func originalKey(t file.Tenant, id file.ID) string {
	return string(t) + "/" + string(id[len(id)-2:]) + "/" + string(id)
}

func variantKey(t file.Tenant, id file.ID, name string, token int64) string {
	return fmt.Sprintf("%s.%s.%d", originalKey(t, id), name, token)
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
