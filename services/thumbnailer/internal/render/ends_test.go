package render

import (
	"slices"
	"testing"
)

func TestEndsJPEG(t *testing.T) {
	whole := asJPEG(t, photo(64, 64))
	for n := range whole {
		if endsJPEG(whole[:n]) {
			t.Fatalf("the first %d of %d bytes count as whole", n, len(whole))
		}
	}
	for name, b := range map[string][]byte{
		"plain":            whole,
		"with EXIF":        withEXIF(whole, 6),
		"with fill bytes":  slices.Concat(whole[:len(whole)-2], []byte{0xFF, 0xFF, 0xFF, 0xD9}),
		"with more behind": slices.Concat(whole, []byte("trailer")),
		"no picture":       {0xFF, 0xD8, 0xFF, 0xD9},
		"with an end in a segment": slices.Concat(whole[:2], []byte{0xFF, 0xEF, 0, 4, 0xFF, 0xD9},
			whole[2:]),
	} {
		if !endsJPEG(b) {
			t.Errorf("%s: not seen as whole", name)
		}
	}
	if endsJPEG([]byte{0xFF, 0xD8, 0xFF, 0xEF, 0, 4, 0xFF, 0xD9}) {
		t.Error("an end inside a segment counts")
	}
}

func TestEndsGIF(t *testing.T) {
	whole := animation(t, 16, 16, 3)
	for n := range whole {
		if endsGIF(whole[:n]) {
			t.Fatalf("the first %d of %d bytes count as whole", n, len(whole))
		}
	}
	if !endsGIF(whole) || !endsGIF(append(whole, "trailer"...)) {
		t.Error("not seen as whole")
	}
}
