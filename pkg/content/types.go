package content

import (
	"errors"
	"mime"
	"strings"

	"github.com/inlethq/inlet/pkg/file"
)

// OctetStream is the media type that says nothing (RFC 2046 section 4.5.1).
const OctetStream = "application/octet-stream"

// Types that the rules of this package name.
const (
	plainText = "text/plain"
	csvText   = "text/csv"
	htmlType  = "text/html"
	xhtmlType = "application/xhtml+xml"
	jsonType  = "application/json"
	ndjson    = "application/x-ndjson"
	xmlType   = "application/xml"
	svgType   = "image/svg+xml"
	rtfType   = "application/rtf"
	pdfType   = "application/pdf"
	zipType   = "application/zip"
	oleType   = "application/x-ole-storage"
	peType    = "application/vnd.microsoft.portable-executable"
	elfType   = "application/x-elf"
	machType  = "application/x-mach-binary"
	jsType    = "text/javascript"
	phpType   = "text/x-php"
	shType    = "text/x-shellscript"
	doc       = "application/msword"
	xls       = "application/vnd.ms-excel"
	ppt       = "application/vnd.ms-powerpoint"
	docx      = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	xlsx      = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	pptx      = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
)

// TypeOf returns the media type that the extension of name implies, from a table of our own so that it is the same on
// every machine. It is empty for an unknown extension and for one that
// means several things (".ts" is TypeScript and video, ".key" a presentation and a secret).
func TypeOf(name string) string { return types[Extension(name)] }

