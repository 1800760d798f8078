package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"

	"github.com/minio/minio-go/v7"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/file"
)

const opPut = "s3.put"

// putMark names the metadata that tells one Put's object from another's.
const putMark = "Inlet-Put"

// Put implements blob.Store. More than 10,000 parts are refused as TooLarge.
func (s *Store) Put(ctx context.Context, key string, r io.Reader, o blob.PutOptions) (blob.Info, error) {
	if err := blob.Admit(ctx, opPut, key); err != nil {
		return blob.Info{}, err
	}
	// Before anything is sent. If-None-Match decides in the end.
	_, err := s.stat(ctx, s.object(key))
	if err == nil {
		return blob.Info{}, file.Wrap(file.Conflict, opPut, errExists)
	}
	if !isAbsent(err) {
		return blob.Info{}, fault(ctx, opPut, err)
	}
	u := &upload{ctx: ctx, store: s, key: key, mark: rand.Text()}
	if o.Size > 0 {
		u.part = make([]byte, 0, min(o.Size, int64(s.partSize)))
	}
	info, err := u.run(r, o)
	if err != nil {
		u.abort()
		return blob.Info{}, err
	}
	return info, nil
}

var errExists = errors.New("the object exists")

// upload is one Put. What is written to it gathers in a part; a full one is sent, while the next fills, once more bytes
// have come. So an object of one part is still in memory when it ends, and is sent by a plain PUT.
type upload struct {
	ctx   context.Context // of the Put; an io.Writer has no other way to it
	store *Store
	key   string
	mark  string // unlike that of any other Put

	part  []byte // filling
	spare []byte // used before, for the next
	size  int64

	id      string // of the multipart upload; empty until one has begun
	parts   []minio.CompletePart
	sending chan sent // the part on its way; nil when none is
}

type sent struct {
	part minio.CompletePart
	buf  []byte
	err  error
}

func (u *upload) run(r io.Reader, o blob.PutOptions) (blob.Info, error) {
	info, err := blob.Pump(u.ctx, u, r, o.MD5)
	if err != nil {
		return info, err
	}
	info.Key = u.key
	if o.Check != nil {
		if err := o.Check(info); err != nil {
			return info, err
		}
	}
	if err := blob.Cancelled(u.ctx, opPut); err != nil {
		return info, err
	}
	return info, u.commit(info)
}

// Write implements io.Writer. Its errors are those of the store.
func (u *upload) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		if len(u.part) == u.store.partSize {
			if err := u.send(); err != nil {
				return written, fault(u.ctx, opPut, err)
			}
		}
		n := min(len(p)-written, u.store.partSize-len(u.part))
		u.grow(n)
		u.part = append(u.part, p[written:written+n]...)
		written += n
	}
	u.size += int64(written)
	return written, nil
}

// grow makes room for n bytes, in steps of four times as much: append's own would leave more garbage than the part is large.
func (u *upload) grow(n int) {
	need := len(u.part) + n
	if need <= cap(u.part) {
		return
	}
	size := min(max(need, 4*cap(u.part)), u.store.partSize)
	if u.id != "" {
		size = u.store.partSize
	}
	u.part = slices.Grow(u.part, size-len(u.part))
}

// send sets the part on its way, after the one before it has arrived.
func (u *upload) send() error {
	if err := u.await(); err != nil {
		return err
	}
	number := len(u.parts) + 1
	if number > maxParts {
		return file.Errorf(file.TooLarge, opPut, "more than %d bytes", maxParts*int64(u.store.partSize))
	}
	if u.id == "" {
		if err := u.begin(); err != nil {
			return err
		}
	}
	buf := u.part
	u.part, u.spare = u.spare[:0], nil
	u.sending = make(chan sent, 1)
	go func() { u.sending <- u.put(number, buf) }()
	return nil
}

