package render

import (
	"bytes"
	"encoding/binary"
	"image"
	"slices"
	"testing"

	"github.com/h2non/bimg"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/imaging"
)

func TestRefuses(t *testing.T) {
	r := open(t, Config{})
	jpg, png := asJPEG(t, photo(640, 480)), asPNG(t, photo(640, 480))
	animated := animation(t, 64, 64, 5)
	as := func(kind bimg.ImageType) []byte { return converted(t, png, bimg.Options{Type: kind, Speed: 8}) }
	half := func(b []byte) []byte { return b[:len(b)/2] }
	tests := []struct {
		name string
		src  []byte
		kind file.Kind
		code string
	}{
		{"nothing", nil, file.TypeRefused, ""},
		{"one byte", []byte{0xFF}, file.TypeRefused, ""},
		{"text", []byte("width=1&height=2, and no picture"), file.TypeRefused, ""},
		{"zeroes", make([]byte, 4096), file.TypeRefused, ""},
		{"svg", untrusted["svg"], file.TypeRefused, ""},
		{"large svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="100000" height="100000"/>`), file.TypeRefused, ""},
		{"pdf", untrusted["pdf"], file.TypeRefused, ""},
		{"bmp", untrusted["bmp"], file.TypeRefused, ""},
		{"ppm", []byte("P6 1 1 255 abc"), file.TypeRefused, ""},
		{"csv", []byte("1,2,3\n4,5,6\n"), file.TypeRefused, ""},

		{"half a jpeg", half(jpg), file.Invalid, imaging.CodeCorrupt},
		{"jpeg without its end", jpg[:len(jpg)-2], file.Invalid, imaging.CodeCorrupt},
		{"jpeg, header only", jpg[:20], file.Invalid, imaging.CodeCorrupt},
		{"half a thin jpeg", half(asJPEG(t, photo(900, 3))), file.Invalid, imaging.CodeCorrupt},
		{"half a png", half(png), file.Invalid, imaging.CodeCorrupt},
		{"png, magic only", png[:8], file.Invalid, imaging.CodeCorrupt},
		{"png with a broken checksum", flip(png, len(png)/2), file.Invalid, imaging.CodeCorrupt},
		{"half a gif", half(animated), file.Invalid, imaging.CodeCorrupt},
		{"half a webp", half(as(bimg.WEBP)), file.Invalid, imaging.CodeCorrupt},
		{"half a heic", half(as(bimg.HEIF)), file.Invalid, imaging.CodeCorrupt},
		{"half an avif", half(as(bimg.AVIF)), file.Invalid, imaging.CodeCorrupt},
		{"half a tiff, which has its directory at the end", half(as(bimg.TIFF)), file.TypeRefused, ""},

		{"png of 60,000 square", flood(t, 60_000, 60_000), file.Invalid, imaging.CodeTooLarge},
		{"png of 20,000 square", flood(t, 20_000, 20_000), file.Invalid, imaging.CodeTooLarge},
		{"png of 7,072 square, just over", flood(t, 7_072, 7_072), file.Invalid, imaging.CodeTooLarge},
		{"png of 16,385 by 1", flood(t, 16_385, 1), file.Invalid, imaging.CodeTooLarge},
		{"png without a side", flood(t, 0, 5), file.Invalid, imaging.CodeCorrupt},
		{"png of 2^31 by 1", flood(t, 1<<31, 1), file.Invalid, imaging.CodeCorrupt},
		{"gif that says 65,535 square", widened(t, animated), file.Invalid, imaging.CodeTooLarge},
		{"gif of 201 frames", animation(t, 4, 4, 201), file.Invalid, imaging.CodeTooLarge},
		{"gif whose frames add up", animation(t, 1100, 1000, 50), file.Invalid, imaging.CodeTooLarge},
		{"jpeg that says 65,500 square", lying(t, jpg, 65_500), file.Invalid, imaging.CodeTooLarge},
		{"more bytes than allowed", make([]byte, imaging.MaxSourceBytes+1), file.Invalid, imaging.CodeTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := r.Render(t.Context(), tt.src, imaging.Thumbnail)
			if file.KindOf(err) != tt.kind || file.CodeOf(err) != tt.code {
				t.Errorf("got %v, want kind %s, code %q", err, tt.kind, tt.code)
			}
			if file.PublicText(err, "") == "" {
				t.Errorf("%v has no public text", err)
			}
			if p.Data != nil {
				t.Error("a picture beside an error")
			}
		})
	}
}

