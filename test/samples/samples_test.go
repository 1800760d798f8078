package samples_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"image"
	"image/gif"
	_ "image/jpeg"
	_ "image/png"
	"testing"

	_ "golang.org/x/image/webp"

	"github.com/inlethq/inlet/test/samples"
)

func TestPicturesDecode(t *testing.T) {
	for _, tc := range []struct {
		sample        samples.Sample
		format        string
		width, height int
	}{
		{samples.Photo(), "jpeg", 4000, 3000},
		{samples.JPEG(640, 480, 1), "jpeg", 640, 480},
		{samples.SmallJPEG(7), "jpeg", 640, 480},
		{samples.RotatedJPEG(300, 200, 1), "jpeg", 300, 200},
		{samples.PNG(320, 240, 1), "png", 320, 240},
		{samples.GIF(300, 220, 5, 1), "gif", 300, 220},
		{samples.WebP(), "webp", 640, 480},
	} {
		t.Run(tc.sample.Name, func(t *testing.T) {
			img, format, err := image.Decode(bytes.NewReader(tc.sample.Data))
			if err != nil {
				t.Fatal(err)
			}
			if b := img.Bounds(); format != tc.format || b.Dx() != tc.width || b.Dy() != tc.height {
				t.Errorf("%s of %dx%d, want %s of %dx%d", format, b.Dx(), b.Dy(), tc.format, tc.width, tc.height)
			}
		})
	}
}

func TestGIFMoves(t *testing.T) {
	anim, err := gif.DecodeAll(bytes.NewReader(samples.GIF(300, 220, 5, 1).Data))
	if err != nil {
		t.Fatal(err)
	}
	if len(anim.Image) != 5 || bytes.Equal(anim.Image[0].Pix, anim.Image[1].Pix) {
		t.Errorf("%d frames, want 5 that differ", len(anim.Image))
	}
}

func TestSmallJPEGsDifferInContentOnly(t *testing.T) {
	a, b := samples.SmallJPEG(1), samples.SmallJPEG(2)
	if len(a.Data) != samples.SmallJPEGBytes || len(b.Data) != samples.SmallJPEGBytes {
		t.Errorf("sizes %d and %d, want %d", len(a.Data), len(b.Data), samples.SmallJPEGBytes)
	}
	if bytes.Equal(a.Data, b.Data) {
		t.Error("two numbers give the same bytes")
	}
	if !bytes.Equal(a.Data, samples.SmallJPEG(1).Data) {
		t.Error("one number gives two files")
	}
}

func TestDocumentsOpen(t *testing.T) {
	for _, s := range []samples.Sample{samples.Zip(), samples.Docx("x"), samples.Xlsx()} {
		r, err := zip.NewReader(bytes.NewReader(s.Data), int64(len(s.Data)))
		if err != nil || len(r.File) < 3 {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
	if !json.Valid(samples.JSON(10, 1).Data) || json.Valid(samples.BrokenJSON().Data) {
		t.Error("the JSON samples are not what they say")
	}
	if n := len(samples.Text(8<<10, 1).Data); n != 8<<10 {
		t.Errorf("the text has %d bytes", n)
	}
}

func TestNastyOnesStaySmall(t *testing.T) {
	if n := len(samples.ZipBomb().Data); n > 64<<10 {
		t.Errorf("the zip bomb has %d bytes", n)
	}
	if _, _, err := image.Decode(bytes.NewReader(samples.TruncatedJPEG().Data)); err == nil {
		t.Error("the truncated JPEG decodes")
	}
	if c, _, err := image.DecodeConfig(bytes.NewReader(samples.PixelFlood().Data)); err != nil || c.Width != 60_000 {
		t.Errorf("the pixel flood claims %d pixels a side: %v", c.Width, err)
	}
}
