package mongo

import (
	"testing"

	"github.com/inlethq/inlet/pkg/file"
)

// A URI that asks for less than is promised is refused before anything is dialled.
func TestWeakWriteConcern(t *testing.T) {
	const base = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=1"
	for uri, want := range map[string]file.Kind{
		base:                              file.Unavailable,
		base + "&w=majority":              file.Unavailable,
		base + "&w=majority&journal=true": file.Unavailable,
		base + "&w=1":                     file.Invalid,
		base + "&w=0":                     file.Invalid,
		base + "&w=3":                     file.Invalid,
		base + "&w=tagged":                file.Invalid,
		base + "&journal=false":           file.Invalid,
	} {
		if _, err := Open(t.Context(), Config{URI: uri, Database: "d", Patience: 1}); !file.Is(err, want) {
			t.Errorf("%s: %v, want %s", uri, err, want)
		}
	}
}
