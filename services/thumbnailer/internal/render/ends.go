package render

import (
	"bytes"
	"encoding/binary"
)

// ends reports whether a source reaches its end. The decoders see to that themselves but for two: bimg's of JPEG leaves grey what is
// missing, and that of GIF leaves out frames.
func ends(src []byte, mediaType string) bool {
	switch mediaType {
	case typeJPEG:
		return endsJPEG(src)
	case typeGIF:
		return endsGIF(src)
	default:
		return true
	}
}

// endsJPEG follows the markers of a JPEG (ITU-T T.81, annex B).
func endsJPEG(b []byte) bool {
	const (
		tem  = 0x01
		rst0 = 0xD0
		soi  = 0xD8
		eoi  = 0xD9
	)
	for {
		i := bytes.IndexByte(b, 0xFF)
		if i < 0 || i+1 >= len(b) {
			return false
		}
		marker := b[i+1]
		b = b[i+1:]
		switch {
		case marker == eoi:
			return true
		case marker == 0xFF: // a fill byte: the marker is yet to come
		case marker == 0 || marker == tem || marker >= rst0 && marker <= soi: // these stand alone
			b = b[1:]
		default: // a segment, the data of a scan included, begins with its length
			if len(b) < 3 {
				return false
			}
			n := 1 + int(binary.BigEndian.Uint16(b[1:]))
			if n > len(b) {
				return false
			}
			b = b[n:]
		}
	}
}

// endsGIF follows the blocks of a GIF (GIF89a specification, appendix B).
func endsGIF(b []byte) bool {
	const (
		header     = 6 + 7 // with the logical screen descriptor
		descriptor = 10    // of an image
		extension  = 0x21
		separator  = 0x2C
		trailer    = 0x3B
	)
	if len(b) < header {
		return false
	}
	b = skip(b, header+colours(b[10]))
	for len(b) > 0 {
		switch {
		case b[0] == trailer:
			return true
		case b[0] == extension:
			b = skipBlocks(skip(b, 2))
		case b[0] == separator && len(b) >= descriptor:
			b = skipBlocks(skip(b, descriptor+colours(b[9])+1))
		default:
			return false
		}
	}
	return false
}

// colours is the size of the colour table that the flags of a GIF announce.
func colours(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

// skipBlocks passes over data blocks and the empty one that ends them.
func skipBlocks(b []byte) []byte {
	for len(b) > 0 && b[0] != 0 {
		b = skip(b, 1+int(b[0]))
	}
	return skip(b, 1)
}

func skip(b []byte, n int) []byte { return b[min(n, len(b)):] }
