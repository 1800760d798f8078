package cli

import (
	"bytes"
	"fmt"
	"os"
	"sync"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"
)

// screen keeps lines at the bottom of a terminal and draws them in place. What is written meanwhile goes above them. Its methods may be called from many
// goroutines.
type screen struct {
	out  *os.File
	size func() (width, height int)

	mu    sync.Mutex
	lines []string // that stand there
}

func newScreen(out *os.File) *screen {
	return &screen{out: out, size: func() (int, int) {
		w, h, err := term.GetSize(int(out.Fd())) //nolint:gosec // a file descriptor fits
		if err != nil || w < 1 || h < 2 {
			return 80, 24 // as a VT100
		}
		return w, h
	}}
}

// draw shows the lines that render makes for a width, in place of those before. Of more than the terminal has room for the last are shown.
func (s *screen) draw(render func(width int) []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	width, height := s.size()
	lines := render(width)
	lines = lines[max(0, len(lines)-height+1):] // the cursor stands below them
	var b bytes.Buffer
	s.up(&b)
	for i, line := range lines {
		lines[i] = runewidth.Truncate(line, width-1, "…")
		b.WriteString(lines[i] + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	s.lines = lines
	_, _ = s.out.Write(b.Bytes()) // a terminal that is gone shows nothing
}

// Write implements io.Writer for whole lines.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b bytes.Buffer
	s.up(&b)
	b.WriteString("\x1b[J")
	b.Write(p)
	for _, line := range s.lines {
		b.WriteString(line + "\n")
	}
	if _, err := s.out.Write(b.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// up moves to where the lines begin. A terminal that became narrower has broken them, each into as many as it takes.
func (s *screen) up(b *bytes.Buffer) {
	width, height := s.size()
	rows := 0
	for _, line := range s.lines {
		rows += max(1, (runewidth.StringWidth(line)+width-1)/width)
	}
	if rows = min(rows, height-1); rows > 0 {
		fmt.Fprintf(b, "\x1b[%dA", rows)
	}
	b.WriteString("\r")
}