var types = map[string]string{
	// pictures
	".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".jpe": "image/jpeg", ".jfif": "image/jpeg", ".png": "image/png",
	".apng": "image/png", ".gif": "image/gif", ".webp": "image/webp", ".avif": "image/avif", ".heic": "image/heic",
	".heif": "image/heif", ".tif": "image/tiff", ".tiff": "image/tiff", ".bmp": "image/bmp", ".ico": "image/x-icon",
	".svg": svgType, ".psd": "image/vnd.adobe.photoshop", ".jxl": "image/jxl", ".jp2": "image/jp2",
	".ppm": "image/x-portable-pixmap", ".pgm": "image/x-portable-graymap", ".pbm": "image/x-portable-bitmap",
	".dwg": "image/vnd.dwg", ".dxf": "image/vnd.dxf", ".djvu": "image/vnd.djvu", ".xcf": "image/x-xcf",

	// documents
	".pdf": pdfType, ".ps": "application/postscript", ".eps": "application/postscript", ".rtf": rtfType,
	".doc": doc, ".xls": xls, ".xlt": xls, ".ppt": ppt, ".pps": ppt,
	".docx": docx, ".xlsx": xlsx, ".pptx": pptx,
	".dotx": "application/vnd.openxmlformats-officedocument.wordprocessingml.template",
	".xltx": "application/vnd.openxmlformats-officedocument.spreadsheetml.template",
	".potx": "application/vnd.openxmlformats-officedocument.presentationml.template",
	".ppsx": "application/vnd.openxmlformats-officedocument.presentationml.slideshow",
	".docm": "application/vnd.ms-word.document.macroenabled.12",
	".xlsm": "application/vnd.ms-excel.sheet.macroenabled.12",
	".xlsb": "application/vnd.ms-excel.sheet.binary.macroenabled.12",
	".pptm": "application/vnd.ms-powerpoint.presentation.macroenabled.12",
	".vsdx": "application/vnd.ms-visio.drawing.main+xml", ".vsd": "application/vnd.visio",
	".msg": "application/vnd.ms-outlook", ".mpp": "application/vnd.ms-project",
	".one": "application/onenote", ".mdb": "application/x-msaccess", ".accdb": "application/x-msaccess",
	".odt": "application/vnd.oasis.opendocument.text", ".ott": "application/vnd.oasis.opendocument.text-template",
	".ods": "application/vnd.oasis.opendocument.spreadsheet", ".ots": "application/vnd.oasis.opendocument.spreadsheet-template",
	".odp": "application/vnd.oasis.opendocument.presentation", ".otp": "application/vnd.oasis.opendocument.presentation-template",
	".odg": "application/vnd.oasis.opendocument.graphics", ".odf": "application/vnd.oasis.opendocument.formula",
	".epub": "application/epub+zip", ".mobi": "application/x-mobipocket-ebook",
	".pages": "application/vnd.apple.pages", ".numbers": "application/vnd.apple.numbers",
	".eml": "message/rfc822", ".p7s": "application/pkcs7-signature", ".torrent": "application/x-bittorrent",

	// text
	".txt": plainText, ".text": plainText, ".log": plainText, ".conf": plainText, ".cfg": plainText, ".ini": plainText,
	".csv": csvText, ".tsv": "text/tab-separated-values", ".md": "text/markdown", ".markdown": "text/markdown",
	".json": jsonType, ".geojson": "application/geo+json", ".ndjson": ndjson, ".jsonl": ndjson,
	".xml": xmlType, ".xsd": xmlType, ".xsl": "application/xslt+xml", ".xslt": "application/xslt+xml", ".rss": "application/rss+xml",
	".atom": "application/atom+xml", ".kml": "application/vnd.google-earth.kml+xml", ".gpx": "application/gpx+xml",
	".html": htmlType, ".htm": htmlType, ".xhtml": xhtmlType, ".css": "text/css",
	".yaml": "application/yaml", ".yml": "application/yaml", ".toml": "application/toml", ".sql": "application/sql",
	".ics": "text/calendar", ".vcf": "text/vcard", ".srt": "application/x-subrip", ".vtt": "text/vtt", ".tex": "text/x-tex",
	".diff": "text/x-diff", ".patch": "text/x-diff",

	// source code
	".go": "text/x-go", ".c": "text/x-c", ".h": "text/x-c", ".cc": "text/x-c++", ".cpp": "text/x-c++", ".hpp": "text/x-c++",
	".cs": "text/x-csharp", ".java": "text/x-java", ".kt": "text/x-kotlin", ".rs": "text/x-rust", ".swift": "text/x-swift",
	".scala": "text/x-scala", ".r": "text/x-r", ".tsx": "text/x-typescript", ".jsx": "text/x-jsx", ".vue": "text/x-vue",

	// archives
	".zip": zipType, ".kmz": "application/vnd.google-earth.kmz", ".rar": "application/vnd.rar", ".7z": "application/x-7z-compressed",
	".tar": "application/x-tar", ".gz": "application/gzip", ".tgz": "application/gzip", ".bz2": "application/x-bzip2",
	".xz": "application/x-xz", ".zst": "application/zstd", ".cab": "application/vnd.ms-cab-compressed",
	".iso": "application/x-iso9660-image",

	// sound and film
	".mp3": "audio/mpeg", ".wav": "audio/wav", ".ogg": "audio/ogg", ".oga": "audio/ogg", ".opus": "audio/opus", ".flac": "audio/flac",
	".aac": "audio/aac", ".m4a": "audio/mp4", ".aif": "audio/aiff", ".aiff": "audio/aiff", ".amr": "audio/amr", ".mid": "audio/midi",
	".midi": "audio/midi", ".weba": "audio/webm", ".mka": "audio/matroska", ".wma": "audio/x-ms-wma", ".m3u": "application/vnd.apple.mpegurl",
	".m3u8": "application/vnd.apple.mpegurl",
	".mp4":  "video/mp4", ".m4v": "video/x-m4v", ".webm": "video/webm", ".mov": "video/quicktime", ".qt": "video/quicktime",
	".avi": "video/x-msvideo", ".mkv": "video/matroska", ".wmv": "video/x-ms-wmv", ".asf": "video/x-ms-asf", ".flv": "video/x-flv",
	".mpg": "video/mpeg", ".mpeg": "video/mpeg", ".3gp": "video/3gpp", ".3g2": "video/3gpp2", ".ogv": "video/ogg",

	// fonts and data
	".ttf": "font/ttf", ".otf": "font/otf", ".woff": "font/woff", ".woff2": "font/woff2", ".sqlite": "application/vnd.sqlite3",
	".parquet": "application/vnd.apache.parquet", ".glb": "model/gltf-binary", ".gltf": "model/gltf+json", ".wasm": "application/wasm",

	// programs
	".exe": peType, ".dll": peType, ".sys": peType, ".scr": peType, ".cpl": peType, ".ocx": peType, ".so": elfType,
	".elf": elfType, ".dylib": machType, ".msi": "application/x-ms-installer", ".msp": "application/x-ms-installer",
	".lnk": "application/x-ms-shortcut", ".class": "application/x-java-applet", ".jar": "application/java-archive",
	".apk": "application/vnd.android.package-archive", ".deb": "application/vnd.debian.binary-package", ".rpm": "application/x-rpm",
	".swf": "application/x-shockwave-flash", ".dmg": "application/x-apple-diskimage",

	// scripts
	".sh": shType, ".bash": shType, ".zsh": shType, ".ksh": shType, ".csh": shType, ".fish": shType, ".command": shType,
	".js": jsType, ".mjs": jsType, ".cjs": jsType, ".py": "text/x-python", ".pyw": "text/x-python", ".rb": "text/x-ruby",
	".pl": "text/x-perl", ".pm": "text/x-perl", ".php": phpType, ".phtml": phpType, ".lua": "text/x-lua", ".tcl": "text/x-tcl",
	".awk": "text/x-awk", ".ps1": "text/x-powershell", ".bat": "text/x-bat", ".cmd": "text/x-bat", ".vbs": "text/x-vbscript",
}

