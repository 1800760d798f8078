package inspect

import (
	"bufio"
	"errors"
	"io"
)

// inspectJSON checks the grammar of RFC 8259, for one value or several one after another (NDJSON, JSON Lines). It keeps
// nothing but the depth, so that a string may be as long as the file.
func inspectJSON(src *source, l Limits) error {
	kind, err := inspectText(src)
	if err != nil {
		return err
	}
	if kind == legacyText {
		return corrupt("JSON that is not UTF-8")
	}
	p := jsonParser{r: bufio.NewReaderSize(src.decoded(), blockSize), depth: l.Nesting}
	for n := 0; ; n++ {
		b, err := p.token()
		if errors.Is(err, io.EOF) && n > 0 {
			return nil
		}
		if err != nil {
			return cutShort()
		}
		if err := p.value(b); err != nil {
			return err
		}
	}
}

// jsonParser checks values. Its methods return a rejection, for the end of the input as well.
type jsonParser struct {
	r     *bufio.Reader
	depth int // levels that may still be opened
}

// token returns the first byte that is not white space; its error is the reader's.
func (p *jsonParser) token() (byte, error) {
	for {
		b, err := p.r.ReadByte()
		if err != nil || !isSpace(b) {
			return b, err
		}
	}
}

func (p *jsonParser) must() (byte, error) {
	b, err := p.token()
	if err != nil {
		return 0, cutShort()
	}
	return b, nil
}

// value checks the value that begins with b.
func (p *jsonParser) value(b byte) error {
	switch {
	case b == '{':
		return p.nested('}', p.member)
	case b == '[':
		return p.nested(']', p.value)
	case b == '"':
		return p.text()
	case b == 't':
		return p.literal("rue")
	case b == 'f':
		return p.literal("alse")
	case b == 'n':
		return p.literal("ull")
	case b == '-' || isDigit(b):
		return p.number(b)
	}
	return corrupt("no JSON value begins with %q", b)
}

// nested checks items, each by its first byte, up to the closing bracket.
func (p *jsonParser) nested(closing byte, item func(byte) error) error {
	if p.depth--; p.depth < 0 {
		return corrupt("JSON is nested too deeply")
	}
	defer func() { p.depth++ }()
	b, err := p.must()
	if err != nil || b == closing {
		return err
	}
	for {
		if err := item(b); err != nil {
			return err
		}
		if b, err = p.must(); err != nil || b == closing {
			return err
		}
		if b != ',' {
			return corrupt("%q instead of a comma in JSON", b)
		}
		if b, err = p.must(); err != nil {
			return err
		}
	}
}

// member checks a name, a colon and a value.
func (p *jsonParser) member(b byte) error {
	if b != '"' {
		return corrupt("%q instead of a name in JSON", b)
	}
	if err := p.text(); err != nil {
		return err
	}
	b, err := p.must()
	if err != nil {
		return err
	}
	if b != ':' {
		return corrupt("%q instead of a colon in JSON", b)
	}
	if b, err = p.must(); err != nil {
		return err
	}
	return p.value(b)
}

// text checks the rest of a string after its opening quote.
func (p *jsonParser) text() error {
	for {
		b, err := p.r.ReadByte()
		switch {
		case err != nil:
			return cutShort()
		case b == '"':
			return nil
		case b < 0x20:
			return corrupt("a control character in a JSON string")
		case b == '\\':
			if err := p.escape(); err != nil {
				return err
			}
		}
	}
}

func (p *jsonParser) escape() error {
	b, err := p.r.ReadByte()
	if err != nil {
		return cutShort()
	}
	switch b {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
		for range 4 {
			if b, err = p.r.ReadByte(); err != nil {
				return cutShort()
			}
			if !isDigit(b) && (b|0x20 < 'a' || b|0x20 > 'f') {
				return corrupt("a bad escape in a JSON string")
			}
		}
		return nil
	}
	return corrupt("a bad escape in a JSON string")
}

func (p *jsonParser) literal(rest string) error {
	for i := range len(rest) {
		b, err := p.r.ReadByte()
		if err != nil {
			return cutShort()
		}
		if b != rest[i] {
			return corrupt("an unknown literal in JSON")
		}
	}
	return nil
}

// number checks the number that begins with b.
func (p *jsonParser) number(b byte) error {
	if b == '-' {
		b, _ = p.r.ReadByte()
	}
	switch {
	case b == '0':
	case isDigit(b):
		p.digits()
	default:
		return corrupt("a bad number in JSON")
	}
	if p.accept(".") && p.digits() == 0 {
		return corrupt("a bad number in JSON")
	}
	if p.accept("eE") {
		p.accept("+-")
		if p.digits() == 0 {
			return corrupt("a bad number in JSON")
		}
	}
	return nil
}

// accept consumes the next byte when it is one of set.
func (p *jsonParser) accept(set string) bool {
	next, err := p.r.Peek(1)
	if err != nil {
		return false
	}
	for i := range len(set) {
		if next[0] == set[i] {
			_, _ = p.r.ReadByte() // it was there
			return true
		}
	}
	return false
}

func (p *jsonParser) digits() (n int) {
	for p.accept("0123456789") {
		n++
	}
	return n
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }
