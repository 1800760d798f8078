package render

import (
	"slices"
	"testing"

	"github.com/h2non/bimg"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/imaging"
)

// FuzzRender checks that no source brings the process down or has an error of no kind.
func FuzzRender(f *testing.F) {
	r := open(f, Config{Workers: 1})
	img := photo(24, 17)
	png := asPNG(f, img)
	f.Add(png)
	f.Add(asJPEG(f, img))
	f.Add(withEXIF(asJPEG(f, img), 5))
	f.Add(animation(f, 8, 8, 3))
	for _, kind := range []bimg.ImageType{bimg.WEBP, bimg.TIFF, bimg.AVIF, bimg.HEIF} {
		if src, err := resize(png, bimg.Options{Type: kind, Speed: 8}); err == nil {
			f.Add(src)
		}
	}
	for _, src := range untrusted {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		endsJPEG(src)
		endsGIF(src)
		stripWebP(slices.Clone(src))
		if h, err := readHeader(src); err == nil && h.width*h.height*h.frames > 1<<20 {
			return // allowed, but slow
		}
		p, err := r.Render(t.Context(), src, imaging.Transform{Width: 20, Height: 20, Fit: imaging.Cover})
		switch {
		case err != nil && !slices.Contains([]file.Kind{file.TypeRefused, file.Invalid}, file.KindOf(err)):
			t.Fatal(err)
		case err == nil && (len(p.Data) == 0 || p.Width > 20 || p.Height > 20):
			t.Fatalf("%d bytes of %dx%d", len(p.Data), p.Width, p.Height)
		}
	})
}
