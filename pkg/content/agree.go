package content

import (
	"bytes"
	"slices"
	"strings"
)

// Agree reports whether bytes that were detected as one type may carry the name of another. head is what Detect saw.
//
//   - A type agrees with itself, its aliases and its family (m4a and mp4, heic and heif).
//   - A container agrees with what is written in it, both ways: OOXML, ODF, EPUB and JAR with ZIP, old Office with OLE.
//     Which of them it is, the whole-file check has to find out.
//   - Programs and scripts with a shebang agree only with their own kind and with application/octet-stream.
//   - Text agrees with text, within limits: JSON, XML and RTF have to look like it or like nothing special, an SVG has to
//     show its element when it looks like HTML, tables and calendars must not be HTML or code. Plain text, Markdown and source code may hold anything that is text: they are
//     only ever sent as attachments with nosniff, and a README that begins with a tag is a README.
//   - application/octet-stream agrees with everything, because it claims nothing. A type for which there is no detector
//     agrees with everything but active content (HTML, SVG, scripts).
//   - Bytes that are not recognised agree only with a type for which there is no detector.
func Agree(declared, detected string, head []byte) bool {
	declared, detected = canonical(declared), canonical(detected)
	if ext := program(detected, head); ext != "" {
		return declared == OctetStream || declared == detected || ext == ".sh" && scriptTypes[declared] ||
			detected == "application/x-ms-installer" && declared == oleType
	}
	switch {
	case declared == detected, declared == OctetStream:
		return true
	case detected == OctetStream:
		return !detectable(declared)
	case is(declared, plainText):
		return textAgrees(declared, detected, head)
	case written(declared, detected), written(detected, declared), sameFamily(declared, detected):
		return true
	case isOOXML(declared) && detected == oleType: // OOXML with a password is an OLE file; the whole-file check says so
		return true
	}
	return !detectable(declared) && !active(detected)
}

// textAgrees is Agree for a declared type that is text.
func textAgrees(declared, detected string, head []byte) bool {
	switch {
	case declared == rtfType: // begins with {\rtf, so it is always recognised
		return false
	case !is(detected, plainText):
		return isText(head) && wordSignature(detected, head)
	case written(declared, detected), written(detected, declared):
		return true
	case is(declared, jsonType):
		return declared == jsonType && detected == ndjson
	case is(declared, xmlType): // XML may begin as HTML does, with <table> or a comment
		return detected == htmlType && (declared != svgType || bytes.Contains(head, []byte("<svg")))
	case tabular[declared]:
		return !active(detected)
	}
	return true
}

// wordSignature reports whether a binary format was recognised by letters alone, with which a text may begin as well, or that it may mention: "MZ", "icns",
// "GIF89a", "%PDF-" in a text about PDF. That head is text tells it: files of these formats have binary bytes in their first HeadBytes. Only those
// that are written as text need none.
func wordSignature(detected string, head []byte) bool {
	switch detected {
	case pdfType:
		return !bytes.HasPrefix(head, []byte("%PDF-"))
	case "application/vnd.fdf":
		return false
	}
	return true
}

// scriptTypes are the types whose files may begin with a shebang.
var scriptTypes = func() map[string]bool {
	set := map[string]bool{"text/x-r": true, "application/typescript": true}
	for _, ext := range []string{".sh", ".js", ".py", ".rb", ".pl", ".php", ".lua", ".tcl", ".awk", ".ps1"} {
		set[types[ext]] = true
	}
	return set
}()

// tabular are the text types that another program reads as data: markup and code have no business there.
var tabular = map[string]bool{
	csvText: true, "text/tab-separated-values": true, "text/calendar": true, "text/vcard": true, "text/vtt": true,
	"application/x-subrip": true, "application/vnd.apple.mpegurl": true, ndjson: true, "message/rfc822": true,
}

// families are sets of types whose files carry each other's signature.
var families = [][]string{
	{"video/mp4", "audio/mp4", "video/x-m4v", "video/quicktime", "video/3gpp", "audio/3gpp", "video/3gpp2", "audio/3gpp2"},
	{"image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence"},
	{"image/avif", "image/heif", "image/heif-sequence"},
	{"application/ogg", "audio/ogg", "audio/opus", "video/ogg"},
	{"video/webm", "audio/webm", "video/matroska", "audio/matroska"},
	{"video/x-ms-asf", "video/x-ms-wmv", "audio/x-ms-wma"},
	{"application/x-tar", "application/x-gtar"},
}

