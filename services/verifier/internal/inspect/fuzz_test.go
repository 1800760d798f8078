package inspect

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"encoding/xml"
	"image"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/file"
)

// small are limits under which a fuzz target stays quick.
var small = Limits{ArchiveBytes: 1 << 20, ArchiveEntries: 50}.withDefaults()

func fuzzSource(t *testing.T, data []byte) *source {
	t.Helper()
	src, err := newSource(t.Context(), bytes.NewReader(data))
	must(t, err)
	return src
}

// checkOutcome fails on anything but a rejection: bytes in memory can always be judged.
func checkOutcome(t *testing.T, src *source, err error) {
	t.Helper()
	if src.err != nil {
		t.Fatalf("the source failed: %v", src.err)
	}
	if err == nil {
		return
	}
	if r, ok := err.(*rejection); !ok || r.reason == "" || r.note == "" { //nolint:errorlint // the checks return it bare
		t.Fatalf("no rejection: %v", err)
	}
}

// fuzzPicture checks that what passes keeps the limits, and that a decoder that can read it agrees on the size.
func fuzzPicture(f *testing.F, inspectPicture func(*source, Limits) (*file.Image, error), oracle bool) {
	f.Fuzz(func(t *testing.T, data []byte) {
		src := fuzzSource(t, data)
		img, err := inspectPicture(src, small)
		checkOutcome(t, src, err)
		if err != nil {
			return
		}
		if err := small.checkImage(img.Width, img.Height, img.Frames); err != nil || img.Frames < 1 {
			t.Fatalf("passed: %+v", img)
		}
		cfg, _, err := image.DecodeConfig(bytes.NewReader(data))
		if !oracle || err != nil {
			return
		}
		same := img.Width == cfg.Width && img.Height == cfg.Height
		turned := img.Width == cfg.Height && img.Height == cfg.Width
		if !same && !turned {
			t.Fatalf("%+v, the decoder says %d x %d", img, cfg.Width, cfg.Height)
		}
	})
}

func FuzzJPEG(f *testing.F) {
	f.Add(jpegSample(f, 8, 8))
	f.Add(withOrientation(jpegSample(f, 8, 4), binary.LittleEndian, 6))
	fuzzPicture(f, inspectJPEG, true)
}

func FuzzPNG(f *testing.F) {
	f.Add(pngSample(f, 8, 8))
	f.Add(pngOf(8, 8, 2))
	fuzzPicture(f, inspectPNG, true)
}

func FuzzGIF(f *testing.F) { // no oracle: the decoder takes the canvas, not the largest frame
	f.Add(gifSample(f, 8, 8, 2))
	fuzzPicture(f, inspectGIF, false)
}

func FuzzWebP(f *testing.F) {
	f.Add(testdata(f, "lossy.webp"))
	f.Add(testdata(f, "lossless.webp"))
	f.Add(webpOf(testdata(f, "lossy.webp"), 40, 30, 2))
	fuzzPicture(f, inspectWebP, true)
}

func FuzzTIFF(f *testing.F) {
	f.Add(tiffSample(f, 8, 8))
	fuzzPicture(f, inspectTIFF, false)
}

func FuzzHEIF(f *testing.F) {
	f.Add(testdata(f, "still.avif"))
	f.Add(testdata(f, "still.heic"))
	f.Add(avifOf(8, 8, 1))
	f.Add(avifSequence(8, 8, 3))
	fuzzPicture(f, inspectHEIF, false)
}

func FuzzEXIF(f *testing.F) {
	jpg := withOrientation(jpegSample(f, 1, 1), binary.BigEndian, 6)
	f.Add(jpg[6:40])
	f.Fuzz(func(t *testing.T, data []byte) {
		if o := exifOrientation(bytes.NewReader(data)); o < 1 || o > 8 {
			t.Fatalf("orientation %d", o)
		}
	})
}

func FuzzZip(f *testing.F) {
	f.Add(zipOf(f, entry{name: "a.txt", data: "hello"}, entry{name: "b/", data: ""}))
	f.Add(nestedZip(f, 3))
	f.Add(overlappingZip(f))
	f.Add(ooxmlSample(f, "word/"))
	i := &Inspector{limits: small, tempDir: f.TempDir()}
	f.Fuzz(func(t *testing.T, data []byte) {
		src := fuzzSource(t, data)
		checkOutcome(t, src, i.inspectZip(t.Context(), src, "application/zip"))
	})
}

