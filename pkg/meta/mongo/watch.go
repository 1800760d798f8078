package mongo

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

// How the database is watched. From when it goes out until that is known no more than the patience and the longer of askEvery and heardFor pass; with
// DefaultPatience that leaves a request time for its answer within two seconds.
const (
	askEvery = 250 * time.Millisecond // between an answer and the next question
	askAgain = 50 * time.Millisecond  // after a question that failed at once
	heardFor = 400 * time.Millisecond // how long the answer to another command shows that the database is only busy
)

var errOut = errors.New("the database does not answer")

// watch knows whether the database is there, by asking all the time. While it is out commands are refused without a try, and those that were under way
// when it went out have ended: nobody waits for a database that hangs.
//
// A slow command ends nothing, and neither does a long queue: as long as others are answered the database is there.
type watch struct {
	ask      func(context.Context) error // nil when the database answers
	patience time.Duration
	present  atomic.Pointer[presence]
	heard    atomic.Int64 // when a command was last answered, in nanoseconds since the watch began
	began    time.Time
	stop     context.CancelFunc
	stopped  chan struct{}
}

// presence is a time during which the database is there. Its context ends with it.
type presence struct {
	context.Context //nolint:containedctx // the end of a presence is what it is for
	end             context.CancelFunc
}

func newPresence() *presence {
	ctx, end := context.WithCancel(context.Background())
	return &presence{ctx, end}
}

// startWatch begins to ask. The database is taken to be there until it has failed to answer. Close the watch to end it.
func startWatch(patience time.Duration, ask func(context.Context) error) *watch {
	ctx, stop := context.WithCancel(context.Background())
	w := &watch{ask: ask, patience: patience, began: time.Now(), stop: stop, stopped: make(chan struct{})}
	w.present.Store(newPresence())
	go w.run(ctx)
	return w
}

func (w *watch) run(ctx context.Context) {
	defer close(w.stopped)
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		there := w.answers(ctx)
		switch now := w.present.Load(); {
		case ctx.Err() != nil:
			return
		case there && now.Err() != nil:
			w.present.Store(newPresence())
		case !there:
			now.end()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// answers reports whether the database answers within the patience: this question, asked again while it fails, or the command of somebody else.
//
// The driver is not told the limit. It would not even ask with less time left than answers have taken of late, and so not find out that they are fast again.
func (w *watch) answers(ctx context.Context) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(w.patience, cancel).Stop()
	for w.ask(ctx) != nil {
		if pause(ctx, askAgain) != nil {
			return w.now()-w.heard.Load() < int64(heardFor)
		}
	}
	return true
}

func (w *watch) now() int64 { return int64(time.Since(w.began)) }

// attend runs one command while the database is there: it is Unavailable at once while that is out, and ended when it goes out.
func (w *watch) attend(ctx context.Context, command func(context.Context) error) error {
	p := w.present.Load()
	if p.Err() != nil {
		return file.Wrap(file.Unavailable, "mongo.watch", errOut)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p, cancel)()
	err := command(ctx)
	if !unanswered(err) {
		w.heard.Store(w.now())
	}
	return err
}

// close ends the watch and whatever it attends to.
func (w *watch) close() {
	w.stop()
	<-w.stopped
	w.present.Load().end()
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
