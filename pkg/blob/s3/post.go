package s3

import (
	"context"
	"errors"
	"io"
	"net/url"
	"slices"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/sign"
)

// staging begins the names of what clients have posted, below the prefix of all keys. No key begins like that: "!" is none of
// its characters, though one that S3 calls safe. https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
const staging = "!staging/"

// maxPost is the largest object that one request can send: https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html
const maxPost = 5 << 30

var (
	errPublicEndpoint = errors.New("the public endpoint is not a plain http or https URL")
	errPostSize       = errors.New("the sizes of a posted object make no range")
	errPostType       = errors.New("a posted object needs a content type")
	errPostStatus     = errors.New("the status of a posted object is not 200, 201 or 204")
)

// postURL is where clients send a form: the bucket in the path, whatever the server's host name is.
func (c *Config) postURL() (string, error) {
	endpoint := c.PublicEndpoint
	if endpoint == "" {
		endpoint = "https://" + c.Endpoint
		if c.Insecure {
			endpoint = "http://" + c.Endpoint
		}
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errPublicEndpoint
	}
	return u.JoinPath(c.Bucket, "/").String(), nil
}

// Post implements blob.Poster. S3 takes at most 5 GiB this way.
func (s *Store) Post(ctx context.Context, key string, o blob.PostOptions) (blob.PostForm, error) {
	const op = "s3.post"
	if err := blob.Admit(ctx, op, key); err != nil {
		return blob.PostForm{}, err
	}
	o.MaxSize = min(o.MaxSize, maxPost)
	if err := checkPost(o); err != nil {
		return blob.PostForm{}, file.Wrap(file.Invalid, op, err)
	}
	post := sign.Post{
		Bucket: s.bucket, Key: s.staged(key), ContentType: o.ContentType, MinSize: o.MinSize, MaxSize: o.MaxSize,
		SuccessStatus: o.SuccessStatus, Expires: o.Expires,
	}
	return blob.PostForm{URL: s.postURL, Fields: post.Sign(s.signer, time.Now())}, nil
}

func checkPost(o blob.PostOptions) error {
	switch {
	case o.MinSize < 0 || o.MinSize > o.MaxSize:
		return errPostSize
	case o.ContentType == "": // clients leave out what is empty, and the policy asks for every field
		return errPostType
	case !slices.Contains([]string{"200", "201", "204"}, o.SuccessStatus):
		return errPostStatus
	}
	return nil
}

// OpenPosted implements blob.Poster.
func (s *Store) OpenPosted(ctx context.Context, key string) (io.ReadSeekCloser, blob.Info, error) {
	const op = "s3.open_posted"
	if err := blob.Admit(ctx, op, key); err != nil {
		return nil, blob.Info{}, err
	}
	object := s.staged(key)
	o, err := s.find(ctx, object)
	if err != nil {
		return nil, blob.Info{}, fault(ctx, op, err)
	}
	r := &reader{ctx: ctx, store: s, object: object, etag: o.ETag, size: o.Size}
	return r, blob.Info{Key: key, Size: o.Size, Modified: o.LastModified}, nil
}

// DeletePosted implements blob.Poster. In a bucket with versions it removes every one.
func (s *Store) DeletePosted(ctx context.Context, key string) error {
	const op = "s3.delete_posted"
	if err := blob.Admit(ctx, op, key); err != nil {
		return err
	}
	return fault(ctx, op, s.erase(ctx, s.staged(key)))
}

// removePosted removes what was posted before the given time, and counts it.
func (s *Store) removePosted(ctx context.Context, before time.Time) (int, error) {
	listing, stop := context.WithCancel(ctx)
	defer stop()
	removed := 0
	for o := range s.core.ListObjectsIter(listing, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix + staging, Recursive: true}) {
		if o.Err != nil {
			return removed, o.Err
		}
		if !o.LastModified.Before(before) {
			continue
		}
		if err := s.erase(ctx, o.Key); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// staged is the name under which what is posted under key arrives.
func (s *Store) staged(key string) string { return s.prefix + staging + key }
