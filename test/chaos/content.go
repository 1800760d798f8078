package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"

	"github.com/inlethq/inlet/test/samples"
)

// content names bytes that can be made again, and says what becomes of them.
type content struct {
	kind   kind
	seed   uint64
	size   int64
	sha256 string // lower-case hex
}

type kind int

const (
	text    kind = iota // becomes ready
	picture             // becomes ready and has a thumbnail
	broken              // passes the door and is rejected by the verifier
	long                // a text of many blocks; only where a test asks for it
	large               // a text of largeSize; likewise
	photo               // a picture as cameras make them; likewise
	huge                // a text that S3 takes in several parts; likewise
)

// largeSize is more than any buffer has room for, in bytes.
const largeSize = 3 << 20

// hugeSize is the least of a huge text, and hugeSpan what it may have besides, in bytes.
const (
	hugeSize = 6 << 20
	hugeSpan = 34 << 20
)

// shown reports whether a file becomes ready with a thumbnail.
func (k kind) shown() bool { return k == picture || k == photo }

// pictures bounds how many different pictures are sent: samples keeps each.
const pictures = 64

// longest is the size of the longest text, in bytes.
const longest = 256 << 10

// newContent describes the bytes of a seed: mostly a text of up to 8 KiB, sometimes a picture, or what must be rejected.
func newContent(seed uint64) content {
	c := content{seed: seed}
	switch {
	case seed%16 == 3:
		c.kind = picture
	case seed%16 == 7:
		c.kind = broken
	}
	return c.measured()
}

// newMixed is newContent, but one in 32 is long.
func newMixed(seed uint64) content {
	if seed%32 == 9 {
		return content{kind: long, seed: seed}.measured()
	}
	return newContent(seed)
}

// newText describes a text.
func newText(seed uint64) content { return content{seed: seed}.measured() }

// newKind describes the bytes of a kind and a seed.
func newKind(k kind, seed uint64) content { return content{kind: k, seed: seed}.measured() }

func (c content) measured() content {
	b := c.bytes()
	c.size, c.sha256 = int64(len(b)), digest(b)
	return c
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// bytes makes the content. Nobody writes to them.
func (c content) bytes() []byte {
	switch c.kind {
	case picture:
		return samples.PNG(48, 32, c.seed/16%pictures).Data
	case photo:
		return samples.JPEG(320, 240, c.seed%pictures).Data
	case large:
		return fill(largeSize, c.seed)
	case huge:
		return bulk(hugeSize+int(c.seed>>32%hugeSpan), c.seed)
	case broken:
		return append([]byte(`{"left open": [`), prose(c.seed)...)
	case long:
		return fill(longest/8+int(c.seed>>32%(longest-longest/8)), c.seed)
	}
	return prose(c.seed)
}

func (c content) sample() samples.Sample {
	s := samples.Sample{Type: samples.TypeText, Name: ".txt", Data: c.bytes()}
	switch c.kind {
	case picture:
		s.Type, s.Name = samples.TypePNG, ".png"
	case photo:
		s.Type, s.Name = samples.TypeJPEG, ".jpg"
	case broken:
		s.Type, s.Name = samples.TypeJSON, ".json"
	}
	return s
}

// prose is a text of 100 bytes to 8 KiB, another for each seed.
func prose(seed uint64) []byte { return fill(100+int(seed>>32%8000), seed) }

// fill is a text of a given size, another for each seed.
func fill(size int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 0xc4a05)) //nolint:gosec // the same text every time
	b := make([]byte, size)
	for i := range b {
		b[i] = byte('a' + rng.IntN(26)) //nolint:gosec // a letter
	}
	for i := 79; i < len(b); i += 80 {
		b[i] = '\n'
	}
	return b
}

// bulk is fill for a large size: the same lines again and again, each 64 KiB with their number.
func bulk(size int, seed uint64) []byte {
	block := fill(64<<10, seed)
	b := make([]byte, 0, size+len(block)+8)
	for i := 0; len(b) < size; i++ {
		b = append(fmt.Appendf(b, "%08d", i), block...)
	}
	return b[:size]
}
