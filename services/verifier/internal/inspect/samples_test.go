package inspect

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/tiff"
)

// The samples are made here by the encoders of the standard library, but for testdata, which libvips 8.14 made
// (40 x 30 pixels each).

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	p, err := os.ReadFile("testdata/" + name)
	must(t, err)
	return p
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func picture(width, height int) *image.Paletted {
	img := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.Black, color.White})
	for i := range img.Pix {
		img.Pix[i] = uint8(i % 3 & 1)
	}
	return img
}

func pngSample(t testing.TB, width, height int) []byte {
	var b bytes.Buffer
	must(t, png.Encode(&b, picture(width, height)))
	return b.Bytes()
}

// chunk builds a PNG chunk with a right checksum.
func chunk(kind string, data []byte) []byte {
	p := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	p = append(append(p, kind...), data...)
	return binary.BigEndian.AppendUint32(p, crc32.ChecksumIEEE(p[4:]))
}

// pngOf builds a PNG that claims a size, whatever its pixels are. frames above 0 make it an animated one.
func pngOf(width, height uint32, frames uint32) []byte {
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	p := append([]byte(pngSignature), chunk("IHDR", append(header, 1, 0, 0, 0, 0))...)
	if frames > 0 {
		p = append(p, chunk("acTL", append(binary.BigEndian.AppendUint32(nil, frames), 0, 0, 0, 0))...)
	}
	return append(append(p, chunk("IDAT", []byte("pixels"))...), chunk("IEND", nil)...)
}

func jpegSample(t testing.TB, width, height int) []byte {
	var b bytes.Buffer
	must(t, jpeg.Encode(&b, picture(width, height), nil))
	return b.Bytes()
}

// withOrientation puts an EXIF segment behind the start marker of a JPEG.
func withOrientation(jpg []byte, order binary.AppendByteOrder, orientation uint16) []byte {
	mark := "II"
	if order.String() == "BigEndian" {
		mark = "MM"
	}
	exif := order.AppendUint16([]byte("Exif\x00\x00"+mark), 42)
	exif = order.AppendUint16(order.AppendUint32(exif, 8), 1) // one field
	exif = order.AppendUint16(order.AppendUint16(exif, tagOrientation), typeShort)
	exif = order.AppendUint16(order.AppendUint32(exif, 1), orientation)
	exif = append(exif, 0, 0, 0, 0, 0, 0)
	segment := binary.BigEndian.AppendUint16([]byte{0xFF, markerAPP1}, uint16(len(exif)+2))
	return append(append(bytes.Clone(jpg[:2]), append(segment, exif...)...), jpg[2:]...)
}

// withFrameSize rewrites the size in the frame header of a baseline JPEG.
func withFrameSize(jpg []byte, width, height uint16) []byte {
	p := bytes.Clone(jpg)
	i := bytes.Index(p, []byte{0xFF, markerSOF0})
	binary.BigEndian.PutUint16(p[i+5:], height)
	binary.BigEndian.PutUint16(p[i+7:], width)
	return p
}

// twoFrameHeaders repeats the frame header of a baseline JPEG.
func twoFrameHeaders(jpg []byte) []byte {
	i := bytes.Index(jpg, []byte{0xFF, markerSOF0})
	header := jpg[i : i+2+int(binary.BigEndian.Uint16(jpg[i+2:]))]
	return slices.Concat(jpg[:i], header, jpg[i:])
}

func gifSample(t testing.TB, width, height, frames int) []byte {
	g := gif.GIF{}
	for range frames {
		g.Image, g.Delay = append(g.Image, picture(width, height)), append(g.Delay, 1)
	}
	var b bytes.Buffer
	must(t, gif.EncodeAll(&b, &g))
	return b.Bytes()
}

func tiffSample(t testing.TB, width, height int) []byte {
	var b bytes.Buffer
	must(t, tiff.Encode(&b, picture(width, height), nil))
	return b.Bytes()
}

// riff builds a WebP of chunks.
func riff(chunks ...[]byte) []byte {
	body := bytes.Join(chunks, nil)
	p := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(4+len(body)))
	return append(append(p, "WEBP"...), body...)
}

func riffChunk(kind string, data []byte) []byte {
	p := binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(data)))
	p = append(p, data...)
	if len(data)%2 == 1 {
		p = append(p, 0)
	}
	return p
}

func put24(v int) []byte { return []byte{byte(v), byte(v >> 8), byte(v >> 16)} }

// webpOf builds an animated WebP around the bitstream of a still one.
func webpOf(still []byte, width, height, frames int) []byte {
	canvas := append([]byte{2, 0, 0, 0}, append(put24(width-1), put24(height-1)...)...)
	chunks := [][]byte{riffChunk("VP8X", canvas), riffChunk("ANIM", make([]byte, 6))}
	for range frames {
		frame := append(append(make([]byte, 6), append(put24(39), put24(29)...)...), make([]byte, 4)...)
		chunks = append(chunks, riffChunk("ANMF", append(frame, still[12:]...)))
	}
	return riff(chunks...)
}

