package content_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/file"
)

// Heads of files, as short as their signatures allow.
const (
	jpegHead = "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"
	pngHead  = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01"
	gifHead  = "GIF89a\x01\x00\x01\x00\x00\x00\x00"
	webpHead = "RIFF\x24\x00\x00\x00WEBPVP8 \x18\x00\x00\x00"
	pdfHead  = "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
	zipHead  = "PK\x03\x04\x14\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00a.txt"
	oleHead  = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	mp4Head  = "\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2"
	heifHead = "\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic"
	wavHead  = "RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00"
	gzipHead = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
	peHead   = "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00"
	elfHead  = "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00"
	machHead = "\xcf\xfa\xed\xfe\x07\x00\x00\x01\x03\x00\x00\x00"
	lnkHead  = "L\x00\x00\x00\x01\x14\x02\x00"
	shHead   = "#!/bin/sh\necho hi\n"
	htmlHead = "<!DOCTYPE html><html><script>alert(1)</script></html>"
	svgHead  = `<svg xmlns="http://www.w3.org/2000/svg"/>`
	xmlHead  = `<?xml version="1.0"?><a/>`
	jsonHead = `{"a": 1}`
	rtfHead  = `{\rtf1\ansi hello}`
	phpHead  = "<?php phpinfo();"
	textHead = "Just some words.\n"
	binHead  = "\x00\x01\x02\x03\x04\x05\x06\x07\x08"
)

// odt is the head of an OpenDocument text: a stored first entry that holds its media type.
var odtHead = "PK\x03\x04\x14\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x27\x00\x00\x00\x27\x00\x00\x00\x08\x00\x00\x00" +
	"mimetypeapplication/vnd.oasis.opendocument.text"

func TestDetect(t *testing.T) {
	for head, want := range map[string]string{
		jpegHead: "image/jpeg", pngHead: "image/png", gifHead: "image/gif", webpHead: "image/webp", pdfHead: "application/pdf",
		zipHead: "application/zip", oleHead: "application/x-ole-storage", mp4Head: "video/mp4", heifHead: "image/heif",
		wavHead: "audio/wav", gzipHead: "application/gzip", elfHead: "application/x-elf", machHead: "application/x-mach-binary",
		htmlHead: "text/html", svgHead: "image/svg+xml", xmlHead: "application/xml", jsonHead: "application/json",
		rtfHead: "application/rtf", textHead: "text/plain", binHead: content.OctetStream, odtHead: "application/vnd.oasis.opendocument.text",
		peHead: "application/vnd.microsoft.portable-executable", shHead: "text/x-shellscript",
	} {
		if got := content.Detect([]byte(head)); got != want {
			t.Errorf("Detect(%.12q) = %q, want %q", head, got, want)
		}
	}
	if got := content.Detect([]byte(`["` + strings.Repeat("x", 2*content.HeadBytes))); got != "application/json" {
		t.Errorf("Detect of JSON that is longer than the head = %q", got)
	}
}

