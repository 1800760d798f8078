package render

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"math/bits"
	"os/exec"
	"strings"
	"testing"

	"github.com/h2non/bimg"

	"github.com/inlethq/inlet/pkg/imaging"
)

func open(tb testing.TB, cfg Config) *Renderer {
	tb.Helper()
	r, err := Open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.Close(tb.Context()); err != nil && tb.Context().Err() == nil {
			tb.Error(err)
		}
	})
	return r
}

func render(tb testing.TB, r *Renderer, src []byte, t imaging.Transform) Picture {
	tb.Helper()
	p, err := r.Render(tb.Context(), src, t)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestThumbnailTypes(t *testing.T) {
	r := open(t, Config{})
	img := photo(640, 480)
	src := asPNG(t, img)
	want := differenceHash(coverByBox(img, 200, 200))
	tests := []struct {
		name     string
		src      func(t *testing.T) []byte
		wantType string
	}{
		{"jpeg", func(t *testing.T) []byte { return asJPEG(t, img) }, typeJPEG},
		{"png", func(*testing.T) []byte { return src }, typePNG},
		{"gif", func(t *testing.T) []byte { return converted(t, src, bimg.Options{Type: bimg.GIF}) }, typeGIF},
		{"webp", func(t *testing.T) []byte { return converted(t, src, bimg.Options{Type: bimg.WEBP}) }, typeWebP},
		{"avif", func(t *testing.T) []byte { return converted(t, src, bimg.Options{Type: bimg.AVIF, Speed: 8}) }, typeAVIF},
		{"heic", func(t *testing.T) []byte { return converted(t, src, bimg.Options{Type: bimg.HEIF}) }, typeJPEG},
		{"tiff", func(t *testing.T) []byte { return converted(t, src, bimg.Options{Type: bimg.TIFF}) }, typeJPEG},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := render(t, r, tt.src(t), imaging.Thumbnail)
			if p.Type != tt.wantType || p.Width != 200 || p.Height != 200 || p.Frames != 1 {
				t.Errorf("got %s of %dx%d, %d frames, want %s of 200x200", p.Type, p.Width, p.Height, p.Frames, tt.wantType)
			}
			got := decoded(t, p.Data)
			if size := got.Bounds().Size(); size != image.Pt(200, 200) {
				t.Errorf("decoded to %v", size)
			}
			if d := bits.OnesCount64(differenceHash(got) ^ want); d > 4 {
				t.Errorf("%d of 64 bits of the hash differ from the reference", d)
			}
			if h, err := readHeader(p.Data); err != nil || h.mediaType != tt.wantType {
				t.Errorf("the bytes are %s, %v", h.mediaType, err)
			}
		})
	}
}

func TestTransformFormats(t *testing.T) {
	r := open(t, Config{})
	img := photo(320, 240)
	for _, in := range [][]byte{asJPEG(t, img), asPNG(t, img)} {
		for _, f := range imaging.Formats {
			p := render(t, r, in, imaging.Transform{Width: 160, Format: f})
			h, err := readHeader(p.Data)
			if err != nil || h.mediaType != f.MediaType() || p.Type != f.MediaType() || h.width != 160 || h.height != 120 {
				t.Errorf("%s: got %+v (%s), %v", f, h, p.Type, err)
			}
			if d := meanDifference(decoded(t, p.Data), coverByBox(img, 160, 120)); d > 6 {
				t.Errorf("%s: differs from the reference by %.1f", f, d)
			}
		}
	}
}

func TestQuality(t *testing.T) {
	r := open(t, Config{})
	jpg := asJPEG(t, photo(400, 300))
	for _, f := range []imaging.Format{imaging.JPEG, imaging.WebP, imaging.AVIF} {
		low := len(render(t, r, jpg, imaging.Transform{Quality: 10, Format: f}).Data)
		usual := len(render(t, r, jpg, imaging.Transform{Format: f}).Data)
		high := len(render(t, r, jpg, imaging.Transform{Quality: 95, Format: f}).Data)
		if low >= usual || usual >= high {
			t.Errorf("%s: %d, %d and %d bytes at quality 10, default and 95", f, low, usual, high)
		}
	}
}

// TestSizes holds the size of the output to Transform.Size, on both paths, for sides that divide badly.
func TestSizes(t *testing.T) {
	r := open(t, Config{})
	sizes := [][2]int{{1, 1}, {2, 1}, {300, 1}, {1, 300}, {199, 201}, {200, 200}, {333, 1000}, {1000, 100}, {1198, 1195}, {1210, 919}, {3000, 2}, {3, 1999}}
	transforms := []imaging.Transform{
		{}, imaging.Thumbnail, {Width: 100}, {Height: 33}, {Width: 7, Height: 2500}, {Width: 1}, {Width: 4096, Height: 4096},
		{Width: 198, Height: 161, Fit: imaging.Cover}, {Width: 40, Height: 150, Fit: imaging.Cover}, {Width: 401, Height: 399, Fit: imaging.Cover},
	}
	check := func(name string, src []byte, w, h int) {
		for _, tr := range transforms {
			wantW, wantH := tr.Size(w, h)
			p, err := r.Render(t.Context(), src, tr)
			if err != nil {
				t.Errorf("%s of %dx%d, %s: %v", name, w, h, tr.Canonical(), err)
				continue
			}
			got, _, err := image.DecodeConfig(bytes.NewReader(p.Data))
			if err != nil || got.Width != wantW || got.Height != wantH || p.Width != wantW || p.Height != wantH {
				t.Errorf("%s of %dx%d, %s: got %dx%d, says %dx%d, want %dx%d, %v",
					name, w, h, tr.Canonical(), got.Width, got.Height, p.Width, p.Height, wantW, wantH, err)
			}
		}
	}
	for _, size := range sizes {
		w, h := size[0], size[1]
		img := image.NewGray(image.Rect(0, 0, w, h))
		jpg := asJPEG(t, img)
		check("png", asPNG(t, img), w, h)
		check("jpeg", jpg, w, h)
		check("turned jpeg", withEXIF(jpg, 6), h, w)
	}
}

func TestOrientations(t *testing.T) {
	r := open(t, Config{})
	upright := quarters(640, 320)
	corners := []struct {
		at   image.Point
		want color.Color
	}{{image.Pt(5, 5), red}, {image.Pt(154, 5), green}, {image.Pt(5, 74), blue}, {image.Pt(154, 74), yellow}}
	for n := 1; n <= 8; n++ {
		src := withEXIF(asJPEG(t, stored(upright, n)), n)
		tiff := converted(t, src, bimg.Options{Type: bimg.TIFF}) // keeps the tag, takes the other path
		for name, src := range map[string][]byte{"jpeg": src, "tiff": tiff} {
			t.Run(fmt.Sprintf("%s %d", name, n), func(t *testing.T) {
				if h, err := readHeader(src); err != nil || h.orientation != n {
					t.Fatalf("the source says orientation %d, %v", h.orientation, err)
				}
				p := render(t, r, src, imaging.Transform{Width: 160})
				if p.Width != 160 || p.Height != 80 {
					t.Fatalf("got %dx%d, want 160x80", p.Width, p.Height)
				}
				img := decoded(t, p.Data)
				for _, c := range corners {
					if got := img.At(c.at.X, c.at.Y); !near(got, c.want, 12) {
						t.Errorf("at %v: got %v, want %v", c.at, got, c.want)
					}
				}
				if h, err := readHeader(p.Data); err != nil || h.orientation != 1 {
					t.Errorf("the output says orientation %d, %v", h.orientation, err)
				}
			})
		}
	}
}

func TestMetadataIsStripped(t *testing.T) {
	r := open(t, Config{})
	for _, n := range []int{1, 6} {
		src := withEXIF(asJPEG(t, photo(300, 200)), n)
		sources := map[string][]byte{
			"jpeg": src,
			"webp": converted(t, src, bimg.Options{Type: bimg.WEBP}),
			"png":  converted(t, src, bimg.Options{Type: bimg.PNG}),
		}
		for name, src := range sources {
			if !bytes.Contains(src, []byte(exifSecret)) {
				t.Fatalf("%s: the source has no secret to lose", name)
			}
			for _, f := range append(imaging.Formats, imaging.Original) {
				p := render(t, r, src, imaging.Transform{Width: 100, Format: f})
				if bytes.Contains(p.Data, []byte(exifSecret)) || bytes.Contains(p.Data, []byte("Exif\x00\x00")) {
					t.Errorf("%s to %q: metadata is still there", name, f)
				}
				if n == 6 && name == "jpeg" {
					checkWithExiftool(t, p.Data)
				}
			}
		}
	}
}

