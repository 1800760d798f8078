package content

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// Detect returns the media type of bytes by their first HeadBytes, without parameters: OctetStream when nothing is
// recognised. A container is often recognised only as such (a .docx as application/zip), a text often as text/plain.
func Detect(head []byte) string {
	head = head[:min(len(head), HeadBytes)]
	// The library's limit is process-wide. It has to be the length at which we cut, or a JSON text cut there is no JSON.
	mimetype.SetLimit(HeadBytes)
	t, _, _ := strings.Cut(mimetype.Detect(head).String(), ";")
	return canonical(t)
}

// isText reports whether head has no binary byte, or a byte order mark that says that it is UTF-16.
func isText(head []byte) bool {
	if bytes.HasPrefix(head, []byte{0xFE, 0xFF}) || bytes.HasPrefix(head, []byte{0xFF, 0xFE}) {
		return true
	}
	return !slices.ContainsFunc(head, BinaryByte)
}

// BinaryByte reports whether b is a control character that no text contains, in UTF-8 or any encoding that extends ASCII
// (https://mimesniff.spec.whatwg.org/#binary-data-byte).
func BinaryByte(b byte) bool {
	return b <= 0x08 || b == 0x0B || b >= 0x0E && b <= 0x1A || b >= 0x1C && b <= 0x1F
}

// binaries are the types of machine code, and of what makes a machine run some, each with the extension that stands for
// it in messages and policies.
var binaries = map[string]string{
	peType: ".exe", elfType: ".elf", machType: ".app", "application/x-java-applet": ".class",
	"application/x-ms-shortcut": ".lnk", "application/x-ms-installer": ".msi",
}

// shebang reports whether the bytes are a script that names its interpreter ("#!/bin/sh").
func shebang(head []byte) bool {
	rest, ok := bytes.CutPrefix(head, []byte("#!"))
	return ok && bytes.HasPrefix(bytes.TrimLeft(rest, " \t"), []byte("/"))
}

// program returns the extension that stands for the kind of program in head, "" when it is none.
func program(detected string, head []byte) string {
	if ext, ok := binaries[detected]; ok {
		if detected == peType && isText(head) {
			return "" // a text that begins with the letters MZ
		}
		return ext
	}
	if shebang(head) {
		return ".sh"
	}
	return ""
}

// kindOf returns the extension that bytes of a detected type usually have, "" when there is none.
func kindOf(detected string, head []byte) string {
	if ext := program(detected, head); ext != "" {
		return ext
	}
	if m := mimetype.Lookup(detected); m != nil {
		return m.Extension()
	}
	return ""
}

// detectable reports whether bytes of the type would be recognised, as themselves, as the carrier they are written in or
// as one of their family. The detectors of some types are known to miss real files.
func detectable(t string) bool {
	if strings.HasPrefix(t, "font/") || strings.HasPrefix(t, "image/x-portable-") {
		return false
	}
	return t == plainText || carrier(t) != "" || inFamily(t) || mimetype.Lookup(t) != nil
}

// active reports whether a browser or a server that is careless with the type would run what is in it.
func active(t string) bool {
	switch t {
	case htmlType, xhtmlType, svgType, jsType, phpType, "application/xslt+xml", "application/x-shockwave-flash":
		return true
	}
	return false
}

// ReadHead reads the first HeadBytes of r, or all there is; fewer only at the end of r. An error of r is returned as it is. (io.ReadFull
// would not do: its error at a short end is also what a body returns that was cut off.)
func ReadHead(r io.Reader) ([]byte, error) {
	head := make([]byte, 0, HeadBytes)
	for len(head) < HeadBytes {
		n, err := r.Read(head[len(head):HeadBytes])
		head = head[:len(head)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return head, nil
}
