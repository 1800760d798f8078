package blocklog

import (
	"bytes"
	"io"
)

// image has the pieces of a disk by their numbers. One that is not there is zero.
type image map[int64][]byte

var zeros [Piece]byte

func (m image) read(p []byte, off int64) {
	for len(p) > 0 {
		at := off % Piece
		piece, ok := m[off/Piece]
		if !ok {
			piece = zeros[:]
		}
		n := copy(p, piece[at:])
		p, off = p[n:], off+int64(n)
	}
}

func (m image) write(p []byte, off int64) {
	for len(p) > 0 {
		at := off % Piece
		n := min(len(p), int(Piece-at))
		piece, ok := m[off/Piece]
		if !ok && !bytes.Equal(p[:n], zeros[:n]) {
			piece, ok = make([]byte, Piece), true
			m[off/Piece] = piece
		}
		if ok {
			copy(piece[at:], p[:n])
		}
		p, off = p[n:], off+int64(n)
	}
}

// Cut writes the image that a power cut at a position leaves. keep is asked for each piece of each write since the last flush, in their order, and
// says whether it has reached the disk. The image must be zeros, as a file is that was just made as long as Size.
func (d *Disk) Cut(at int, keep func() bool, to io.WriterAt) error {
	for n, piece := range d.base {
		if _, err := to.WriteAt(piece, n*Piece); err != nil {
			return err
		}
	}
	log := d.until(at)
	sure := lastFlush(log)
	for i, e := range log {
		if e.kind != written {
			continue
		}
		if err := e.apply(to, func() bool { return i < sure || keep() }); err != nil {
			return err
		}
	}
	return nil
}

// lastFlush returns the position of the last flush, or 0.
func lastFlush(log []event) int {
	for i := len(log) - 1; i >= 0; i-- {
		if log[i].kind == flushed {
			return i
		}
	}
	return 0
}

// apply writes those pieces of a write that are kept.
func (e event) apply(to io.WriterAt, keep func() bool) error {
	for p, off := e.data, e.off; len(p) > 0; {
		n := min(len(p), int(Piece-off%Piece))
		if keep() {
			if _, err := to.WriteAt(p[:n], off); err != nil {
				return err
			}
		}
		p, off = p[n:], off+int64(n)
	}
	return nil
}
