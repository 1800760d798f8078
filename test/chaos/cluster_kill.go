package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

const (
	clusterClients = 4
	clusterSample  = 4  // older files that are looked at after each kill
	cyclesPerRound = 10 // with one database
)

// killServices kills one process of a cluster after the other, in a random order, under clients that upload, read, change and delete. Every round has
// a database of its own, and ends with a look at everything.
func killServices(ctx context.Context, t *trial) (reached string, err error) {
	kills, acks, rounds := 0, 0, 0
	for left := t.cycles; left > 0; left -= cyclesPerRound {
		n, end, err := killRound(ctx, t, rounds, min(left, cyclesPerRound))
		if err != nil {
			return "", err
		}
		kills += n
		rounds++
		acks += t.history.forget()
		reached = end
	}
	return fmt.Sprintf("%d cycles, %d kills, %d uploads acknowledged: %s; the last of %d databases %s", t.cycles, kills, acks,
		t.found.figures(lost, changed, phantom, stuck, resurrected, untidy), rounds, reached), nil
}

// killRound breaks one cluster, and judges everything that it has.
func killRound(ctx context.Context, t *trial, round, cycles int) (kills int, end string, err error) {
	dir := filepath.Join(t.dir, fmt.Sprintf("round-%d", round))
	if err := os.Mkdir(dir, 0o750); err != nil {
		return 0, "", err
	}
	c, err := newCluster(ctx, t, dir)
	if err != nil {
		return 0, "", err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	victims := []victim{c.ingest, c.bus}
	for _, s := range c.workers {
		victims = append(victims, s)
	}
	k := killing{
		trial: t, system: c, cycles: cycles, clients: clusterClients, first: round * clusterClients, sample: clusterSample,
		pick: deck(t, victims),
	}
	if kills, err = k.run(ctx); err != nil {
		return kills, "", err
	}
	end, err = checkEnd(ctx, t, c)
	return kills, end, err
}

// deck deals victims in a random order, each once before one of them comes again.
func deck(t *trial, victims []victim) func() victim {
	var left []victim
	return func() victim {
		if len(left) == 0 {
			left = slices.Clone(victims)
		}
		i := t.rng.IntN(len(left))
		picked := left[i]
		left = slices.Delete(left, i, i+1)
		return picked
	}
}
