package main

import (
	"crypto/sha256"
	"encoding/hex"
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
)

// pictures bounds how many different pictures are sent: samples keeps each.
const pictures = 64

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

// newText describes a text.
func newText(seed uint64) content { return content{seed: seed}.measured() }

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
	case broken:
		return append([]byte(`{"left open": [`), prose(c.seed)...)
	}
	return prose(c.seed)
}

func (c content) sample() samples.Sample {
	s := samples.Sample{Type: samples.TypeText, Name: ".txt", Data: c.bytes()}
	switch c.kind {
	case picture:
		s.Type, s.Name = samples.TypePNG, ".png"
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
