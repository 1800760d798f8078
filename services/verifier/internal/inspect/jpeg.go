package inspect

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/inlethq/inlet/pkg/file"
)

// Markers of a JPEG (ITU-T T.81 table B.1).
const (
	markerTEM  = 0x01
	markerSOF0 = 0xC0
	markerDHT  = 0xC4
	markerJPG  = 0xC8
	markerDAC  = 0xCC
	markerSOFF = 0xCF
	markerRST0 = 0xD0
	markerRST7 = 0xD7
	markerSOI  = 0xD8
	markerEOI  = 0xD9
	markerSOS  = 0xDA
	markerAPP1 = 0xE1
)

// inspectJPEG walks the markers to the end of the image (ITU-T T.81 annex B). Bytes after it are let be: phones put a
// second picture or a film there.
func inspectJPEG(src *source, l Limits) (*file.Image, error) {
	c := src.cursor()
	if _, err := c.take(2); err != nil { // the start marker, which detection has seen
		return nil, err
	}
	img, orientation, scans := file.Image{Frames: 1}, 1, 0
	for {
		marker, err := nextMarker(c.r)
		if err != nil {
			return nil, err
		}
		if marker == markerEOI {
			break
		}
		if marker == markerSOI {
			return nil, corrupt("a picture begins inside another")
		}
		segment, err := segmentOf(c)
		if err != nil {
			return nil, err
		}
		switch {
		case isFrameHeader(marker):
			if img.Width != 0 {
				return nil, corrupt("two frame headers")
			}
			if img.Width, img.Height, err = frameSize(segment); err != nil {
				return nil, err
			}
			if err := l.checkImage(img.Width, img.Height, 1); err != nil {
				return nil, err
			}
		case marker == markerAPP1 && orientation == 1:
			orientation = exifOrientation(segment)
		case marker == markerSOS:
			scans++
		}
		if _, err := io.Copy(io.Discard, segment); err != nil || segment.N > 0 {
			return nil, cutShort()
		}
	}
	if img.Width == 0 || scans == 0 {
		return nil, corrupt("no pixels")
	}
	return orient(img, orientation), nil
}

// nextMarker skips entropy-coded data, fill bytes and restart markers, and returns the next marker that says something.
func nextMarker(r *bufio.Reader) (byte, error) {
	for {
		_, err := r.ReadSlice(0xFF)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return 0, cutShort()
		}
		b := byte(0xFF)
		for b == 0xFF {
			if b, err = r.ReadByte(); err != nil {
				return 0, cutShort()
			}
		}
		if b != 0 && b != markerTEM && (b < markerRST0 || b > markerRST7) {
			return b, nil
		}
	}
}

// segmentOf returns the parameters of the marker that was just read.
func segmentOf(c *cursor) (*io.LimitedReader, error) {
	p, err := c.take(2)
	if err != nil {
		return nil, err
	}
	n := int64(binary.BigEndian.Uint16(p))
	if n < 2 {
		return nil, corrupt("a segment of %d bytes", n)
	}
	return &io.LimitedReader{R: c.r, N: n - 2}, nil
}

func isFrameHeader(marker byte) bool {
	return marker >= markerSOF0 && marker <= markerSOFF && marker != markerDHT && marker != markerJPG && marker != markerDAC
}

func frameSize(segment io.Reader) (width, height int, err error) {
	var p [5]byte // precision, lines, samples per line
	if _, err := io.ReadFull(segment, p[:]); err != nil {
		return 0, 0, cutShort()
	}
	return int(binary.BigEndian.Uint16(p[3:])), int(binary.BigEndian.Uint16(p[1:])), nil
}

// exifOrientation returns the orientation of an APP1 segment, 1 to 8; 1 where there is none or it makes no sense.
// A segment has at most 64 KiB.
func exifOrientation(segment io.Reader) int {
	p, err := io.ReadAll(segment)
	data, ok := bytes.CutPrefix(p, []byte("Exif\x00\x00"))
	if err != nil || !ok {
		return 1
	}
	dir, err := firstDirectory(bytes.NewReader(data))
	if err != nil {
		return 1
	}
	return dir.orientation
}
