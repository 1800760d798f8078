package native

import (
	"testing"

	"github.com/inlethq/inlet/pkg/imaging"
)

func TestAsThumbnail(t *testing.T) {
	for _, c := range []struct {
		asked, want imaging.Transform
		prefix      string
	}{
		{imaging.Transform{}, imaging.Thumbnail, "thumbnail_200_200-"},
		{imaging.Transform{Width: 200, Height: 200}, imaging.Thumbnail, "thumbnail_200_200-"},
		{imaging.Transform{Width: 50, Height: 40}, imaging.Transform{Width: 50, Height: 40, Fit: imaging.Cover}, "thumbnail_50_40-"},
		{imaging.Transform{Width: 200}, imaging.Transform{Width: 200}, "thumbnail_200-"},
		{imaging.Transform{Height: 40}, imaging.Transform{Height: 40}, "thumbnail_40-"},
		{imaging.Transform{Format: imaging.WebP}, imaging.Transform{Width: 200, Height: 200, Fit: imaging.Cover, Format: imaging.WebP}, "thumbnail_200_200-"},
	} {
		got := asThumbnail(c.asked)
		if got != c.want || thumbnailPrefix(got) != c.prefix {
			t.Errorf("%+v: %+v %q, want %+v %q", c.asked, got, thumbnailPrefix(got), c.want, c.prefix)
		}
	}
}

func TestRenamed(t *testing.T) {
	for _, c := range []struct{ name, mediaType, want string }{
		{"beach.jpg", "image/webp", "beach.webp"},
		{"beach.JPEG", "image/jpeg", "beach.JPEG"},
		{"beach.JPG", "image/png", "beach.png"},
		{"beach.heic", "image/jpeg", "beach.jpg"},
		{"beach", "image/gif", "beach.gif"},
		{"v1.2 final", "image/avif", "v1.2 final.avif"},
		{".png", "image/png", ".png.png"},
		{"Grüße.png", "image/jpeg", "Grüße.jpg"},
	} {
		if got := renamed(c.name, c.mediaType); got != c.want {
			t.Errorf("%s as %s: %q, want %q", c.name, c.mediaType, got, c.want)
		}
	}
}
