package main

import (
	"context"
	"errors"
)

const clusterUploads = 20 // in flight when a signal comes

// terminateServices sends SIGTERM to each service in turn while uploads are on their way, a moment after they went on: ingest has some to answer, the
// workers some to bring to their end. Each must end well, and come back.
func terminateServices(ctx context.Context, t *trial) (reached string, err error) {
	c, err := newCluster(ctx, t, t.dir)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	next := -1
	services := c.services()
	return termination{
		trial: t, system: c, uploads: clusterUploads, late: true,
		pick: func() ender {
			next++
			return services[next%len(services)]
		},
	}.run(ctx)
}

const clusterRaces = 6 // at once

// raceReadsOfServices is raceReads on a cluster.
func raceReadsOfServices(ctx context.Context, t *trial) (reached string, err error) {
	c, err := newCluster(ctx, t, t.dir)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	return raceIn(ctx, t, c, clusterRaces)
}
