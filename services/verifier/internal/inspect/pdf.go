package inspect

import "bytes"

// pdfTail is how far from the end a reader looks for the end of a PDF. Acrobat looks in the last 1,024 bytes (ISO 32000-1
// annex H, implementation note 18); some writers append line ends and padding.
const pdfTail = 2048

// inspectPDF checks both ends of a PDF: the header was seen by detection, within the first 1,024 bytes; the end-of-file
// marker and the pointer to the cross-reference table show that it is whole. Objects are not read.
func inspectPDF(src *source) error {
	tail := make([]byte, min(src.size, pdfTail))
	if _, err := src.ReadAt(tail, src.size-int64(len(tail))); err != nil {
		return cutShort()
	}
	end := bytes.LastIndex(tail, []byte("%%EOF"))
	if end < 0 {
		return corrupt("no end-of-file marker in the last %d bytes", pdfTail)
	}
	if !bytes.Contains(tail[:end], []byte("startxref")) {
		return corrupt("no startxref before the end-of-file marker")
	}
	return nil
}
