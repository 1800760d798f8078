package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// striker kills one server at points. Its history and what it finds are its own. It is for one goroutine.
type striker struct {
	*server
	trial   *trial
	checker *checker
	sent    int // files
}

// newStriker starts the n-th server. It syncs, so that there are calls of fsync to be killed at, and does by itself soon what it does now and then.
func newStriker(ctx context.Context, t *trial, n int) (*striker, error) {
	own := &trial{options: t.options, dir: filepath.Join(t.dir, fmt.Sprintf("server-%d", n)), rng: t.stream(n), out: t.out}
	own.durability = "power"
	if err := os.Mkdir(own.dir, 0o700); err != nil {
		return nil, err
	}
	s, err := newServerWith(ctx, own, map[string]string{"INLET_SWEEP_EXPIRE": "100ms", "INLET_WAIT": "500ms"})
	if err != nil {
		return nil, err
	}
	return &striker{server: s, trial: own, checker: newChecker(own, s.Client)}, nil
}

// close ends the server, and keeps the history.
func (s *striker) close() error {
	return errors.Join(s.server.close(), s.trial.history.save(filepath.Join(s.trial.dir, "history.jsonl")))
}

// sweep strikes at all points, and judges everything in the end.
func (s *striker) sweep(ctx context.Context, points []*point) (string, error) {
	for _, p := range points {
		if err := s.strike(ctx, p); err != nil {
			return "", fmt.Errorf("%s: %w", p, err)
		}
	}
	end, err := checkEnd(ctx, s.trial, s.server)
	if err != nil {
		return "", err
	}
	return end, s.checker.lookForRepeats(ctx)
}

// strike kills the server at a point. Where the point is not reached, it tries again.
func (s *striker) strike(ctx context.Context, p *point) error {
	for try := 1; try <= pointTries && !p.reached; try++ {
		start := time.Now()
		e, watched, err := s.play(ctx, p.scenario, p)
		if err != nil {
			return err
		}
		p.reached = watched.killed
		s.trial.line("%s: reached: %v, upload %q, delete %q, %d ms, %d violations",
			p, p.reached, e.upload, e.remove, time.Since(start).Milliseconds(), s.trial.found.total())
	}
	return nil
}

// calls plays a scenario to its end and counts the calls of each kind.
func (s *striker) calls(ctx context.Context, what *scenario) (map[string]int, error) {
	_, watched, err := s.play(ctx, what, &point{})
	if err != nil {
		return nil, err
	}
	seen := map[string]int{}
	for _, call := range watched.calls {
		seen[call]++
	}
	return seen, nil
}

const (
	quiet     = 400 * time.Millisecond // without a call: all that follows from what was done is over
	quietStep = 20 * time.Millisecond
	playLimit = 2 * time.Minute // with the restart, and a client that asks until it knows
)

// play plays a scenario with a file of its own, and kills the server: at a point, or when all is done. Then fsck looks at what is left, the server is
// started again, the client learns what came of its request, and the file is judged.
func (s *striker) play(ctx context.Context, what *scenario, at *point) (*entry, *watching, error) {
	ctx, cancel := context.WithTimeout(ctx, playLimit)
	defer cancel()
	e := s.trial.history.add(fmt.Sprintf("%s-%d", what.name, s.sent), newKind(what.kind, s.trial.rng.Uint64()))
	s.sent++
	if what.prepare != nil {
		if err := what.prepare(s, ctx, e); err != nil {
			return nil, nil, err
		}
	}
	watched, err := watch(s.process.PID(), filepath.Join(s.trial.dir, "data"), at.call, at.nth)
	if err != nil {
		return nil, nil, err
	}
	acting := make(chan error, 1)
	go func() { acting <- what.act(s, ctx, e) }()
	over, err := await(ctx, watched, acting)
	s.kill()
	<-watched.done
	if err := errors.Join(err, watched.err); err != nil {
		return nil, nil, err
	}
	if err := s.inspect(ctx, e); err != nil {
		return nil, nil, err
	}
	if err := s.start(ctx); err != nil {
		return nil, nil, err
	}
	if !over {
		err = <-acting
	}
	if err != nil {
		return nil, nil, err
	}
	return e, watched, s.checker.look(ctx, e, false)
}

// inspect lets fsck look at what the killed server has left, before the client or a new server can mend it: no record may be without its bytes.
func (s *striker) inspect(ctx context.Context, e *entry) error {
	now, err := s.fsck(ctx, fsckGrace)
	for _, line := range now.lines {
		s.trial.found.addf(untidy, "killed with %s: %s", e.key, line)
	}
	return err
}

// await waits until the server was killed, or until the client has done its part and all is quiet. over tells that the client has.
func await(ctx context.Context, watched *watching, acting <-chan error) (over bool, err error) {
	tick := time.NewTicker(quietStep)
	defer tick.Stop()
	for {
		select {
		case <-watched.done:
			return over, nil
		case err := <-acting:
			if over, acting = true, nil; err != nil {
				return over, err
			}
			watched.stir() // what the server does of itself may have to come yet
		case <-tick.C:
			if over && watched.idle() > quiet {
				return over, nil
			}
		case <-ctx.Done():
			return over, ctx.Err()
		}
	}
}

// lookForRepeats looks in the timeline of every file for something that was done to it twice.
func (c *checker) lookForRepeats(ctx context.Context) error {
	for _, e := range c.trial.history.from(0) {
		now := c.trial.history.snapshot(e)
		if now.upload != ok || now.remove != "" {
			continue
		}
		steps, err := c.Timeline(ctx, now.id)
		if err != nil {
			return err
		}
		times := map[string]int{}
		for _, step := range steps {
			if times[step.What]++; times[step.What] == 2 {
				c.trial.found.addf(repeated, "%s (%s): %s", now.key, now.id, step.What)
			}
		}
	}
	return nil
}
