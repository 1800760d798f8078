package inspect

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	_ "golang.org/x/image/tiff" // the oracles for sizes
	_ "golang.org/x/image/webp"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/file"
)

const (
	docxType = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	xlsxType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	odtType  = "application/vnd.oasis.opendocument.text"
)

func inspectBytes(t testing.TB, declared string, p []byte) content.Verdict {
	t.Helper()
	i, err := New(Config{})
	must(t, err)
	v, err := i.Inspect(t.Context(), bytes.NewReader(p), &file.File{DeclaredType: declared})
	must(t, err)
	if v.Reason != "" && (v.Note == "" || !slices.Contains(content.Reasons, v.Reason)) {
		t.Fatalf("verdict %+v", v)
	}
	return v
}

func TestGood(t *testing.T) {
	jpg, still := jpegSample(t, 40, 30), testdata(t, "lossy.webp")
	tests := []struct {
		name, declared string
		data           []byte
		image          *file.Image
	}{
		{"jpeg", "image/jpeg", jpg, &file.Image{Width: 40, Height: 30, Frames: 1}},
		{"jpeg, undeclared", "", jpg, &file.Image{Width: 40, Height: 30, Frames: 1}},
		{"jpeg, turned", "image/jpeg", withOrientation(jpg, binary.LittleEndian, 6), &file.Image{Width: 30, Height: 40, Frames: 1}},
		{"jpeg, turned, big endian", "image/jpeg", withOrientation(jpg, binary.BigEndian, 8), &file.Image{Width: 30, Height: 40, Frames: 1}},
		{"jpeg, upside down", "image/jpeg", withOrientation(jpg, binary.BigEndian, 3), &file.Image{Width: 40, Height: 30, Frames: 1}},
		{"jpeg, senseless orientation", "image/jpeg", withOrientation(jpg, binary.BigEndian, 99), &file.Image{Width: 40, Height: 30, Frames: 1}},
		{"jpeg with HTML behind it", "image/jpeg", append(bytes.Clone(jpg), "<html><script>"...), &file.Image{Width: 40, Height: 30, Frames: 1}},
		{"png", "image/png", pngSample(t, 40, 30), &file.Image{Width: 40, Height: 30, Frames: 1}},
		{"png, animated", "image/png", pngOf(40, 30, 200), &file.Image{Width: 40, Height: 30, Frames: 200}},
		{"png with PHP behind it", "image/png", append(pngSample(t, 40, 30), "<?php"...), &file.Image{Width: 40, Height: 30, Frames: 1}},
		{"gif", "image/gif", gifSample(t, 40, 30, 1), &file.Image{Width: 40, Height: 30, Frames: 1}},
		{"gif, animated", "image/gif", gifSample(t, 40, 30, 200), &file.Image{Width: 40, Height: 30, Frames: 200}},
		{"gif with script behind it", "image/gif", append(gifSample(t, 40, 30, 1), "*/=1;alert(1)"...), &file.Image{Width: 40, Height: 30, Frames: 1}},
		{"webp, lossy", "image/webp", still, &file.Image{Width: 40, Height: 30, Frames: 1}},
		{"webp, lossless", "image/webp", testdata(t, "lossless.webp"), &file.Image{Width: 40, Height: 30, Frames: 1}},
		{"webp, animated", "image/webp", webpOf(still, 40, 30, 3), &file.Image{Width: 40, Height: 30, Frames: 3}},
		{"tiff", "image/tiff", tiffSample(t, 40, 30), &file.Image{Width: 40, Height: 30, Frames: 1}},
		{"avif", "image/avif", testdata(t, "still.avif"), &file.Image{Width: 40, Height: 30, Frames: 1}},
		{"avif, turned", "image/avif", avifOf(40, 30, 3), &file.Image{Width: 30, Height: 40, Frames: 1}},
		{"avif, upside down", "image/avif", avifOf(40, 30, 2), &file.Image{Width: 40, Height: 30, Frames: 1}},
		{"avif, animated", "image/avif", avifSequence(40, 30, 25), &file.Image{Width: 40, Height: 30, Frames: 25}},
		{"heic", "image/heic", testdata(t, "still.heic"), &file.Image{Width: 40, Height: 30, Frames: 1}},
		{"largest side", "image/png", pngOf(16_384, 3_051, 0), &file.Image{Width: 16_384, Height: 3_051, Frames: 1}},

		{"pdf", "application/pdf", []byte(pdfSample), nil},
		{"pdf, padded", "application/pdf", []byte(pdfSample + strings.Repeat("\x00", 1500)), nil},
		{"zip", "application/zip", zipOf(t, entry{name: "a.txt", data: "hello"}, entry{name: "dir/"}, entry{name: "dir/b", data: "x"}), nil},
		{"zip, empty", "application/zip", zipOf(t), nil},
		{"zip, three deep", "application/zip", nestedZip(t, 3), nil},
		{"zip with scripts", "application/zip", zipOf(t, entry{name: "run.sh", data: "#!/bin/sh"}), nil},
		{"zip that packs well", "application/zip", zipOf(t, entry{name: "zeros", data: strings.Repeat("\x00", ratioFloor)}), nil},
		{"docx", docxType, ooxmlSample(t, "word/"), nil},
		{"xlsx", xlsxType, ooxmlSample(t, "xl/"), nil},
		{"odt", odtType, odfSample(t, odtType), nil},
		{"epub", "application/epub+zip", odfSample(t, "application/epub+zip"), nil},
		{"doc", "application/msword", []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 504)), nil},
		{"gzip", "application/gzip", gzipOf(t, []byte("hello")), nil},
		{"text", "text/plain", []byte("grüße\n"), nil},
		{"text, a character across blocks", "text/plain", []byte(strings.Repeat("a", blockSize-1) + "€" + strings.Repeat("b", blockSize)), nil},
		{"text, Latin-1", "text/plain", []byte("gr\xfc\xdfe\n"), nil},
		{"text, UTF-16", "text/plain", utf16Of("hello €"), nil},
		{"markdown that begins with a tag", "text/markdown", []byte("<p align=center>\n# Hi"), nil},
		{"csv", "text/csv", []byte("a,b\n1,\"2\n"), nil},
		{"json", "application/json", []byte(` {"a": [1, -2.5e+7, true, false, null, "\u00e9\n", {}], "b": []} `), nil},
		{"json, a character across blocks", "application/json", []byte(`"` + strings.Repeat("a", blockSize-2) + "€" + strings.Repeat("b", blockSize) + `"`), nil},
		{"json, 1,000 deep", "application/json", []byte(strings.Repeat("[", 1000) + strings.Repeat("]", 1000)), nil},
		{"json lines", "application/json", []byte("{\"a\":1}\n{\"a\":2}\n"), nil},
		{"json with a byte order mark", "application/json", []byte("\ufeff{}"), nil},
		{"json, UTF-16", "application/json", utf16Of(`{"a":1}`), nil},
		{"xml", "application/xml", []byte(`<?xml version="1.0"?><!DOCTYPE a><a b="c">&amp;<d/></a>`), nil},
		{"xml, Latin-1", "text/xml", []byte("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xfc</a>"), nil},
		{"svg", "image/svg+xml", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), nil},
		{"unknown", "application/x-custom", []byte{0, 1, 2, 3}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := inspectBytes(t, tt.declared, tt.data)
			if v.Reason != "" {
				t.Fatalf("rejected: %s: %s", v.Reason, v.Note)
			}
			if (v.Image == nil) != (tt.image == nil) || v.Image != nil && *v.Image != *tt.image {
				t.Fatalf("image %v, want %v", v.Image, tt.image)
			}
			if v.Type == "" || tt.declared != "" && v.Type != content.Resolve(tt.declared, "") {
				t.Fatalf("type %q of what was declared as %q", v.Type, tt.declared)
			}
		})
	}
}

