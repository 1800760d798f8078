// Package blocklog is a disk that remembers: it keeps every write and every flush in their order, and makes the image that a power cut at any
// point of that order may have left behind.
//
// A disk with a write cache keeps what it is sent for as long as it likes, and puts it down in any order and in part, until a flush is answered:
// only what was written before the flush is sure (Documentation/block/writeback_cache_control.rst of Linux). So an image after a cut holds every
// write before the last flush before the cut, and of the later ones whichever pieces the caller picks.
//
// It is no block device and knows no file system: Mount shows a disk as one file, for a loop device to carry what is under test. It keeps all in
// memory, so it is for seconds of load. It shows no disk that breaks its word about a flush, and none that tears a piece.
package blocklog

import (
	"errors"
	"io"
	"sync"
)

// Piece is how many bytes, at a multiple of as many, reach the disk whole or not at all.
const Piece = 4096

// ErrBounds says that a read or a write reaches past the end of the disk.
var ErrBounds = errors.New("blocklog: out of bounds")

// kind is what an event of the log is.
type kind int

const (
	written kind = iota
	flushed
	marked
)

// event is an entry of the log. None is changed once it is there.
type event struct {
	kind kind
	off  int64 // of a write
	data []byte
}

// Disk is a disk and its log. A position is how many events have happened. It may be used by many goroutines: their calls happen one after the
// other.
type Disk struct {
	size int64
	base image // what was there before the first event

	mu  sync.RWMutex
	now image
	log []event
}

var (
	_ io.ReaderAt = (*Disk)(nil)
	_ io.WriterAt = (*Disk)(nil)
)

// New makes a disk of what it reads, which ends at a multiple of Piece. Nothing of it can be lost.
func New(from io.Reader) (*Disk, error) {
	d := &Disk{base: image{}, now: image{}}
	buf := make([]byte, Piece)
	for {
		switch _, err := io.ReadFull(from, buf); {
		case err == io.EOF:
			return d, nil
		case err != nil:
			return nil, err
		}
		d.base.write(buf, d.size)
		d.now.write(buf, d.size)
		d.size += Piece
	}
}

// Size is in bytes.
func (d *Disk) Size() int64 { return d.size }

// ReadAt reads what was written last.
func (d *Disk) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off+int64(len(p)) > d.size {
		return 0, ErrBounds
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	d.now.read(p, off)
	return len(p), nil
}

// WriteAt writes, and enters it in the log.
func (d *Disk) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off+int64(len(p)) > d.size {
		return 0, ErrBounds
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now.write(p, off)
	d.log = append(d.log, event{kind: written, off: off, data: append([]byte(nil), p...)})
	return len(p), nil
}

// Flush makes sure of everything that was written.
func (d *Disk) Flush() { d.enter(flushed) }

// Mark enters something that the disk knows nothing of, and returns the position after it.
func (d *Disk) Mark() int { return d.enter(marked) }

func (d *Disk) enter(k kind) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = append(d.log, event{kind: k})
	return len(d.log)
}

// Count says how many writes, flushes and marks there are before a position.
func (d *Disk) Count(at int) (writes, flushes, marks int) {
	var n [marked + 1]int
	for _, e := range d.until(at) {
		n[e.kind]++
	}
	return n[written], n[flushed], n[marked]
}

// Moments returns the positions at which a cut tells most: right before and right after each flush, and right after each mark. They are in order.
func (d *Disk) Moments(end int) []int {
	var at []int
	for i, e := range d.until(end) {
		switch e.kind {
		case flushed:
			at = append(at, i, i+1)
		case marked:
			at = append(at, i+1)
		case written:
		}
	}
	return at
}

// until returns the events before a position.
func (d *Disk) until(at int) []event {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.log[:min(at, len(d.log))]
}