// checkWithExiftool asks an independent reader, where there is one.
func checkWithExiftool(t *testing.T, data []byte) {
	t.Helper()
	path, err := exec.LookPath("exiftool")
	if err != nil {
		return
	}
	cmd := exec.CommandContext(t.Context(), path, "-s", "-GPS:all", "-ImageDescription", "-Orientation", "-")
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("exiftool: %v", err)
	}
	if text := strings.TrimSpace(string(out)); text != "" {
		t.Errorf("exiftool finds %s", text)
	}
}

func TestColours(t *testing.T) {
	r := open(t, Config{})
	img := quarters(400, 400)
	jpg, pn := asJPEG(t, img), asPNG(t, img)
	p3 := bimg.Options{InputICC: "srgb", OutputICC: "p3"}
	with := func(o bimg.Options, kind bimg.ImageType) bimg.Options { o.Type = kind; o.Quality = 95; return o }
	gray := image.NewGray(image.Rect(0, 0, 400, 400))
	deep := image.NewRGBA64(img.Bounds())
	for y := range 400 {
		for x := range 400 {
			gray.SetGray(x, y, color.Gray{Y: 90})
			deep.Set(x, y, img.At(x, y))
		}
	}
	four := []color.Color{red, green, blue, yellow}
	inks := []color.Color{color.RGBA{R: 237, G: 52, B: 47, A: 255}, color.RGBA{R: 202, G: 208, B: 24, A: 255}, // as vips icc_transform has them
		color.RGBA{R: 52, G: 64, B: 138, A: 255}, color.RGBA{R: 255, G: 242, A: 255}}
	same := []color.Color{color.Gray{Y: 90}, color.Gray{Y: 90}, color.Gray{Y: 90}, color.Gray{Y: 90}}
	tests := []struct {
		name      string
		src       []byte
		want      []color.Color
		tolerance int
	}{
		{"grey jpeg", asJPEG(t, gray), same, 2},
		{"grey png", asPNG(t, gray), same, 0},
		{"16-bit png", asPNG(t, deep), four, 0},
		{"display p3 jpeg", converted(t, jpg, with(p3, bimg.JPEG)), four, 16},
		{"display p3 png", converted(t, pn, with(p3, bimg.PNG)), four, 6},
		{"display p3 webp", converted(t, pn, with(p3, bimg.WEBP)), four, 16},
		{"jpeg with a profile of nonsense", withICC(jpg, []byte(strings.Repeat("nonsense", 40))), four, 16},
		{"jpeg with the profile of a printer", withICC(jpg, profile(t, cmyk(t, pn))), four, 16},
		{"grey jpeg with a profile of colour", withICC(asJPEG(t, gray), profile(t, converted(t, jpg, with(p3, bimg.JPEG)))), same, 2},
		{"cmyk jpeg", cmyk(t, pn), inks, 12},
	}
	at := []image.Point{{X: 20, Y: 20}, {X: 180, Y: 20}, {X: 20, Y: 180}, {X: 180, Y: 180}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := render(t, r, tt.src, imaging.Thumbnail)
			img := decoded(t, p.Data)
			if _, ok := img.(*image.CMYK); ok {
				t.Error("still CMYK")
			}
			for i, want := range tt.want {
				if got := img.At(at[i].X, at[i].Y); !near(got, want, tt.tolerance) {
					t.Errorf("at %v: got %v, want %v", at[i], color.RGBAModel.Convert(got), color.RGBAModel.Convert(want))
				}
			}
		})
	}
}

// cmyk makes a CMYK JPEG.
func cmyk(t *testing.T, src []byte) []byte {
	t.Helper()
	out := converted(t, src, bimg.Options{Type: bimg.JPEG, Interpretation: bimg.InterpretationCMYK, Quality: 95})
	if c, _, err := image.DecodeConfig(bytes.NewReader(out)); err != nil || c.ColorModel != color.CMYKModel {
		t.Skipf("SKIP: libvips wrote no CMYK: %v", err)
	}
	return out
}

