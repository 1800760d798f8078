package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// busLoad is how much is sent in the phases of a bus test.
type busLoad struct {
	burst   int           // files of a measurement
	backlog int           // files that wait for their verdict when the bus returns
	copied  int           // files whose events are delivered five times
	lag     time.Duration // how long the bus is slow
}

var (
	busQuick = busLoad{burst: 300, backlog: 500, copied: 100, lag: 6 * time.Second}
	busFull  = busLoad{burst: 3000, backlog: 10_000, copied: 2000, lag: time.Minute}
)

// busTest breaks the bus of one server in several ways, one after the other.
type busTest struct {
	*trial
	load   busLoad
	server *server
	nats   *natsServer
	proxy  *lagProxy // to nats; the server uses it from the backlog on
	steady latencies // of uploads with the bus as it should be
	calm   time.Time // when the last fault was over
	owed   int       // files from this one on have events that no stream has seen before its store was deleted
}

// breakBus takes a server's bus away, returns it with nothing in its store, delivers events often and in another order, kills it under load, and
// makes it slow. Uploads must not feel any of it, every file must reach its end, and every end must be told.
func breakBus(ctx context.Context, t *trial) (reached string, err error) {
	b := &busTest{trial: t, load: busQuick}
	if t.full {
		b.load = busFull
	}
	if b.nats, err = newNATS(ctx, t.dir); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, b.nats.close()) }()
	if b.proxy, err = newLagProxy(ctx, b.nats.addr); err != nil {
		return "", err
	}
	defer b.proxy.close()
	if b.server, err = newServerWith(ctx, t, map[string]string{"INLET_BUS": b.nats.url()}); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, b.server.close()) }()
	var said []string
	for _, phase := range []func(context.Context) (string, error){b.goOut, b.comeBackEmpty, b.deliverCopies, b.restart, b.lag, b.checkAll, b.tellAll} {
		start := time.Now()
		what, err := phase(ctx)
		if err != nil {
			return "", err
		}
		t.line("bus, %.1f s: %s; %d violations", time.Since(start).Seconds(), what, t.found.total())
		said = append(said, what)
	}
	return strings.Join(said, "; "), nil
}

// goOut kills the bus. Uploads are as fast as with it, and files reach their end.
func (b *busTest) goOut(ctx context.Context) (string, error) {
	if _, err := b.burst(ctx, "warm", b.load.burst/3); err != nil { // connections, caches, the first pages of the database
		return "", err
	}
	var err error
	if b.steady, err = b.burst(ctx, "with", b.load.burst); err != nil {
		return "", err
	}
	if _, err := b.settle(ctx); err != nil {
		return "", err
	}
	b.nats.kill()
	b.owed = len(b.history.from(0))
	without, err := b.burst(ctx, "without", b.load.burst)
	if err != nil {
		return "", err
	}
	b.compare("without the bus", without)
	took, err := b.verdicts(ctx)
	return fmt.Sprintf("p99 of an upload with the bus %s, without %s, and all had their verdict %.1f s after the last", b.steady, without, took.Seconds()), err
}

// comeBackEmpty lets files pile up, which takes workers that are gone besides the bus, for they look for work by themselves. Then all come back, the bus
// without its store.
func (b *busTest) comeBackEmpty(ctx context.Context) (string, error) {
	all := b.server.spec.Args
	b.server.spec.Args = append(slices.Clone(all), "--only", "ingest,sweeper")
	b.server.set(map[string]string{"INLET_BUS": "nats://" + b.proxy.addr()})
	if err := b.end(ctx); err != nil {
		return "", err
	}
	if err := b.server.launch(); err != nil {
		return "", err
	}
	if err := b.answers(ctx); err != nil { // it is not ready without its bus
		return "", err
	}
	took, err := b.burst(ctx, "backlog", b.load.backlog)
	if err != nil {
		return "", err
	}
	b.compare("without bus and workers", took)
	page, err := b.server.List(ctx, "", pending())
	if err != nil {
		return "", err
	}
	if int(page.Pagination.Total) != b.load.backlog {
		b.found.addf(idle, "%d of %d files wait for their verdict", page.Pagination.Total, b.load.backlog)
	}
	if err := b.end(ctx); err != nil {
		return "", err
	}
	b.server.spec.Args = all
	if err := b.nats.wipe(); err != nil {
		return "", err
	}
	start := time.Now()
	if err := b.nats.start(ctx); err != nil {
		return "", err
	}
	if err := b.server.start(ctx); err != nil {
		return "", err
	}
	if _, err := b.settle(ctx); err != nil {
		return "", err
	}
	if took := time.Since(start); took > settleLimit {
		b.found.addf(stuck, "a backlog of %d files took %.1f s", b.load.backlog, took.Seconds())
	}
	return fmt.Sprintf("%d files waited (p99 of their uploads %s), and had their end %.1f s after bus and workers came back", page.Pagination.Total, took,
		time.Since(start).Seconds()), nil
}

