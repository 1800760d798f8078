package imaging

import "slices"

// Normalize returns the transform that stands for all those which make the same of a source of w by h pixels, after orientation, of the
// given media type: sides that are larger than what comes out, a side that follows from the other, a cut that cuts nothing and a format that
// is the source's own anyway all say the same in one way. Without sides (w or h is 0) the box stays as it is. It may be repeated.
//
// A quality is kept where it matters, the renderer's default too: what that is, this package does not know.
func (t Transform) Normalize(w, h int, mediaType string) Transform {
	if w > 0 && h > 0 {
		t.Width, t.Height, t.Fit = t.box(w, h)
	}
	if t.Format == Original {
		t.Format = ownFormat(mediaType)
	}
	if t.Format.lossless() {
		t.Quality = 0
	}
	return t
}

// box is the smallest box that leads to the same picture.
func (t Transform) box(w, h int) (width, height int, fit Fit) {
	outW, outH := t.Size(w, h)
	if t.crops() && outW*h != outH*w {
		return outW, outH, Cover
	}
	for _, sides := range [][2]int{{0, 0}, {outW, 0}, {0, outH}} {
		width, height = sides[0], sides[1]
		if gotW, gotH := (Transform{Width: width, Height: height}).Size(w, h); gotW == outW && gotH == outH {
			return width, height, Inside
		}
	}
	return t.Width, t.Height, t.Fit
}

// ownFormat is the format that a source of the type has and keeps. It is Original for types that not every renderer writes:
// AVIF, and what can only be read.
func ownFormat(mediaType string) Format {
	own := []Format{JPEG, PNG, WebP, GIF}
	i := slices.IndexFunc(own, func(f Format) bool { return f.MediaType() == mediaType })
	if i < 0 {
		return Original
	}
	return own[i]
}
