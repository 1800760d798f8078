// Package lifecycle runs the parts of a program: all are started, one failure or a signal stops them all, in the reverse order.
//
// It knows nothing about what the parts do.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// Part is something that runs until its context ends.
type Part struct {
	Name string
	// Run returns nil when it stopped because its context ended. Any other return stops the program.
	Run func(ctx context.Context) error
	// Close, when set, is called after every part that was started later has stopped, and after Run returned.
	Close func(ctx context.Context) error
}

// DrainLimit is how long all parts together may take to stop.
const DrainLimit = 30 * time.Second

// Run starts the parts in order and returns when all have stopped: nil after SIGTERM, SIGINT or the end of ctx, else the first failure.
// Parts stop one after the other, the last first, so that a part may rely on those before it to the end. A second signal ends the process at once.
func Run(ctx context.Context, log *slog.Logger, parts ...Part) error {
	ctx, stopSignals := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	defer stopSignals()

	type exit struct {
		i   int
		err error
	}
	exits := make(chan exit, len(parts))
	cancels := make([]context.CancelFunc, len(parts))
	stopped := make([]chan struct{}, len(parts))
	for i, p := range parts {
		var partCtx context.Context
		partCtx, cancels[i] = context.WithCancel(context.WithoutCancel(ctx))
		stopped[i] = make(chan struct{})
		go func() {
			defer close(stopped[i])
			if p.Run == nil {
				<-partCtx.Done()
				return
			}
			exits <- exit{i, p.Run(partCtx)}
		}()
	}

	var failure error
	select {
	case <-ctx.Done():
		log.Info("stopping")
	case e := <-exits:
		if failure = e.err; failure == nil {
			failure = errors.New("ended by itself")
		}
		failure = fmt.Errorf("%s: %w", parts[e.i].Name, failure)
	}
	signal.Reset(syscall.SIGTERM, os.Interrupt) // from now on a signal has its default effect: it ends the process

	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), DrainLimit)
	defer cancel()
	for i, p := range slices.Backward(parts) {
		cancels[i]()
		select {
		case <-stopped[i]:
		case <-drain.Done():
			log.Warn("a part did not stop in time", "part", p.Name)
		}
		if p.Close == nil {
			continue
		}
		if err := p.Close(drain); err != nil {
			log.Warn("closing a part failed", "part", p.Name, "err", err)
		}
	}
	return failure
}
