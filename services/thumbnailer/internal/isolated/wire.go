package isolated

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/imaging"
)

// Both directions speak in frames: four bytes with the length of a JSON text, most significant first, the text, and the bytes that it announces. The child
// says first whether it can render at all; then each request has one answer.

// request is what a child is asked for. The source follows.
type request struct {
	Transform imaging.Transform `json:"transform"`
	Size      int64             `json:"size"` // of the source
}

// answer is what became of a request. The picture follows, when there is no failure.
type answer struct {
	Failure *failure `json:"failure,omitempty"`
	Type    string   `json:"type,omitempty"`
	Width   int      `json:"width,omitempty"`
	Height  int      `json:"height,omitempty"`
	Frames  int      `json:"frames,omitempty"`
	Size    int64    `json:"size,omitempty"` // of the picture
}

// failure is an error as it goes from one process to the other.
type failure struct {
	Kind   file.Kind `json:"kind"`
	Code   string    `json:"code,omitempty"`
	Public string    `json:"public,omitempty"`
	Cause  string    `json:"cause"`
}

// maxCause bounds what a child tells of a cause, which may have bytes of the picture in it.
const maxCause = 1 << 10

func failureOf(err error) *failure {
	if err == nil {
		return nil
	}
	cause := err.Error()
	return &failure{Kind: file.KindOf(err), Code: file.CodeOf(err), Public: file.PublicText(err, ""), Cause: cause[:min(len(cause), maxCause)]}
}

func (f *failure) err() error {
	if f == nil {
		return nil
	}
	return &file.Error{Kind: f.Kind, Op: op, Code: f.Code, Public: f.Public, Err: errors.New(f.Cause)}
}

// The bounds of what a parent takes from a child, which may not be itself any more.
const (
	maxText    = 16 << 10
	maxPicture = 4 * imaging.MaxSide * imaging.MaxSide * 2 // as many bytes as the largest output has unpacked, twice
)

func writeText(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(text)), uint32(len(text))) //nolint:gosec // some hundred bytes
	_, err = w.Write(append(frame, text...))
	return err
}

// readText returns io.EOF when there is no other frame.
func readText(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxText {
		return fmt.Errorf("a text of %d bytes", n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return fmt.Errorf("in a frame: %w", err)
	}
	return json.Unmarshal(text, v)
}
