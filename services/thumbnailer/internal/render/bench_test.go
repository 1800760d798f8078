package render

import (
	"fmt"
	"testing"

	"github.com/h2non/bimg"

	"github.com/inlethq/inlet/pkg/imaging"
)

func BenchmarkRender(b *testing.B) {
	large, small := photo(4000, 3000), photo(1600, 1200)
	progressive := bimg.Options{Type: bimg.JPEG, Interlace: true, Quality: 92}
	cases := []struct {
		name string
		src  []byte
	}{
		{"jpeg 12MP", asJPEG(b, large)},
		{"jpeg 12MP turned", withEXIF(asJPEG(b, large), 6)},
		{"jpeg 12MP progressive", converted(b, asJPEG(b, large), progressive)},
		{"jpeg 2MP", asJPEG(b, small)},
		{"png 2MP", asPNG(b, small)},
		{"webp 2MP", converted(b, asJPEG(b, small), bimg.Options{Type: bimg.WEBP})},
		{"gif 20 frames of 400x300", animation(b, 400, 300, 20)},
	}
	r := open(b, Config{})
	for _, c := range cases {
		b.Run(fmt.Sprintf("%s/%dKiB", c.name, len(c.src)>>10), func(b *testing.B) {
			for b.Loop() {
				if _, err := r.Render(b.Context(), c.src, imaging.Thumbnail); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
