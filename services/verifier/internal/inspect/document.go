package inspect

import (
	"archive/zip"
	"io"
	"strings"

	"github.com/inlethq/inlet/pkg/content"
)

// ooxmlParts maps what the media type of an Office document says to the folder of its main part (ECMA-376 part 1).
var ooxmlParts = []struct{ inType, folder string }{
	{"wordprocessingml", "word/"}, {"ms-word", "word/"},
	{"spreadsheetml", "xl/"}, {"ms-excel", "xl/"},
	{"presentationml", "ppt/"}, {"ms-powerpoint", "ppt/"},
}

// checkDocument looks for the parts that make a ZIP a document of the given type. Other types need none.
func checkDocument(zr *zip.Reader, typ string) error {
	if strings.HasPrefix(typ, "application/vnd.oasis.opendocument.") || typ == "application/epub+zip" {
		return checkMimetypeEntry(zr, typ)
	}
	for _, part := range ooxmlParts {
		if strings.Contains(typ, part.inType) {
			return checkOOXML(zr, part.folder)
		}
	}
	return nil
}

func checkOOXML(zr *zip.Reader, folder string) error {
	types, main := false, false
	for _, f := range zr.File {
		types = types || f.Name == "[Content_Types].xml"
		main = main || strings.HasPrefix(f.Name, folder)
	}
	if !types || !main {
		return reject(content.ReasonTypeMismatch, "a ZIP without the parts of the document that it is said to be")
	}
	return nil
}

// checkMimetypeEntry compares the entry that tells the type, in OpenDocument and EPUB (ODF 1.3 part 2 section 3.3, EPUB OCF 3.3).
func checkMimetypeEntry(zr *zip.Reader, typ string) error {
	for _, f := range zr.File {
		if f.Name != "mimetype" {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return corrupt("a document whose type cannot be read")
		}
		defer func() { _ = r.Close() }() // read-only
		found, err := io.ReadAll(io.LimitReader(r, 256))
		if err != nil {
			return corrupt("a document whose type cannot be read")
		}
		if strings.TrimSpace(string(found)) == typ {
			return nil
		}
		return reject(content.ReasonTypeMismatch, "a document of type %.100q", found)
	}
	return reject(content.ReasonTypeMismatch, "a ZIP without the type of a document")
}
