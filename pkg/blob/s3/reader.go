package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/minio/minio-go/v7"

	"github.com/inlethq/inlet/pkg/file"
)

const opRead = "s3.read"

// reader reads an object from where it stands. It asks for the bytes at the first Read after it was opened or moved,
// so that a seek costs nothing, and reads no further ahead than the connection does. An answer that breaks off is followed by a request for the rest.
type reader struct {
	ctx    context.Context // of the Open; an io.Reader has no other way to it
	store  *Store
	object string
	etag   string // when set, the bytes are those of this version or there is a Conflict
	size   int64
	at     int64
	body   io.ReadCloser           // of the request for what follows at; nil when there is none
	cancel context.CancelCauseFunc // of body
	closed bool
}

// maxBroken is how many answers in a row may break off before their first byte.
const maxBroken = 3

var errOutside = errors.New("seek to before the start, or from nowhere")

func (r *reader) Read(p []byte) (int, error) {
	switch {
	case r.closed:
		return 0, fs.ErrClosed
	case r.at >= r.size:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	}
	for broken := 0; ; {
		if r.body == nil {
			if err := r.fetch(); err != nil {
				return 0, fault(r.ctx, opRead, err)
			}
		}
		n, err := r.body.Read(p)
		r.at += int64(n)
		if err == nil || err == io.EOF && r.at >= r.size {
			return n, err
		}
		r.drop()
		if n > 0 {
			return n, nil // the next Read asks for what is missing
		}
		if broken++; broken == maxBroken {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, fault(r.ctx, opRead, err)
		}
	}
}

// fetch asks for what follows r.at.
func (r *reader) fetch() error {
	var o minio.GetObjectOptions
	if r.etag != "" {
		if err := o.SetMatchETag(r.etag); err != nil {
			return err
		}
	}
	if r.at > 0 {
		if err := o.SetRange(r.at, 0); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancelCause(r.ctx) // of the body, which outlives the request
	var body io.ReadCloser
	var info minio.ObjectInfo
	err := r.store.do(r.ctx, func(asking context.Context) (err error) {
		defer context.AfterFunc(asking, func() { cancel(context.Cause(asking)) })()
		body, info, _, err = r.store.core.GetObject(ctx, r.store.bucket, r.object, o)
		return err
	})
	if err != nil {
		cancel(nil)
		return err
	}
	r.body, r.cancel = body, cancel
	if info.Size != r.size-r.at {
		r.drop()
		return file.Wrap(file.Damaged, opRead, fmt.Errorf("%d bytes from %d on, want %d", info.Size, r.at, r.size-r.at))
	}
	return nil
}

func (r *reader) Seek(offset int64, whence int) (int64, error) {
	if r.closed {
		return 0, fs.ErrClosed
	}
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	default:
		return 0, file.Wrap(file.Invalid, opRead, errOutside)
	}
	if offset < 0 {
		return 0, file.Wrap(file.Invalid, opRead, errOutside)
	}
	if offset != r.at {
		r.drop()
		r.at = offset
	}
	return r.at, nil
}

func (r *reader) Close() error {
	if r.closed {
		return fs.ErrClosed
	}
	r.closed = true
	r.drop()
	return nil
}

// drop ends the request, read to its end or not.
func (r *reader) drop() {
	if r.body != nil {
		_ = r.body.Close()
		r.cancel(nil)
		r.body = nil
	}
}
