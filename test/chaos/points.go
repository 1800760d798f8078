package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

const (
	pointServers = 2
	pointTries   = 4   // at most, of a point that is not reached
	leastPoints  = 300 // of all scenarios
)

// point is a moment in a scenario: before or after a call that changes a file.
type point struct {
	scenario *scenario
	call     string // as fileCall.kind has it
	nth      int    // of the calls of that kind, from 1
	reached  bool
}

func (p *point) String() string {
	return fmt.Sprintf("%s: %s, number %d", p.scenario.name, p.call, p.nth)
}

// sweepPoints kills the server at every call that changes a file while one thing is done to one file, and does it again for the next call. After each
// kill the client asks again until it knows what came of its request, and the file is judged; it is judged once more when it has had its time.
//
// What the points are is found by watching. Two servers are at work, each on its half of them.
func sweepPoints(ctx context.Context, t *trial) (reached string, err error) {
	var strikers []*striker
	defer func() {
		for _, s := range strikers {
			err = errors.Join(err, s.close())
		}
	}()
	for n := range pointServers {
		s, err := newStriker(ctx, t, n)
		if err != nil {
			return "", err
		}
		strikers = append(strikers, s)
	}
	points, err := findPoints(ctx, strikers)
	if err != nil {
		return "", err
	}
	if len(points) < min(t.cycles, leastPoints) {
		t.found.addf(idle, "there are only %d points", len(points))
	}
	chosen := deal(t.rng, points, t.cycles)
	ends := make([]string, len(strikers))
	err = inParallel(ctx, strikers, func(ctx context.Context, n int, s *striker) (err error) {
		ends[n], err = s.sweep(ctx, share(chosen, n))
		return err
	})
	for n, s := range strikers {
		t.found.take(&s.trial.found, fmt.Sprintf("server %d", n))
	}
	if err != nil {
		return "", err
	}
	missed := len(chosen) - countReached(chosen)
	if missed > max(1, len(chosen)/20) {
		t.found.addf(idle, "%d of %d points were not reached", missed, len(chosen))
	}
	return fmt.Sprintf("%s; %d not reached: %s; %s", census(points, chosen), missed,
		t.found.figures(lost, changed, phantom, stuck, resurrected, repeated, untidy), strings.Join(ends, "; ")), nil
}

// inParallel lets all strikers do something at the same time.
func inParallel(ctx context.Context, strikers []*striker, do func(ctx context.Context, n int, s *striker) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for n, s := range strikers {
		g.Go(func() error { return do(ctx, n, s) })
	}
	return g.Wait()
}

// share is what the n-th of the strikers does of a list.
func share[T any](all []T, n int) []T {
	var mine []T
	for ; n < len(all); n += pointServers {
		mine = append(mine, all[n])
	}
	return mine
}

// watchings is how often a scenario is watched: what goes on at the same time does not take the same calls each time.
const watchings = 2

// findPoints watches every scenario and returns its points: as many of each kind of call as there were when there were most.
func findPoints(ctx context.Context, strikers []*striker) ([]*point, error) {
	most := make([]map[string]int, len(scenarios))
	err := inParallel(ctx, strikers, func(ctx context.Context, n int, s *striker) error {
		for i := n; i < len(scenarios); i += len(strikers) {
			most[i] = map[string]int{}
			for range watchings {
				seen, err := s.calls(ctx, &scenarios[i])
				if err != nil {
					return err
				}
				for call, n := range seen {
					most[i][call] = max(most[i][call], n)
				}
			}
		}
		return nil
	})
	var points []*point
	for i, calls := range most {
		for _, call := range slices.Sorted(maps.Keys(calls)) {
			for nth := range calls[call] {
				points = append(points, &point{scenario: &scenarios[i], call: call, nth: nth + 1})
			}
		}
	}
	return points, err
}

// deal picks at most limit points by chance, from each scenario as many as there are.
func deal(rng *rand.Rand, points []*point, limit int) []*point {
	of := map[*scenario][]*point{}
	for _, i := range rng.Perm(len(points)) {
		p := points[i]
		of[p.scenario] = append(of[p.scenario], p)
	}
	var dealt []*point
	for round := 0; len(dealt) < min(limit, len(points)); round++ {
		for i := range scenarios {
			if all := of[&scenarios[i]]; round < len(all) && len(dealt) < limit {
				dealt = append(dealt, all[round])
			}
		}
	}
	return dealt
}

func countReached(points []*point) int {
	n := 0
	for _, p := range points {
		if p.reached {
			n++
		}
	}
	return n
}

// census tells how many points of each scenario were reached, of how many.
func census(points, chosen []*point) string {
	of := func(all []*point, s *scenario) []*point {
		return slices.DeleteFunc(slices.Clone(all), func(p *point) bool { return p.scenario != s })
	}
	words := []string{fmt.Sprintf("%d of %d points", countReached(chosen), len(points))}
	for i := range scenarios {
		s := &scenarios[i]
		words = append(words, fmt.Sprintf("%s %d of %d", s.name, countReached(of(chosen, s)), len(of(points, s))))
	}
	return strings.Join(words, ", ")
}
