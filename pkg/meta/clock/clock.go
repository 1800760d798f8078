// Package clock keeps the one time that decides for all who share a repository: when a lease ends, and when a file does.
//
// A Clock is asked at every turn, so it takes no round trip: it reads its reference (the database's clock, or the host's where the database is a
// file) from time to time and counts on from there by the host's monotonic clock, which no step of the host's date moves. It never goes back. When the
// reference was set back the Clock slows down until it is caught up with; across a restart the mark that it leaves in the database keeps it from going back.
//
// It decides nothing itself, and it is not for the deadlines of network calls. ADR 17 has the reasons.
package clock

import (
	"context"
	"sync"
	"time"
)

const (
	renewEvery = 10 * time.Second // between two readings of the reference
	retryEvery = time.Second      // after one that failed
	readLimit  = 5 * time.Second  // for one reading, mark included

	// slowdown is what a Clock that is ahead loses: one part in so many of the time that passes. So what is promised for an hour ends 6.7 minutes
	// late at worst, and a step back by an hour is made up for in ten.
	slowdown = 10

	// credible is by how much a mark may be ahead of the reference. One that is more ahead was left by a clock that was badly wrong.
	credible = 24 * time.Hour

	// resolution is that of the coarsest reference, and by how much any may run ahead of the host's monotonic clock without having been set.
	resolution = time.Millisecond

	// leapSpread is by how much two readings of one step may differ.
	leapSpread = time.Second
)

// Source is what a Clock rests on. Its methods are called one at a time.
type Source interface {
	// Read asks the reference for its time, of a millisecond or finer.
	Read(ctx context.Context) (time.Time, error)
	// Mark returns what SetMark kept last; the zero time when nothing was. It outlives the process.
	Mark(ctx context.Context) (time.Time, error)
	// SetMark keeps the time that a Clock has reached. Where it cannot, as on a full disk, a restart may go back to the mark before.
	SetMark(ctx context.Context, at time.Time) error
}

// Options are what a Clock may be told. The zero value is for a reference that is to be followed at once.
type Options struct {
	// Host is the host's clock; the function Host when nil. Only what passes between two calls counts, by the monotonic reading that each carries.
	Host func() time.Time
	// Patience is how long the reference must have been ahead before it is followed: a host's clock may be set forward by mistake. The first
	// reading is believed at once, for want of a better.
	Patience time.Duration
}

// Clock tells the time. Its methods may be called from many goroutines.
type Clock struct {
	source   Source
	host     func() time.Time
	patience time.Duration
	start    time.Time // of host

	mu      sync.Mutex
	line    line
	leap    time.Duration // by which the reference was ahead and was not followed
	leaptAt time.Duration // elapsed when that was first seen

	stop    context.CancelFunc
	stopped chan struct{}
}

// line is the time as a function of the host's monotonic clock.
type line struct {
	from  time.Duration // elapsed since the start
	at    time.Time     // the time then
	ahead time.Duration // of the reference, then; it shrinks as time passes
}

func (l line) time(elapsed time.Duration) time.Time {
	passed := elapsed - l.from
	return l.at.Add(passed - min(passed/slowdown, l.ahead))
}

// Start reads the reference and makes a Clock that goes on doing so until it is closed. It returns the error of the source when it cannot be read.
func Start(ctx context.Context, s Source, o Options) (*Clock, error) {
	c, err := begin(ctx, s, o)
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.Background())
	c.stop, c.stopped = stop, make(chan struct{})
	go c.run(running)
	return c, nil
}

// begin makes a Clock that is set once.
func begin(ctx context.Context, s Source, o Options) (*Clock, error) {
	if o.Host == nil {
		o.Host = Host
	}
	c := &Clock{source: s, host: o.Host, patience: o.Patience, start: o.Host()}
	now, err := c.read(ctx)
	if err != nil {
		return nil, err
	}
	_ = s.SetMark(ctx, now) // a full disk must not keep anybody from his files: the next may be kept
	return c, nil
}

// Host tells the time of the host, for what decides nothing between two hosts. The records' clock is taken from it and from nowhere else, so that a
// test can build a program whose host's clock it sets.
func Host() time.Time { return time.Now() }

// Now returns the time, in UTC. It is never before what it returned earlier, and never ahead of a reference that was not set back.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.line.time(c.elapsed())
}

// elapsed is what the host's monotonic clock has passed. Under the lock it grows from one holder to the next.
func (c *Clock) elapsed() time.Duration { return c.host().Sub(c.start) }

// Close stops the readings and leaves the mark. Now goes on counting. A second Close does nothing.
func (c *Clock) Close(ctx context.Context) error {
	select {
	case <-c.stopped:
		return nil
	default:
	}
	c.stop()
	<-c.stopped
	return c.source.SetMark(ctx, c.Now())
}

func (c *Clock) run(ctx context.Context) {
	defer close(c.stopped)
	wait := time.NewTimer(renewEvery)
	defer wait.Stop()
	for {
		select {
		case <-wait.C:
		case <-ctx.Done():
			return
		}
		next := renewEvery
		if c.renew(ctx) != nil { // who needs the database is told by the database
			next = retryEvery
		}
		wait.Reset(next)
	}
}

// renew reads the reference and leaves the mark.
func (c *Clock) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	now, err := c.read(ctx)
	if err != nil {
		return err
	}
	return c.source.SetMark(ctx, now)
}

// read takes a reading of the reference, and the mark, into account.
func (c *Clock) read(ctx context.Context) (time.Time, error) {
	mark, err := c.source.Mark(ctx)
	if err != nil {
		return time.Time{}, err
	}
	asked := c.elapsed()
	at, err := c.source.Read(ctx)
	if err != nil {
		return time.Time{}, err
	}
	return c.correct(asked, at, mark), nil
}

// correct continues from what the reference has just answered, and from the mark that this or another process has left. It returns the time.
// When the answer came the reference's time was the one that it names, or later by as much as the round trip took.
func (c *Clock) correct(asked time.Duration, at, mark time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	elapsed, now := c.elapsed(), at.UTC()
	if !c.line.at.IsZero() {
		now = c.forward(elapsed, c.line.time(elapsed), now)
	}
	latest := at.Add(elapsed - asked + resolution)
	if mark.After(now) && mark.Sub(latest) <= credible {
		now = mark.UTC()
	}
	c.line = line{from: elapsed, at: now, ahead: max(0, now.Sub(latest))}
	return now
}

// forward returns the later of the Clock's time and the reference's, unless that is further ahead than it has been for long enough.
func (c *Clock) forward(elapsed time.Duration, now, reference time.Time) time.Time {
	leap := reference.Sub(now)
	if leap <= resolution || c.patience == 0 {
		c.leap = 0
		return later(now, reference)
	}
	if c.leap == 0 || (leap-c.leap).Abs() > leapSpread {
		c.leap, c.leaptAt = leap, elapsed
	}
	if elapsed-c.leaptAt < c.patience {
		return now
	}
	c.leap = 0
	return reference
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
