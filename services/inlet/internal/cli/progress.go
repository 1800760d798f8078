package cli

import (
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// bars shows on a terminal how far transfers are: a bar for each that is under way, and below them one for all. Where nobody looks it shows nothing.
type bars struct {
	s     *session
	p     *mpb.Progress // nil where nobody looks
	total *mpb.Bar      // nil for a single transfer
	quiet func()        // gives the session its own output back
}

// barWidth is that of a bar with its name and its figures, in characters.
const (
	barWidth  = 30
	nameWidth = 28
)

// newBars makes the bars of a command. Until wait, what the session warns of is shown above them.
func newBars(s *session) *bars {
	b := &bars{s: s}
	if s.json || !isTerminal(s.errOut) {
		return b
	}
	out := s.errOut
	b.p = mpb.New(mpb.WithOutput(out), mpb.WithWidth(barWidth))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errOut = b.p
	b.quiet = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.errOut = out
	}
	return b
}

// all adds the bar for all of so many files.
func (b *bars) all(files int) {
	if b.p == nil || files < 2 {
		return
	}
	b.total = b.p.AddBar(int64(files), mpb.BarPriority(math.MaxInt), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name("all files", decor.WC{W: nameWidth, C: decor.DindentRight})),
		mpb.AppendDecorators(decor.CountersNoUnit("%d of %d")))
}

// bar is one transfer.
type bar struct{ b *mpb.Bar }

func (b *bars) add(name string, bytes int64) bar {
	if b.p == nil || bytes <= 0 {
		return bar{}
	}
	return bar{b.p.AddBar(bytes, mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(shorten(clean(name), nameWidth), decor.WC{W: nameWidth, C: decor.DindentRight})),
		mpb.AppendDecorators(decor.Percentage(decor.WC{W: 5}), decor.CountersKibiByte("  % .1f of % .1f")))}
}

// set tells how many bytes have passed.
func (b bar) set(n, _ int64) {
	if b.b != nil {
		b.b.SetCurrent(n)
	}
}

// end takes the bar away.
func (b bar) end(whole bool) {
	switch {
	case b.b == nil:
	case whole:
		b.b.SetTotal(-1, true)
	default:
		b.b.Abort(true)
	}
}

// one counts a file that has ended, one way or the other.
func (b *bars) one() {
	if b.total != nil {
		b.total.Increment()
	}
}

// wait takes the bars away.
func (b *bars) wait() {
	if b.p == nil {
		return
	}
	if b.total != nil {
		b.total.Abort(true)
	}
	b.p.Wait()
	b.quiet()
}

// shorten cuts a name in its middle, which says the least.
func shorten(name string, width int) string {
	n := utf8.RuneCountInString(name)
	if n <= width {
		return name
	}
	runes := []rune(name)
	head := (width - 1) / 2
	return fmt.Sprintf("%s…%s", string(runes[:head]), string(runes[n-(width-1-head):]))
}
