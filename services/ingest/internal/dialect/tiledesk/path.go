package tiledesk

import (
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"unicode"
)

// maxPath bounds the path of a file, in bytes: a folder with an id, a UUID and a name have less.
const maxPath = 1 << 10

// thumbnailPrefix makes the name of a thumbnail, which lies beside its picture.
const thumbnailPrefix = "thumbnails_200_200-"

// candidates are the paths that a client may mean by one that was decoded from the query: this path, and if it is encoded still, the one
// behind that. (The answer to an upload has the path encoded; some clients encode it again when they ask for the file.) What cannot be
// the path of a file is none: there may be no candidate at all.
func candidates(sent string) []string {
	var all []string
	if clean(sent) {
		all = append(all, sent)
	}
	if decoded, err := url.PathUnescape(sent); err == nil && decoded != sent && clean(decoded) {
		all = append(all, decoded)
	}
	return all
}

// clean reports whether p has the form of a file's path: names between single slashes, with nothing in them that leads elsewhere. Nothing
// is opened by such a path, it is only looked up; so this is a second line of defence.
func clean(p string) bool {
	return len(p) <= maxPath && fs.ValidPath(p) && p != "." &&
		!strings.ContainsFunc(p, func(r rune) bool { return r == '\\' || unicode.IsControl(r) })
}

// thumbnailOf is the path of the thumbnail of the file at p.
func thumbnailOf(p string) string {
	folder, name := path.Split(p)
	return folder + thumbnailPrefix + name
}

// pictureOf is the path of the file whose thumbnail is at p; false when p is not a thumbnail's.
func pictureOf(p string) (string, bool) {
	folder, name := path.Split(p)
	name, ok := strings.CutPrefix(name, thumbnailPrefix)
	return folder + name, ok && name != ""
}

// encode is encodeURIComponent of JavaScript (ECMA-262, 19.2.6.4): letters, digits and -_.!~*'() stay, every other byte of the UTF-8 becomes %XX.
func encode(s string) string {
	const stay = "-_.!~*'()0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(stay, s[i]) >= 0 {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}
