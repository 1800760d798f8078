package static

import (
	"bytes"
	"compress/gzip"
	"io"
	"regexp"
	"strconv"
	"strings"
)

func pack(plain []byte) ([]byte, error) {
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(plain); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

func unpack(packed []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// unnamed is the weight of a coding that a request does not name.
const unnamed = -1

// prefersGzip reads the fields of Accept-Encoding (RFC 9110, 12.5.3): whether gzip is welcome, and no encoding at all is not more so. Of a coding
// that is named twice the larger weight counts.
func prefersGzip(fields []string) bool {
	zipped, identity, others := float64(unnamed), float64(unnamed), float64(unnamed)
	for _, field := range fields {
		for element := range strings.SplitSeq(field, ",") {
			coding, parameter, weighted := strings.Cut(element, ";")
			q := 1.0
			if weighted {
				q = weight(parameter)
			}
			switch strings.ToLower(strings.Trim(coding, " \t")) {
			case "gzip", "x-gzip": // the same (RFC 9110, 8.4.1.3)
				zipped = max(zipped, q)
			case "identity":
				identity = max(identity, q)
			case "*": // what is not named
				others = max(others, q)
			}
		}
	}
	if zipped == unnamed {
		zipped = others
	}
	if identity == unnamed {
		identity = others
	}
	return zipped > 0 && zipped >= identity
}

var qvalue = regexp.MustCompile(`^[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*$`)

// weight reads q=… (RFC 9110, 12.4.2). What is none is 0, which refuses.
func weight(parameter string) float64 {
	m := qvalue.FindStringSubmatch(parameter)
	if m == nil {
		return 0
	}
	q, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0
	}
	return q
}
