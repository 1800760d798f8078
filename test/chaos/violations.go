package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// breach is a kind of broken promise.
type breach string

// The kinds. Their order is that of the reports.
const (
	lost        breach = "lost"        // an acknowledged file is not there
	changed     breach = "changed"     // it is there, and another
	phantom     breach = "phantom"     // a file that nobody has sent, that was refused, or that is there twice
	stuck       breach = "stuck"       // a file has no verdict, or no thumbnail, after its time; or the wrong one
	resurrected breach = "resurrected" // something is served that was deleted or has expired
	unverified  breach = "unverified"  // bytes are served without a good verdict
	refused     breach = "refused"     // a good request was answered as a bad one
	miscounted  breach = "miscounted"  // more or fewer uploads got in than there was room for
	untidy      breach = "untidy"      // fsck finds something after everything was mended
	unclean     breach = "unclean"     // the process did not end as it should
	idle        breach = "idle"        // too little was going on for the figure to mean something
)

var breaches = []breach{lost, changed, phantom, stuck, resurrected, unverified, refused, miscounted, untidy, unclean, idle}

// violation is one broken promise.
type violation struct {
	breach breach
	what   string
}

// keptLines is how many violations are told in words.
const keptLines = 20

// violations collects what was found. The zero value is ready, and may be used by many goroutines.
type violations struct {
	mu    sync.Mutex
	count map[breach]int
	first []violation
}

func (v *violations) add(all ...violation) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, x := range all {
		if v.count == nil {
			v.count = map[breach]int{}
		}
		v.count[x.breach]++
		if len(v.first) < keptLines {
			v.first = append(v.first, x)
		}
	}
}

func (v *violations) addf(b breach, format string, args ...any) {
	v.add(violation{b, fmt.Sprintf(format, args...)})
}

func (v *violations) of(b breach) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.count[b]
}

func (v *violations) total() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	for _, c := range v.count {
		n += c
	}
	return n
}

// figures writes the named counts, and any other that is not 0.
func (v *violations) figures(named ...breach) string {
	var words []string
	for _, b := range breaches {
		if n := v.of(b); n > 0 || slices.Contains(named, b) {
			words = append(words, fmt.Sprintf("%d %s", n, b))
		}
	}
	return strings.Join(words, ", ")
}

func (v *violations) String() string { return v.figures() }

// lines tells the first violations.
func (v *violations) lines() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	lines := make([]string, len(v.first))
	for i, x := range v.first {
		lines[i] = string(x.breach) + ": " + x.what
	}
	return lines
}