func TestBad(t *testing.T) {
	jpg, png, gif, webp := jpegSample(t, 40, 30), pngSample(t, 40, 30), gifSample(t, 40, 30, 2), testdata(t, "lossy.webp")
	avif, docx := testdata(t, "still.avif"), ooxmlSample(t, "word/")
	many := make([]entry, 2001)
	for i := range many {
		many[i] = entry{name: strings.Repeat("x", i%50+1)}
	}
	plain := zipOf(t, entry{name: "a.txt", data: strings.Repeat("hello ", 100)})
	tests := []struct {
		name, declared string
		data           []byte
		reason         string
	}{
		{"empty", "text/plain", nil, content.ReasonEmpty},
		{"html as jpeg", "image/jpeg", []byte("<!DOCTYPE html><html>"), content.ReasonTypeMismatch},
		{"png as jpeg", "image/jpeg", png, content.ReasonTypeMismatch},
		{"program as png", "image/png", []byte("MZ\x90\x00\x03\x00\x00\x00"), content.ReasonTypeMismatch},
		{"script as text", "text/plain", []byte("#!/bin/sh\n"), content.ReasonTypeMismatch},

		{"jpeg, cut", "image/jpeg", jpg[:len(jpg)-2], content.ReasonCorrupt},
		{"jpeg, cut in a segment", "image/jpeg", jpg[:40], content.ReasonCorrupt},
		{"jpeg without pixels", "image/jpeg", []byte{0xFF, 0xD8, 0xFF, 0xD9}, content.ReasonCorrupt},
		{"jpeg without a height", "image/jpeg", withFrameSize(jpg, 40, 0), content.ReasonCorrupt},
		{"jpeg without a scan", "image/jpeg", append(bytes.Clone(jpg[:bytes.LastIndex(jpg, []byte{0xFF, markerSOS})]), 0xFF, markerEOI), content.ReasonCorrupt},
		{"jpeg with two frame headers", "image/jpeg", twoFrameHeaders(jpg), content.ReasonCorrupt},
		{"jpeg flood", "image/jpeg", withFrameSize(jpg, 65_535, 65_535), content.ReasonImageTooLarge},
		{"png, cut", "image/png", png[:len(png)-1], content.ReasonCorrupt},
		{"png with a wrong checksum", "image/png", patched(png, "IDAT", 6, 0xAA, 0xBB), content.ReasonCorrupt},
		{"png without pixels", "image/png", slices.Concat([]byte(pngSignature), chunk("IHDR", []byte("\x00\x00\x00\x01\x00\x00\x00\x01\x01\x00\x00\x00\x00")), chunk("IEND", nil)), content.ReasonCorrupt},
		{"png without a header", "image/png", slices.Concat([]byte(pngSignature), chunk("IDAT", nil), chunk("IEND", nil)), content.ReasonCorrupt},
		{"png with a huge chunk", "image/png", slices.Concat([]byte(pngSignature), []byte("\xff\xff\xff\xffIHDR")), content.ReasonCorrupt},
		{"png of no size", "image/png", pngOf(0, 30, 0), content.ReasonCorrupt},
		{"png flood", "image/png", pngOf(60_000, 60_000, 0), content.ReasonImageTooLarge},
		{"png, one pixel too many", "image/png", pngOf(16_384, 3_052, 0), content.ReasonImageTooLarge},
		{"png, side too long", "image/png", pngOf(16_385, 1, 0), content.ReasonImageTooLarge},
		{"png of 2^31", "image/png", pngOf(1<<31, 1<<31, 0), content.ReasonImageTooLarge},
		{"png with too many frames", "image/png", pngOf(1, 1, 201), content.ReasonImageTooLarge},
		{"gif, cut", "image/gif", gif[:len(gif)-1], content.ReasonCorrupt},
		{"gif with junk", "image/gif", append(bytes.Clone(gif[:len(gif)-1]), 0x99), content.ReasonCorrupt},
		{"gif without frames", "image/gif", []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"), content.ReasonCorrupt},
		{"gif with too many frames", "image/gif", gifSample(t, 1, 1, 201), content.ReasonImageTooLarge},
		{"gif flood", "image/gif", []byte("GIF89a\xff\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x00;"), content.ReasonImageTooLarge},
		{"webp, cut", "image/webp", webp[:len(webp)-20], content.ReasonCorrupt},
		{"webp without pixels", "image/webp", riff(riffChunk("EXIF", make([]byte, 20))), content.ReasonCorrupt},
		{"webp flood", "image/webp", webpOf(webp, 1<<24, 1<<24, 1), content.ReasonImageTooLarge},
		{"webp with too many frames", "image/webp", webpOf(webp, 40, 30, 201), content.ReasonImageTooLarge},
		{"webp with a frame beyond the canvas", "image/webp", webpOf(webp, 20, 20, 1), content.ReasonCorrupt},
		{"tiff flood", "image/tiff", []byte("II*\x00\x08\x00\x00\x00\x02\x00\x00\x01\x04\x00\x01\x00\x00\x00\x00\x00\x01\x00\x01\x01\x04\x00\x01\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00"), content.ReasonImageTooLarge},
		{"tiff whose pages form a ring", "image/tiff", []byte("II*\x00\x08\x00\x00\x00\x02\x00\x00\x01\x03\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x01\x03\x00\x01\x00\x00\x00\x01\x00\x00\x00\x08\x00\x00\x00"), content.ReasonImageTooLarge},
		{"tiff, cut", "image/tiff", []byte("II*\x00\xff\x00\x00\x00"), content.ReasonCorrupt},
		{"avif, cut", "image/avif", avif[:len(avif)-1], content.ReasonCorrupt},
		{"avif flood", "image/avif", avifOf(65_536, 65_536, 0), content.ReasonImageTooLarge},
		{"avif with too many frames", "image/avif", avifSequence(40, 30, 201), content.ReasonImageTooLarge},
		{"avif without pixels", "image/avif", bmff("ftyp", []byte("avif\x00\x00\x00\x00avifmif1")), content.ReasonCorrupt},

		{"pdf, cut", "application/pdf", []byte(pdfSample[:len(pdfSample)-7]), content.ReasonCorrupt},
		{"pdf without a table", "application/pdf", []byte("%PDF-1.4\n%%EOF\n"), content.ReasonCorrupt},
		{"pdf with a zip behind it", "application/pdf", []byte(pdfSample + strings.Repeat("\x00", 2048) + string(plain)), content.ReasonCorrupt},

		{"zip, cut", "application/zip", plain[:len(plain)-4], content.ReasonCorrupt},
		{"zip with a tail", "application/zip", append(bytes.Clone(plain), "<html>"...), content.ReasonArchiveUnsafe},
		{"zip with a gap", "application/zip", append([]byte("PK\x03\x04"), plain...), content.ReasonArchiveUnsafe},
		{"zip with damaged data", "application/zip", patched(plain, "a.txt", -len("PK")-60, 0xFF), content.ReasonCorrupt},
		{"zip with a wrong checksum", "application/zip", zipOf(t, entry{name: "a", data: "hello", header: func(h *zip.FileHeader) { h.CRC32++ }}), content.ReasonCorrupt},
		{"zip with a lying size", "application/zip", zipOf(t, entry{name: "a", data: "hello", header: func(h *zip.FileHeader) { h.UncompressedSize64 = 1 }}), content.ReasonCorrupt},
		{"zip slip", "application/zip", zipOf(t, entry{name: "a/../../etc/passwd", data: "x"}), content.ReasonArchiveUnsafe},
		{"zip slip with backslashes", "application/zip", zipOf(t, entry{name: `..\evil`, data: "x"}), content.ReasonArchiveUnsafe},
		{"zip with an absolute name", "application/zip", zipOf(t, entry{name: "/etc/passwd", data: "x"}), content.ReasonArchiveUnsafe},
		{"zip with a drive", "application/zip", zipOf(t, entry{name: `C:\evil`, data: "x"}), content.ReasonArchiveUnsafe},
		{"zip with a symbolic link", "application/zip", zipOf(t, entry{name: "link", data: "/etc/passwd", header: symlink}), content.ReasonArchiveUnsafe},
		{"zip with a password", "application/zip", zipOf(t, entry{name: "a", data: "secret", header: func(h *zip.FileHeader) { h.Flags |= 1 }}), content.ReasonEncrypted},
		{"zip with another method", "application/zip", zipOf(t, entry{name: "a", data: "x", header: func(h *zip.FileHeader) { h.Method = 93 }}), content.ReasonArchiveUnsafe},
		{"zip with too many entries", "application/zip", zipOf(t, many...), content.ReasonArchiveUnsafe},
		{"zip that hides entries", "application/zip", patched(patched(zipOf(t, entry{name: "a"}, entry{name: "b"}), sigEnd, 8, 1), sigEnd, 10, 1), content.ReasonArchiveUnsafe},
		{"zip with overlapping entries", "application/zip", overlappingZip(t), content.ReasonArchiveUnsafe},
		{"zip bomb", "application/zip", zipOf(t, entry{name: "zeros", data: strings.Repeat("\x00", 2*ratioFloor)}), content.ReasonArchiveUnsafe},
		{"zip, four deep", "application/zip", nestedZip(t, 4), content.ReasonArchiveUnsafe},
		{"zip with a broken zip in it", "application/zip", zipOf(t, entry{name: "a.zip", data: string(plain[:50])}), content.ReasonCorrupt},
		{"zip as docx", docxType, plain, content.ReasonTypeMismatch},
		{"docx as xlsx", xlsxType, zipOf(t, entry{name: "[Content_Types].xml"}, entry{name: "doc.xml"}), content.ReasonTypeMismatch},
		{"zip as odt", odtType, plain, content.ReasonTypeMismatch},
		{"docx with a password", docxType, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 504)), content.ReasonEncrypted},
		{"docx, cut", docxType, docx[:len(docx)-30], content.ReasonCorrupt},
		{"gzip, cut", "application/gzip", gzipOf(t, []byte("hello"))[:20], content.ReasonCorrupt},
		{"gzip bomb", "application/gzip", gzipOf(t, make([]byte, 2*ratioFloor)), content.ReasonArchiveUnsafe},
		{"gzip, four deep", "application/gzip", gzipOf(t, gzipOf(t, gzipOf(t, gzipOf(t, nil)))), content.ReasonArchiveUnsafe},

		{"text with binary data", "text/plain", []byte(strings.Repeat("words ", 2000) + "\x00"), content.ReasonTypeMismatch},
		{"text, UTF-16, odd", "text/plain", append(utf16Of("hello"), 0), content.ReasonCorrupt},
		{"text, UTF-16, half a pair", "text/plain", []byte("\xff\xfe\x00\xd8a\x00"), content.ReasonCorrupt},
		{"json, cut", "application/json", []byte(`{"a": [1, 2`), content.ReasonCorrupt},
		{"json, bad", "application/json", []byte(`{"a": 01}`), content.ReasonCorrupt},
		{"json, words", "application/json", []byte(`hello`), content.ReasonCorrupt},
		{"json, Latin-1", "application/json", []byte("{\"a\": \"\xfc\"}"), content.ReasonCorrupt},
		{"json, too deep", "application/json", []byte(strings.Repeat("[", 1001) + strings.Repeat("]", 1001)), content.ReasonCorrupt},
		{"xml, cut", "application/xml", []byte(`<?xml version="1.0"?><a><b></b>`), content.ReasonCorrupt},
		{"xml, crossed", "application/xml", []byte(`<?xml version="1.0"?><a><b></a></b>`), content.ReasonCorrupt},
		{"xml, two roots", "application/xml", []byte(`<?xml version="1.0"?><a/><b/>`), content.ReasonCorrupt},
		{"xml, entity bomb", "application/xml", []byte(`<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>`), content.ReasonXMLUnsafe},
		{"xml, external entity", "application/xml", []byte(`<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>`), content.ReasonXMLUnsafe},
		{"xml, too deep", "application/xml", []byte(`<?xml version="1.0"?>` + strings.Repeat("<a>", 1001)), content.ReasonXMLUnsafe},
		{"xml, one huge text", "application/xml", []byte(`<?xml version="1.0"?><a>` + strings.Repeat("x", 2*maxXMLToken) + "</a>"), content.ReasonXMLUnsafe},
		{"svg with another root", "image/svg+xml", []byte(`<?xml version="1.0"?><html><svg/></html>`), content.ReasonTypeMismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := inspectBytes(t, tt.declared, tt.data)
			if v.Reason != tt.reason {
				t.Fatalf("reason %q (%s), want %q", v.Reason, v.Note, tt.reason)
			}
			if v.Image != nil {
				t.Fatalf("a rejected file has an image: %v", v.Image)
			}
		})
	}
}

