package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

const (
	stepPause       = 500 * time.Millisecond // the latest step after the one before
	stepsPerRestart = 15
	slower          = 4  // than `inlet serve`: a cluster, whose database reads all records for nearly every command
	stepsPerEnd     = 5  // that come, at least, for each file and signed URL that ends
	clockClients    = 2  // that upload, read, change and delete
	clockWatchers   = 16 // of files with a life, and of signed URLs
)

// offsets are what clocks are set to. A clock is set back, too, from one to the next.
var offsets = []time.Duration{0, time.Second, -time.Second, 30 * time.Second, -30 * time.Second, time.Hour, -time.Hour, time.Hour + 30*time.Second, time.Hour - time.Second}

// clockTest sets the clocks of hosts while what they serve comes to its end.
type clockTest struct {
	*trial
	system   system
	clocks   clocks
	hosts    []string // the programs, each on a host of its own
	restart  func(context.Context) error
	watchers int           // half of them of files, half of signed URLs
	reads    time.Duration // from one read of a watcher to the next
	shared   bool          // they go by a clock that is not set: that of a database
	stopped  atomic.Int64  // how long the server was away, in all
	away     atomic.Bool   // and is now

	mu    sync.Mutex
	ended []*promise
}

// stepClock sets the clock of the host of `inlet serve`, where nothing else tells the time: forward for less than is believed, and back. It is restarted on
// a clock that was set back by an hour.
func stepClock(ctx context.Context, t *trial) (reached string, err error) {
	c := &clockTest{trial: t, hosts: []string{"inlet"}, watchers: clockWatchers, reads: promisePause}
	bin, err := buildStepped(ctx, t, c.hosts...)
	if err != nil {
		return "", err
	}
	if c.clocks, err = newClocks(t); err != nil {
		return "", err
	}
	t.inlet = filepath.Join(bin, "inlet")
	s, err := newServerWith(ctx, t, c.clocks.settings())
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	c.system = s
	c.restart = func(ctx context.Context) error {
		if err := c.clocks.set("inlet", -time.Hour); err != nil {
			return err
		}
		return c.restartService(ctx, s.service)
	}
	return c.run(ctx)
}

// stepClocks sets the clocks of services, each on a host of its own, and of none the database's. It restarts one now and then.
func stepClocks(ctx context.Context, t *trial) (reached string, err error) {
	c := &clockTest{trial: t, hosts: []string{"ingest", "verifier", "thumbnailer", "sweeper"}, shared: true, watchers: clockWatchers / slower, reads: slower * promisePause}
	if t.bin, err = buildStepped(ctx, t, c.hosts...); err != nil {
		return "", err
	}
	if c.clocks, err = newClocks(t); err != nil {
		return "", err
	}
	for i, off := range []time.Duration{0, 30 * time.Second, -30 * time.Second, time.Hour} {
		if err := c.clocks.set(c.hosts[i], off); err != nil {
			return "", err
		}
	}
	s, err := newClusterWith(ctx, t, t.dir, c.clocks.settings())
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	c.system = s
	c.restart = func(ctx context.Context) error {
		all := s.services()
		return c.restartService(ctx, all[t.rng.IntN(len(all))])
	}
	return c.run(ctx)
}

func (c *clockTest) restartService(ctx context.Context, s *service) error {
	began := time.Now()
	c.away.Store(true)
	defer c.away.Store(false)
	code, err := s.term(ctx)
	if err != nil {
		return err
	}
	if code != 0 {
		c.found.addf(unclean, "exit code %d of %s", code, s.name())
	}
	err = s.start(ctx)
	took := time.Since(began)
	c.stopped.Add(int64(took))
	c.line("%s was away for %.1f s", s.name(), took.Seconds())
	return err
}

func (c *clockTest) run(ctx context.Context) (string, error) {
	files, urls, err := c.stepWhile(ctx)
	if err != nil {
		return "", err
	}
	for _, h := range c.hosts {
		if err := c.clocks.set(h, 0); err != nil {
			return "", err
		}
	}
	for _, p := range c.ended {
		if err := p.lookAgain(ctx, c); err != nil {
			return "", err
		}
	}
	if len(c.ended) < c.cycles/stepsPerEnd {
		c.found.addf(idle, "%d files and signed URLs came to their end in %d steps", len(c.ended), c.cycles)
	}
	end, err := checkEnd(ctx, c.trial, c.system)
	return fmt.Sprintf("%d steps, %d lives and %d signed URLs ended, %d uploads acknowledged: %s; %s", c.cycles, files, urls, c.history.acknowledged(),
		c.found.figures(early, resurrected, stuck), end), err
}

// stepWhile runs the clients and sets the clocks under them. It returns how many files and signed URLs came to their end.
func (c *clockTest) stepWhile(ctx context.Context) (files, urls int, err error) {
	loaded, stop := context.WithCancel(ctx)
	var clients sync.WaitGroup
	for i := range clockClients {
		load := newClient(c.trial, c.system.client(), i)
		clients.Go(func() { load.run(loaded) })
	}
	made := make([]int, c.watchers)
	for i := range made {
		w := newWatcher(c, i)
		clients.Go(func() { made[i] = w.run(loaded) })
	}
	err = c.step(ctx)
	stop()
	clients.Wait()
	for i, n := range made {
		if i%2 == 0 {
			files += n
		} else {
			urls += n
		}
	}
	return files, urls, err
}

// step sets the clocks.
func (c *clockTest) step(ctx context.Context) error {
	for n := range c.cycles {
		if err := pause(ctx, c.within(stepPause)); err != nil {
			return err
		}
		if n%stepsPerRestart == stepsPerRestart-1 {
			if err := c.restart(ctx); err != nil {
				return err
			}
			continue
		}
		host, off := c.hosts[c.rng.IntN(len(c.hosts))], offsets[c.rng.IntN(len(offsets))]
		if err := c.clocks.set(host, off); err != nil {
			return err
		}
		c.line("step %d: %s is %s off, %d acknowledged, %d violations", n+1, host, off, c.history.acknowledged(), c.found.total())
	}
	return nil
}

// untilAnswered asks until there is an answer that is not a 5xx.
func untilAnswered(ctx context.Context, ask func() error) error {
	return untilKnown(ctx, func() (outcome, error) {
		err := ask()
		return outcomeOf(err), err
	})
}

// delay is by how much the end of a promise may be put off. Where nothing but the host tells the time, a clock that is ahead of it runs at nine tenths,
// and stands while nobody runs it.
func (c *clockTest) delay(p *promise) time.Duration {
	if c.shared {
		return 0
	}
	return p.life/9 + time.Duration(c.stopped.Load()-p.stops)
}

// end keeps a promise that was seen to have ended.
func (c *clockTest) end(p *promise) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = append(c.ended, p)
}