func inFamily(t string) bool {
	return slices.ContainsFunc(families, func(f []string) bool { return slices.Contains(f, t) })
}

func sameFamily(a, b string) bool {
	return slices.ContainsFunc(families, func(f []string) bool { return slices.Contains(f, a) && slices.Contains(f, b) })
}

// carriers maps a type to the more general one that it is written in, where its name does not say so.
var carriers = map[string]string{
	jsonType: plainText, xmlType: plainText, rtfType: plainText, ndjson: plainText, "application/yaml": plainText,
	"application/toml": plainText, "application/sql": plainText, "application/typescript": plainText,
	"application/x-subrip": plainText, "application/vnd.apple.mpegurl": plainText, "application/warc": plainText,
	"message/rfc822": plainText, "image/x-xpixmap": plainText, "image/x-portable-bitmap": plainText,
	"image/x-portable-graymap": plainText, "image/x-portable-pixmap": plainText, "image/x-portable-arbitrarymap": plainText,
	"application/postscript": plainText, "application/x-amf": xmlType, "application/vnd.adobe.xfdf": xmlType,

	doc: oleType, xls: oleType, ppt: oleType, "application/vnd.ms-outlook": oleType, "application/vnd.ms-publisher": oleType,
	"application/vnd.ms-project": oleType, "application/vnd.visio": oleType, "application/x-ms-installer": oleType,

	"application/vnd.ms-visio.drawing.main+xml": zipType, "application/java-archive": zipType,
	"application/vnd.android.package-archive": zipType, "application/vnd.google-earth.kmz": zipType,
	"application/vnd.sun.xml.calc": zipType, "application/vnd.apple.pages": zipType, "application/vnd.apple.numbers": zipType,
	"application/vnd.apple.keynote": zipType,
}

// carrier returns the more general type that t is written in, "" when there is none. Structured syntax suffixes are
// those of RFC 6839.
func carrier(t string) string {
	if c, ok := carriers[t]; ok {
		return c
	}
	switch {
	case t == plainText:
		return ""
	case isOOXML(t), isODF(t), strings.HasSuffix(t, "+zip"):
		return zipType
	case strings.HasSuffix(t, "+json"):
		return jsonType
	case strings.HasSuffix(t, "+xml"):
		return xmlType
	case strings.HasPrefix(t, "text/"):
		return plainText
	}
	return ""
}

// written reports whether t is written in general, at whatever remove: SVG in XML, and XML in plain text.
func written(t, general string) bool {
	for t = carrier(t); t != ""; t = carrier(t) {
		if t == general {
			return true
		}
	}
	return false
}

// is reports whether t is general or written in it.
func is(t, general string) bool { return t == general || written(t, general) }

func isOOXML(t string) bool {
	return strings.HasPrefix(t, "application/vnd.openxmlformats-officedocument.") ||
		strings.HasPrefix(t, "application/vnd.ms-") && strings.HasSuffix(t, ".macroenabled.12")
}

func isODF(t string) bool { return strings.HasPrefix(t, "application/vnd.oasis.opendocument.") }

// Format is what has to be parsed to check a type to its end.
type Format string

// The formats that have a structure worth a check of the whole file.
const (
	FormatText  Format = "text" // any text without a grammar of its own
	FormatJSON  Format = "json"
	FormatXML   Format = "xml"
	FormatZip   Format = "zip"
	FormatOther Format = "" // its own type says all
)

// FormatOf returns the format that a type is written in.
func FormatOf(t string) Format {
	t = canonical(t)
	switch {
	case is(t, jsonType), t == ndjson:
		return FormatJSON
	case is(t, xmlType):
		return FormatXML
	case is(t, zipType):
		return FormatZip
	case t == rtfType, t == "application/postscript", strings.HasPrefix(t, "image/x-portable-"): // may hold binary data
		return FormatOther
	case is(t, plainText):
		return FormatText
	}
	return FormatOther
}

// Resolve returns the type to record for bytes that agree with their declared type: the declared one, which is as
// precise or more, or the detected one where nothing was declared. Nothing becomes active content that way.
func Resolve(declared, detected string) string {
	declared, detected = canonical(declared), canonical(detected)
	switch {
	case declared != "" && declared != OctetStream:
		return declared
	case active(detected):
		return OctetStream
	}
	return detected
}