func TestPixelLimit(t *testing.T) {
	l := Limits{Pixels: 100, Side: 50, Frames: 2}
	for size, want := range map[[3]int]bool{
		{10, 10, 1}: true, {50, 2, 2}: true, {101, 1, 1}: false, {51, 1, 1}: false, {1, 51, 1}: false, {21, 5, 1}: false, {1, 1, 3}: false,
	} {
		if got := l.checkImage(size[0], size[1], size[2]) == nil; got != want {
			t.Errorf("%v: %t", size, got)
		}
	}
}

// Every prefix of a structured file is a file that was cut short.
func TestTruncated(t *testing.T) {
	for declared, data := range map[string][]byte{
		"image/jpeg": withOrientation(jpegSample(t, 8, 8), binary.LittleEndian, 6), "image/png": pngSample(t, 8, 8),
		"image/gif": gifSample(t, 8, 8, 2), "image/webp": testdata(t, "lossless.webp"), "image/avif": testdata(t, "still.avif"),
		"image/heic": testdata(t, "still.heic"), "application/zip": zipOf(t, entry{name: "a", data: "hello"}),
		"application/gzip": gzipOf(t, []byte("hello")), "application/json": []byte(`{"a": ["b", 1, true]}`),
		"image/svg+xml": []byte(`<svg xmlns="http://www.w3.org/2000/svg"><g></g></svg>`),
	} {
		for n := range data {
			if v := inspectBytes(t, declared, data[:n]); v.Reason == "" {
				t.Fatalf("%s cut to %d of %d bytes is good", declared, n, len(data))
			}
		}
		if v := inspectBytes(t, declared, data); v.Reason != "" {
			t.Fatalf("%s: %+v", declared, v)
		}
	}
}