func TestAdmit(t *testing.T) {
	all := content.Policy{}
	tests := []struct {
		name, declared, head string
		policy               content.Policy
		want                 string // the type, or the code of the refusal
	}{
		// what clients send for honest files
		{"a.jpg", "image/jpeg", jpegHead, content.TagdAI, "image/jpeg"},
		{"a.JPG", "image/jpg", jpegHead, content.TagdAI, "image/jpeg"},
		{"a.jpg", "", jpegHead, content.TagdAI, "image/jpeg"},
		{"a.png", "application/octet-stream", pngHead, content.TagdAI, "image/png"},
		{"a.png", "binary/octet-stream", pngHead, content.TagdAI, "image/png"},
		{"a.svg", "image/svg+xml", svgHead, content.TagdAI, "image/svg+xml"},
		{"a.svg", "image/svg+xml", xmlHead, content.TagdAI, "image/svg+xml"},
		{"a.svg", "text/plain", svgHead, content.TagdAI, "image/svg+xml"},
		{"a.svg", "image/svg+xml", "<!-- made by hand -->\n<svg\n width='1'/>", content.TagdAI, "image/svg+xml"},
		{"a.ps", "application/postscript", "% no magic\n/x 1 def\n", content.Generic, "application/postscript"},
		{"a.ppm", "", "P6\n1 1\n255\n\x00\x00\x00", content.Generic, "image/x-portable-pixmap"},
		{"a.zip", "application/x-zip-compressed", zipHead, content.TagdAI, "application/zip"},
		{"a.zip", "application/zip", odtHead, content.TagdAI, "application/zip"},
		{"a.docx", "", zipHead, content.TagdAI, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"a.docx", "application/zip", zipHead, content.TagdAI, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"a.docx", "application/msword", zipHead, content.TagdAI, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"a.docx", "", oleHead, content.TagdAI, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"a.doc", "application/msword", oleHead, content.TagdAI, "application/msword"},
		{"a.rtf", "application/msword", rtfHead, content.TagdAI, "application/rtf"},
		{"a.csv", "application/vnd.ms-excel", "a,b\n1,2\n", content.TagdAI, "text/csv"},
		{"a.csv", "text/csv", "one column\n", content.TagdAI, "text/csv"},
		{"a.txt", "text/plain", jsonHead, content.TagdAI, "text/plain"},
		{"a.txt", "text/plain; charset=utf-8", htmlHead, content.TagdAI, "text/plain"},
		{"a.txt", "text/plain", "MZ is the country code of Mozambique\n", content.TagdAI, "text/plain"},
		{"a.txt", "text/plain", "icns are icons of a Mac\n", content.TagdAI, "text/plain"},
		{"a.txt", "text/plain", "GIF89a is how a GIF begins\n", content.TagdAI, "text/plain"},
		{"a.txt", "text/plain", "A PDF begins with %PDF-1.7.\n", content.TagdAI, "text/plain"},
		{"a.json", "application/json", jsonHead, content.TagdAI, "application/json"},
		{"a.json", "application/json", "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n", content.TagdAI, "application/json"},
		{"a.xml", "text/xml", xmlHead, content.TagdAI, "application/xml"},
		{"a.xml", "application/xml", svgHead, content.TagdAI, "application/xml"},
		{"README.md", "text/x-markdown", "<p align=center>logo</p>\n", content.Generic, "text/markdown"},
		{"README.md", "text/plain", "# hi\n", content.Generic, "text/markdown"},
		{"a.odt", "", odtHead, content.Generic, "application/vnd.oasis.opendocument.text"},
		{"a.wav", "audio/x-wav", wavHead, content.Generic, "audio/wav"},
		{"a.m4a", "audio/x-m4a", mp4Head, content.Generic, "audio/mp4"},
		{"a.mov", "video/quicktime", mp4Head, content.Generic, "video/quicktime"},
		{"a.heic", "image/heic", heifHead, content.Generic, "image/heic"},
		{"a.tgz", "application/x-compressed-tar", gzipHead, content.Generic, "application/gzip"},
		{"a.iso", "", binHead, content.Generic, "application/x-iso9660-image"},
		{"data", "", binHead, content.Generic, content.OctetStream},
		{"data.xyz", "application/x-custom", zipHead, content.Generic, "application/x-custom"},
		{"data.ts", "video/mp2t", "let a = 1\n", content.Generic, "video/mp2t"},
		{"setup.exe", "application/x-msdownload", peHead, all, "application/vnd.microsoft.portable-executable"},
		{"tool", "", elfHead, all, content.OctetStream},
		{"run.py", "text/x-python", "#!/usr/bin/env python3\n", all, "text/x-python"},
		{"run.py", "text/plain", "#!/usr/bin/env python3\n", all, "text/x-python"},

		// the policy on names
		{"a.exe", "", peHead, content.TagdAI, content.CodeUnsupported},
		{"a.app", "", zipHead, content.TagdAI, content.CodeUnsupported},
		{"a.sh", "", shHead, content.TagdAI, content.CodeUnsupported},
		{"a.js", "", "alert(1)", content.Generic, content.CodeUnsupported},
		{"a.pdf.exe", "application/pdf", pdfHead, content.Generic, content.CodeUnsupported},
		{"a.mp4", "video/mp4", mp4Head, content.TagdAI, content.CodeUnsupported},
		{"noextension", "image/png", pngHead, content.TagdAI, content.CodeUnsupported},
		{"a.p", "", pngHead, content.TiledeskAvatar, content.CodeUnsupported},
		{"tool", "", elfHead, content.Generic, content.CodeUnsupported},
		{"tool", "", shHead, content.Generic, content.CodeUnsupported},
		{"tool.dat", "application/octet-stream", peHead, content.Policy{Allow: []string{".dat"}}, content.CodeUnsupported},
		{"tool", "", phpHead, content.Generic, content.CodeUnsupported},

		// claims that contradict name or bytes
		{"a.jpg", "image/jpeg", htmlHead, content.TagdAI, content.CodeMismatch},
		{"a.jpg", "", htmlHead, content.TagdAI, content.CodeMismatch},
		{"a.png", "image/png", jpegHead, content.TagdAI, content.CodeMismatch},
		{"a.png", "image/png", phpHead, content.TagdAI, content.CodeMismatch},
		{"a.jpg", "image/png", pngHead, content.TagdAI, content.CodeMismatch},
		{"a.png", "text/html", pngHead, content.TagdAI, content.CodeMismatch},
		{"a.txt", "text/html", htmlHead, content.TagdAI, content.CodeMismatch},
		{"a.pdf", "application/pdf", textHead, content.TagdAI, content.CodeMismatch},
		{"a.pdf", "application/pdf", binHead, content.TagdAI, content.CodeMismatch},
		{"a.zip", "application/zip", pdfHead, content.TagdAI, content.CodeMismatch},
		{"a.docx", "", odtHead, content.TagdAI, content.CodeMismatch},
		{"a.xlsx", "", pdfHead, content.TagdAI, content.CodeMismatch},
		{"a.doc", "", htmlHead, content.TagdAI, content.CodeMismatch},
		{"a.rtf", "", textHead, content.TagdAI, content.CodeMismatch},
		{"a.svg", "image/svg+xml", htmlHead, content.TagdAI, content.CodeMismatch},
		{"a.csv", "text/csv", htmlHead, content.TagdAI, content.CodeMismatch},
		{"a.json", "application/json", htmlHead, content.TagdAI, content.CodeMismatch},
		{"a.txt", "text/plain", pngHead, content.TagdAI, content.CodeMismatch},
		{"a.txt", "text/plain", pdfHead, content.TagdAI, content.CodeMismatch},
		{"a.txt", "text/plain", binHead, content.TagdAI, content.CodeMismatch},
		{"a.txt", "text/plain", shHead, content.TagdAI, content.CodeMismatch},
		{"a.png", "image/png", peHead, content.TagdAI, content.CodeMismatch},
		{"a.pdf", "application/pdf", elfHead, content.TagdAI, content.CodeMismatch},
		{"a.txt", "", machHead, content.TagdAI, content.CodeMismatch},
		{"a.png", "", lnkHead, content.TagdAI, content.CodeMismatch},
		{"a.xyz", "application/x-custom", htmlHead, content.Generic, content.CodeMismatch},
		{"a.xyz", "application/x-custom", peHead, content.Generic, content.CodeMismatch},
		{"a.py", "text/x-python", elfHead, all, content.CodeMismatch},
		{"a.mp4", "video/mp4", heifHead, all, content.CodeMismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name+" as "+tt.declared+"/"+tt.want, func(t *testing.T) {
			got, err := content.Admit(tt.name, tt.declared, []byte(tt.head), tt.policy)
			if err != nil {
				if !file.Is(err, file.TypeRefused) || file.PublicText(err, "") == "" {
					t.Fatalf("Admit = %v; want TypeRefused with a public text", err)
				}
				got = file.CodeOf(err)
			}
			if got != tt.want {
				t.Fatalf("Admit = %q (%v), want %q", got, err, tt.want)
			}
		})
	}
}

