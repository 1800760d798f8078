// Package blob is where bytes live: the Store interface that disk and S3 implement, and the pump that every
// store uses to copy and hash a stream.
//
// It knows keys and bytes. It does not know files, tenants or policy, and it never makes up a key.
package blob

import (
	"context"
	"io"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

// Info describes a stored blob.
type Info struct {
	Key      string
	Size     int64
	SHA256   string    // lower-case hex; known to Put, empty from Stat and List
	MD5      string    // lower-case hex; set by Put when it was asked for
	Modified time.Time // set by Stat and List
}

// PutOptions refine a Put.
type PutOptions struct {
	// Size is what the sender announced, or -1. It is a hint for the store, not a promise that it checks.
	Size int64
	// MD5 asks for an MD5 besides the SHA-256. It costs as much again.
	MD5 bool
	// Check runs when every byte is written and hashed, before the blob becomes visible. Its error aborts the Put and is returned as it is.
	Check func(Info) error
}

// Store keeps blobs. All methods may be called at the same time from many goroutines.
//
// A key is one to eight segments of [A-Za-z0-9._-] joined by "/", at most 512 bytes, a segment at most 255, no segment
// "." or ".."; anything else is file.Invalid (ValidKey). No key is the folder of another ("a" beside "a/b"): a store may
// refuse the second as a Conflict. A blob is never changed after its Put.
//
// Errors are *file.Error: NotFound for an absent key, NoSpace when the store is full, Cancelled when ctx ended,
// Unavailable for a store that is out, Internal for the rest. An error of the reader given to Put is returned as it is.
type Store interface {
	// Put streams r to its end into a new blob. When it returns nil the blob is complete, visible and on stable storage.
	// On an error nothing is visible under the key. A key that exists is a Conflict, and its blob stays as it was.
	// It holds a bounded number of bytes in memory, whatever the size.
	Put(ctx context.Context, key string, r io.Reader, o PutOptions) (Info, error)
	// Open returns the blob's bytes for reading and seeking, for one goroutine. The caller closes it.
	// It is good for as long as ctx is. A disk store returns an *os.File.
	Open(ctx context.Context, key string) (io.ReadSeekCloser, error)
	// Stat returns size and time.
	Stat(ctx context.Context, key string) (Info, error)
	// Delete removes the blob for good. Deleting what is absent is no error.
	Delete(ctx context.Context, key string) error
	// List calls fn for every blob whose key is greater than after, in the order of keys, until fn returns an error, which it returns.
	// Blobs that come or go during the walk may be missed or seen.
	List(ctx context.Context, after string, fn func(Info) error) error
}

// Janitor is a Store that can leave unfinished writes behind after a crash.
type Janitor interface {
	// SweepUnfinished removes what writes that began before the given time have left, and counts it.
	SweepUnfinished(ctx context.Context, before time.Time) (int, error)
	// Unfinished counts what SweepUnfinished would remove, and removes nothing.
	Unfinished(ctx context.Context, before time.Time) (int, error)
}

// Pinger is a Store that can say whether it would take a write now. Its error is Unavailable or NoSpace.
type Pinger interface {
	Ping(ctx context.Context) error
}

// Limits of a key. A segment is a file name on a disk: NAME_MAX of Linux is 255.
const (
	maxKey      = 512
	maxSegment  = 255
	maxSegments = 8
)

// ValidKey returns an Invalid error unless key has the form that Store demands.
func ValidKey(key string) error {
	bad := func() error { return &file.Error{Kind: file.Invalid, Op: "blob.key", Err: errKey} }
	if key == "" || len(key) > maxKey {
		return bad()
	}
	segments, start := 1, 0
	for i := 0; i <= len(key); i++ {
		if i < len(key) && key[i] != '/' {
			c := key[i]
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
				return bad()
			}
			continue
		}
		if s := key[start:i]; s == "" || s == "." || s == ".." || len(s) > maxSegment {
			return bad()
		}
		if i < len(key) {
			segments++
			start = i + 1
		}
	}
	if segments > maxSegments {
		return bad()
	}
	return nil
}