func FuzzGzip(f *testing.F) {
	f.Add(gzipOf(f, []byte("hello")))
	f.Add(gzipOf(f, nestedZip(f, 2)))
	i := &Inspector{limits: small, tempDir: f.TempDir()}
	f.Fuzz(func(t *testing.T, data []byte) {
		src := fuzzSource(t, data)
		checkOutcome(t, src, i.inspectGzip(t.Context(), src))
	})
}

func FuzzPDF(f *testing.F) {
	f.Add([]byte(pdfSample))
	f.Fuzz(func(t *testing.T, data []byte) {
		src := fuzzSource(t, data)
		checkOutcome(t, src, inspectPDF(src))
	})
}

// One JSON value passes exactly when the standard library takes it, but for UTF-8, which we demand, and depth.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a": [1, -2.5e+7, true, false, null, "\u00e9"]}`, `[]`, `"x"`, `1 2`, `{"a":01}`, "\ufeff{}", `tru`, `-`, `[1,]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		src := fuzzSource(t, data)
		err := inspectJSON(src, small)
		checkOutcome(t, src, err)
		switch valid := json.Valid(data); {
		case valid && err != nil:
			if kind, textErr := inspectText(src); textErr == nil && kind == utf8Text && bytes.Count(data, []byte("[")) < 1000 && bytes.Count(data, []byte("{")) < 1000 {
				t.Fatalf("refused %q: %v", data, err)
			}
		case !valid && err == nil:
			d := json.NewDecoder(src.decoded()) // several values, or a byte order mark
			for d.More() {
				var v json.RawMessage
				if err := d.Decode(&v); err != nil {
					t.Fatalf("passed %q: %v", data, err)
				}
			}
		}
	})
}

func FuzzXML(f *testing.F) {
	for _, s := range []string{`<a b="c">&amp;<d/></a>`, `<!DOCTYPE a [<!ENTITY b "c">]><a/>`, `<a></b>`, `<?xml version="1.0" encoding="latin1"?><a>` + "\xfc</a>"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		src := fuzzSource(t, data)
		err := inspectXML(src, "image/svg+xml", small)
		checkOutcome(t, src, err)
		if err == nil && xml.Unmarshal(data, new(struct{ XMLName xml.Name })) == nil && strings.Contains(string(data), "<!ENTITY") &&
			!strings.Contains(string(data), "<!--") && !strings.Contains(string(data), "<![CDATA[") && !strings.Contains(string(data), "<?") {
			t.Fatalf("passed entities: %q", data)
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add([]byte("grüße"))
	f.Add([]byte("gr\xfc\xdfe"))
	f.Add(utf16Of("hello"))
	f.Fuzz(func(t *testing.T, data []byte) {
		src := fuzzSource(t, data)
		kind, err := inspectText(src)
		checkOutcome(t, src, err)
		if err == nil && kind == utf8Text != bytes.Equal(bytes.ToValidUTF8(data, []byte("?")), data) && kind != utf16Text {
			t.Fatalf("%q is %d", data, kind)
		}
	})
}

// The whole of Inspect: always a verdict, and no picture in a rejected one.
func FuzzInspect(f *testing.F) {
	for declared, data := range map[string][]byte{
		"image/jpeg": jpegSample(f, 8, 8), "image/webp": testdata(f, "lossy.webp"), "application/pdf": []byte(pdfSample),
		docxType: ooxmlSample(f, "word/"), odtType: odfSample(f, odtType), "text/csv": []byte("a,b\n"), "": []byte("\x7fELF"),
	} {
		f.Add(declared, data)
	}
	i, err := New(Config{TempDir: f.TempDir(), Limits: small})
	must(f, err)
	f.Fuzz(func(t *testing.T, declared string, data []byte) {
		v, err := i.Inspect(t.Context(), bytes.NewReader(data), &file.File{DeclaredType: declared})
		if err != nil {
			t.Fatal(err)
		}
		if v.Reason != "" && v.Image != nil || content.Inline(v.Type) && v.Reason == "" && v.Image == nil {
			t.Fatalf("%+v", v)
		}
	})
}
