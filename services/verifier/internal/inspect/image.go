package inspect

import (
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/file"
)

// checkImage rejects a picture, a frame or a page that is empty or larger than the limits.
func (l Limits) checkImage(width, height, frames int) error {
	switch {
	case width <= 0 || height <= 0:
		return corrupt("a picture of %d x %d pixels", width, height)
	case width > l.Side || height > l.Side || int64(width)*int64(height) > l.Pixels:
		return reject(content.ReasonImageTooLarge, "%d x %d pixels", width, height)
	case frames > l.Frames:
		return reject(content.ReasonImageTooLarge, "more than %d frames", l.Frames)
	}
	return nil
}

// orient returns the picture as its EXIF orientation shows it: 5 to 8 lie on their side (EXIF 2.32 section 4.6.4).
func orient(img file.Image, orientation int) *file.Image {
	if orientation >= 5 && orientation <= 8 {
		img.Width, img.Height = img.Height, img.Width
	}
	return &img
}

const pngSignature = "\x89PNG\r\n\x1a\n"

// inspectPNG walks the chunks to IEND, with their checksums (https://www.w3.org/TR/png-3/). Bytes after IEND are let be.
func inspectPNG(src *source, l Limits) (*file.Image, error) {
	c := src.cursor()
	if sig, err := c.take(len(pngSignature)); err != nil || string(sig) != pngSignature {
		return nil, corrupt("no PNG signature")
	}
	img := file.Image{Frames: 1}
	data := false
	for first := true; ; first = false {
		chunk, err := readPNGChunk(c)
		switch {
		case err != nil:
			return nil, err
		case first != (chunk.kind == "IHDR"):
			return nil, corrupt("the header chunk is not first, or doubled")
		}
		switch chunk.kind {
		case "IHDR":
			if chunk.length != 13 {
				return nil, corrupt("a header chunk of %d bytes", chunk.length)
			}
			img.Width, img.Height = bigEndianInt(chunk.prefix[0:]), bigEndianInt(chunk.prefix[4:])
			err = l.checkImage(img.Width, img.Height, 1)
		case "acTL": // animated PNG: number of frames
			img.Frames = max(bigEndianInt(chunk.prefix[0:]), 1)
			err = l.checkImage(img.Width, img.Height, img.Frames)
		case "IDAT":
			data = true
		case "IEND":
			if !data {
				return nil, corrupt("no pixels")
			}
			return &img, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

type pngChunk struct {
	kind   string
	length int64
	prefix [8]byte // of the data
}

// readPNGChunk reads one chunk to its end and compares its checksum.
func readPNGChunk(c *cursor) (pngChunk, error) {
	head, err := c.take(8)
	if err != nil {
		return pngChunk{}, err
	}
	chunk := pngChunk{kind: string(head[4:]), length: int64(binary.BigEndian.Uint32(head))}
	sum := crc32.NewIEEE()
	_, _ = sum.Write(head[4:]) // a hash returns no error
	n := min(chunk.length, int64(len(chunk.prefix)))
	if _, err := io.ReadFull(c.r, chunk.prefix[:n]); err != nil {
		return pngChunk{}, cutShort()
	}
	_, _ = sum.Write(chunk.prefix[:n])
	if _, err := io.CopyN(sum, c.r, chunk.length-n); err != nil {
		return pngChunk{}, cutShort()
	}
	stored, err := c.take(4)
	if err != nil {
		return pngChunk{}, err
	}
	if binary.BigEndian.Uint32(stored) != sum.Sum32() {
		return pngChunk{}, corrupt("wrong checksum in a %q chunk", chunk.kind)
	}
	return chunk, nil
}

// bigEndianInt reads a 32-bit number. One that its format holds to be negative comes out as too large.
func bigEndianInt(p []byte) int { return int(binary.BigEndian.Uint32(p)) }

// inspectGIF walks the blocks to the trailer and counts the frames (GIF89a specification). Bytes after it are let be.
// Like browsers do, it takes the picture to be as large as its largest frame.
func inspectGIF(src *source, l Limits) (*file.Image, error) {
	c := src.cursor()
	head, err := c.take(13)
	if err != nil {
		return nil, err
	}
	img := file.Image{Width: int(binary.LittleEndian.Uint16(head[6:])), Height: int(binary.LittleEndian.Uint16(head[8:]))}
	if err := c.skip(colorTable(head[10])); err != nil {
		return nil, err
	}
	for {
		kind, err := c.byte()
		if err != nil {
			return nil, err
		}
		switch kind {
		case 0x21: // extension: a label, then sub-blocks
			if err := c.skip(1); err != nil {
				return nil, err
			}
		case 0x2C:
			if err := gifFrame(c, &img, l); err != nil {
				return nil, err
			}
		case 0x3B: // trailer
			if img.Frames == 0 {
				return nil, corrupt("no frames")
			}
			return &img, nil
		default:
			return nil, corrupt("an unknown block %#x", kind)
		}
		if err := skipSubBlocks(c); err != nil {
			return nil, err
		}
	}
}

// gifFrame reads an image descriptor and what stands before its sub-blocks.
func gifFrame(c *cursor, img *file.Image, l Limits) error {
	d, err := c.take(9)
	if err != nil {
		return err
	}
	img.Frames++
	img.Width = max(img.Width, int(binary.LittleEndian.Uint16(d[0:]))+int(binary.LittleEndian.Uint16(d[4:])))
	img.Height = max(img.Height, int(binary.LittleEndian.Uint16(d[2:]))+int(binary.LittleEndian.Uint16(d[6:])))
	if err := l.checkImage(img.Width, img.Height, img.Frames); err != nil {
		return err
	}
	return c.skip(colorTable(d[8]) + 1) // the table, and the code size
}

// colorTable is the size in bytes of the colour table that a flags byte announces.
func colorTable(flags byte) int64 {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

func skipSubBlocks(c *cursor) error {
	for {
		n, err := c.byte()
		if err != nil || n == 0 {
			return err
		}
		if err := c.skip(int64(n)); err != nil {
			return err
		}
	}
}
