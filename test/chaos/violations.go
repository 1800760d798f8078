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
	early       breach = "early"       // something that was given a time has ended before it
	unverified  breach = "unverified"  // bytes are served without a good verdict
	repeated    breach = "repeated"    // something was done to a file twice
	refused     breach = "refused"     // a good request was answered as a bad one
	miscounted  breach = "miscounted"  // more or fewer uploads got in than there was room for
	untidy      breach = "untidy"      // fsck finds something after everything was mended
	unclean     breach = "unclean"     // the process did not end as it should
	unreadable  breach = "unreadable"  // the server does not start on what a fault has left
	unseen      breach = "unseen"      // an event has not reached the stream
	overlooked  breach = "overlooked"  // damage on the disk was not found in its time
	slow        breach = "slow"        // a fault that must not be felt has made answers slow
	late        breach = "late"        // an answer did not come in time, or did not ask to come back, while a dependency was out
	missed      breach = "missed"      // a program that was broken on purpose has passed
	idle        breach = "idle"        // too little was going on for the figure to mean something
)

var breaches = []breach{lost, changed, phantom, stuck, resurrected, early, unverified, repeated, refused, miscounted, untidy, unclean, unreadable, unseen, overlooked, slow, late, missed, idle}

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

// take adds what was found elsewhere, and says where. The words of some are lost, their count never.
func (v *violations) take(from *violations, where string) {
	from.mu.Lock()
	defer from.mu.Unlock()
	for _, x := range from.first {
		v.add(violation{x.breach, where + ": " + x.what})
		from.count[x.breach]--
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for b, n := range from.count {
		v.count[b] += n
	}
	from.count, from.first = nil, nil
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