// aliases maps the other names of a type, and the names of vendors, to the one that is used here and in records.
var aliases = map[string]string{
	// names for "unknown"
	"binary/octet-stream": OctetStream, "application/binary": OctetStream, "application/x-binary": OctetStream,
	"application/download": OctetStream, "application/x-download": OctetStream, "application/force-download": OctetStream,
	"application/unknown": OctetStream, "application/x-unknown": OctetStream, "unknown/unknown": OctetStream,

	"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png", "image/apng": "image/png",
	"image/vnd.mozilla.apng": "image/png", "image/tif": "image/tiff", "image/x-tiff": "image/tiff", "image/svg": svgType,
	"image/x-bmp": "image/bmp", "image/x-ms-bmp": "image/bmp", "image/vnd.microsoft.icon": "image/x-icon",
	"image/x-psd": "image/vnd.adobe.photoshop", "application/photoshop": "image/vnd.adobe.photoshop",

	"application/x-pdf": pdfType, "text/pdf": pdfType, "text/rtf": rtfType, "text/richtext": rtfType, "application/x-rtf": rtfType,
	"application/vnd.ms-word": doc, "application/msexcel": xls, "application/x-msexcel": xls, "application/mspowerpoint": ppt,

	"text/x-csv": csvText, "application/csv": csvText, "application/x-csv": csvText, "text/comma-separated-values": csvText,
	"text/x-markdown": "text/markdown", "application/markdown": "text/markdown", "text/json": jsonType, "application/x-json": jsonType,
	"text/xml": xmlType, "application/x-xml": xmlType, "text/x-yaml": "application/yaml", "text/yaml": "application/yaml",
	"application/x-yaml": "application/yaml", "application/jsonl": ndjson, "application/x-jsonlines": ndjson,
	"application/x-javascript": jsType, "application/javascript": jsType, "application/ecmascript": jsType, "text/ecmascript": jsType,
	"application/x-sh": shType, "application/x-shellscript": shType, "text/x-sh": shType, "application/x-csh": shType,
	"application/x-python": "text/x-python", "application/x-python-code": "text/x-python", "text/x-script.python": "text/x-python",
	"text/x-python-script": "text/x-python", "application/x-ruby": "text/x-ruby", "application/x-perl": "text/x-perl",
	"application/x-php": phpType, "application/x-httpd-php": phpType, "text/php": phpType, "application/x-tcl": "text/x-tcl",
	"application/x-tex": "text/x-tex", "text/x-vcard": "text/vcard", "application/x-srt": "application/x-subrip",
	"audio/mpegurl": "application/vnd.apple.mpegurl", "audio/x-mpegurl": "application/vnd.apple.mpegurl",
	"application/x-mpegurl": "application/vnd.apple.mpegurl",

	"application/x-zip": zipType, "application/x-zip-compressed": zipType, "multipart/x-zip": zipType,
	"application/x-rar": "application/vnd.rar", "application/x-rar-compressed": "application/vnd.rar", "application/rar": "application/vnd.rar",
	"application/x-gzip": "application/gzip", "application/x-gzip-compressed": "application/gzip", "application/x-tgz": "application/gzip",
	"application/gzip-compressed": "application/gzip", "application/x-compressed-tar": "application/gzip", "application/tar": "application/x-tar",
	"application/bzip2": "application/x-bzip2", "application/x-bzip": "application/x-bzip2", "application/x-zstd": "application/zstd",

	"audio/mp3": "audio/mpeg", "audio/x-mp3": "audio/mpeg", "audio/x-mpeg": "audio/mpeg", "audio/mpeg3": "audio/mpeg",
	"audio/x-mpeg-3": "audio/mpeg", "audio/x-wav": "audio/wav", "audio/wave": "audio/wav", "audio/vnd.wave": "audio/wav",
	"audio/x-pn-wav": "audio/wav", "audio/x-flac": "audio/flac", "audio/x-aac": "audio/aac",
	"audio/x-m4a": "audio/mp4", "audio/m4a": "audio/mp4", "audio/x-mp4a": "audio/mp4", "audio/x-aiff": "audio/aiff",
	"audio/x-midi": "audio/midi", "audio/mid": "audio/midi", "video/asf": "video/x-ms-asf", "video/avi": "video/x-msvideo", "video/msvideo": "video/x-msvideo",
	"video/x-matroska": "video/matroska", "audio/x-matroska": "audio/matroska", "video/3gp": "video/3gpp", "video/3g2": "video/3gpp2",

	"application/x-font-ttf": "font/ttf", "font/sfnt": "font/ttf", "application/x-font-otf": "font/otf",
	"application/font-woff": "font/woff", "application/x-sqlite3": "application/vnd.sqlite3",

	"application/x-msdownload": peType, "application/x-dosexec": peType, "application/x-msdos-program": peType,
	"application/x-ms-dos-executable": peType, "application/x-executable": elfType, "application/x-pie-executable": elfType,
	"application/x-sharedlib": elfType, "application/x-object": elfType, "application/x-coredump": elfType,
	"application/x-msi": "application/x-ms-installer", "application/x-windows-installer": "application/x-ms-installer",
	"application/java-vm": "application/x-java-applet", "application/x-java-archive": "application/java-archive",
}

