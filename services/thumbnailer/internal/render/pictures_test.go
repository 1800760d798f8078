package render

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/color/palette"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/h2non/bimg"
)

// photo is like a photograph to an encoder: soft light, a few hard edges, grain. The same size gives the same pixels.
func photo(w, h int) *image.RGBA {
	rnd := rand.New(rand.NewPCG(1, 2))
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			grain := rnd.IntN(16)
			r, g, b := 220*x/w, 220*y/h, 220-220*(x+y)/(w+h)
			if dx, dy := x-w/3, y-h/2; dx*dx+dy*dy < h*h/16 {
				r, g, b = 230, 180, 60
			}
			i := img.PixOffset(x, y)
			img.Pix[i], img.Pix[i+1], img.Pix[i+2], img.Pix[i+3] = uint8(r+grain), uint8(g+grain), uint8(b+grain), 255
		}
	}
	return img
}

var (
	red    = color.RGBA{R: 255, A: 255}
	green  = color.RGBA{G: 255, A: 255}
	blue   = color.RGBA{B: 255, A: 255}
	yellow = color.RGBA{R: 255, G: 255, A: 255}
)

// quarters has another colour in each corner, so that every turn and flip of it differs.
func quarters(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	fill := func(r image.Rectangle, c color.Color) {
		draw.Draw(img, r, image.NewUniform(c), image.Point{}, draw.Src)
	}
	fill(image.Rect(0, 0, w/2, h/2), red)
	fill(image.Rect(w/2, 0, w, h/2), green)
	fill(image.Rect(0, h/2, w/2, h), blue)
	fill(image.Rect(w/2, h/2, w, h), yellow)
	return img
}

// stored gives the picture that a viewer shows as upright when the EXIF orientation says n (EXIF 2.32, tag 0x0112).
func stored(upright image.Image, n int) image.Image {
	w, h := upright.Bounds().Dx(), upright.Bounds().Dy()
	if n >= 5 {
		w, h = h, w
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			at := map[int]image.Point{
				1: {X: x, Y: y}, 2: {X: w - 1 - x, Y: y}, 3: {X: w - 1 - x, Y: h - 1 - y}, 4: {X: x, Y: h - 1 - y},
				5: {X: y, Y: x}, 6: {X: h - 1 - y, Y: x}, 7: {X: h - 1 - y, Y: w - 1 - x}, 8: {X: y, Y: w - 1 - x},
			}[n]
			out.Set(x, y, upright.At(at.X, at.Y))
		}
	}
	return out
}

const exifSecret = "Rosebud Lane 7"

// exif is a TIFF block with an orientation, a description and a place.
func exif(orientation int) []byte {
	le := binary.LittleEndian
	entry := func(b []byte, tag, kind uint16, count, value uint32) []byte {
		b = le.AppendUint16(le.AppendUint16(b, tag), kind)
		return le.AppendUint32(le.AppendUint32(b, count), value)
	}
	const ascii, short, long = 2, 3, 4
	const ifd0, gps = 8, 8 + 2 + 3*12 + 4
	const text = gps + 2 + 12 + 4
	b := []byte("II*\x00\x08\x00\x00\x00")
	b = le.AppendUint16(b, 3)
	b = entry(b, 0x010E, ascii, uint32(len(exifSecret)+1), text)
	b = entry(b, 0x0112, short, 1, uint32(orientation))
	b = entry(b, 0x8825, long, 1, gps)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint16(b, 1)
	b = entry(b, 0x0001, ascii, 2, 'N') // GPSLatitudeRef
	b = le.AppendUint32(b, 0)
	return append(b, exifSecret+"\x00"...)
}

// withEXIF puts an APP1 segment behind the start of a JPEG.
func withEXIF(src []byte, orientation int) []byte {
	body := append([]byte("Exif\x00\x00"), exif(orientation)...)
	out := append([]byte{}, src[:2]...)
	out = append(out, 0xFF, 0xE1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(body)+2))
	return append(append(out, body...), src[2:]...)
}

const iccName = "ICC_PROFILE\x00"

// withICC puts a colour profile behind the start of a JPEG, in as many APP2 segments as it takes (ICC.1:2022, annex B.4).
func withICC(src, profile []byte) []byte {
	const most = 60_000
	parts := slices.Collect(slices.Chunk(profile, most))
	out := append([]byte{}, src[:2]...)
	for i, part := range parts {
		out = append(out, 0xFF, 0xE2)
		out = binary.BigEndian.AppendUint16(out, uint16(2+len(iccName)+2+len(part)))
		out = append(append(out, iccName...), byte(i+1), byte(len(parts)))
		out = append(out, part...)
	}
	return append(out, src[2:]...)
}

// profile takes the colour profile out of a JPEG.
func profile(tb testing.TB, src []byte) []byte {
	tb.Helper()
	var out []byte
	for at := bytes.Index(src, []byte(iccName)); at >= 0; {
		size := int(binary.BigEndian.Uint16(src[at-2:]))
		out = append(out, src[at+len(iccName)+2:at-2+size]...)
		src = src[at-2+size:]
		at = bytes.Index(src, []byte(iccName))
	}
	if out == nil {
		tb.Fatal("no profile")
	}
	return out
}

