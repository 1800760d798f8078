package render

import (
	"errors"

	"github.com/inlethq/inlet/pkg/imaging"
)

// job is a rendering in all its numbers. Each frame is scaled, cut, and turned upright, in this order, so widths and heights are those of
// the stored frame, which may lie on its side.
type job struct {
	source                    header
	frames                    int // of the output
	scaledWidth, scaledHeight int
	left, top                 int // the cut, in the scaled frame
	width, height             int
	format                    imaging.Format
	quality                   int
}

// defaultQuality is used where a transform names none. AVIF's scale differs: 50 looks like a JPEG of 80.
var defaultQuality = map[imaging.Format]int{imaging.JPEG: 80, imaging.WebP: 80, imaging.AVIF: 50}

// effort is how hard an encoder tries, on libvips' scale of its own. At their defaults these two would take longer than everything else.
var effort = map[imaging.Format]int{imaging.AVIF: 2, imaging.GIF: 4}

func newJob(h header, t imaging.Transform, format imaging.Format) job {
	j := job{source: h, frames: 1, format: format, quality: t.Quality}
	if j.quality == 0 {
		j.quality = defaultQuality[format]
	}
	if format == imaging.GIF || format == imaging.WebP {
		j.frames = h.frames
	}
	j.width, j.height = h.upright(t.Size(h.upright(h.width, h.height)))
	j.scaledWidth, j.scaledHeight = j.width, j.height
	if t.Fit == imaging.Cover {
		j.scaledWidth, j.scaledHeight = cover(h.width, h.height, j.width, j.height)
	}
	j.left = (j.scaledWidth - j.width) / 2
	j.top = (j.scaledHeight - j.height) / 2
	return j
}

// cover is the smallest size with the ratio of w by h that covers a box.
func cover(w, h, boxW, boxH int) (int, int) {
	if boxW*h >= boxH*w { // the width binds
		return boxW, max(boxH, (h*boxW+w/2)/w)
	}
	return max(boxW, (w*boxH+h/2)/h), boxH
}

// run makes the picture.
func (j job) run(src []byte) ([]byte, error) {
	if !ends(src, j.source.mediaType) {
		return nil, corrupt(errEndsEarly)
	}
	render := renderFrames
	if j.source.mediaType == typeJPEG && j.width >= minShrunk && j.height >= minShrunk {
		render = renderJPEG
	}
	out, err := render(src, j)
	if err == nil && j.format == imaging.WebP {
		out = stripWebP(out)
	}
	return out, err
}

var errEndsEarly = errors.New("the source ends early")

// minShrunk is the least side of an output that the decoder of JPEG may be asked to scale for. It scales both sides alike, so it could
// take a thin one to zero pixels (300x1 by 4), and for that libvips ends the process.
const minShrunk = 16
