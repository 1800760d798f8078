package serve

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/core"
)

// A whole file that was not read a short while ago is hashed while it is sent. Its end is held back until the digest is known to be right: what is
// not what was stored never ends well. A small file is hashed before its headers, so that the client can be told.

const (
	small = 1 << 20  // what is hashed before it is sent
	piece = 1 << 20  // what the kernel is given to send at a time, while the same bytes are hashed
	held  = 64 << 10 // what is held back until the digest is known
)

// wantsWhole reports whether a request asks for all the bytes. A Range may be answered with all of them: the writer sees to that.
func wantsWhole(r *http.Request) bool {
	return r.Method == http.MethodGet && r.Header.Get("Range") == ""
}

// prove reads a small file to its end and settles it. What cannot be read twice at no cost is kept for the answer.
func prove(ctx context.Context, c *core.Content) error {
	h := sha256.New()
	var kept bytes.Buffer
	to := io.Writer(h)
	_, twice := c.ReadSeekCloser.(io.ReaderAt)
	if !twice {
		kept.Grow(int(c.Size))
		to = io.MultiWriter(h, &kept)
	}
	if _, err := io.Copy(to, struct{ io.Reader }{c}); err != nil {
		return err
	}
	if err := c.Settle(ctx, sum(h)); err != nil {
		return err
	}
	c.Proven = true
	if !twice {
		c.ReadSeekCloser = fromMemory{bytes.NewReader(kept.Bytes()), c.ReadSeekCloser}
		return nil
	}
	_, err := c.Seek(0, io.SeekStart)
	return err
}

// fromMemory reads what was kept of a file, and closes that.
type fromMemory struct {
	*bytes.Reader
	io.Closer
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// checked sends one file to its end while it hashes it.
type checked struct {
	ctx     context.Context // of the request
	content core.Content
	to      gin.ResponseWriter
	kernel  io.ReaderFrom // sends files; nil where the connection cannot
	hash    hash.Hash
	buffer  []byte
}

var errShort = errors.New("the file has become shorter")

// send sends the file, from its beginning. Its error means that the end was not sent, and must not be.
func (s *checked) send() (int64, error) {
	s.hash, s.buffer = sha256.New(), make([]byte, held)
	if file, ok := s.content.ReadSeekCloser.(io.ReaderAt); ok && s.kernel != nil {
		return s.sendByKernel(file)
	}
	return s.sendByHand()
}

// sendByKernel has the kernel send a piece while it hashes the same piece, which both take from the page cache.
func (s *checked) sendByKernel(file io.ReaderAt) (int64, error) {
	body := max(s.content.Size-held, 0)
	for at := int64(0); at < body; at += piece {
		n := min(piece, body-at)
		hashed := make(chan error, 1)
		go func() { hashed <- s.hashSection(file, at, n) }()
		sent, err := s.kernel.ReadFrom(io.LimitReader(s.content, n))
		if err = errors.Join(err, <-hashed); err == nil && sent < n {
			err = errShort
		}
		if err != nil {
			return at + sent, err
		}
	}
	end := s.buffer[:s.content.Size-body]
	if n, err := file.ReadAt(end, body); n < len(end) {
		return body, err
	}
	s.hash.Write(end)
	return s.finish(body, end)
}

func (s *checked) hashSection(file io.ReaderAt, at, n int64) error {
	got, err := io.CopyBuffer(s.hash, struct{ io.Reader }{io.NewSectionReader(file, at, n)}, s.buffer)
	if err == nil && got < n {
		err = errShort
	}
	return err
}

// sendByHand copies, one buffer behind what it reads.
func (s *checked) sendByHand() (sent int64, err error) {
	next, last := make([]byte, held), s.buffer[:0]
	for {
		n, err := io.ReadFull(s.content, next)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF { //nolint:errorlint // ReadFull returns them as they are
			return sent, err
		}
		if n == 0 {
			return s.finish(sent, last)
		}
		s.hash.Write(next[:n])
		written, err := s.to.Write(last)
		if sent += int64(written); err != nil {
			return sent, err
		}
		next, last = last[:held], next[:n]
	}
}

// finish settles the file and sends what was held back of it.
func (s *checked) finish(sent int64, end []byte) (int64, error) {
	if err := s.content.Settle(s.ctx, sum(s.hash)); err != nil {
		return sent, err
	}
	n, err := s.to.Write(end)
	return sent + int64(n), err
}
