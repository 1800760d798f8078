package render

/*
#cgo pkg-config: vips
#include <glib.h>
#include "vips.h"
*/
import "C"

import (
	"errors"
	"unsafe"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/imaging"
)

const (
	typeJPEG = "image/jpeg"
	typePNG  = "image/png"
	typeGIF  = "image/gif"
	typeWebP = "image/webp"
	typeAVIF = "image/avif"
	typeHEIC = "image/heic"
	typeTIFF = "image/tiff"
)

// loaders maps the classes of libvips that may be given a source to what they read.
var loaders = map[string]string{
	"VipsForeignLoadJpegBuffer":  typeJPEG,
	"VipsForeignLoadPngBuffer":   typePNG,
	"VipsForeignLoadNsgifBuffer": typeGIF,
	"VipsForeignLoadWebpBuffer":  typeWebP,
	"VipsForeignLoadHeifBuffer":  typeHEIC,
	"VipsForeignLoadTiffBuffer":  typeTIFF,
}

var encoders = map[imaging.Format]C.int{
	imaging.JPEG: C.RENDER_JPEG,
	imaging.PNG:  C.RENDER_PNG,
	imaging.WebP: C.RENDER_WEBP,
	imaging.AVIF: C.RENDER_AVIF,
	imaging.GIF:  C.RENDER_GIF,
}

// header is what the first bytes of a picture say.
type header struct {
	mediaType     string
	width, height int // of one frame, as stored
	frames        int
	orientation   int // EXIF, 1 … 8
	alpha         bool
}

// upright gives the sides of something as tall and wide as the stored frame once it is turned, and the other way round.
func (h header) upright(w, ht int) (int, int) {
	if h.orientation >= 5 { // these four lie on their side
		return ht, w
	}
	return w, ht
}

func setup() { C.render_setup() }

// readHeader decodes no pixel.
func readHeader(src []byte) (header, error) {
	if len(src) == 0 {
		return header{}, refused(errors.New("empty"))
	}
	buf, n := unsafe.Pointer(&src[0]), C.size_t(len(src))
	loader := C.GoString(C.render_find_loader(buf, n))
	mediaType, ok := loaders[loader]
	if !ok {
		return header{}, refused(errors.Join(errors.New(loader), lastError()))
	}
	var c C.render_header
	if err := failure(C.render_read_header(buf, n, animated(mediaType), &c)); err != nil {
		return header{}, err
	}
	if c.av1 != 0 {
		mediaType = typeAVIF
	}
	return header{
		mediaType:   mediaType,
		width:       int(c.width),
		height:      int(c.height),
		frames:      int(c.frames),
		orientation: int(c.orientation),
		alpha:       c.alpha != 0,
	}, nil
}

func animated(mediaType string) C.int {
	if mediaType == typeGIF || mediaType == typeWebP {
		return 1
	}
	return 0
}

// renderFrames decodes, transforms and encodes by libvips alone.
func renderFrames(src []byte, j job) ([]byte, error) {
	c := C.render_job{
		frames:        C.int(j.frames),
		frame_height:  C.int(j.source.height),
		scaled_width:  C.int(j.scaledWidth),
		scaled_height: C.int(j.scaledHeight),
		left:          C.int(j.left),
		top:           C.int(j.top),
		width:         C.int(j.width),
		height:        C.int(j.height),
		format:        encoders[j.format],
		quality:       C.int(j.quality),
		effort:        C.int(effort[j.format]),
	}
	var out unsafe.Pointer
	var n C.size_t
	if err := failure(C.render_frames(unsafe.Pointer(&src[0]), C.size_t(len(src)), &c, &out, &n)); err != nil {
		return nil, err
	}
	defer C.g_free(C.gpointer(out))
	return C.GoBytes(out, C.int(n)), nil
}

// failure makes an error of how a call ended; nil when it went well.
func failure(result C.int) error {
	switch result {
	case C.RENDER_OK:
		return nil
	case C.RENDER_DECODE:
		return corrupt(lastError())
	default:
		return file.Wrap(file.Internal, op, lastError())
	}
}

// lastError is what libvips has to say of a failure. Its threads share the text, so it may tell of another's: it is for logs only.
func lastError() error {
	text := C.render_error()
	defer C.g_free(C.gpointer(text))
	return errors.New(C.GoString(text))
}
