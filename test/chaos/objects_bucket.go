package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/harness/launch"
	"github.com/inlethq/inlet/test/samples"
)

// The S3 server's.
const (
	s3Key      = "inlet"
	s3Secret   = "inlet-secret"
	s3Region   = "us-east-1"
	bucketName = "inlet"
)

// newS3 starts an S3 server with its files in dir.
func newS3(ctx context.Context, dir string) (*peer, error) {
	buckets := filepath.Join(dir, "buckets")
	if err := os.MkdirAll(buckets, 0o750); err != nil {
		return nil, err
	}
	addr, err := launch.FreeAddr()
	if err != nil {
		return nil, err
	}
	return newPeer(ctx, "github.com/versity/versitygw/cmd/versitygw", dir, addr,
		"--port", addr, "--region", s3Region, "--access", s3Key, "--secret", s3Secret, "--keep-alive", "--quiet", "posix", buckets)
}

// bucket is the harness's own way to what Inlet has stored.
type bucket struct {
	core *minio.Core
}

func newBucket(addr string) (*bucket, error) {
	core, err := minio.NewCore(addr, &minio.Options{
		Creds: credentials.NewStaticV4(s3Key, s3Secret, ""), Region: s3Region, BucketLookup: minio.BucketLookupPath,
	})
	return &bucket{core: core}, err
}

// unfinished counts the multipart uploads that were begun and neither completed nor aborted.
func (o *objects) unfinished(ctx context.Context) (int, error) {
	page, err := o.bucket.core.ListMultipartUploads(ctx, bucketName, "", "", "", "", 1000)
	return len(page.Uploads), err
}

// sizes counts the objects of each size.
func (b *bucket) sizes(ctx context.Context) (map[int64]int, error) {
	sizes := map[int64]int{}
	for o := range b.core.ListObjectsIter(ctx, bucketName, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			return nil, o.Err
		}
		sizes[o.Size]++
	}
	return sizes, nil
}

// checkBucket waits until no multipart upload is left, and compares the bucket with the files: it has the bytes of each that is ready, its thumbnail,
// and nothing else.
func (o *objects) checkBucket(ctx context.Context) (string, error) {
	took, err := o.waitFinished(ctx)
	if err != nil {
		return "", err
	}
	sizes, err := o.bucket.sizes(ctx)
	if err != nil {
		return "", err
	}
	files, err := newChecker(o.trial, o.server.Client).list(ctx)
	if err != nil {
		return "", err
	}
	thumbnails, err := o.thumbnails(ctx, files)
	if err != nil {
		return "", err
	}
	objects, missing := 0, 0
	for _, n := range sizes {
		objects += n
	}
	for _, f := range files {
		if f.State != "ready" {
			continue
		}
		if sizes[f.Size] == 0 {
			missing++
			o.found.addf(untidy, "the bucket has no object for %s of %d bytes", f.ID, f.Size)
		}
		sizes[f.Size]--
	}
	rest := 0
	for _, n := range sizes {
		rest += n
	}
	if rest+missing != thumbnails {
		o.found.addf(untidy, "the bucket has %d objects besides those of files; there are %d thumbnails", rest+missing, thumbnails)
	}
	return fmt.Sprintf("none %.1f s into the look at the bucket, which has %d objects for %d files", took.Seconds(), objects, len(files)), nil
}

// thumbnails counts the files that have one, which a list does not tell.
func (o *objects) thumbnails(ctx context.Context, files []api.File) (int, error) {
	n := 0
	for _, f := range files {
		if f.State != "ready" || f.MimeType != samples.TypePNG {
			continue
		}
		whole, err := o.server.Get(ctx, f.ID)
		if err != nil {
			return 0, err
		}
		if whole.ThumbnailURL != "" {
			n++
		}
	}
	return n, nil
}

// waitFinished waits until the sweeper has aborted every multipart upload that a crash or a fault has left.
func (o *objects) waitFinished(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	tick := time.NewTicker(settlePause)
	defer tick.Stop()
	for {
		left, err := o.unfinished(ctx)
		took := time.Since(start)
		switch {
		case err != nil:
			return took, err
		case left == 0:
			return took, nil
		case took > careLimit:
			o.found.addf(untidy, "%d multipart uploads are left after the sweep", left)
			return took, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return took, ctx.Err()
		}
	}
}
