// Package s3 keeps blobs as objects in one bucket of any server that speaks S3.
//
// An object appears when it is whole and checked: a small one by a single PUT from memory, a large one by completing a
// multipart upload. It is created under If-None-Match: *, so it never replaces another. Against a server that does not know
// that header only a look beforehand protects a key, which is enough for keys that are made up by us and used once.
//
// A request that stands still is given up and, its body being in memory, repeated within a bound; an answer that breaks off is resumed. A server that is
// out is known to be: until it is back, operations fail at once as Unavailable.
//
// What clients post to the bucket themselves (blob.Poster) is staged below a prefix of its own, until it is copied or swept.
//
// It does not presign reads, and it does not set the bucket's policy, life cycle or encryption: those are the operator's.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/sign"
)

// Config says where the bucket is.
type Config struct {
	Endpoint  string // host or host:port
	Region    string // empty: us-east-1
	Bucket    string // made by Open if it is missing and may be made; see Existing
	AccessKey string
	SecretKey string
	Prefix    string // of all keys, as "inlet/blobs"; empty for the whole bucket
	Insecure  bool   // http, for a server on the same machine or network
	PathStyle bool   // the bucket in the path and not in the host name; most servers but Amazon's want it
	PartSize  int64  // bytes of a part of a large object, MinPartSize or more; 0 means 8 MiB. A Put holds up to two in memory.

	Existing bool // a bucket that is missing is an error, and not made

	// PublicEndpoint is the http or https URL at which clients reach the server, to post to it. Empty: that of Endpoint.
	PublicEndpoint string
}

// Limits of S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
const (
	MinPartSize     = 5 << 20
	maxParts        = 10_000
	defaultPartSize = 8 << 20
)

const (
	// attempts is how often a request is made that may be repeated: its body, if it has one, is in memory. The client waits in between, for a
	// time of chance that doubles from 200 ms to 1 s.
	attempts    = 5
	dialTimeout = time.Second
	// tidyTimeout bounds what is done for a Put after its own context may have ended.
	tidyTimeout = 10 * time.Second
)

// Store is a blob.Store on a bucket.
type Store struct {
	core     minio.Core
	circuit  *circuit
	patience patience
	bucket   string
	prefix   string // empty, or with a "/" at its end
	partSize int

	postURL string           // of the bucket, for clients
	signer  sign.Credentials // of forms

	versioned     bool        // a plain delete would only hide the object
	unconditional atomic.Bool // the server has refused If-None-Match
}

var (
	_ blob.Store   = (*Store)(nil)
	_ blob.Janitor = (*Store)(nil)
	_ blob.Pinger  = (*Store)(nil)
	_ blob.Poster  = (*Store)(nil)
)

// Open reaches the bucket, and makes it if it is missing. Its error is Unavailable while the server is out, and ErrCredentials is in its chain when that is
// the reason.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	const op = "s3.open"
	s, err := newStore(cfg)
	if err != nil {
		return nil, file.Wrap(file.Invalid, op, err)
	}
	if err := s.ensureBucket(ctx, cfg); err != nil {
		return nil, fault(ctx, op, fmt.Errorf("bucket %s at %s: %w", cfg.Bucket, cfg.Endpoint, explained(err)))
	}
	if s.versioned, err = s.keepsVersions(ctx); err != nil {
		return nil, fault(ctx, op, fmt.Errorf("versioning of bucket %s at %s: %w", cfg.Bucket, cfg.Endpoint, explained(err)))
	}
	return s, nil
}