// deliverCopies has every event that calls a worker delivered five times, in any order: of the files that it sends, and what is still owed of others.
func (b *busTest) deliverCopies(ctx context.Context) (string, error) {
	from := len(b.history.from(0))
	c, err := newCopier(b.nats.url(), b.rng)
	if err != nil {
		return "", err
	}
	defer c.close()
	if _, err := b.burst(ctx, "copied", b.load.copied); err != nil {
		return "", err
	}
	if _, err := b.settle(ctx); err != nil {
		return "", err
	}
	copies, err := c.finish(ctx)
	if err != nil {
		return "", err
	}
	if copies < b.load.copied*2*(deliveries-1)*9/10 { // a file has two such events, but one that is rejected
		b.found.addf(idle, "%d copies of events while %d files were sent", copies, b.load.copied)
	}
	if err := b.checkEffects(ctx, b.history.from(from)); err != nil {
		return "", err
	}
	now, err := b.server.fsck(ctx, fsckGrace)
	for _, line := range now.lines {
		b.found.addf(untidy, "after copied events: %s", line)
	}
	return fmt.Sprintf("%d copies of events while %d files were sent", copies, b.load.copied), err
}

const busOut = 300 * time.Millisecond // the longest that the bus stays out in one of many restarts

// restart kills and starts the bus again and again under clients. No request may feel it.
func (b *busTest) restart(ctx context.Context) (string, error) {
	loaded, stop := context.WithCancel(ctx)
	var clients sync.WaitGroup
	defer clients.Wait()
	defer stop()
	asked := b.history.requests()
	for i := range killClients {
		c := newClient(b.trial, b.server.Client, i)
		clients.Go(func() { c.run(loaded) })
	}
	for range b.cycles {
		if err := pause(ctx, b.within(killLimit)); err != nil {
			return "", err
		}
		b.nats.kill()
		if err := pause(ctx, b.within(busOut)); err != nil {
			return "", err
		}
		if err := b.nats.start(ctx); err != nil {
			return "", err
		}
	}
	stop()
	clients.Wait()
	unanswered := b.history.unanswered(asked)
	for _, op := range unanswered {
		b.found.addf(refused, "while the bus was restarted: %s %s: %s", op.What, op.Key, op.Error)
	}
	return fmt.Sprintf("%d restarts under %d requests", b.cycles, b.history.requests()-asked), nil
}

const (
	busLag   = 5 * time.Second
	lagPause = 200 * time.Millisecond // between two bursts: what passes is to be judged later
)

// lag lets every word of the bus, and so its acknowledgement of an event, come late.
func (b *busTest) lag(ctx context.Context) (string, error) {
	b.proxy.delay(busLag)
	defer b.proxy.delay(0)
	var all latencies
	for start := time.Now(); time.Since(start) < b.load.lag; {
		took, err := b.burst(ctx, fmt.Sprintf("slow%d", len(all)), killClients)
		if err != nil {
			return "", err
		}
		all = append(all, took...)
		if err := pause(ctx, lagPause); err != nil {
			return "", err
		}
	}
	b.calm = time.Now()
	slices.Sort(all)
	b.compare("with a slow bus", all)
	return fmt.Sprintf("p99 of %d uploads %s while it answered %s late", len(all), all, busLag), nil
}

// checkAll judges everything that is stored.
func (b *busTest) checkAll(ctx context.Context) (string, error) {
	end, err := checkEnd(ctx, b.trial, b.server)
	return fmt.Sprintf("%d uploads: %s; %s", b.history.acknowledged(), b.found.figures(lost, changed, stuck, repeated, untidy), end), err
}

// tellAll reads the stream as a new subscriber does, until it has the end of every file that the lost one cannot have had.
func (b *busTest) tellAll(ctx context.Context) (string, error) {
	w, err := newWitness(ctx, b.nats.url())
	if err != nil {
		return "", err
	}
	defer w.close()
	due := b.history.from(b.owed)
	missing, err := w.waitFor(ctx, due, settleLimit)
	if err != nil {
		return "", err
	}
	took := time.Since(b.calm)
	for _, e := range missing {
		b.found.addf(unseen, "%s (%s): nobody was told of its end", e.key, e.id)
	}
	b.found.add(w.repetitions()...)
	return fmt.Sprintf("%d messages had told of the end of %d files %.1f s after the last fault: %s", w.messages(), len(due)-len(missing), took.Seconds(),
		b.found.figures(repeated, unseen)), nil
}