// begin begins the multipart upload. One whose id was lost on its way is left for SweepUnfinished.
func (u *upload) begin() error {
	return u.store.do(u.ctx, func(ctx context.Context) (err error) {
		u.id, err = u.store.core.NewMultipartUpload(ctx, u.store.bucket, u.store.object(u.key), u.options())
		return err
	})
}

// put sends one part, with its digest for the server to check.
func (u *upload) put(number int, buf []byte) sent {
	sum := sha256.Sum256(buf)
	o := minio.PutObjectPartOptions{Sha256Hex: hex.EncodeToString(sum[:]), DisableContentSha256: true} // as in options
	done := sent{part: minio.CompletePart{PartNumber: number}, buf: buf}
	done.err = u.store.do(u.ctx, func(ctx context.Context) error {
		p, err := u.store.core.PutObjectPart(ctx, u.store.bucket, u.store.object(u.key), u.id, number,
			bytes.NewReader(buf), int64(len(buf)), o)
		done.part.ETag = p.ETag
		return err
	})
	return done
}

// await waits for the part that is on its way, if one is.
func (u *upload) await() error {
	if u.sending == nil {
		return nil
	}
	s := <-u.sending
	u.sending, u.spare = nil, s.buf
	if s.err == nil {
		u.parts = append(u.parts, s.part)
	}
	return s.err
}

// commit makes the object visible.
func (u *upload) commit(info blob.Info) error {
	if u.id != "" {
		err := u.send()
		if err == nil {
			err = u.await()
		}
		if err != nil {
			return fault(u.ctx, opPut, err)
		}
	}
	err := u.finish(info)
	if refused(err) && u.store.unconditional.CompareAndSwap(false, true) {
		err = u.finish(info)
	}
	if err != nil {
		return u.settle(err)
	}
	return nil
}

// finish makes the one request after which the object is there.
func (u *upload) finish(info blob.Info) error {
	o := u.options()
	if !u.store.unconditional.Load() {
		o.SetMatchETagExcept("*")
	}
	return u.store.do(u.ctx, func(ctx context.Context) (err error) {
		if u.id == "" {
			_, err = u.store.core.PutObject(ctx, u.store.bucket, u.store.object(u.key),
				bytes.NewReader(u.part), int64(len(u.part)), "", info.SHA256, o)
		} else {
			// An error in the body of a 200 is one that the client returns.
			_, err = u.store.core.CompleteMultipartUpload(ctx, u.store.bucket, u.store.object(u.key), u.id, u.parts, o)
		}
		return err
	})
}

// settle finds out what became of an object whose last request failed. It may have been carried out all the same: the answer was
// lost, or the client repeated the request and was told that the object, its own, exists.
func (u *upload) settle(cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.ctx), tidyTimeout)
	defer cancel()
	o, err := u.store.stat(ctx, u.store.object(u.key))
	switch {
	case err != nil:
		// Absent, or still not known: then it may yet appear, as bytes without a record. Nobody knows of a conflict then either.
		if err := fault(u.ctx, opPut, cause); !file.Is(err, file.Conflict) {
			return err
		}
		return file.Wrap(file.Unavailable, opPut, errors.Join(cause, err))
	case o.UserMetadata[putMark] == u.mark && o.Size == u.size:
		return nil
	}
	return file.Wrap(file.Conflict, opPut, cause)
}

// abort drops what was sent of a multipart upload. What it cannot drop is left for SweepUnfinished.
func (u *upload) abort() {
	_ = u.await()
	if u.id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.ctx), tidyTimeout)
	defer cancel()
	_ = u.store.abort(ctx, u.store.object(u.key), u.id)
}

func (u *upload) options() minio.PutObjectOptions {
	return minio.PutObjectOptions{
		UserMetadata: map[string]string{putMark: u.mark},
		// The digest of the whole body is known and signed. Without this the client would, over http, sign chunk by chunk
		// instead, and hash everything once more.
		DisableContentSha256: true,
	}
}
