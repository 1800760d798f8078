package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"
)

const (
	objectClients = 10
	haulClients   = 2               // of large files
	haulKept      = 3               // files that one of these keeps
	haulFirst     = 100             // the number of the first of these
	phaseTime     = 5 * time.Second // of a line with faults
	phasesPerKill = 2
	outageEvery   = 60 // phases; of a run with fewer there is one in the middle
	quickOutage   = 6 * time.Second
	fullOutage    = 30 * time.Second
	acksPerPhase  = 20 // at least, on average
)

// breakObjects puts a bad line between the server and its S3 server: answers that are errors with and without the work done, connections that
// break, completes that lie, stalls, and now and then nothing at all. The server is killed meanwhile.
func breakObjects(ctx context.Context, t *trial) (reached string, err error) {
	o, err := newObjects(ctx, t)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	if err := o.run(ctx); err != nil {
		return "", err
	}
	acks := t.history.acknowledged()
	if acks < acksPerPhase*t.cycles {
		t.found.addf(idle, "%d uploads were acknowledged in %d phases", acks, t.cycles)
	}
	o.server.set(map[string]string{"INLET_SWEEP_UNFINISHED": careGrace.String()})
	left, err := o.unfinished(ctx)
	if err != nil {
		return "", err
	}
	end, err := checkEnd(ctx, t, o.server)
	if err != nil {
		return "", err
	}
	bucket, err := o.checkBucket(ctx)
	return fmt.Sprintf("%d phases, %d kills, %d uploads acknowledged: %s; %s; out: %s; %s; %d multipart uploads were left, and %s",
		t.cycles, o.kills, acks, t.found.figures(lost, changed, phantom, stuck, resurrected, untidy), o.proxy, &o.answers, end, left, bucket), err
}

// objects is a server whose bytes are in S3, and the bad line between them.
type objects struct {
	*trial
	gateway *peer
	bucket  *bucket
	proxy   *s3proxy
	server  *server
	kills   int
	answers outAnswers
}

// newObjects starts an S3 server, a line without faults, and a server on them.
func newObjects(ctx context.Context, t *trial) (_ *objects, err error) {
	o := &objects{trial: t}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.close())
		}
	}()
	if o.gateway, err = newS3(ctx, filepath.Join(t.dir, "s3")); err != nil {
		return nil, err
	}
	if o.bucket, err = newBucket(o.gateway.addr); err != nil {
		return nil, err
	}
	if o.proxy, err = newS3Proxy(o.gateway.addr, t.stream(-2)); err != nil {
		return nil, err
	}
	o.server, err = newServerWith(ctx, t, map[string]string{
		"INLET_BLOBS":       "s3://" + bucketName + "?endpoint=http://" + o.proxy.addr,
		"AWS_ACCESS_KEY_ID": s3Key, "AWS_SECRET_ACCESS_KEY": s3Secret,
	})
	return o, err
}

func (o *objects) close() error {
	var failed []error
	if o.server != nil {
		failed = append(failed, o.server.close())
	}
	if o.proxy != nil {
		failed = append(failed, o.proxy.close())
	}
	if o.gateway != nil {
		failed = append(failed, o.gateway.close())
	}
	return errors.Join(failed...)
}

// run lets the clients work through all phases. When it returns they have ended, the server is up and the line is fair.
func (o *objects) run(ctx context.Context) error {
	loaded, stop := context.WithCancel(ctx)
	var clients sync.WaitGroup
	defer clients.Wait()
	defer stop()
	for i := range objectClients {
		c := newClient(o.trial, o.server.Client, i)
		clients.Go(func() { c.run(loaded) })
	}
	for i := range haulClients {
		c := newClient(o.trial, o.server.Client, haulFirst+i)
		c.content = func(seed uint64) content { return newKind(huge, seed) }
		clients.Go(func() { haul(loaded, c) })
	}
	for phase := range o.cycles {
		if err := o.phase(ctx, phase); err != nil {
			return err
		}
		if phase%outageEvery == min(outageEvery, o.cycles)/2 {
			if err := o.outage(ctx); err != nil {
				return err
			}
		}
		o.line("phase %d: %d acknowledged, %d violations; %s", phase+1, o.history.acknowledged(), o.found.total(), o.proxy)
	}
	stop()
	clients.Wait()
	if err := o.proxy.turn(lineFair); err != nil {
		return err
	}
	o.proxy.settle()
	return nil
}

// haul uploads large files, reads them, and keeps a few.
func haul(ctx context.Context, c *client) {
	for ctx.Err() == nil {
		c.send(ctx)
		if len(c.mine) > 0 {
			c.read(ctx)
		}
		if len(c.mine) > haulKept {
			c.remove(ctx)
		}
	}
}

// phase is a time with faults, and in some of them a kill.
func (o *objects) phase(ctx context.Context, n int) error {
	if err := o.proxy.turn(lineFaulty); err != nil {
		return err
	}
	end := time.Now().Add(phaseTime)
	if n%phasesPerKill == phasesPerKill-1 {
		if err := pause(ctx, o.within(phaseTime/2)); err != nil {
			return err
		}
		o.server.kill()
		o.kills++
		start := time.Now()
		if err := o.server.start(ctx); err != nil {
			return err
		}
		o.line("kill %d: ready after %d ms", o.kills, time.Since(start).Milliseconds())
	}
	return pause(ctx, max(0, time.Until(end)))
}

// outage takes the store away, first so that connections are refused and then so that they hang, and gives it back. All that is asked meanwhile must be
// answered in time.
func (o *objects) outage(ctx context.Context) error {
	length := quickOutage
	if o.full {
		length = fullOutage
	}
	known, err := o.known(ctx)
	if err != nil {
		return err
	}
	asked, stop := context.WithCancel(ctx)
	var askers sync.WaitGroup
	defer askers.Wait()
	defer stop()
	for i, state := range []lineState{lineRefused, lineHung} {
		if err := o.proxy.turn(state); err != nil {
			return err
		}
		if i == 0 {
			for n := range outAskers {
				a := o.newAsker(n, known)
				askers.Go(func() { a.run(asked) })
			}
		}
		if err := pause(ctx, length/2); err != nil {
			return err
		}
	}
	stop() // what is under way is answered while the store is still out
	askers.Wait()
	if err := o.proxy.turn(lineFair); err != nil {
		return err
	}
	return o.recover(ctx)
}

// known uploads a file that is there when the store is not.
func (o *objects) known(ctx context.Context) (*entry, error) {
	if err := o.proxy.turn(lineFair); err != nil {
		return nil, err
	}
	e := o.history.add(fmt.Sprintf("known-%d", o.answers.outages), newText(o.rng.Uint64()))
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	return e, settleUpload(ctx, o.trial, o.server.Client, e, nil)
}

// recover waits until an upload is taken again.
func (o *objects) recover(ctx context.Context) error {
	start := time.Now()
	e := o.history.add(fmt.Sprintf("back-%d", o.answers.outages), newText(o.rng.Uint64()))
	limited, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	if err := settleUpload(limited, o.trial, o.server.Client, e, respondAsync()); err != nil {
		return err
	}
	o.answers.recovered(o.trial, time.Since(start))
	return nil
}
