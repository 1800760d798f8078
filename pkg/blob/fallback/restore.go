package fallback

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/file"
)

var _ blob.Restorer = (*Store)(nil)

// Restore implements blob.Restorer: it puts the secondary's copy in the place of the primary's. The copy is read twice, as nothing is removed
// before it is known to be whole. Between the two the primary has none, and reads find the secondary's.
func (s *Store) Restore(ctx context.Context, key, digest string) (bool, error) {
	const op = "fallback.restore"
	whole, err := s.secondaryHas(ctx, key, digest)
	if err != nil || !whole {
		return false, err
	}
	if err := s.primary.Delete(ctx, key); err != nil {
		return false, err
	}
	r, err := s.secondary.Open(ctx, key)
	if err != nil {
		return false, err
	}
	defer r.Close()
	_, err = s.primary.Put(ctx, key, r, blob.PutOptions{Size: -1, Check: func(got blob.Info) error {
		if got.SHA256 != digest {
			return file.Errorf(file.Damaged, op, "the second copy has changed meanwhile")
		}
		return nil
	}})
	return err == nil, err
}

// secondaryHas reports whether the secondary has a blob with this SHA-256.
func (s *Store) secondaryHas(ctx context.Context, key, digest string) (bool, error) {
	r, err := s.secondary.Open(ctx, key)
	if file.Is(err, file.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return false, err
	}
	return hex.EncodeToString(h.Sum(nil)) == digest, nil
}