func TestAdmitInvalid(t *testing.T) {
	for name, tt := range map[string]struct{ declared, head, code string }{
		"empty":          {"text/plain", "", content.ReasonEmpty},
		"malformed type": {"text", textHead, ""},
		"wildcard":       {"*/*", textHead, ""},
		"long type":      {"text/" + strings.Repeat("x", 300), textHead, ""},
	} {
		_, err := content.Admit("a.txt", tt.declared, []byte(tt.head), content.Policy{})
		if !file.Is(err, file.Invalid) || file.CodeOf(err) != tt.code {
			t.Errorf("%s: Admit = %v", name, err)
		}
	}
}

func TestPublicTexts(t *testing.T) {
	for _, tt := range []struct{ name, declared, head, want string }{
		{"a.EXE", "", peHead, "File type .exe is not allowed"},
		{"a", "", textHead, "File type unknown is not allowed"},
		{"a.jpg", "image/jpeg", htmlHead, "File content does not match its type: detected text/html, declared image/jpeg"},
		{"a.jpg", "image/jpeg", binHead, "File content does not match its type: detected unknown, declared image/jpeg"},
		{"a.jpg", "image/png", pngHead, "File type does not match its name: declared image/png, named .jpg"},
	} {
		_, err := content.Admit(tt.name, tt.declared, []byte(tt.head), content.TagdAI)
		if got := file.PublicText(err, ""); got != tt.want {
			t.Errorf("%s as %s: %q, want %q", tt.name, tt.declared, got, tt.want)
		}
	}
	for _, r := range append(slices.Clone(content.Reasons), "other") {
		if content.PublicReason(r) == "" {
			t.Errorf("reason %s has no public text", r)
		}
	}
}

