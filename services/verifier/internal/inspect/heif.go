package inspect

import (
	"encoding/binary"
	"io"

	"github.com/inlethq/inlet/pkg/file"
)

// The parts of a HEIF or AVIF file that say how large the picture is (ISO/IEC 14496-12 and 23008-12):
//
//	ftyp
//	meta ── pitm           which item is the picture
//	     └─ iprp ── ipco   properties: ispe width and height, irot rotation
//	             └─ ipma   which property is which item's
//	moov ── trak …  stsz   number of frames, of a sequence
//	mdat
const (
	maxBoxes   = 8192    // in all; real files have some dozen, those with a large grid some hundred
	maxPayload = 1 << 20 // bytes in all of the boxes that are read whole
)

// box is one box; its payload is [start, end) of the file.
type box struct {
	kind       string
	start, end int64
}

// heif is what the boxes have said so far.
type heif struct {
	r          io.ReaderAt
	limits     Limits
	boxes      int              // seen
	payload    int64            // bytes read
	primary    uint32           // the item that is the picture
	properties []property       // in the order of ipco
	items      map[uint32][]int // the properties of an item: indices from 1
	track      property         // size of a sequence
	frames     int
}

// property is an item's property, as far as it matters here.
type property struct {
	width, height int  // of ispe; 0 for others
	sideways      bool // of irot: by 90 or 270 degrees
}

// inspectHEIF walks the boxes and finds the size of the primary picture, or of the sequence where there is none.
func inspectHEIF(src *source, l Limits) (*file.Image, error) {
	h := heif{r: src, limits: l, items: map[uint32][]int{}}
	data := false
	err := h.each(0, src.size, func(b box) error {
		data = data || b.kind == "mdat"
		return h.top(b)
	})
	if err != nil {
		return nil, err
	}
	img := h.image()
	if !data || img.Width == 0 {
		return nil, corrupt("no picture")
	}
	if err := l.checkImage(img.Width, img.Height, img.Frames); err != nil {
		return nil, err
	}
	return &img, nil
}

// each calls fn for the boxes in [from, to). A box that does not fit is a rejection.
func (h *heif) each(from, to int64, fn func(box) error) error {
	for from < to {
		if h.boxes++; h.boxes > maxBoxes {
			return corrupt("more than %d boxes", maxBoxes)
		}
		b, err := boxAt(h.r, from, to)
		if err != nil {
			return err
		}
		if err := fn(b); err != nil {
			return err
		}
		from = b.end
	}
	return nil
}

func boxAt(r io.ReaderAt, from, to int64) (box, error) {
	var head [16]byte
	if to-from < 8 {
		return box{}, cutShort()
	}
	if _, err := r.ReadAt(head[:8], from); err != nil {
		return box{}, cutShort()
	}
	size, header := int64(binary.BigEndian.Uint32(head[:])), int64(8)
	switch size {
	case 0: // to the end of the file
		size = to - from
	case 1: // a 64-bit size follows
		if _, err := r.ReadAt(head[8:], from+8); err != nil {
			return box{}, cutShort()
		}
		large := binary.BigEndian.Uint64(head[8:])
		size, header = int64(min(large, uint64(1)<<62)), 16 //nolint:gosec // G115: bounded above
	}
	kind := string(head[4:8])
	if size < header {
		return box{}, corrupt("a %q box of %d bytes", kind, size)
	}
	if size > to-from {
		return box{}, cutShort()
	}
	return box{kind, from + header, from + size}, nil
}

// whole reads the payload of a box, without its first skip bytes.
func (h *heif) whole(b box, skip int64) ([]byte, error) {
	n := b.end - b.start - skip
	if h.payload += n; n < 0 || h.payload > maxPayload {
		return nil, corrupt("a %q box of %d bytes", b.kind, b.end-b.start)
	}
	p := make([]byte, n)
	if _, err := h.r.ReadAt(p, b.start+skip); err != nil && n > 0 {
		return nil, cutShort()
	}
	return p, nil
}

func (h *heif) top(b box) error {
	switch b.kind {
	case "meta":
		return h.each(b.start+4, b.end, h.meta)
	case "moov":
		return h.movie(b, "trak", "mdia", "minf", "stbl")
	}
	return nil
}

