package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	clusterUploads  = 20              // in flight when a signal comes
	clusterRaces    = 6               // at once
	racesPerRound   = 60              // with one database
	clusterRaceLife = 5 * time.Second // of files that expire
)

// terminateServices sends SIGTERM to each service in turn while uploads are on their way, a moment after they went on: ingest has some to answer, the
// workers some to bring to their end. Each must end well, and come back.
func terminateServices(ctx context.Context, t *trial) (reached string, err error) {
	r := termination{trial: t, uploads: clusterUploads, late: true}
	err = inRounds(ctx, t, cyclesPerRound, func(c *cluster, cycles int) (err error) {
		next := -1
		services := c.services()
		r.system, r.cycles = c, cycles
		r.pick = func() ender {
			next++
			return services[next%len(services)]
		}
		reached, err = r.run(ctx)
		return err
	})
	return fmt.Sprintf("%s; the last database %s", &r, reached), err
}

// raceReadsOfServices is raceReads on a cluster.
func raceReadsOfServices(ctx context.Context, t *trial) (reached string, err error) {
	err = inRounds(ctx, t, racesPerRound, func(c *cluster, races int) (err error) {
		reached, err = raceIn(ctx, t, c, races, clusterRaces, clusterRaceLife)
		return err
	})
	return fmt.Sprintf("%d races, %s; the last database: %s", t.cycles, t.found.figures(resurrected), reached), err
}

// inRounds breaks clusters one after the other, each with a database of its own: MongoDB's stand-in reads the whole of a collection for each query, so
// that it is slower with every file.
func inRounds(ctx context.Context, t *trial, perRound int, breakOne func(c *cluster, cycles int) error) error {
	for round, left := 0, t.cycles; left > 0; round, left = round+1, left-perRound {
		if err := inRound(ctx, t, round, func(c *cluster) error { return breakOne(c, min(left, perRound)) }); err != nil {
			return err
		}
		t.history.forget()
	}
	return nil
}

func inRound(ctx context.Context, t *trial, round int, breakOne func(*cluster) error) (err error) {
	dir := filepath.Join(t.dir, fmt.Sprintf("round-%d", round))
	if err := os.Mkdir(dir, 0o750); err != nil {
		return err
	}
	c, err := newCluster(ctx, t, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	return breakOne(c)
}