// A relative of 42.zip: 400 MB in three levels. The budget ends it early.
func TestNestedBombEndsEarly(t *testing.T) {
	temp := t.TempDir()
	i, err := New(Config{TempDir: temp, Limits: Limits{ArchiveBytes: 5_000_000}})
	must(t, err)
	bomb := bushyZip(t, 3, 20, 1_000_000)
	v, err := i.Inspect(t.Context(), bytes.NewReader(bomb), &file.File{DeclaredType: "application/zip"})
	if err != nil || v.Reason != content.ReasonArchiveUnsafe {
		t.Fatalf("%+v, %v", v, err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Fatalf("temporary files are left: %v, %v", left, err)
	}
}

func TestManyEntriesInNestedArchives(t *testing.T) {
	i, err := New(Config{TempDir: t.TempDir(), Limits: Limits{ArchiveEntries: 10}})
	must(t, err)
	v, err := i.Inspect(t.Context(), bytes.NewReader(bushyZip(t, 3, 10, 1)), &file.File{DeclaredType: "application/zip"})
	if err != nil || v.Reason != content.ReasonArchiveUnsafe {
		t.Fatalf("%+v, %v", v, err)
	}
}

// A store that fails gives no verdict, at whatever byte it fails.
func TestUnreadable(t *testing.T) {
	for declared, data := range map[string][]byte{
		"image/jpeg": jpegSample(t, 8, 8), "image/png": pngSample(t, 8, 8), "application/zip": nestedZip(t, 2),
		"application/gzip": gzipOf(t, []byte("hello")), "application/json": []byte(`{"a": 1}`), "application/pdf": []byte(pdfSample),
		"image/svg+xml": []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), "image/avif": testdata(t, "still.avif"),
	} {
		// count the reads of a good run, then fail each in turn
		good := &flaky{ReadSeeker: bytes.NewReader(data), failAt: -1}
		i, err := New(Config{TempDir: t.TempDir()})
		must(t, err)
		v, err := i.Inspect(t.Context(), good, &file.File{DeclaredType: declared})
		if err != nil || v.Reason != "" {
			t.Fatalf("%s: %+v, %v", declared, v, err)
		}
		for n := range good.reads {
			bad := &flaky{ReadSeeker: bytes.NewReader(data), failAt: n}
			if v, err := i.Inspect(t.Context(), bad, &file.File{DeclaredType: declared}); !file.Is(err, file.Unavailable) || v.Reason != "" {
				t.Errorf("%s: read %d fails: %+v, %v", declared, n, v, err)
			}
		}
	}
}

