package blob

import "context"

// Restorer is a Store that may have another copy of a blob.
type Restorer interface {
	// Restore puts the other copy in the place of a blob that is damaged, and reports whether it has: it does so only with one that has
	// this SHA-256, in lower-case hex. Without one, the blob stays as it is.
	Restore(ctx context.Context, key, sha256 string) (restored bool, err error)
}
