package inspect

import (
	"encoding/binary"
	"io"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/file"
)

// Fields of a TIFF directory (TIFF 6.0 section 8), and the types of their values.
const (
	tagImageWidth  = 256
	tagImageLength = 257
	tagOrientation = 274

	typeShort = 3
	typeLong  = 4

	maxFields = 4096 // of one directory; real ones have some dozen
)

// directory is what is needed of an image file directory, in TIFF and in EXIF.
type directory struct {
	width, height int
	orientation   int // 1 to 8
	order         binary.ByteOrder
	next          int64 // offset of the next directory; 0 for none
}

// inspectTIFF walks the pages. Where the pixels lie is not looked at.
func inspectTIFF(src *source, l Limits) (*file.Image, error) {
	dir, err := firstDirectory(src)
	if err != nil {
		return nil, err
	}
	img := file.Image{Width: dir.width, Height: dir.height, Frames: 1}
	orientation := dir.orientation
	for {
		if err := l.checkImage(dir.width, dir.height, img.Frames); err != nil {
			return nil, err
		}
		if dir.next == 0 {
			return orient(img, orientation), nil
		}
		if img.Frames++; img.Frames > l.Frames { // which ends a ring of directories as well
			return nil, reject(content.ReasonImageTooLarge, "more than %d pages", l.Frames)
		}
		if dir, err = readDirectory(src, dir.order, dir.next); err != nil {
			return nil, err
		}
	}
}

// firstDirectory reads the header and the directory that it points to.
func firstDirectory(r io.ReaderAt) (directory, error) {
	var head [8]byte
	if _, err := r.ReadAt(head[:], 0); err != nil {
		return directory{}, cutShort()
	}
	var order binary.ByteOrder
	switch string(head[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return directory{}, corrupt("no TIFF header")
	}
	return readDirectory(r, order, int64(order.Uint32(head[4:])))
}

func readDirectory(r io.ReaderAt, order binary.ByteOrder, at int64) (directory, error) {
	dir := directory{orientation: 1, order: order}
	var count [2]byte
	if _, err := r.ReadAt(count[:], at); err != nil {
		return dir, cutShort()
	}
	n := int(order.Uint16(count[:]))
	if n > maxFields {
		return dir, corrupt("a directory of %d fields", n)
	}
	fields := make([]byte, 12*n)
	if _, err := r.ReadAt(fields, at+2); err != nil && n > 0 {
		return dir, cutShort()
	}
	for ; len(fields) > 0; fields = fields[12:] {
		dir.set(fields[:12])
	}
	var next [4]byte
	if _, err := r.ReadAt(next[:], at+2+12*int64(n)); err == nil { // EXIF writers leave it out
		dir.next = int64(order.Uint32(next[:]))
	}
	return dir, nil
}

// set takes over one field: tag, type, number of values, value.
func (d *directory) set(field []byte) {
	var value int
	switch d.order.Uint16(field[2:]) {
	case typeShort:
		value = int(d.order.Uint16(field[8:]))
	case typeLong:
		value = int(d.order.Uint32(field[8:]))
	default:
		return
	}
	switch d.order.Uint16(field) {
	case tagImageWidth:
		d.width = value
	case tagImageLength:
		d.height = value
	case tagOrientation:
		if value >= 1 && value <= 8 {
			d.orientation = value
		}
	}
}