func asJPEG(tb testing.TB, img image.Image) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 92}); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func asPNG(tb testing.TB, img image.Image) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// animation is a GIF of plain frames in turn red, green and blue, with delays of 50, 60, 70 … ms, played twice more.
func animation(tb testing.TB, w, h, frames int) []byte {
	tb.Helper()
	g := &gif.GIF{LoopCount: 2}
	for i := range frames {
		frame := image.NewPaletted(image.Rect(0, 0, w, h), palette.Plan9)
		draw.Draw(frame, frame.Bounds(), image.NewUniform([]color.Color{red, green, blue}[i%3]), image.Point{}, draw.Src)
		g.Image = append(g.Image, frame)
		g.Delay = append(g.Delay, 5+i)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// converted encodes a picture anew with libvips; it skips the test where libvips lacks the encoder.
func converted(tb testing.TB, src []byte, o bimg.Options) []byte {
	tb.Helper()
	o.NoAutoRotate = true
	out, err := resize(src, o)
	if err != nil {
		tb.Skipf("SKIP: libvips cannot write %s here: %v", bimg.ImageTypes[o.Type], err)
	}
	return out
}

// decoded reads a still picture of any type.
func decoded(tb testing.TB, data []byte) image.Image {
	tb.Helper()
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil { // not one of the standard library's
		if data, err = resize(data, bimg.Options{Type: bimg.PNG}); err == nil {
			img, err = png.Decode(bytes.NewReader(data))
		}
	}
	if err != nil {
		tb.Fatal(err)
	}
	return img
}

// flood is the smallest PNG of w by h one-bit pixels: all of them black, nearly none of them written.
func flood(tb testing.TB, w, h uint32) []byte {
	tb.Helper()
	var b bytes.Buffer
	b.WriteString("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, body []byte) {
		body = append([]byte(kind), body...)
		head := binary.BigEndian.AppendUint32(nil, uint32(len(body)-4))
		b.Write(binary.BigEndian.AppendUint32(append(head, body...), crc32.ChecksumIEEE(body)))
	}
	be := binary.BigEndian
	chunk("IHDR", append(be.AppendUint32(be.AppendUint32(nil, w), h), 1, 0, 0, 0, 0))
	var data bytes.Buffer
	z := zlib.NewWriter(&data)
	if _, err := z.Write(make([]byte, 1<<20)); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	chunk("IDAT", data.Bytes())
	chunk("IEND", nil)
	return b.Bytes()
}

// near reports whether two colours look alike after a lossy encoding.
func near(a, b color.Color, tolerance int) bool {
	ar, ag, ab, aa := a.RGBA()
	br, bg, bb, ba := b.RGBA()
	for _, d := range []int{int(ar) - int(br), int(ag) - int(bg), int(ab) - int(bb), int(aa) - int(ba)} {
		if d>>8 > tolerance || -d>>8 > tolerance {
			return false
		}
	}
	return true
}

// coverByBox is a plain reference for Cover: the mean of the pixels that each output pixel covers.
func coverByBox(src image.Image, w, h int) *image.RGBA {
	b := src.Bounds()
	step := min(float64(b.Dx())/float64(w), float64(b.Dy())/float64(h))
	left, top := (float64(b.Dx())-step*float64(w))/2, (float64(b.Dy())-step*float64(h))/2
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			var sum [3]uint32
			var n uint32
			for sy := int(top + step*float64(y)); sy < int(top+step*float64(y+1)); sy++ {
				for sx := int(left + step*float64(x)); sx < int(left+step*float64(x+1)); sx++ {
					r, g, b, _ := src.At(sx, sy).RGBA()
					sum[0], sum[1], sum[2], n = sum[0]+r>>8, sum[1]+g>>8, sum[2]+b>>8, n+1
				}
			}
			out.Set(x, y, color.RGBA{R: uint8(sum[0] / n), G: uint8(sum[1] / n), B: uint8(sum[2] / n), A: 255})
		}
	}
	return out
}

// differenceHash is the gradient hash of a picture: one bit for each of 8x8 places, whether it is brighter than its right neighbour.
func differenceHash(img image.Image) uint64 {
	small := coverByBox(img, 9, 8)
	var hash uint64
	for y := range 8 {
		for x := range 8 {
			hash <<= 1
			if luma(small.At(x, y)) > luma(small.At(x+1, y)) {
				hash |= 1
			}
		}
	}
	return hash
}

func luma(c color.Color) uint32 {
	r, g, b, _ := c.RGBA()
	return 299*r + 587*g + 114*b
}

// meanDifference is the mean distance of two pictures of one size, in steps of 256 a channel.
func meanDifference(a, b image.Image) float64 {
	var sum, n float64
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			ar, ag, ab, _ := a.At(a.Bounds().Min.X+x, a.Bounds().Min.Y+y).RGBA()
			br, bg, bb, _ := b.At(b.Bounds().Min.X+x, b.Bounds().Min.Y+y).RGBA()
			for _, d := range []int{int(ar) - int(br), int(ag) - int(bg), int(ab) - int(bb)} {
				sum += float64(max(d, -d)) / 257
				n++
			}
		}
	}
	return sum / n
}
