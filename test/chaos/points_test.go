package main

import (
	"math/rand/v2"
	"testing"
)

func TestDeal(t *testing.T) {
	var points []*point
	for i := range scenarios {
		for nth := range 1 + 3*i { // the first has one, and the others more and more
			points = append(points, &point{scenario: &scenarios[i], call: "before fsync a", nth: nth + 1})
		}
	}
	for _, limit := range []int{0, 1, len(scenarios), len(scenarios) + 5, len(points), len(points) + 1} {
		dealt := deal(rand.New(rand.NewPCG(1, 1)), points, limit)
		if want := min(limit, len(points)); len(dealt) != want {
			t.Errorf("limit %d: %d points, want %d", limit, len(dealt), want)
		}
		seen, of := map[*point]bool{}, map[*scenario]bool{}
		for _, p := range dealt {
			if seen[p] {
				t.Errorf("limit %d: %s was dealt twice", limit, p)
			}
			seen[p], of[p.scenario] = true, true
		}
		if want := min(limit, len(scenarios)); len(of) != want {
			t.Errorf("limit %d: points of %d scenarios, want %d", limit, len(of), want)
		}
		for n, all := range [][]*point{share(dealt, 0), share(dealt, 1)} {
			if want := (len(dealt) + 1 - n) / 2; len(all) != want {
				t.Errorf("limit %d: server %d has %d points, want %d", limit, n, len(all), want)
			}
		}
	}
}

func TestKindOfCalls(t *testing.T) {
	for path, want := range map[string]string{
		"blobs/tmp/ABCDEFGHIJKLMNOPQRSTUVWX23":                       "blobs/tmp/*",
		"blobs/blobs/main/ZW/01M80R1ZYAZCB94DW89RC2CWZW":             "blobs/blobs/main/*/*",
		"blobs/blobs/main/ZW/01M80R1ZYAZCB94DW89RC2CWZW.thumbnail.2": "blobs/blobs/main/*/*.thumbnail.2",
		"nats/jetstream/$G/streams/INLET/msgs/31.blk":                "nats/jetstream/$G/streams/INLET/msgs/*",
		"nats/jetstream/$G/streams/INLET/msgs/1.blk":                 "nats/jetstream/$G/streams/INLET/msgs/*",
		"meta.db-wal": "meta.db-wal",
		".":           ".",
	} {
		if got := (fileCall{name: "fsync", path: path}).kind(); got != "before fsync "+want {
			t.Errorf("%s: %q", path, got)
		}
	}
}