func bmff(kind string, payload ...[]byte) []byte {
	body := bytes.Join(payload, nil)
	p := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	return append(append(p, kind...), body...)
}

// avifOf builds the boxes of an AVIF: a thumbnail as the first item, then the picture, turned by quarter turns.
func avifOf(width, height uint32, turns byte) []byte {
	ispe := func(w, h uint32) []byte {
		return bmff("ispe", make([]byte, 4), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h))
	}
	return bytes.Join([][]byte{
		bmff("ftyp", []byte("avif\x00\x00\x00\x00avifmif1")),
		bmff("meta", make([]byte, 4),
			bmff("pitm", []byte{0, 0, 0, 0, 0, 2}),
			bmff("iprp",
				bmff("ipco", ispe(8, 6), ispe(width, height), bmff("irot", []byte{turns})),
				bmff("ipma", []byte{0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 1, 0x81, 0, 2, 2, 0x82, 0x83})),
		),
		bmff("mdat", []byte("pixels")),
	}, nil)
}

// avifSequence builds the boxes of an animated AVIF without a still picture.
func avifSequence(width, height, frames uint32) []byte {
	size := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(make([]byte, 76), width<<16), height<<16)
	count := binary.BigEndian.AppendUint32(make([]byte, 8), frames)
	return bytes.Join([][]byte{
		bmff("ftyp", []byte("avis\x00\x00\x00\x00avifavis")),
		bmff("moov", bmff("trak", bmff("tkhd", size), bmff("mdia", bmff("minf", bmff("stbl", bmff("stsz", count)))))),
		bmff("mdat", []byte("pixels")),
	}, nil)
}

const pdfSample = "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\nxref\n0 1\ntrailer\n<< /Root 1 0 R >>\nstartxref\n42\n%%EOF\n"

// entry is one file of a ZIP that a test makes.
type entry struct {
	name, data string
	header     func(*zip.FileHeader) // changes the header; the data is then written raw
	stored     bool
}

func zipOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		create := w.CreateHeader
		if e.stored || e.header != nil {
			h.Method = zip.Store
		}
		if e.header != nil {
			h.CRC32, h.UncompressedSize64, h.CompressedSize64 = crc32.ChecksumIEEE([]byte(e.data)), uint64(len(e.data)), uint64(len(e.data))
			e.header(h)
			create = w.CreateRaw
		}
		f, err := create(h)
		must(t, err)
		_, err = f.Write([]byte(e.data))
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

func symlink(h *zip.FileHeader) { h.SetMode(fs.ModeSymlink | 0o777) }

func ooxmlSample(t testing.TB, folder string) []byte {
	return zipOf(t, entry{name: "[Content_Types].xml", data: "<Types/>"}, entry{name: "_rels/.rels", data: "<Relationships/>"},
		entry{name: folder + "main.xml", data: "<document/>"})
}

func odfSample(t testing.TB, typ string) []byte {
	return zipOf(t, entry{name: "mimetype", data: typ, stored: true}, entry{name: "content.xml", data: "<office/>"})
}

// nestedZip is a ZIP in a ZIP …, depth of them.
func nestedZip(t testing.TB, depth int) []byte {
	p := zipOf(t, entry{name: "core.txt", data: "core"})
	for i := 1; i < depth; i++ {
		p = zipOf(t, entry{name: fmt.Sprintf("%d.zip", i), data: string(p)})
	}
	return p
}

// bushyZip is a small relative of 42.zip: width copies of the next level in every level, zeros in the last.
func bushyZip(t testing.TB, depth, width, zeros int) []byte {
	p := zipOf(t, entry{name: "zeros", data: strings.Repeat("\x00", zeros)})
	for range depth - 1 {
		entries := make([]entry, width)
		for i := range entries {
			entries[i] = entry{name: fmt.Sprintf("%d.zip", i), data: string(p)}
		}
		p = zipOf(t, entries...)
	}
	return p
}

// overlappingZip lists one entry twice in its directory, so that both share the data.
func overlappingZip(t testing.TB) []byte {
	p := zipOf(t, entry{name: "a", data: "shared data"})
	start := bytes.LastIndex(p, []byte(sigEntry))
	end := bytes.LastIndex(p, []byte(sigEnd))
	directory := p[start:end]
	out := append(append(bytes.Clone(p[:end]), directory...), p[end:]...)
	record := out[len(out)-endSize:]
	binary.LittleEndian.PutUint16(record[8:], 2)
	binary.LittleEndian.PutUint16(record[10:], 2)
	binary.LittleEndian.PutUint32(record[12:], uint32(2*len(directory)))
	return out
}

// patched returns a copy of p with v at the n-th byte behind the last occurrence of mark.
func patched(p []byte, mark string, n int, v ...byte) []byte {
	p = bytes.Clone(p)
	copy(p[bytes.LastIndex(p, []byte(mark))+n:], v)
	return p
}

func gzipOf(t testing.TB, data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	must(t, err)
	must(t, w.Close())
	return b.Bytes()
}

func utf16Of(text string) []byte {
	p := []byte{0xFF, 0xFE}
	for _, r := range text {
		p = binary.LittleEndian.AppendUint16(p, uint16(r))
	}
	return p
}
