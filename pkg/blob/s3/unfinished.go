package s3

import (
	"context"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/inlethq/inlet/pkg/blob"
)

var _ blob.PrefixLister = (*Store)(nil)

// Unfinished implements blob.Janitor: it counts the multipart uploads that began, and what clients have posted, before the given time.
func (s *Store) Unfinished(ctx context.Context, before time.Time) (int, error) {
	const op = "s3.unfinished"
	n, keyMarker, idMarker := 0, "", ""
	for {
		page, err := s.core.ListMultipartUploads(ctx, s.bucket, s.prefix, keyMarker, idMarker, "", 1000)
		if err != nil {
			return n, fault(ctx, op, err)
		}
		for _, u := range page.Uploads {
			if u.Initiated.Before(before) {
				n++
			}
		}
		if !page.IsTruncated {
			break
		}
		keyMarker, idMarker = page.NextKeyMarker, page.NextUploadIDMarker
	}
	err := s.eachBelow(ctx, s.prefix+staging, func(o minio.ObjectInfo) error {
		if o.LastModified.Before(before) {
			n++
		}
		return nil
	})
	return n, fault(ctx, op, err)
}

// ListPrefix implements blob.PrefixLister.
func (s *Store) ListPrefix(ctx context.Context, prefix string, fn func(blob.Info) error) error {
	const op = "s3.list"
	if err := blob.Admit(ctx, op, prefix); err != nil {
		return err
	}
	var stopped error
	err := s.eachBelow(ctx, s.object(prefix), func(o minio.ObjectInfo) error {
		if key := s.key(o.Key); key != prefix && blob.ValidKey(key) == nil {
			stopped = fn(blob.Info{Key: key, Size: o.Size, Modified: o.LastModified})
		}
		return stopped
	})
	if stopped != nil {
		return stopped
	}
	return fault(ctx, op, err)
}

// eachBelow calls fn for every object whose name begins with prefix, until fn returns an error, which it returns.
func (s *Store) eachBelow(ctx context.Context, prefix string, fn func(minio.ObjectInfo) error) error {
	listing, stop := context.WithCancel(ctx)
	defer stop()
	for o := range s.core.ListObjectsIter(listing, s.bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			return o.Err
		}
		if err := fn(o); err != nil {
			return err
		}
	}
	return ctx.Err()
}
