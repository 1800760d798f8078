package blobtest

import (
	"io"
	"math/rand/v2"
)

// block is what every generated blob is cut from: not compressible, and the same in each run.
var block = func() []byte {
	b := make([]byte, 1<<20+4099) // not a multiple of any buffer
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}()

// Bytes returns n bytes that are the same at every call. Two lengths give two beginnings.
func Bytes(n int) []byte {
	b, _ := io.ReadAll(Generate(int64(n)))
	return b
}

// Generate returns a reader of n bytes, the same that Bytes returns. It holds none of them in memory.
func Generate(n int64) io.Reader {
	return &generator{left: n, at: int(n % int64(len(block)))}
}

type generator struct {
	left int64
	at   int
}

func (g *generator) Read(p []byte) (int, error) {
	if g.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), g.left)], block[g.at:])
	g.at = (g.at + n) % len(block)
	g.left -= int64(n)
	return n, nil
}
