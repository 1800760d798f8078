package render

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"strings"

	"github.com/h2non/bimg"

	"github.com/inlethq/inlet/pkg/imaging"
)

// untrusted holds sources whose loaders must be blocked. libvips calls them untrusted itself: they run libraries that were never made for
// hostile input, and some open other files.
var untrusted = map[string][]byte{
	"svg": []byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"></svg>`),
	"pdf": []byte("%PDF-1.1\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n" +
		"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"),
	"bmp": []byte("BM\x3a" + strings.Repeat("\x00", 7) + "\x36\x00\x00\x00\x28\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x18" + strings.Repeat("\x00", 28)),
}

// checkBlocked returns an error when libvips still loads one of them. It asks through bimg, which tries whatever loader there is.
func checkBlocked() error {
	for name, src := range untrusted {
		if _, err := bimg.Metadata(src); err == nil {
			return fmt.Errorf("render: libvips still loads %s: it is too old to block what it calls untrusted, which takes 8.13", name)
		}
	}
	return nil
}

// writable finds out by trial which formats can be written. All but AVIF must be.
func writable() ([]imaging.Format, error) {
	var src bytes.Buffer
	if err := png.Encode(&src, image.NewNRGBA(image.Rect(0, 0, 16, 16))); err != nil {
		return nil, fmt.Errorf("render: %w", err)
	}
	h, err := readHeader(src.Bytes())
	if err != nil {
		return nil, fmt.Errorf("render: libvips does not read PNG: %w", err)
	}
	var formats []imaging.Format
	for _, f := range imaging.Formats {
		_, err := renderFrames(src.Bytes(), newJob(h, imaging.Transform{}, f))
		switch {
		case err == nil:
			formats = append(formats, f)
		case f != imaging.AVIF:
			return nil, fmt.Errorf("render: libvips does not write %s: %w", f, err)
		}
	}
	return formats, nil
}
