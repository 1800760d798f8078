package main

import (
	"context"
	"fmt"
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
	err = inRounds(ctx, t, cyclesPerRound, func(c *cluster, cycles int) error {
		victims := []victim{c.ingest, c.bus}
		for _, s := range c.workers {
			victims = append(victims, s)
		}
		k := killing{
			trial: t, system: c, cycles: cycles, clients: clusterClients, first: rounds * clusterClients, sample: clusterSample,
			pick: deck(t, victims),
		}
		n, err := k.run(ctx)
		if err != nil {
			return err
		}
		kills += n
		rounds++
		reached, err = checkEnd(ctx, t, c)
		acks += t.history.acknowledged()
		return err
	})
	return fmt.Sprintf("%d cycles, %d kills, %d uploads acknowledged: %s; the last of %d databases %s", t.cycles, kills, acks,
		t.found.figures(lost, changed, phantom, stuck, resurrected, untidy), rounds, reached), err
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
