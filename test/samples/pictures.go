package samples

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
)

//go:embed data/field.webp
var fieldWebP []byte

// WebP is a still of 640x480 that was made once with libvips: Go has no encoder for it.
func WebP() Sample { return Sample{Name: "field.webp", Type: TypeWebP, Data: fieldWebP} }

// Photo is a JPEG of 4000x3000, 12 megapixels, as a phone takes it.
func Photo() Sample {
	s := JPEG(4000, 3000, 12)
	s.Name = "holiday.jpg"
	return s
}

// JPEG is a photograph-like picture: soft gradients under the noise of a sensor.
func JPEG(width, height int, seed uint64) Sample {
	data := cached(func() []byte { return encodeJPEG(width, height, 85, seed) }, "jpeg %d %d %d", width, height, seed)
	return Sample{Name: fmt.Sprintf("photo-%dx%d.jpg", width, height), Type: TypeJPEG, Data: data}
}

// SmallJPEGBytes is the size of every SmallJPEG.
const SmallJPEGBytes = 100 << 10

// SmallJPEG is a picture of 640x480 in exactly 100 KiB. Each n gives other bytes at next to no cost: they differ in a comment.
func SmallJPEG(n int) Sample {
	base := cached(func() []byte { return encodeJPEG(640, 480, 80, 100) }, "small jpeg")
	room := SmallJPEGBytes - len(base)
	if room < 64 {
		panic("samples: the small JPEG has grown over its size")
	}
	var comments []byte
	for room > 0 {
		size := min(room, 60_000)
		if rest := room - size; rest > 0 && rest < 64 { // a comment has a head of four bytes
			size -= 64
		}
		text := bytes.Repeat([]byte{' '}, size-4)
		copy(text, fmt.Sprintf("sample %d", n))
		comments = append(comments, segment(0xFE, text)...)
		room -= size
	}
	return Sample{Name: fmt.Sprintf("photo-%d.jpg", n), Type: TypeJPEG, Data: afterSOI(base, comments)}
}

// RotatedJPEG is stored lying on its side, with an Exif orientation that stands it up: shown, it is height x width.
func RotatedJPEG(width, height int, seed uint64) Sample {
	s := JPEG(width, height, seed)
	exif := append([]byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08"), // a TIFF of big-endian order, its first directory at 8
		0, 1, // one entry:
		0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, // orientation, a SHORT, one of it, 6: turn right
		0, 0, 0, 0) // no other directory
	return Sample{Name: "portrait.jpg", Type: TypeJPEG, Data: afterSOI(s.Data, segment(0xE1, exif))}
}

// segment is a JPEG marker segment (ITU-T T.81, B.1.1.4).
func segment(marker byte, body []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xFF, marker}, uint16(len(body)+2)), body...) //nolint:gosec // callers stay below 64 KiB
}

// afterSOI puts bytes behind a JPEG's first marker.
func afterSOI(data, insert []byte) []byte {
	out := make([]byte, 0, len(data)+len(insert))
	out = append(out, data[:2]...)
	out = append(out, insert...)
	return append(out, data[2:]...)
}

func encodeJPEG(width, height, quality int, seed uint64) []byte {
	var b bytes.Buffer
	must(jpeg.Encode(&b, scene(width, height, seed), &jpeg.Options{Quality: quality}))
	return b.Bytes()
}

// scene paints gradients that depend on the seed, with noise on top.
func scene(width, height int, seed uint64) *image.RGBA {
	rng := rand.New(rand.NewPCG(seed, 0x5eed)) //nolint:gosec // the same picture every time
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	tint := [3]int{rng.IntN(64), rng.IntN(64), rng.IntN(64)}
	for y := range height {
		row := img.Pix[y*img.Stride:]
		for x := range width {
			noise := rng.Uint32()
			p := row[x*4 : x*4+4]
			p[0] = level(x*160/width+tint[0], noise)
			p[1] = level(y*160/height+tint[1], noise>>8)
			p[2] = level((x+y)*160/(width+height)+tint[2], noise>>16)
			p[3] = 255
		}
	}
	return img
}

// level adds up to 31 steps of noise to a tone of at most 224.
func level(tone int, noise uint32) byte { return byte(min(tone, 224) + int(noise&31)) } //nolint:gosec // at most 255

// PNG is a disc on a transparent ground, with a soft edge.
func PNG(width, height int, seed uint64) Sample {
	data := cached(func() []byte {
		src := scene(width, height, seed)
		img := image.NewNRGBA(src.Bounds())
		cx, cy, r := width/2, height/2, min(width, height)/2
		for y := range height {
			for x := range width {
				c := src.RGBAAt(x, y)
				inside := r*r - (x-cx)*(x-cx) - (y-cy)*(y-cy)
				img.SetNRGBA(x, y, color.NRGBA{c.R, c.G, c.B, byte(max(0, min(255, inside/8)))}) //nolint:gosec // clamped
			}
		}
		var b bytes.Buffer
		must(png.Encode(&b, img))
		return b.Bytes()
	}, "png %d %d %d", width, height, seed)
	return Sample{Name: fmt.Sprintf("disc-%dx%d.png", width, height), Type: TypePNG, Data: data}
}

// GIF is an animation: a bar that wanders, one step a frame.
func GIF(width, height, frames int, seed uint64) Sample {
	data := cached(func() []byte {
		palette := color.Palette{color.Transparent, color.Black, color.White, color.RGBA{byte(seed), 120, 200, 255}} //nolint:gosec // any shade will do
		anim := &gif.GIF{}
		for f := range frames {
			img := image.NewPaletted(image.Rect(0, 0, width, height), palette)
			for y := range height {
				for x := range width {
					tone := uint8(2)
					if x*frames/width == f {
						tone = 3
					}
					img.SetColorIndex(x, y, tone)
				}
			}
			anim.Image = append(anim.Image, img)
			anim.Delay = append(anim.Delay, 10)
		}
		var b bytes.Buffer
		must(gif.EncodeAll(&b, anim))
		return b.Bytes()
	}, "gif %d %d %d %d", width, height, frames, seed)
	return Sample{Name: fmt.Sprintf("bar-%d.gif", frames), Type: TypeGIF, Data: data}
}

// SVG is a drawing without a script. It is stored as it is, and never drawn.
func SVG() Sample {
	return Sample{Name: "drawing.svg", Type: TypeSVG, Data: []byte(`<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="120" height="80"><rect width="120" height="80" fill="#357"/><circle cx="60" cy="40" r="30" fill="#fff"/></svg>
`)}
}
