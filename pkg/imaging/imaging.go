// Package imaging says what may be asked of a picture: Transform, the value type, with its parser, its limits and the
// size that it leads to.
//
// It handles no pixels and reads no file, so that a service can take and name transforms without linking an image library.
package imaging

import (
	"strconv"
	"strings"

	"github.com/inlethq/inlet/pkg/file"
)

// Limits on what a transform may ask for.
const (
	MaxSide    = 4096 // pixels of either side of the output
	MaxQuality = 100
)

// Limits on the source. A picture beyond any of them is refused by its header, before a pixel is decoded.
const (
	MaxSourceBytes  = 64 << 20
	MaxSourcePixels = 50_000_000 // of all frames together
	MaxSourceSide   = 16_384     // pixels
	MaxSourceFrames = 200
)

// CodeTooLarge is the code of the error for a source beyond the limits.
const CodeTooLarge = "image_too_large"

// CodeCorrupt is the code of the error for a source that cannot be decoded to its end.
const CodeCorrupt = "corrupt"

// Format is the encoding of the output. The zero value keeps that of the original.
type Format string

// The formats that can be asked for.
const (
	Original Format = ""
	JPEG     Format = "jpeg"
	PNG      Format = "png"
	WebP     Format = "webp"
	AVIF     Format = "avif"
	GIF      Format = "gif"
)

// Formats lists what Parse takes for a format.
var Formats = []Format{JPEG, PNG, WebP, AVIF, GIF}

// MediaType is the media type of the format; empty for Original.
func (f Format) MediaType() string {
	if f == Original {
		return ""
	}
	return "image/" + string(f)
}

// lossless reports whether the format has no use for a quality.
func (f Format) lossless() bool { return f == PNG || f == GIF }

// Fit says how a picture meets a box of another ratio.
type Fit string

// The fits.
const (
	Inside Fit = ""      // the whole picture, as large as the box allows
	Cover  Fit = "cover" // the whole box, the rest of the picture cut off evenly; it needs both sides
)

// Transform is what to make of a picture. The zero value asks for nothing but the original's format at full size.
// Values can be compared with ==; two that differ may still ask for the same, which Canonical tells.
type Transform struct {
	Width   int    `json:"width,omitempty"`   // pixels, 1 … MaxSide; 0: follows from the height and the ratio
	Height  int    `json:"height,omitempty"`  // pixels, 1 … MaxSide; 0: follows from the width and the ratio
	Quality int    `json:"quality,omitempty"` // 1 … MaxQuality; 0: the renderer's default; without effect on PNG and GIF
	Format  Format `json:"format,omitempty"`
	Fit     Fit    `json:"fit,omitempty"`
}

// ThumbnailSide is the width and the height of Thumbnail in pixels.
const ThumbnailSide = 200

// Thumbnail is the transform that makes the thumbnail of every picture.
var Thumbnail = Transform{Width: ThumbnailSide, Height: ThumbnailSide, Fit: Cover}

// Validate returns an Invalid error, which names the parameter and its range, unless every field is in range.
func (t Transform) Validate() error {
	switch {
	case t.Width < 0 || t.Width > MaxSide:
		return outOfRange(paramWidth, MaxSide)
	case t.Height < 0 || t.Height > MaxSide:
		return outOfRange(paramHeight, MaxSide)
	case t.Quality < 0 || t.Quality > MaxQuality:
		return outOfRange(paramQuality, MaxQuality)
	case t.Format != Original && !known(t.Format):
		return unknownFormat()
	case t.Fit != Inside && t.Fit != Cover:
		return file.Errorf(file.Invalid, op, "fit must be cover, or absent")
	}
	return nil
}

// Canonical is a stable text of the transform, of [a-z0-9-] only, fit for a key. Transforms with the same text have the same result.
func (t Transform) Canonical() string {
	var parts []string
	number := func(letter string, n int) {
		if n > 0 {
			parts = append(parts, letter+strconv.Itoa(n))
		}
	}
	number("w", t.Width)
	number("h", t.Height)
	if t.crops() {
		parts = append(parts, string(Cover))
	}
	if !t.Format.lossless() {
		number("q", t.Quality)
	}
	if t.Format != Original {
		parts = append(parts, string(t.Format))
	}
	if len(parts) == 0 {
		return "full"
	}
	return strings.Join(parts, "-")
}

// Size is the size of the output for a source of w by h pixels, after orientation. Nothing is ever enlarged.
//
// Inside keeps the ratio: the largest size that is within the box and the source; a side of the box that is not given counts
// as MaxSide, and no side is rounded to less than one pixel. Cover cuts: each side is that of the box or, where it is
// smaller, of the source, so a picture of 1000x100 gives a thumbnail of 200x100, its middle at full scale.
func (t Transform) Size(w, h int) (width, height int) {
	boxW, boxH := orMax(t.Width), orMax(t.Height)
	switch {
	case t.crops():
		return min(w, boxW), min(h, boxH)
	case w <= boxW && h <= boxH:
		return w, h
	case w*boxH >= h*boxW: // the width binds
		return boxW, scale(h, boxW, w)
	default:
		return scale(w, boxH, h), boxH
	}
}

// CheckSource returns an Invalid error with CodeTooLarge when a picture of so many frames of w by h pixels is beyond the limits.
func CheckSource(w, h, frames int) error {
	switch {
	case w > MaxSourceSide || h > MaxSourceSide:
		return tooLarge("a side of the image has more than %d pixels", MaxSourceSide)
	case frames > MaxSourceFrames:
		return tooLarge("the image has more than %d frames", MaxSourceFrames)
	case w*h*frames > MaxSourcePixels:
		return tooLarge("the image has more than %d megapixels", MaxSourcePixels/1_000_000)
	}
	return nil
}

// CheckSourceBytes is CheckSource for the length of the encoded source.
func CheckSourceBytes(n int64) error {
	if n > MaxSourceBytes {
		return tooLarge("the image has more than %d MiB", MaxSourceBytes>>20)
	}
	return nil
}

// crops reports whether the output has a ratio of its own. Cover without both sides has none.
func (t Transform) crops() bool { return t.Fit == Cover && t.Width > 0 && t.Height > 0 }

func orMax(side int) int {
	if side == 0 {
		return MaxSide
	}
	return side
}

// scale is n·to/from, rounded, at least 1.
func scale(n, to, from int) int { return max(1, (n*to+from/2)/from) }

func tooLarge(format string, args ...any) error {
	err := file.Errorf(file.Invalid, op, format, args...)
	err.Code = CodeTooLarge
	return err
}