func TestParseType(t *testing.T) {
	for declared, want := range map[string]string{
		"": "", "  ": "", "Text/HTML; charset=UTF-8": "text/html", "text/plain; charset=": "text/plain",
		"application/vnd.ms-excel.sheet.macroEnabled.12": "application/vnd.ms-excel.sheet.macroenabled.12",
	} {
		if got, err := content.ParseType(declared); err != nil || got != want {
			t.Errorf("ParseType(%q) = %q, %v; want %q", declared, got, err, want)
		}
	}
	for _, declared := range []string{"text", "text/", "/plain", "te xt/plain", "*/*", "text/pl@in", "a/b/c", "text/html\r\nX: y"} {
		if got, err := content.ParseType(declared); !file.Is(err, file.Invalid) {
			t.Errorf("ParseType(%q) = %q, %v; want Invalid", declared, got, err)
		}
	}
}

// Every allowed extension needs a type, or the bytes of such files would never be checked.
func TestEveryListedExtensionHasAType(t *testing.T) {
	lists := slices.Concat(content.TagdAI.Allow, content.TiledeskChat.Allow, content.TiledeskAssets.Allow, content.TiledeskAvatar.Allow)
	for _, ext := range lists {
		if content.TypeOf("a"+ext) == "" {
			t.Errorf("no type for %s", ext)
		}
	}
	for _, ext := range content.Programs {
		if ext != strings.ToLower(ext) || ext[0] != '.' || content.TagdAI.Allows("a"+ext) == nil {
			t.Errorf("program extension %s", ext)
		}
	}
}

