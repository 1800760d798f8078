package fallback

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// TestRestore: a damaged blob is replaced by a copy that is whole, and by no other.
func TestRestore(t *testing.T) {
	stored, damaged := []byte("as it was stored"), []byte("as it has become")
	sum := sha256.Sum256(stored)
	for _, c := range []struct {
		name     string
		second   []byte // nil: there is none
		restored bool
	}{{"a whole copy", stored, true}, {"a copy that is damaged as well", damaged, false}, {"no copy", nil, false}} {
		s, primary, secondary := pair(t)
		put(t, primary, "a/b", damaged)
		if c.second != nil {
			put(t, secondary, "a/b", c.second)
		}
		restored, err := s.Restore(t.Context(), "a/b", hex.EncodeToString(sum[:]))
		if restored != c.restored || err != nil {
			t.Errorf("%s: %t, %v", c.name, restored, err)
		}
		want := damaged
		if c.restored {
			want = stored
		}
		if got := get(t, primary, "a/b"); !bytes.Equal(got, want) {
			t.Errorf("%s: the primary has %q", c.name, got)
		}
	}
}
