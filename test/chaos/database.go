package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	databaseClients = 8
	lossesPerStage  = 100 // and then a new database: MongoDB's peer reads every record for every command
	lossesAtOnce    = 4   // at most: the driver closes all its connections after one, and waits half a second
	lossSkip        = 12  // writes that pass before one is lost, at most
	lossLimit       = 20 * time.Second
	lossesPerChange = 8 // for so many answers lost, the primary changes once
	changeLeast     = 100 * time.Millisecond
	changeMost      = 500 * time.Millisecond
	changePause     = 300 * time.Millisecond // after a success, at most
	exactLimit      = 10 * time.Second       // for what was open to be settled
)

// databaseTest breaks the database of one server: the answers of writes are lost, the primary changes, and it is slow, hangs or is out.
type databaseTest struct {
	*trial
	peer    *peer
	proxy   *mongoProxy
	server  *server
	losses  int // answers lost, so far
	changes int // of the primary
	acks    int // uploads, of the stages before
}

// breakDatabase loses as many answers as there are cycles, changes the primary now and then, and at last takes the database away. Every so often it begins
// anew with an empty database.
func breakDatabase(ctx context.Context, t *trial) (reached string, err error) {
	d := &databaseTest{trial: t}
	if d.peer, err = newMongo(ctx, t.dir); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, d.peer.close()) }()
	if d.proxy, err = newMongoProxy(d.peer.addr, filepath.Join(t.dir, "mongo.jsonl")); err != nil {
		return "", err
	}
	defer d.proxy.close()
	var said []string
	for stage := 0; d.losses < t.cycles && t.found.total() == 0; stage++ {
		last := t.cycles-d.losses <= lossesPerStage
		what, err := d.stage(ctx, stage, last)
		if err != nil {
			return "", err
		}
		t.line("database, stage %d: %d answers lost, %d changes of the primary; %s; %d violations", stage, d.losses, d.changes, what, t.found.total())
		if last {
			said = append(said, what)
		}
	}
	return fmt.Sprintf("%d answers lost (%s), %d changes of the primary, %d uploads acknowledged: %s; %s", d.losses, d.kinds(), d.changes, d.acks,
		t.found.figures(lost, changed, phantom, stuck, resurrected, untidy, late), strings.Join(said, "; ")), nil
}

// kinds tells which answers were lost.
func (d *databaseTest) kinds() string {
	all := d.proxy.losses()
	var words []string
	for _, what := range slices.Sorted(maps.Keys(all)) {
		words = append(words, fmt.Sprintf("%d %s", all[what], what))
	}
	return strings.Join(words, ", ")
}

// stage runs a server on a database of its own. The last stage also takes the database away.
func (d *databaseTest) stage(ctx context.Context, n int, last bool) (reached string, err error) {
	d.server, err = newServerWith(ctx, d.trial, map[string]string{
		"INLET_META": d.proxy.uri(fmt.Sprintf("stage%d", n)), "INLET_DATA": filepath.Join(d.dir, fmt.Sprintf("data%d", n)),
		"INLET_SWEEP_RECONCILE": "1h",    // what is exact only after a reconcile is to show
		"INLET_WAIT":            "500ms", // an answer tells of the database, not of the verifier
	})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, d.server.close()) }()
	until := min(d.cycles, d.losses+lossesPerStage)
	if err := d.underLoad(ctx, n, databaseClients, func() error { return d.loseAnswers(ctx, until) }); err != nil {
		return "", err
	}
	if err := d.exact(ctx); err != nil {
		return "", err
	}
	if err := d.underLoad(ctx, n+1, databaseClients, func() error { return d.changePrimary(ctx, until/lossesPerChange) }); err != nil {
		return "", err
	}
	if last {
		if reached, err = d.takeAway(ctx, n+2); err != nil {
			return "", err
		}
		reached += "; "
	}
	end, err := checkEnd(ctx, d.trial, d.server)
	d.acks += d.history.forget()
	return reached + end, err
}

// underLoad breaks something while clients upload, read, change and delete. What is under way at the end stays unknown.
func (d *databaseTest) underLoad(ctx context.Context, n, many int, fault func() error) error {
	loaded, stop := context.WithCancel(ctx)
	var clients sync.WaitGroup
	defer clients.Wait()
	defer stop()
	for i := range many {
		c := newClient(d.trial, d.server.Client, n*databaseClients+i)
		clients.Go(func() { c.run(loaded) })
	}
	return fault()
}

// loseAnswers loses answers of writes that were done until there are so many.
func (d *databaseTest) loseAnswers(ctx context.Context, until int) error {
	for d.losses < until {
		n := min(until-d.losses, 1+d.rng.IntN(lossesAtOnce))
		limit := time.NewTimer(lossLimit)
		select {
		case <-d.proxy.loseAnswers(d.rng.IntN(lossSkip), n):
		case <-limit.C:
			return errors.New("the clients have stopped writing")
		case <-ctx.Done():
			return ctx.Err()
		}
		limit.Stop()
		d.losses += n
	}
	return nil
}

// exact lets fsck look when everything has settled, and before anything is mended: every lost answer was settled by who waited for it, or right after. Accounts,
// above all.
func (d *databaseTest) exact(ctx context.Context) error {
	if _, err := newChecker(d.trial, d.server.Client).settle(ctx); err != nil {
		return err
	}
	var now checkup
	for begin := time.Now(); time.Since(begin) < exactLimit; {
		var err error
		if now, err = d.server.fsck(ctx, fsckGrace); err != nil || now.Findings == 0 {
			return err
		}
		if err := pause(ctx, carePause); err != nil {
			return err
		}
	}
	for _, line := range now.lines {
		d.found.addf(untidy, "before a reconcile: %s", line)
	}
	return nil
}

// changePrimary takes the primary away for a moment, until that has happened so often. Every other time its writes are done all the same.
func (d *databaseTest) changePrimary(ctx context.Context, until int) error {
	codes := slices.Sorted(maps.Keys(mongoCodes))
	for ; d.changes < max(until, 1); d.changes++ {
		fault := mongoDeposed
		if d.changes%2 == 1 {
			fault = mongoForgetful
		}
		if err := d.proxy.depose(fault, codes[d.rng.IntN(len(codes))]); err != nil {
			return err
		}
		if err := pause(ctx, changeLeast+d.within(changeMost-changeLeast)); err != nil {
			return err
		}
		if err := d.proxy.set(mongoWell); err != nil {
			return err
		}
		if err := d.success(ctx); err != nil {
			return err
		}
		if err := pause(ctx, d.within(changePause)); err != nil {
			return err
		}
	}
	return nil
}

// success returns when another upload has been acknowledged.
func (d *databaseTest) success(ctx context.Context) error {
	begin, before := time.Now(), d.history.acknowledged()
	for d.history.acknowledged() == before {
		if time.Since(begin) > lossLimit {
			return errors.New("no upload was acknowledged with a primary there")
		}
		if err := pause(ctx, retryPause); err != nil {
			return err
		}
	}
	return nil
}
