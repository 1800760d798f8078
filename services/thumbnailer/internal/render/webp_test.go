package render

import (
	"strings"
	"testing"
)

func TestStripWebPLeavesOthersAlone(t *testing.T) {
	for _, s := range []string{"", "RIFF", "RIFF\x04\x00\x00\x00WEBP", "RIFF\x0c\x00\x00\x00WEBPVP8X\x00\x00\x00\x00"} {
		if got := stripWebP([]byte(s)); string(got) != s {
			t.Errorf("%q became %q", s, got)
		}
	}
	if got := stripWebP([]byte("RIFF\xff\x00\x00\x00WEBPEXIF\xff\xff\xff\x7fabc")); !strings.HasSuffix(string(got), "WEBP") {
		t.Errorf("a chunk that says too much leaves %q", got)
	}
}