func TestPolicy(t *testing.T) {
	anything := content.Policy{Allow: []string{"*/*"}, Block: []string{".exe"}}
	for _, tt := range []struct {
		policy content.Policy
		name   string
		want   bool
	}{
		{content.Policy{}, "a.exe", true}, {content.Policy{}, "a", true},
		{anything, "a", true}, {anything, "a.xyz", true}, {anything, "a.ExE", false},
		{content.Policy{Allow: []string{".PNG"}}, "a.png", true}, {content.Policy{Allow: []string{".png"}}, "a.pn", false},
		{content.Policy{Allow: []string{".png"}, Block: []string{".png"}}, "a.png", false},
		{content.Policy{Allow: []string{".png"}}, ".png", false},
	} {
		if got := tt.policy.Allows(tt.name) == nil; got != tt.want {
			t.Errorf("%v allows %q: %t", tt.policy, tt.name, got)
		}
	}
}

func TestKindsOfImages(t *testing.T) {
	for typ, want := range map[string][3]bool{ // image, inline, renderable
		"image/jpeg": {true, true, true}, "image/jpg": {true, true, true}, "image/avif": {true, true, true},
		"image/heic": {true, false, true}, "image/tiff": {true, false, true}, "image/svg+xml": {true, false, false},
		"image/bmp": {true, false, false}, "text/html": {false, false, false}, "": {false, false, false},
	} {
		if got := [3]bool{content.IsImage(typ), content.Inline(typ), content.Renderable(typ)}; got != want {
			t.Errorf("%s: %v, want %v", typ, got, want)
		}
	}
}

func TestResolve(t *testing.T) {
	for _, tt := range [][3]string{
		{"text/csv", "text/plain", "text/csv"},
		{"image/jpg", "image/jpeg", "image/jpeg"},
		{"text/plain", "text/html", "text/plain"},
		{"", "image/png", "image/png"},
		{content.OctetStream, "application/pdf", "application/pdf"},
		{content.OctetStream, "text/html", content.OctetStream},
	} {
		if got := content.Resolve(tt[0], tt[1]); got != tt[2] {
			t.Errorf("Resolve(%q, %q) = %q, want %q", tt[0], tt[1], got, tt[2])
		}
	}
}

// What is admitted keeps the promises of Admit, whatever comes in.
func FuzzAdmit(f *testing.F) {
	for _, head := range []string{jpegHead, pngHead, pdfHead, zipHead, oleHead, mp4Head, peHead, elfHead, shHead, htmlHead, svgHead, textHead, odtHead} {
		for _, name := range []string{"a.jpg", "a.txt", "a.docx", "a", "a.exe"} {
			f.Add(name, "", []byte(head))
			f.Add(name, "image/jpeg", []byte(head))
		}
	}
	f.Fuzz(func(t *testing.T, name, declared string, head []byte) {
		got, err := content.Admit(name, declared, head, content.TagdAI)
		if err != nil {
			if k := file.KindOf(err); k != file.TypeRefused && k != file.Invalid || file.PublicText(err, "") == "" {
				t.Fatalf("Admit(%q, %q) = %v", name, declared, err)
			}
			return
		}
		if p, err := content.ParseType(got); err != nil || p != got || got == "" {
			t.Fatalf("Admit(%q, %q) = %q: not a normal type", name, declared, got)
		}
		detected := content.Detect(head)
		if content.Inline(got) && got != detected && detected != "image/heif" && detected != "image/heif-sequence" {
			t.Fatalf("%q passed as %q, which is shown inline", detected, got)
		}
		if got == "text/html" || detected == "application/x-elf" {
			t.Fatalf("Admit(%q, %q) let %q in as %q", name, declared, detected, got)
		}
	})
}

func BenchmarkAdmit(b *testing.B) {
	head := []byte(strings.Repeat(textHead, content.HeadBytes/len(textHead)))
	for b.Loop() {
		if _, err := content.Admit("a.txt", "text/plain", head, content.TagdAI); err != nil {
			b.Fatal(err)
		}
	}
}
