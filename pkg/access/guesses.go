package access

import (
	"slices"
	"sync"
	"time"
)

const (
	maxGuesses  = 10 // wrong passwords …
	guessWindow = time.Minute
	// maxGuessers bounds the memory to some 30 MB. Past that the one whose last guess is the oldest is forgotten.
	maxGuessers = 1 << 16
)

// guesses counts wrong passwords for an account and from an address. After maxGuesses in a guessWindow, any further password is to
// be refused unread, until the oldest of them is that long ago. It is safe for concurrent use.
type guesses struct {
	mu    sync.Mutex
	times *lru[string, []time.Time] // of each one's latest wrong guesses, oldest first, never more than maxGuesses
}

func newGuesses() *guesses {
	return &guesses{times: newLRU[string, []time.Time](maxGuessers)}
}

// wait is how long passwords of any of these are refused; 0 if they are not.
func (g *guesses) wait(now time.Time, who ...string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.longest(now, who)
}

// begin counts a guess of each at now, before it is known to be wrong, or returns how long to wait.
func (g *guesses) begin(now time.Time, who ...string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if wait := g.longest(now, who); wait > 0 {
		return wait
	}
	for _, w := range who {
		g.times.put(w, append(g.recent(now, w), now))
	}
	return 0
}

// forgive takes back the guess that began at the given time: the password was right.
func (g *guesses) forgive(began time.Time, who ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, w := range who {
		times := g.times.get(w)
		if i := slices.IndexFunc(times, began.Equal); i >= 0 {
			times = slices.Delete(times, i, i+1)
		}
		if len(times) == 0 {
			g.times.remove(w)
			continue
		}
		g.times.put(w, times)
	}
}

func (g *guesses) longest(now time.Time, who []string) time.Duration {
	var wait time.Duration
	for _, w := range who {
		if times := g.recent(now, w); len(times) >= maxGuesses {
			wait = max(wait, times[0].Add(guessWindow).Sub(now))
		}
	}
	return wait
}

// recent returns one's guesses of the last guessWindow.
func (g *guesses) recent(now time.Time, who string) []time.Time {
	times := g.times.get(who)
	for len(times) > 0 && !now.Before(times[0].Add(guessWindow)) {
		times = times[1:]
	}
	return times
}
