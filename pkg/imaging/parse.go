package imaging

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/inlethq/inlet/pkg/file"
)

// The parameters of a request that Parse reads.
const (
	paramWidth   = "width"
	paramHeight  = "height"
	paramQuality = "quality"
	paramFormat  = "format"
)

const op = "imaging"

// Parse reads width, height, quality and format from the parameters of a request and leaves the others alone. Without any
// of them the result is the zero Transform. Each may be there once, numbers in plain decimal digits without sign or leading
// zero, so that one transform has one spelling. Errors are Invalid and name the parameter and its range.
func Parse(q url.Values) (Transform, error) {
	var t Transform
	var err error
	if t.Width, err = number(q, paramWidth, MaxSide); err != nil {
		return Transform{}, err
	}
	if t.Height, err = number(q, paramHeight, MaxSide); err != nil {
		return Transform{}, err
	}
	if t.Quality, err = number(q, paramQuality, MaxQuality); err != nil {
		return Transform{}, err
	}
	if t.Format, err = format(q); err != nil {
		return Transform{}, err
	}
	return t, nil
}

// number reads a parameter in 1 … limit; 0 when it is absent.
func number(q url.Values, name string, limit int) (int, error) {
	s, ok, err := single(q, name)
	if err != nil || !ok {
		return 0, err
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > limit || strconv.Itoa(n) != s {
		return 0, outOfRange(name, limit)
	}
	return n, nil
}

func format(q url.Values) (Format, error) {
	s, ok, err := single(q, paramFormat)
	if err != nil || !ok {
		return Original, err
	}
	if !known(Format(s)) {
		return Original, unknownFormat()
	}
	return Format(s), nil
}

// single returns the value of a parameter, and whether it is there.
func single(q url.Values, name string) (string, bool, error) {
	switch values := q[name]; len(values) {
	case 0:
		return "", false, nil
	case 1:
		return values[0], true, nil
	default:
		return "", false, file.Errorf(file.Invalid, op, "%s may be given only once", name)
	}
}

func known(f Format) bool { return slices.Contains(Formats, f) }

func outOfRange(name string, limit int) error {
	return file.Errorf(file.Invalid, op, "%s must be a whole number from 1 to %d", name, limit)
}

func unknownFormat() error {
	names := make([]string, len(Formats))
	for i, f := range Formats {
		names[i] = string(f)
	}
	return file.Errorf(file.Invalid, op, "%s must be one of %s", paramFormat, strings.Join(names, ", "))
}
