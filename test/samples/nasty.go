package samples

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"
)

// HTMLAsJPEG is a page with a script that calls itself a picture.
func HTMLAsJPEG() Sample {
	page := "<!DOCTYPE html>\n<html><head><title>Hello</title></head><body><script>alert(document.domain)</script></body></html>\n"
	return Sample{Name: "selfie.jpg", Type: TypeJPEG, Data: []byte(page)}
}

// TruncatedJPEG is a picture that lost its second half on the way.
func TruncatedJPEG() Sample {
	whole := JPEG(640, 480, 7).Data
	return Sample{Name: "cut.jpg", Type: TypeJPEG, Data: whole[:len(whole)/2]}
}

// TruncatedPNG ends in the middle of its pixels.
func TruncatedPNG() Sample {
	whole := PNG(320, 240, 7).Data
	return Sample{Name: "cut.png", Type: TypePNG, Data: whole[:len(whole)*2/3]}
}

// TruncatedPDF has no trailer.
func TruncatedPDF() Sample {
	whole := PDF("A page that was cut").Data
	return Sample{Name: "cut.pdf", Type: TypePDF, Data: whole[:bytes.Index(whole, []byte("xref\n"))]}
}

// PixelFlood is a PNG of some dozen bytes that claims 60,000 by 60,000 pixels.
func PixelFlood() Sample {
	head := binary.BigEndian.AppendUint32(nil, 60_000)
	head = binary.BigEndian.AppendUint32(head, 60_000)
	head = append(head, 1, 0, 0, 0, 0) // one bit, grey
	data := []byte("\x89PNG\r\n\x1a\n")
	data = append(data, pngChunk("IHDR", head)...)
	data = append(data, pngChunk("IDAT", []byte{0x78, 0x9c, 0x03, 0, 0, 0, 0, 1})...) // an empty zlib stream
	data = append(data, pngChunk("IEND", nil)...)
	return Sample{Name: "flood.png", Type: TypePNG, Data: data}
}

// pngChunk is one chunk with its checksum (PNG third edition, 5.3).
func pngChunk(kind string, body []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(body))) //nolint:gosec // a few bytes
	out = append(out, kind...)
	out = append(out, body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// ZipBomb is an archive of some 30 KB that unpacks to 32 MiB.
func ZipBomb() Sample {
	data := cached(func() []byte { return archive(entry{"zeros.txt", strings.Repeat("0", 32<<20)}) }, "bomb")
	return Sample{Name: "bomb.zip", Type: TypeZip, Data: data}
}

// ZipSlip is an archive whose one entry wants out of the folder that it is unpacked to.
func ZipSlip() Sample {
	return Sample{Name: "slip.zip", Type: TypeZip, Data: archive(entry{"../../etc/cron.d/job", "* * * * * root true\n"})}
}

// FalseDocx is an archive that calls itself a letter.
func FalseDocx() Sample {
	return Sample{Name: "letter.docx", Type: TypeDocx, Data: archive(entry{"hello.txt", "not a letter"})}
}

// ELFAsText is the head of a Linux program that calls itself a text.
func ELFAsText() Sample {
	data := append([]byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00\x01\x00\x00\x00"), make([]byte, 4096)...)
	return Sample{Name: "notes.txt", Type: TypeText, Data: data}
}

// BinaryText begins as a text and turns into bytes that no text holds, behind what a look at its first bytes shows.
func BinaryText() Sample {
	data := append(bytes.Clone(Text(8<<10, 3).Data), 0, 1, 2, 0xFF, 0xFE)
	return Sample{Name: "notes.txt", Type: TypeText, Data: data}
}

// BrokenJSON lacks its last bracket.
func BrokenJSON() Sample {
	whole := JSON(200, 3).Data
	return Sample{Name: "list.json", Type: TypeJSON, Data: whole[:len(whole)-1]}
}