// canonical returns the one name that a type has here. It expects lower case and no parameters.
func canonical(t string) string {
	if c, ok := aliases[t]; ok {
		return c
	}
	return t
}

const (
	maxTypeBytes   = 255  // a type and a subtype of at most 127 characters each (RFC 6838 section 4.2)
	maxHeaderBytes = 1024 // with parameters
)

// ParseType normalises a declared Content-Type: lower case, without parameters. Nothing declared gives "". What has no
// valid type and subtype (RFC 6838 section 4.2) is file.Invalid; broken parameters do no harm and are dropped.
func ParseType(declared string) (string, error) {
	if strings.TrimSpace(declared) == "" {
		return "", nil
	}
	if len(declared) > maxHeaderBytes {
		return "", malformedType(nil)
	}
	t, _, err := mime.ParseMediaType(declared)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return "", malformedType(err)
	}
	main, sub, ok := strings.Cut(t, "/")
	if !ok || !restricted(main) || !restricted(sub) || len(t) > maxTypeBytes {
		return "", malformedType(nil)
	}
	return t, nil
}

func malformedType(cause error) error {
	return &file.Error{Kind: file.Invalid, Op: "content.type", Public: "Content type is malformed", Err: cause}
}

// restricted reports whether s is a restricted-name of RFC 6838 section 4.2, in lower case.
func restricted(s string) bool {
	for i := range len(s) {
		c := s[i]
		alphanumeric := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !alphanumeric && (i == 0 || strings.IndexByte("!#$&-^_.+", c) < 0) {
			return false
		}
	}
	return s != ""
}

// Inline reports whether a browser may show the type in a page of ours. Everything else is sent as an attachment.
func Inline(t string) bool {
	switch canonical(t) {
	case "image/jpeg", "image/png", "image/gif", "image/webp", "image/avif":
		return true
	}
	return false
}

// IsImage reports whether the type is a picture of any kind, drawings included.
func IsImage(t string) bool { return strings.HasPrefix(canonical(t), "image/") }

// Renderable reports whether a thumbnail or another rendering can be made of the type.
func Renderable(t string) bool {
	switch canonical(t) {
	case "image/heic", "image/heif", "image/tiff":
		return true
	}
	return Inline(t)
}