func TestAlpha(t *testing.T) {
	r := open(t, Config{})
	// The left half is opaque white. The right half is transparent, and its unseen colour is red.
	img := image.NewNRGBA(image.Rect(0, 0, 401, 400))
	for y := range 400 {
		for x := range 401 {
			if x < 200 {
				img.SetNRGBA(x, y, color.NRGBA{R: 255, G: 255, B: 255, A: 255})
			} else {
				img.SetNRGBA(x, y, color.NRGBA{R: 255})
			}
		}
	}
	src := asPNG(t, img)
	for _, f := range []imaging.Format{imaging.Original, imaging.WebP, imaging.GIF, imaging.AVIF} {
		t.Run(string(f), func(t *testing.T) {
			got := decoded(t, render(t, r, src, imaging.Transform{Width: 100, Format: f}).Data)
			if _, _, _, a := got.At(5, 50).RGBA(); a < 0xF000 {
				t.Errorf("the left is not opaque: %x", a)
			}
			if _, _, _, a := got.At(95, 50).RGBA(); a > 0x0FFF {
				t.Errorf("the right is not transparent: %x", a)
			}
		})
	}
	t.Run("the unseen colour does not bleed", func(t *testing.T) {
		got := decoded(t, render(t, r, src, imaging.Transform{Width: 100, Format: imaging.PNG}).Data)
		for x := range 100 {
			if c := color.NRGBAModel.Convert(got.At(x, 50)).(color.NRGBA); c.A > 8 && c.G < 240 {
				t.Errorf("at %d: %v", x, c)
			}
		}
	})
	t.Run("jpeg is white", func(t *testing.T) {
		got := decoded(t, render(t, r, src, imaging.Transform{Width: 100, Format: imaging.JPEG}).Data)
		for _, x := range []int{5, 50, 95} {
			if c := got.At(x, 50); !near(c, color.White, 4) {
				t.Errorf("at %d: %v", x, c)
			}
		}
	})
	t.Run("tiff becomes png", func(t *testing.T) {
		tiff := converted(t, src, bimg.Options{Type: bimg.TIFF})
		if p := render(t, r, tiff, imaging.Thumbnail); p.Type != typePNG {
			t.Errorf("got %s", p.Type)
		}
	})
}

func TestAnimation(t *testing.T) {
	r := open(t, Config{})
	const frames = 7
	src := animation(t, 320, 240, frames)
	webp := render(t, r, src, imaging.Transform{Format: imaging.WebP}).Data
	for name, src := range map[string][]byte{"gif": src, "webp": webp} {
		for _, f := range []imaging.Format{imaging.GIF, imaging.WebP} {
			t.Run(name+" to "+string(f), func(t *testing.T) {
				tr := imaging.Thumbnail
				tr.Format = f
				p := render(t, r, src, tr)
				if p.Width != 200 || p.Height != 200 || p.Frames != frames {
					t.Fatalf("got %d frames of %dx%d, want %d of 200x200", p.Frames, p.Width, p.Height, frames)
				}
				if h, err := readHeader(p.Data); err != nil || h.frames != frames || h.width != 200 || h.height != 200 {
					t.Fatalf("the output has %+v, %v", h, err)
				}
				checkAnimation(t, asGIF(t, r, p), frames)
			})
		}
		t.Run(name+" to a still", func(t *testing.T) {
			for _, f := range []imaging.Format{imaging.JPEG, imaging.PNG, imaging.AVIF} {
				p := render(t, r, src, imaging.Transform{Width: 64, Format: f})
				if c := decoded(t, p.Data).At(32, 24); p.Frames != 1 || !near(c, red, 8) {
					t.Errorf("%s: %d frames, the first is %v", f, p.Frames, c)
				}
			}
		})
	}
}

// asGIF turns an animation into one that the standard library reads.
func asGIF(t *testing.T, r *Renderer, p Picture) *gif.GIF {
	t.Helper()
	data := p.Data
	if p.Type != typeGIF {
		data = render(t, r, data, imaging.Transform{Format: imaging.GIF}).Data
	}
	g, err := gif.DecodeAll(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// checkAnimation compares with what the helper animation made.
func checkAnimation(t *testing.T, g *gif.GIF, frames int) {
	t.Helper()
	if len(g.Image) != frames {
		t.Fatalf("got %d frames, want %d", len(g.Image), frames)
	}
	if g.LoopCount != 2 {
		t.Errorf("played %d more times, want 2", g.LoopCount)
	}
	for i, img := range g.Image {
		want := []color.Color{red, green, blue}[i%3]
		b := img.Bounds()
		if c := img.At((b.Min.X+b.Max.X)/2, (b.Min.Y+b.Max.Y)/2); !near(c, want, 12) {
			t.Errorf("frame %d is %v, want %v", i, c, want)
		}
		if g.Delay[i] != 5+i {
			t.Errorf("frame %d stays %d0 ms, want %d0", i, g.Delay[i], 5+i)
		}
	}
}