func newStore(cfg Config) (*Store, error) {
	if cfg.Prefix != "" {
		if err := blob.ValidKey(cfg.Prefix); err != nil {
			return nil, fmt.Errorf("prefix %q: %w", cfg.Prefix, err)
		}
		cfg.Prefix += "/"
	}
	if cfg.PartSize == 0 {
		cfg.PartSize = defaultPartSize
	}
	if cfg.PartSize < MinPartSize || cfg.PartSize > 1<<30 {
		return nil, fmt.Errorf("part size %d is not between %d and %d", cfg.PartSize, MinPartSize, 1<<30)
	}
	if cfg.Region == "" {
		cfg.Region = "us-east-1" // or the client asks the server before each first request
	}
	postURL, err := cfg.postURL()
	if err != nil {
		return nil, err
	}
	way, err := minio.DefaultTransport(!cfg.Insecure)
	if err != nil {
		return nil, err
	}
	way.DialContext = (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext
	way.ResponseHeaderTimeout = 0 // our transport's
	circuit := newCircuit(time.Now)
	lookup := minio.BucketLookupAuto
	if cfg.PathStyle {
		lookup = minio.BucketLookupPath
	}
	core, err := minio.NewCore(cfg.Endpoint, &minio.Options{
		Creds:        credentials.NewStaticV4(cfg.AccessKey, cfg.SecretKey, ""),
		Secure:       !cfg.Insecure,
		Transport:    &transport{next: way, circuit: circuit, patience: defaultPatience},
		Region:       cfg.Region,
		BucketLookup: lookup,
		MaxRetries:   attempts,
	})
	if err != nil {
		return nil, err
	}
	return &Store{
		core: *core, circuit: circuit, patience: defaultPatience, bucket: cfg.Bucket, prefix: cfg.Prefix, partSize: int(cfg.PartSize), postURL: postURL,
		signer: sign.Credentials{AccessKey: cfg.AccessKey, SecretKey: cfg.SecretKey, Region: cfg.Region},
	}, nil
}

func (s *Store) ensureBucket(ctx context.Context, cfg Config) error {
	exists, err := s.core.BucketExists(ctx, s.bucket)
	if err != nil || exists {
		return err
	}
	if cfg.Existing {
		return file.Wrap(file.Invalid, "s3.bucket", errNoBucket)
	}
	err = s.core.MakeBucket(ctx, s.bucket, minio.MakeBucketOptions{Region: cfg.Region})
	if code(err) == minio.BucketAlreadyOwnedByYou { // another process was faster
		return nil
	}
	return err
}

// keepsVersions reports whether a delete leaves an older version. A server without versions need not know the question.
func (s *Store) keepsVersions(ctx context.Context) (bool, error) {
	v, err := s.core.GetBucketVersioning(ctx, s.bucket)
	if refused(err) {
		return false, nil
	}
	return v.Status != "", err // suspended versioning keeps those there were
}

// Open implements blob.Store. It asks for the size only: bytes are fetched from where the first Read is.
func (s *Store) Open(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	const op = "s3.open_object"
	if err := blob.Admit(ctx, op, key); err != nil {
		return nil, err
	}
	o, err := s.find(ctx, s.object(key))
	if err != nil {
		return nil, fault(ctx, op, err)
	}
	return &reader{ctx: ctx, store: s, object: s.object(key), size: o.Size}, nil
}

// Stat implements blob.Store.
func (s *Store) Stat(ctx context.Context, key string) (blob.Info, error) {
	const op = "s3.stat"
	if err := blob.Admit(ctx, op, key); err != nil {
		return blob.Info{}, err
	}
	o, err := s.find(ctx, s.object(key))
	if err != nil {
		return blob.Info{}, fault(ctx, op, err)
	}
	return blob.Info{Key: key, Size: o.Size, Modified: o.LastModified}, nil
}

// Delete implements blob.Store. In a bucket with versions it removes every one.
func (s *Store) Delete(ctx context.Context, key string) error {
	const op = "s3.delete"
	if err := blob.Admit(ctx, op, key); err != nil {
		return err
	}
	return fault(ctx, op, s.erase(ctx, s.object(key)))
}

// erase removes an object for good; one that is absent is no error.
func (s *Store) erase(ctx context.Context, object string) error {
	if s.versioned {
		return s.eraseVersions(ctx, object)
	}
	return s.remove(ctx, object, "")
}

func (s *Store) eraseVersions(ctx context.Context, object string) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	versions := s.core.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: object, Recursive: true, WithVersions: true})
	for v := range versions {
		if v.Err != nil {
			return v.Err
		}
		if v.Key != object {
			break // the name is only the start of this one and of all that follow
		}
		if err := s.remove(ctx, object, v.VersionID); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) remove(ctx context.Context, object, version string) error {
	err := s.ask(ctx, func(ctx context.Context) error {
		return s.core.RemoveObject(ctx, s.bucket, object, minio.RemoveObjectOptions{VersionID: version})
	})
	if isAbsent(err) {
		return nil
	}
	return err
}

// Ping implements blob.Pinger. It sees that the bucket answers, not that it has room.
func (s *Store) Ping(ctx context.Context) error {
	const op = "s3.ping"
	var exists bool
	err := s.ask(ctx, func(ctx context.Context) (err error) {
		exists, err = s.core.BucketExists(ctx, s.bucket)
		return err
	})
	if err == nil && !exists {
		err = errBucketGone
	}
	return file.Wrap(file.Unavailable, op, err)
}

// stat asks for an object's size, time and metadata. That it is absent, find knows better.
func (s *Store) stat(ctx context.Context, object string) (o minio.ObjectInfo, err error) {
	err = s.ask(ctx, func(ctx context.Context) (err error) {
		o, err = s.core.StatObject(ctx, s.bucket, object, minio.StatObjectOptions{})
		return err
	})
	return o, err
}

// find is stat for who takes the word of the server that an object is absent. The answer to a HEAD has no body: its 404 may mean the object, the
// bucket, or that something before the server has no such page. So the server is asked once more, in a way that makes it say which.
func (s *Store) find(ctx context.Context, object string) (minio.ObjectInfo, error) {
	o, err := s.stat(ctx, object)
	if !isAbsent(err) {
		return o, err
	}
	return minio.ObjectInfo{}, s.ask(ctx, func(ctx context.Context) error {
		body, _, _, err := s.core.GetObject(ctx, s.bucket, object, minio.GetObjectOptions{})
		if err != nil {
			return err
		}
		return errors.Join(file.Wrap(file.Unavailable, "s3.find", errContradiction), body.Close())
	})
}

var (
	errNoBucket      = errors.New("there is no such bucket")
	errBucketGone    = errors.New("the bucket is gone")
	errContradiction = errors.New("the server says that the object is absent, and gives its bytes")
)

// object is the name of a key in the bucket.
func (s *Store) object(key string) string { return s.prefix + key }

// key is the reverse of object.
func (s *Store) key(object string) string { return strings.TrimPrefix(object, s.prefix) }
