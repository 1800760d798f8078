package cli

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-runewidth"
)

// bars shows on a terminal how far transfers are: a line for each that takes a while, and below them one for all. Where nobody looks it shows nothing.
type bars struct {
	s       *session
	screen  *screen // nil where nobody looks
	stop    chan struct{}
	stopped sync.WaitGroup

	all   meter
	total func() string // what stands before the line of all; nil for a single transfer

	mu    sync.Mutex
	ended int    // files
	shown []*bar // in the order of their beginning
}

const (
	rowWidth   = 80                     // of a line at most, in characters: a longer one breaks when somebody makes the window narrower
	nameWidth  = 25                     // of what stands before a bar
	leastBar   = 5                      // characters of a bar, or there is none
	patience   = 500 * time.Millisecond // how long a transfer goes on before it gets a line: many small ones would only flicker
	frameEvery = 150 * time.Millisecond
)

// newBars makes the bars of a command. Until wait, what the session warns of is shown above them.
func newBars(s *session) *bars {
	b := &bars{s: s}
	out, ok := s.errOut.(*os.File)
	if s.json || !ok || !isTerminal(out) {
		return b
	}
	b.screen, b.stop = newScreen(out), make(chan struct{})
	s.mu.Lock()
	s.errOut = b.screen
	s.mu.Unlock()
	b.stopped.Go(func() {
		frame := time.NewTicker(frameEvery)
		defer frame.Stop()
		for {
			select {
			case <-b.stop:
				return
			case <-frame.C:
				b.screen.draw(func(width int) []string { return b.rows(width, time.Now()) })
			}
		}
	})
	return b
}

// wait takes the lines away.
func (b *bars) wait() {
	if b.screen == nil {
		return
	}
	close(b.stop)
	b.stopped.Wait()
	b.screen.draw(func(int) []string { return nil })
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	b.s.errOut = b.screen.out
}

// expect shows a line for all of many files, of so many bytes together. When ctx ends it says that no other file will begin.
func (b *bars) expect(ctx context.Context, files int, bytes int64) {
	if files < 2 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all.size = bytes
	b.total = func() string {
		if ctx.Err() != nil {
			return fmt.Sprintf("stopping: %d of %d", b.ended, files)
		}
		return fmt.Sprintf("%d of %d files", b.ended, files)
	}
}

// one counts a file that has ended, one way or the other.
func (b *bars) one() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended++
}

// rows is what is shown.
func (b *bars) rows(width int, now time.Time) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var rows []string
	for _, x := range b.shown {
		if now.Sub(x.began) >= patience {
			rows = append(rows, row(x.name, &x.m, width, now))
		}
	}
	if b.total != nil {
		rows = append(rows, row(b.total(), &b.all, width, now))
	}
	return rows
}

// row is a name, a bar and figures, in less than width. Where that is narrow the bar is left out.
func row(name string, m *meter, width int, now time.Time) string {
	name = runewidth.FillRight(shorten(name, nameWidth), nameWidth)
	figures, share := m.figures(now)
	room := min(width, rowWidth) - nameWidth - len(figures) - 5
	if room < leastBar {
		return name + " " + figures
	}
	full := int(share * float64(room))
	bar := strings.Repeat("=", full)
	if full < room {
		bar += ">" + strings.Repeat("-", room-full-1)
	}
	return name + " [" + bar + "] " + figures
}

// bar is one transfer. Its methods may be called from many goroutines.
type bar struct {
	b     *bars
	name  string
	began time.Time
	m     meter

	mu      sync.Mutex
	resumes bool // whether what it is told next is where an earlier run has left off
	over    bool
}

// add begins a transfer. One that resumes is told first how much is there already.
func (b *bars) add(name string, bytes int64, resumes bool) *bar {
	x := &bar{b: b, name: clean(name), began: time.Now(), m: meter{size: bytes}, resumes: resumes}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shown = append(b.shown, x)
	return x
}

// set tells how many bytes are there now.
func (x *bar) set(n, _ int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.over {
		return
	}
	grown := n - x.m.level()
	count := (*meter).pass
	if x.resumes {
		count, x.resumes = (*meter).there, false
	}
	count(&x.m, grown)
	count(&x.b.all, grown)
}

// end takes the line away. What has not come will not.
func (x *bar) end() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.over = true
	x.b.all.there(x.m.size - x.m.level())
	x.b.mu.Lock()
	defer x.b.mu.Unlock()
	x.b.shown = slices.DeleteFunc(x.b.shown, func(y *bar) bool { return y == x })
}

// shorten cuts a name in its middle, which says the least.
func shorten(name string, width int) string {
	if runewidth.StringWidth(name) <= width {
		return name
	}
	head := runewidth.Truncate(name, (width-1)/2, "")
	return head + "…" + runewidth.TruncateLeft(name, runewidth.StringWidth(name)-(width-1-runewidth.StringWidth(head)), "")
}
