package s3

import (
	"context"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/inlethq/inlet/pkg/blob"
)

// List implements blob.Store. It holds one page of 1,000 objects in memory. An object whose name is no key is passed over.
func (s *Store) List(ctx context.Context, after string, fn func(blob.Info) error) error {
	const op = "s3.list"
	if err := blob.Cancelled(ctx, op); err != nil {
		return err
	}
	listing, stop := context.WithCancel(ctx)
	defer stop() // the iterator asks to be told when its rest is not wanted
	options := minio.ListObjectsOptions{Prefix: s.prefix, Recursive: true}
	if after != "" {
		options.StartAfter = s.object(after)
	}
	for o := range s.core.ListObjectsIter(listing, s.bucket, options) {
		if err := blob.Cancelled(ctx, op); err != nil {
			return err
		}
		if o.Err != nil {
			return fault(ctx, op, o.Err)
		}
		key := s.key(o.Key)
		if key <= after || blob.ValidKey(key) != nil {
			continue
		}
		if err := fn(blob.Info{Key: key, Size: o.Size, Modified: o.LastModified}); err != nil {
			return err
		}
	}
	return blob.Cancelled(ctx, op)
}

// SweepUnfinished implements blob.Janitor: it aborts multipart uploads, and removes what clients have posted.
func (s *Store) SweepUnfinished(ctx context.Context, before time.Time) (int, error) {
	const op = "s3.sweep"
	aborted, err := s.abortUploads(ctx, before)
	if err != nil {
		return aborted, fault(ctx, op, err)
	}
	removed, err := s.removePosted(ctx, before)
	return aborted + removed, fault(ctx, op, err)
}

// abortUploads aborts the multipart uploads that began before the given time, and counts them.
func (s *Store) abortUploads(ctx context.Context, before time.Time) (int, error) {
	aborted, keyMarker, idMarker := 0, "", ""
	for {
		page, err := s.core.ListMultipartUploads(ctx, s.bucket, s.prefix, keyMarker, idMarker, "", 1000)
		if err != nil {
			return aborted, err
		}
		for _, u := range page.Uploads {
			if !u.Initiated.Before(before) {
				continue
			}
			err := s.abort(ctx, u.Key, u.UploadID)
			if code(err) == minio.NoSuchUpload {
				continue // it ended by itself
			}
			if err != nil {
				return aborted, err
			}
			aborted++
		}
		if !page.IsTruncated {
			return aborted, nil
		}
		keyMarker, idMarker = page.NextKeyMarker, page.NextUploadIDMarker
	}
}

// abort drops the parts of a multipart upload.
func (s *Store) abort(ctx context.Context, object, id string) error {
	return s.ask(ctx, func(ctx context.Context) error {
		return s.core.AbortMultipartUpload(ctx, s.bucket, object, id)
	})
}