// flaky fails one of its reads.
type flaky struct {
	io.ReadSeeker
	reads, failAt int
}

func (f *flaky) Read(p []byte) (int, error) {
	if f.reads++; f.reads-1 == f.failAt {
		return 0, iotest.ErrTimeout
	}
	return f.ReadSeeker.Read(p)
}

func TestCancelled(t *testing.T) {
	i, err := New(Config{})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = i.Inspect(ctx, bytes.NewReader(pngSample(t, 8, 8)), &file.File{DeclaredType: "image/png"})
	if !file.Is(err, file.Cancelled) || !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// The standard decoders agree about the size of everything that passes.
func TestSizesAgreeWithDecoders(t *testing.T) {
	for declared, data := range map[string][]byte{
		"image/jpeg": jpegSample(t, 123, 45), "image/png": pngSample(t, 123, 45), "image/gif": gifSample(t, 123, 45, 1),
		"image/tiff": tiffSample(t, 123, 45), "image/webp": testdata(t, "lossless.webp"),
	} {
		v := inspectBytes(t, declared, data)
		cfg, _, err := image.DecodeConfig(bytes.NewReader(data))
		if err != nil || v.Image == nil || v.Image.Width != cfg.Width || v.Image.Height != cfg.Height {
			t.Errorf("%s: %+v, decoder %+v, %v", declared, v, cfg, err)
		}
	}
}
