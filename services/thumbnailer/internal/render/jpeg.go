package render

import (
	"runtime"
	"unsafe"

	"github.com/h2non/bimg"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/imaging"
)

var bimgTypes = map[imaging.Format]bimg.ImageType{
	imaging.JPEG: bimg.JPEG,
	imaging.PNG:  bimg.PNG,
	imaging.WebP: bimg.WEBP,
	imaging.AVIF: bimg.AVIF,
	imaging.GIF:  bimg.GIF,
}

// turns says how a stored picture becomes upright, by its EXIF orientation (EXIF 2.32, tag 0x0112). bimg turns first, then flips.
var turns = map[int]bimg.Options{
	2: {Flip: true},
	3: {Rotate: bimg.D180},
	4: {Rotate: bimg.D180, Flip: true},
	5: {Rotate: bimg.D90, Flip: true},
	6: {Rotate: bimg.D90},
	7: {Rotate: bimg.D270, Flip: true},
	8: {Rotate: bimg.D270},
}

// renderJPEG renders a JPEG. One that is not stored upright takes a second pass over the small picture: bimg's own rotation
// would turn and encode the whole one first, which takes nine times as long and up to a gigabyte.
func renderJPEG(src []byte, j job) ([]byte, error) {
	shrink := bimg.Options{
		Width:         j.scaledWidth,
		Height:        j.scaledHeight,
		Force:         true, // to these very sides: its own Crop is now and then a pixel short
		NoAutoRotate:  true,
		StripMetadata: true,
		OutputICC:     "srgb",
	}
	if j.cuts() {
		shrink.Left, shrink.Top, shrink.AreaWidth, shrink.AreaHeight = j.left, j.top, j.width, j.height
	}
	turn, turned := turns[j.source.orientation]
	if !turned {
		out, err := resize(src, j.encode(shrink))
		if err != nil {
			return nil, corrupt(err)
		}
		return out, nil
	}
	shrink.Type, shrink.Compression = bimg.PNG, 1
	small, err := resize(src, shrink)
	if err != nil {
		return nil, corrupt(err)
	}
	turn.NoAutoRotate, turn.StripMetadata = true, true
	out, err := resize(small, j.encode(turn))
	return out, file.Wrap(file.Internal, op, err)
}

// encode adds how the output is written.
func (j job) encode(o bimg.Options) bimg.Options {
	o.Type, o.Quality = bimgTypes[j.format], j.quality
	if j.format == imaging.AVIF {
		o.Speed = maxEffort - effort[imaging.AVIF]
	}
	return o
}

// maxEffort is the top of libvips' effort for AVIF; bimg counts down from it and calls it speed.
const maxEffort = 9

// cuts reports whether a part of the scaled picture is cut away.
func (j job) cuts() bool { return j.width != j.scaledWidth || j.height != j.scaledHeight }

// resize is bimg.Resize made safe. libvips reads the buffer after the call that took it, so it has to stay where it is; and it keeps state
// for each thread, so all calls have to come from one.
func resize(buf []byte, o bimg.Options) ([]byte, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var p runtime.Pinner
	p.Pin(unsafe.SliceData(buf)) //nolint:gosec // only pinned, never computed with
	defer p.Unpin()
	return bimg.Resize(buf, o)
}
