package inspect

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"

	"golang.org/x/text/encoding/charmap"

	"github.com/inlethq/inlet/pkg/content"
)

// maxXMLToken bounds one tag or one run of text, which the decoder holds in memory. A picture embedded in an SVG fits.
const maxXMLToken = 8 << 20

// inspectXML checks that the file is well-formed XML with one root element, which is <svg> for an SVG. A document type
// may be named but must declare no entities: they are how XML expands without end and reads other files (OWASP XXE
// Prevention Cheat Sheet).
func inspectXML(src *source, typ string, l Limits) error {
	kind, err := inspectText(src)
	if err != nil {
		return err
	}
	in := &tokenLimit{r: src.decoded()}
	d := xml.NewDecoder(in)
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) {
		if kind == legacyText { // any such encoding has the brackets where ASCII has them
			return charmap.ISO8859_1.NewDecoder().Reader(r), nil
		}
		return r, nil // already UTF-8
	}
	depth, roots := 0, 0
	for {
		in.read = 0
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return xmlError(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
				if typ == "image/svg+xml" && t.Name.Local != "svg" {
					return reject(content.ReasonTypeMismatch, "the root element of an SVG is not <svg>")
				}
			}
			if depth++; depth > l.Nesting {
				return reject(content.ReasonXMLUnsafe, "more than %d levels", l.Nesting)
			}
		case xml.EndElement:
			depth--
		case xml.Directive:
			if bytes.Contains(t, []byte("<!ENTITY")) {
				return reject(content.ReasonXMLUnsafe, "the document type declares entities")
			}
		}
	}
	if roots != 1 {
		return corrupt("XML with %d root elements", roots)
	}
	return nil
}

// xmlError turns a syntax error into a rejection. What the token limit says passes.
func xmlError(err error) error {
	var rejected *rejection
	if errors.As(err, &rejected) {
		return rejected
	}
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		return corrupt("XML is not well-formed: %s in line %d", syntax.Msg, syntax.Line)
	}
	return corrupt("XML is not well-formed")
}

// tokenLimit rejects what is read without a token coming out of it.
type tokenLimit struct {
	r    io.Reader
	read int
}

func (t *tokenLimit) Read(p []byte) (int, error) {
	if t.read > maxXMLToken {
		return 0, reject(content.ReasonXMLUnsafe, "a tag or text of more than %d bytes", maxXMLToken)
	}
	n, err := t.r.Read(p)
	t.read += n
	return n, err
}
