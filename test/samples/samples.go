// Package samples makes the files that tests, the demo and the benchmarks send: one of each kind, and some that must be refused.
//
// They are made by code, the same bytes for the same seed, and kept for the life of the process. What Go cannot encode is shipped in data.
// The package judges nothing: what the platform should say of a sample is the test's to know.
package samples

import (
	"fmt"
	"sync"
)

// Sample is one file to send. Data is shared: nobody writes to it.
type Sample struct {
	Name string // as the sender calls it
	Type string // the media type that the sender declares
	Data []byte
}

// Media types of the samples.
const (
	TypeJPEG = "image/jpeg"
	TypePNG  = "image/png"
	TypeGIF  = "image/gif"
	TypeWebP = "image/webp"
	TypeSVG  = "image/svg+xml"
	TypePDF  = "application/pdf"
	TypeZip  = "application/zip"
	TypeDocx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	TypeXlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	TypeText = "text/plain"
	TypeCSV  = "text/csv"
	TypeJSON = "application/json"
)

var cache sync.Map // key → func() []byte

// cached returns what build makes, which runs once for each key.
func cached(build func() []byte, format string, args ...any) []byte {
	v, _ := cache.LoadOrStore(fmt.Sprintf(format, args...), sync.OnceValue(build))
	return v.(func() []byte)()
}

// must is for encoders that write to memory: they fail only on a mistake in this package.
func must(err error) {
	if err != nil {
		panic("samples: " + err.Error())
	}
}
