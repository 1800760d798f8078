package blob

import (
	"context"
	"crypto/md5" //nolint:gosec // a checksum that vendors show, never an identity
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"sync"
)

const (
	bufferSize = 256 << 10
	// rotation is how many buffers a Pump has in use at most: one is read into and written from while the hash works on others.
	rotation = 4
	// besideSize is the input from which a goroutine for the hash pays. SHA-256 does 64 KiB in about 50 µs.
	besideSize = 64 << 10
	// maxEmptyReads is how often a reader may return nothing, and no error, before it counts as broken.
	maxEmptyReads = 100
)

type buffer [bufferSize]byte

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// Pump copies src to its end into dst and returns the size and the SHA-256 of what it copied, and the MD5 if asked for it.
//
// It writes in steps of 256 KiB, however little src gives at a time, and hashes beside the write. It uses at most 1 MiB of memory.
// Errors of src and dst are returned as they are, so that a store whose dst returns *file.Error need not tell them apart.
// A Cancelled error is returned when ctx ends; a Read or Write that is under way is not interrupted.
func Pump(ctx context.Context, dst io.Writer, src io.Reader, withMD5 bool) (Info, error) {
	h := hasher{digest: newDigest(withMD5)}
	defer h.stop()
	var size int64
	for first := true; ; first = false {
		if err := Cancelled(ctx, "blob.pump"); err != nil {
			return Info{}, err
		}
		buf := h.buffer()
		n, end, err := fill(src, buf[:])
		size += int64(n)
		if err != nil {
			return Info{}, err
		}
		if first && end && n < besideSize {
			h.digest.write(buf[:n])
		} else {
			h.hash(buf, n)
		}
		if err := write(dst, buf[:n]); err != nil {
			return Info{}, err
		}
		if end {
			h.stop()
			return h.digest.info(size), nil
		}
	}
}

// fill reads until buf is full or src ends, and reports which.
//
// io.ReadFull will not do here. It calls a short last read io.ErrUnexpectedEOF, which is also what a request body
// returns when its sender went away half-way: a torn upload would pass for a whole one.
func fill(src io.Reader, buf []byte) (n int, end bool, err error) {
	for empty := 0; n < len(buf); {
		m, err := src.Read(buf[n:])
		n += m
		if err == io.EOF {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
		if m > 0 {
			empty = 0
			continue
		}
		if empty++; empty == maxEmptyReads {
			return n, false, io.ErrNoProgress
		}
	}
	return n, false, nil
}

// write writes p in one call, which an empty p does not need.
func write(dst io.Writer, p []byte) error {
	if len(p) == 0 {
		return nil
	}
	n, err := dst.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return err
}

// hasher lends buffers to one Pump and hashes them, in the order in which they come, in a goroutine that it starts
// with the first. A buffer is lent again when it is hashed: by then the pump, which asks for one at a time, has also written it.
type hasher struct {
	digest digest
	lent   []*buffer // all that came from the pool
	free   chan *buffer
	work   chan chunk
	done   chan struct{}
}

type chunk struct {
	buf *buffer
	n   int
}

// buffer returns one that nobody uses, and waits for it when all are in use.
func (h *hasher) buffer() *buffer {
	if len(h.lent) < rotation {
		select {
		case buf := <-h.free:
			return buf
		default:
			buf := buffers.Get().(*buffer)
			h.lent = append(h.lent, buf)
			return buf
		}
	}
	return <-h.free
}

// hash takes the first n bytes of buf, and buf itself, until they are hashed.
func (h *hasher) hash(buf *buffer, n int) {
	if h.work == nil {
		h.free = make(chan *buffer, rotation)
		h.work = make(chan chunk, rotation)
		h.done = make(chan struct{})
		go h.run()
	}
	h.work <- chunk{buf, n}
}

func (h *hasher) run() {
	defer close(h.done)
	for c := range h.work {
		h.digest.write(c.buf[:c.n])
		h.free <- c.buf
	}
}

// stop waits until everything is hashed and gives the buffers back. A second call does nothing.
func (h *hasher) stop() {
	if h.work != nil {
		close(h.work)
		<-h.done
		h.work = nil
	}
	for _, buf := range h.lent {
		buffers.Put(buf)
	}
	h.lent = nil
}

// digest is the SHA-256 and, when wanted, the MD5 of what is written to it.
type digest struct {
	sha256 hash.Hash
	md5    hash.Hash // nil when not wanted
}

func newDigest(withMD5 bool) digest {
	d := digest{sha256: sha256.New()}
	if withMD5 {
		d.md5 = md5.New() //nolint:gosec // as above
	}
	return d
}

// write adds p. A hash.Hash never fails.
func (d digest) write(p []byte) {
	_, _ = d.sha256.Write(p)
	if d.md5 != nil {
		_, _ = d.md5.Write(p)
	}
}

func (d digest) info(size int64) Info {
	i := Info{Size: size, SHA256: hex.EncodeToString(d.sha256.Sum(nil))}
	if d.md5 != nil {
		i.MD5 = hex.EncodeToString(d.md5.Sum(nil))
	}
	return i
}
