package inspect

import (
	"encoding/binary"

	"github.com/inlethq/inlet/pkg/file"
)

// inspectWebP walks the chunks of the RIFF container and counts the frames (RFC 9649). Bytes after it are let be.
func inspectWebP(src *source, l Limits) (*file.Image, error) {
	c := src.cursor()
	head, err := c.take(12)
	if err != nil {
		return nil, err
	}
	left := int64(binary.LittleEndian.Uint32(head[4:])) - 4 // of the chunks
	if left+12 > src.size {
		return nil, cutShort()
	}
	w := webp{limits: l}
	for left >= 8 {
		head, err := c.take(8)
		if err != nil {
			return nil, err
		}
		kind, length := string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:]))
		left -= 8 + length
		if left < 0 {
			return nil, cutShort()
		}
		data, err := c.take(int(min(length, 16)))
		if err != nil {
			return nil, err
		}
		rest := length - int64(len(data))
		if err := w.chunk(kind, data); err != nil {
			return nil, err
		}
		if length&1 == 1 && left > 0 { // padding, which some writers leave out at the end
			rest++
			left--
		}
		if err := c.skip(rest); err != nil {
			return nil, err
		}
	}
	if !w.pixels {
		return nil, corrupt("no pixels")
	}
	return &w.img, nil
}

// webp is what the chunks have said so far.
type webp struct {
	limits Limits
	img    file.Image
	canvas bool // the extended header was there: it rules the size
	pixels bool
}

// chunk takes over a chunk by its first 16 bytes, or fewer when it is shorter.
func (w *webp) chunk(kind string, data []byte) error {
	var width, height int
	switch kind {
	case "VP8X":
		if len(data) < 10 || w.img.Width != 0 {
			return corrupt("a bad extended header")
		}
		w.canvas = true
		width, height = 1+uint24(data[4:]), 1+uint24(data[7:])
	case "VP8 ":
		if len(data) < 10 || string(data[3:6]) != "\x9d\x01\x2a" {
			return corrupt("a bad lossy header")
		}
		width, height = int(binary.LittleEndian.Uint16(data[6:])&0x3FFF), int(binary.LittleEndian.Uint16(data[8:])&0x3FFF)
		w.pixels = true
	case "VP8L":
		if len(data) < 5 || data[0] != 0x2F {
			return corrupt("a bad lossless header")
		}
		bits := binary.LittleEndian.Uint32(data[1:])
		width, height = 1+int(bits&0x3FFF), 1+int(bits>>14&0x3FFF)
		w.pixels = true
	case "ANMF":
		if len(data) < 16 || !w.canvas {
			return corrupt("a bad frame header")
		}
		w.img.Frames++
		width, height = 1+uint24(data[6:]), 1+uint24(data[9:])
		if 2*uint24(data[0:])+width > w.img.Width || 2*uint24(data[3:])+height > w.img.Height {
			return corrupt("a frame beyond the canvas")
		}
		w.pixels = true
	default:
		return nil
	}
	if kind != "ANMF" && (kind == "VP8X" || !w.canvas) {
		w.img = file.Image{Width: width, Height: height}
	}
	if kind == "VP8 " || kind == "VP8L" {
		w.img.Frames = max(w.img.Frames, 1)
	}
	return w.limits.checkImage(width, height, w.img.Frames)
}

func uint24(p []byte) int { return int(p[0]) | int(p[1])<<8 | int(p[2])<<16 }
