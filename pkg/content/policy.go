package content

import (
	"slices"
	"strings"

	"github.com/inlethq/inlet/pkg/file"
)

// CodeUnsupported is the code of a refusal by extension.
const CodeUnsupported = "unsupported_file_type"

// anyType in an allow list allows every extension, and none (the vendors' CHAT_FILES_ALLOW_LIST).
const anyType = "*/*"

// Policy says which extensions a file may have. Entries carry their dot (".pdf") and are compared whole, in any case.
// The zero value allows everything.
type Policy struct {
	Allow []string // empty, or holding "*/*", allows all
	Block []string // wins over Allow
}

// Allows returns nil when the extension of name may be uploaded, else file.TypeRefused with CodeUnsupported. A name
// without an extension passes only where the allow list does not restrict.
func (p Policy) Allows(name string) error {
	ext := Extension(name)
	if ext == "" && !p.restricts() || ext != "" && p.permits(ext) {
		return nil
	}
	return notAllowed(ext)
}

func notAllowed(ext string) error {
	if ext == "" {
		ext = "unknown"
	}
	e := file.Errorf(file.TypeRefused, "content.policy", "File type %s is not allowed", ext)
	e.Code = CodeUnsupported
	return e
}

func (p Policy) restricts() bool { return len(p.Allow) > 0 && !slices.Contains(p.Allow, anyType) }

func (p Policy) permits(ext string) bool {
	return !p.blocks(ext) && (!p.restricts() || holds(p.Allow, ext))
}

func (p Policy) blocks(ext string) bool { return holds(p.Block, ext) }

func holds(list []string, ext string) bool {
	return slices.ContainsFunc(list, func(e string) bool { return strings.EqualFold(e, ext) })
}

// The policies that apply where nothing else is configured. They are not to be changed in place.
var (
	// TagdAI is the vendor's list of supported types with its blocked ones (docs of tagd-ai, "File Types"), and the
	// default of the native routes. An archive is not opened to look for scripts: the vendor allows them there.
	TagdAI = Policy{
		Allow: []string{
			".pdf", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".txt", ".rtf",
			".jpg", ".jpeg", ".png", ".gif", ".webp", ".svg",
			".zip", ".rar",
			".csv", ".json", ".xml",
		},
		Block: Programs,
	}
	// TiledeskChat is the vendor's default of CHAT_FILES_ALLOW_LIST.
	TiledeskChat = Policy{Allow: []string{".jpg", ".jpeg", ".png", ".gif", ".pdf", ".txt"}}
	// TiledeskAssets is the vendor's default of ASSETS_FILES_ALLOW_LIST.
	TiledeskAssets = Policy{Allow: []string{".jpg", ".jpeg", ".png", ".gif", ".pdf", ".txt", ".csv", ".doc", ".docx"}}
	// TiledeskAvatar is what the vendor takes as a photo.
	TiledeskAvatar = Policy{Allow: []string{".png", ".jpg", ".jpeg", ".gif"}}
	// Generic takes everything but programs and scripts.
	Generic = Policy{Block: Programs}
)

// Programs are the extensions of executables and scripts: what an operating system or a web server runs when somebody
// opens the file.
var Programs = []string{
	// machine code, its packages and its installers
	".exe", ".com", ".scr", ".pif", ".dll", ".sys", ".drv", ".cpl", ".ocx", ".xll", ".msi", ".msp", ".msix", ".appx",
	".app", ".dmg", ".pkg", ".mpkg", ".dylib", ".elf", ".so", ".ko", ".run", ".out", ".bin", ".appimage", ".deb", ".rpm", ".snap",
	".apk", ".aab", ".ipa", ".jar", ".war", ".ear", ".class", ".dex", ".swf",
	// scripts of shells and systems
	".sh", ".bash", ".zsh", ".ksh", ".csh", ".fish", ".command", ".bat", ".cmd", ".ps1", ".psm1", ".psd1",
	".vbs", ".vbe", ".vb", ".jse", ".wsf", ".wsh", ".wsc", ".hta", ".lnk", ".scf", ".reg", ".inf", ".msc", ".jnlp",
	".scpt", ".applescript", ".workflow", ".desktop",
	// scripts of languages and web servers
	".js", ".mjs", ".cjs", ".py", ".pyw", ".pyc", ".pyz", ".rb", ".pl", ".pm", ".lua", ".tcl", ".awk",
	".php", ".php3", ".php4", ".php5", ".php7", ".php8", ".phtml", ".phar", ".asp", ".aspx", ".ashx", ".jsp", ".jspx", ".cgi",
}
