package inspect

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/file"
)

// rejection is the error of a check that found the file to be bad. Every other error means that the check was not made.
type rejection struct {
	reason string // one of content.Reasons
	note   string
}

func (r *rejection) Error() string { return r.reason + ": " + r.note }

func reject(reason, format string, args ...any) error {
	return &rejection{reason, fmt.Sprintf(format, args...)}
}

func corrupt(format string, args ...any) error {
	return reject(content.ReasonCorrupt, format, args...)
}

func cutShort() error { return corrupt("ends too early") }

// blockSize is how much is read at once. The context is looked at between blocks.
const blockSize = 64 << 10

// source is the file under inspection, readable at any offset and as a stream, by one goroutine. It lives for one Inspect
// and ends with its context. It keeps the first failure to read, so that a parser may take every error for a broken file.
type source struct {
	ctx  context.Context
	r    io.ReadSeeker
	size int64
	pos  int64
	err  error // *file.Error
}

func newSource(ctx context.Context, r io.ReadSeeker) (*source, error) {
	size, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, readFailure(ctx, err)
	}
	return &source{ctx: ctx, r: r, size: size, pos: size}, nil
}

// readFailure gives an error of the store a kind where it has none.
func readFailure(ctx context.Context, err error) error {
	kind := file.Unavailable
	var known *file.Error
	switch {
	case ctx.Err() != nil:
		kind = file.Cancelled
	case errors.As(err, &known):
		kind = known.Kind
	}
	return file.Wrap(kind, "inspect.read", err)
}

func (s *source) ReadAt(p []byte, off int64) (int, error) {
	if s.err == nil && s.ctx.Err() != nil {
		s.err = readFailure(s.ctx, s.ctx.Err())
	}
	if s.err != nil {
		return 0, s.err
	}
	if off < 0 || off >= s.size {
		return 0, io.EOF
	}
	want := p[:min(int64(len(p)), s.size-off)]
	if err := s.fill(want, off); err != nil {
		s.err = readFailure(s.ctx, err)
		return 0, s.err
	}
	if len(want) < len(p) {
		return len(want), io.EOF
	}
	return len(want), nil
}

func (s *source) fill(p []byte, off int64) error {
	if off != s.pos {
		if _, err := s.r.Seek(off, io.SeekStart); err != nil {
			return err
		}
	}
	n, err := io.ReadFull(s.r, p)
	s.pos = off + int64(n)
	return err
}

// reader returns a buffered stream of the whole file.
func (s *source) reader() *bufio.Reader {
	return bufio.NewReaderSize(io.NewSectionReader(s, 0, s.size), blockSize)
}

// cursor reads a binary format piece by piece. What it cannot read is a rejection: the file ends too early.
type cursor struct {
	r   *bufio.Reader
	buf [32]byte
}

func (s *source) cursor() *cursor { return &cursor{r: s.reader()} }

// take returns the next n bytes, at most 32, which are valid until the next call.
func (c *cursor) take(n int) ([]byte, error) {
	p := c.buf[:n]
	if _, err := io.ReadFull(c.r, p); err != nil {
		return nil, cutShort()
	}
	return p, nil
}

func (c *cursor) byte() (byte, error) {
	b, err := c.r.ReadByte()
	if err != nil {
		return 0, cutShort()
	}
	return b, nil
}

func (c *cursor) skip(n int64) error {
	if _, err := io.CopyN(io.Discard, c.r, n); err != nil {
		return cutShort()
	}
	return nil
}
