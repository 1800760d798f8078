package inspect

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/inlethq/inlet/pkg/content"
)

// charset is how a text is encoded, as far as its bytes tell.
type charset int

const (
	utf8Text   charset = iota
	utf16Text          // with a byte order mark
	legacyText         // not UTF-8, and free of control characters: Latin-1, Windows-1252, Shift JIS …
)

// inspectText checks that the whole file is text, and says in which kind of encoding.
func inspectText(src *source) (charset, error) {
	r := src.reader()
	if mark, err := r.Peek(2); err == nil {
		switch string(mark) {
		case "\xfe\xff":
			return utf16Text, checkUTF16(r, binary.BigEndian)
		case "\xff\xfe":
			return utf16Text, checkUTF16(r, binary.LittleEndian)
		}
	}
	block := make([]byte, blockSize)
	kind, carried := utf8Text, 0 // bytes of a character that the last block ended in
	for {
		n, err := io.ReadFull(r, block[carried:])
		text := block[:carried+n]
		if slices.ContainsFunc(text[carried:], content.BinaryByte) {
			return kind, reject(content.ReasonTypeMismatch, "binary data in a text")
		}
		whole := text
		if err == nil {
			whole = text[:lastBoundary(text)]
		}
		if !utf8.Valid(whole) {
			kind = legacyText
		}
		if err != nil {
			return kind, endOfInput(err)
		}
		carried = copy(block, text[len(whole):])
	}
}

// lastBoundary returns where the last, possibly incomplete, character of p begins, or len(p) when it is complete.
func lastBoundary(p []byte) int {
	for i := len(p) - 1; i >= max(len(p)-utf8.UTFMax, 0); i-- {
		if utf8.RuneStart(p[i]) {
			if utf8.FullRune(p[i:]) {
				return len(p)
			}
			return i
		}
	}
	return len(p)
}

// endOfInput turns the end of a stream into success.
func endOfInput(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// checkUTF16 checks that surrogates come in pairs and that there are no control characters.
func checkUTF16(r io.Reader, order binary.ByteOrder) error {
	block := make([]byte, blockSize)
	high := rune(0) // the first half of a pair
	for {
		n, err := io.ReadFull(r, block)
		if n%2 == 1 {
			return corrupt("an odd number of bytes in UTF-16")
		}
		for p := block[:n]; len(p) > 0; p = p[2:] {
			unit := rune(order.Uint16(p))
			switch {
			case high != 0 && utf16.DecodeRune(high, unit) == utf8.RuneError:
				return corrupt("half a surrogate pair in UTF-16")
			case high != 0:
				high = 0
			case unit >= 0xD800 && unit < 0xDC00:
				high = unit
			case utf16.IsSurrogate(unit):
				return corrupt("half a surrogate pair in UTF-16")
			case unit < 0x80 && content.BinaryByte(byte(unit)):
				return reject(content.ReasonTypeMismatch, "binary data in a text")
			}
		}
		if err != nil {
			if high != 0 {
				return cutShort()
			}
			return endOfInput(err)
		}
	}
}

// decoded returns the text as UTF-8, without a byte order mark. Text in an unknown encoding passes as it is.
func (s *source) decoded() io.Reader {
	return transform.NewReader(s.reader(), unicode.BOMOverride(encoding.Nop.NewDecoder()))
}
