package tus

import (
	"bytes"
	"crypto/md5"  //nolint:gosec // a checksum of the protocol
	"crypto/sha1" //nolint:gosec // as above
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"io"
	"net/http"
	"strings"
)

// checksumAlgorithms are those of Upload-Checksum. The protocol asks for sha1 at least.
const checksumAlgorithms = "sha1,sha256,md5"

// statusChecksumMismatch is the protocol's own: https://tus.io/protocols/resumable-upload#checksum
const statusChecksumMismatch = 460

// checksum is what the body of a request must hash to.
type checksum struct {
	hash hash.Hash
	want []byte
}

// parseChecksum reads Upload-Checksum: the algorithm and, in Base64, the sum. It returns nil for an empty one.
func parseChecksum(header string) (*checksum, error) {
	if header == "" {
		return nil, nil
	}
	algorithm, text, _ := strings.Cut(header, " ")
	c := &checksum{}
	switch algorithm {
	case "sha1":
		c.hash = sha1.New() //nolint:gosec // as above
	case "sha256":
		c.hash = sha256.New()
	case "md5":
		c.hash = md5.New() //nolint:gosec // as above
	default:
		return nil, &Error{http.StatusBadRequest, "unsupported_checksum", "Upload-Checksum must be of " + checksumAlgorithms}
	}
	var err error
	if c.want, err = base64.StdEncoding.DecodeString(text); err != nil || len(c.want) != c.hash.Size() {
		return nil, &Error{http.StatusBadRequest, "invalid_checksum", "Upload-Checksum is malformed"}
	}
	return c, nil
}

// reading returns what hashes a body while it is read.
func (c *checksum) reading(body io.Reader) io.Reader { return io.TeeReader(body, c.hash) }

// check compares the sum of what was read. Of a body that was cut off it is another, so that none of it counts.
func (c *checksum) check() error {
	if !bytes.Equal(c.hash.Sum(nil), c.want) {
		return &Error{statusChecksumMismatch, "checksum_mismatch", "The body does not have the announced checksum"}
	}
	return nil
}