func (h *heif) meta(b box) error {
	switch b.kind {
	case "pitm":
		p, err := h.whole(b, 0)
		if err != nil {
			return err
		}
		f := fields{p: p}
		version := f.next(1)
		f.next(3)
		h.primary = f.id(version > 0)
		return f.err()
	case "iprp":
		return h.each(b.start, b.end, func(b box) error {
			switch b.kind {
			case "ipco":
				return h.each(b.start, b.end, h.property)
			case "ipma":
				return h.associations(b)
			}
			return nil
		})
	}
	return nil
}

// property takes over one entry of ipco. Every picture in the file, tiles and thumbnails included, keeps to the limits.
func (h *heif) property(b box) error {
	var prop property
	switch b.kind {
	case "ispe":
		p, err := h.whole(b, 4)
		if err != nil {
			return err
		}
		if len(p) < 8 {
			return cutShort()
		}
		prop.width, prop.height = bigEndianInt(p), bigEndianInt(p[4:])
		if err := h.limits.checkImage(prop.width, prop.height, 1); err != nil {
			return err
		}
	case "irot":
		p, err := h.whole(b, 0)
		if err != nil {
			return err
		}
		prop.sideways = len(p) > 0 && p[0]&1 == 1 // in units of 90 degrees
	}
	h.properties = append(h.properties, prop)
	return nil
}

// associations reads ipma: for each item the indices of its properties.
func (h *heif) associations(b box) error {
	p, err := h.whole(b, 0)
	if err != nil {
		return err
	}
	f := fields{p: p}
	version, flags := f.next(1), f.next(3)
	for n := f.next(4); n > 0 && !f.short; n-- {
		item := f.id(version > 0)
		for m := f.next(1); m > 0 && !f.short; m-- {
			index := f.next(1) & 0x7F
			if flags&1 == 1 {
				index = index<<8 | f.next(1)
			}
			h.items[item] = append(h.items[item], int(index))
		}
	}
	return f.err()
}

// movie walks down from a box of moov through the containers that are named, and reads the tables on the way.
func (h *heif) movie(parent box, containers ...string) error {
	return h.each(parent.start, parent.end, func(b box) error {
		switch {
		case len(containers) > 0 && b.kind == containers[0]:
			return h.movie(b, containers[1:]...)
		case b.kind == "tkhd":
			return h.trackHeader(b)
		case b.kind == "stsz":
			return h.sampleSizes(b)
		}
		return nil
	})
}

// trackHeader reads the size of a track: the last two numbers of the box, 16.16 fixed-point.
func (h *heif) trackHeader(b box) error {
	p, err := h.whole(b, 0)
	if err != nil {
		return err
	}
	if n := len(p); n >= 8 && h.track.width == 0 {
		h.track = property{width: bigEndianInt(p[n-8:]) >> 16, height: bigEndianInt(p[n-4:]) >> 16}
	}
	return nil
}

// sampleSizes reads the number of samples, which is that of the frames.
func (h *heif) sampleSizes(b box) error {
	var p [12]byte // version and flags, sample size, sample count
	if b.end-b.start < 12 {
		return cutShort()
	}
	if _, err := h.r.ReadAt(p[:], b.start); err != nil {
		return cutShort()
	}
	h.frames = max(h.frames, bigEndianInt(p[8:]))
	return nil
}

// image puts together what was found; its width is 0 when there is no picture.
func (h *heif) image() file.Image {
	size := h.track
	if indices := h.items[h.primary]; len(indices) > 0 {
		size = property{}
		for _, i := range indices {
			if i < 1 || i > len(h.properties) {
				continue
			}
			prop := h.properties[i-1]
			if prop.width > 0 {
				size.width, size.height = prop.width, prop.height
			}
			size.sideways = size.sideways || prop.sideways
		}
	}
	if size.sideways {
		size.width, size.height = size.height, size.width
	}
	return file.Image{Width: size.width, Height: size.height, Frames: max(h.frames, 1)}
}

// fields reads big-endian numbers one after another and remembers when they ran out.
type fields struct {
	p     []byte
	short bool
}

func (f *fields) next(n int) uint32 {
	if len(f.p) < n {
		f.short, f.p = true, nil
		return 0
	}
	var v uint32
	for _, b := range f.p[:n] {
		v = v<<8 | uint32(b)
	}
	f.p = f.p[n:]
	return v
}

// id reads the number of an item, which has 16 or 32 bits.
func (f *fields) id(long bool) uint32 {
	if long {
		return f.next(4)
	}
	return f.next(2)
}

func (f *fields) err() error {
	if f.short {
		return cutShort()
	}
	return nil
}
