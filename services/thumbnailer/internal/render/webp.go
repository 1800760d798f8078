package render

import (
	"encoding/binary"
	"slices"
)

// Flags of the VP8X chunk (https://developers.google.com/speed/webp/docs/riff_container).
const (
	vp8xXMP  = 0x04
	vp8xEXIF = 0x08
	vp8xICC  = 0x20
)

// stripWebP takes metadata out of a WebP file that libvips wrote, in place: libvips 8.14.1 writes all of it, the place where a photograph
// was taken included, also when it is told to strip. What does not look like WebP comes back as it is.
func stripWebP(b []byte) []byte {
	const riffHeader, chunkHeader = 12, 8
	if len(b) < riffHeader {
		return b
	}
	for at := riffHeader; at+chunkHeader <= len(b); {
		size := int(binary.LittleEndian.Uint32(b[at+4:]))
		end := min(at+chunkHeader+size+size%2, len(b)) // chunks are padded to an even size
		switch string(b[at : at+4]) {
		case "EXIF", "XMP ", "ICCP":
			b = slices.Delete(b, at, end)
			continue
		case "VP8X":
			if at+chunkHeader < len(b) {
				b[at+chunkHeader] &^= vp8xXMP | vp8xEXIF | vp8xICC
			}
		}
		at = end
	}
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-8)) //nolint:gosec // no longer than it was
	return b
}