// TestAtTheLimits renders what is only just allowed.
func TestAtTheLimits(t *testing.T) {
	r := open(t, Config{})
	if p := render(t, r, animation(t, 4, 4, imaging.MaxSourceFrames), imaging.Thumbnail); p.Frames != imaging.MaxSourceFrames {
		t.Errorf("got %d frames", p.Frames)
	}
	if p := render(t, r, asPNG(t, image.NewGray(image.Rect(0, 0, imaging.MaxSourceSide, 2))), imaging.Thumbnail); p.Width != 200 || p.Height != 2 {
		t.Errorf("got %dx%d", p.Width, p.Height)
	}
	if p := render(t, r, asPNG(t, image.NewGray(image.Rect(0, 0, 7071, 7071))), imaging.Thumbnail); p.Width != 200 || p.Height != 200 {
		t.Errorf("got %dx%d", p.Width, p.Height)
	}
}

func flip(b []byte, at int) []byte {
	b = slices.Clone(b)
	b[at] ^= 0xFF
	return b
}

// widened gives a GIF, and its first frame, the largest sides that its header can say.
func widened(t *testing.T, b []byte) []byte {
	t.Helper()
	b = slices.Clone(b)
	const screen, frame = 6, 5
	at := bytes.Index(b, append([]byte{0x2C, 0, 0, 0, 0}, b[screen:screen+4]...))
	if at < 0 {
		t.Fatal("no frame")
	}
	copy(b[screen:], "\xFF\xFF\xFF\xFF")
	copy(b[at+frame:], "\xFF\xFF\xFF\xFF")
	return b
}

// lying writes other sides into the frame header of a JPEG.
func lying(t *testing.T, b []byte, side uint16) []byte {
	t.Helper()
	b = slices.Clone(b)
	at := bytes.Index(b, []byte{0xFF, 0xC0})
	if at < 0 {
		t.Fatal("no frame header")
	}
	binary.BigEndian.PutUint16(b[at+5:], side)
	binary.BigEndian.PutUint16(b[at+7:], side)
	return b
}

func TestProgressiveJPEG(t *testing.T) {
	r := open(t, Config{})
	src := converted(t, asPNG(t, photo(600, 400)), bimg.Options{Type: bimg.JPEG, Interlace: true})
	if !bytes.Contains(src, []byte{0xFF, 0xC2}) {
		t.Fatal("not progressive")
	}
	if p := render(t, r, src, imaging.Thumbnail); p.Width != 200 || p.Height != 200 {
		t.Errorf("got %dx%d", p.Width, p.Height)
	}
}

func TestConfiguredTypes(t *testing.T) {
	r := open(t, Config{Types: []string{typePNG}})
	img := photo(20, 20)
	render(t, r, asPNG(t, img), imaging.Thumbnail)
	if _, err := r.Render(t.Context(), asJPEG(t, img), imaging.Thumbnail); !file.Is(err, file.TypeRefused) {
		t.Errorf("got %v, want TypeRefused", err)
	}
	if _, err := Open(Config{Types: []string{"image/svg+xml"}}); err == nil {
		t.Error("svg can be configured")
	}
	if _, err := Open(Config{Workers: -1}); err == nil {
		t.Error("a negative number of workers can be configured")
	}
}

func TestTransformOutOfRange(t *testing.T) {
	r := open(t, Config{})
	for _, tr := range []imaging.Transform{{Width: -1}, {Height: imaging.MaxSide + 1}, {Format: "svg"}} {
		if _, err := r.Render(t.Context(), asPNG(t, photo(9, 9)), tr); !file.Is(err, file.Invalid) {
			t.Errorf("%+v: got %v, want Invalid", tr, err)
		}
	}
}
