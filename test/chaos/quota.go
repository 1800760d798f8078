package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/test/harness/api"
)

const (
	roomUploads = 64
	roomFiles   = 10 // that there is room for
	roomFile    = 10_000
	roomBytes   = roomFiles * roomFile
)

// raceForRoom lets uploads race for the room of a tenant that has too little, empties it, and does it again.
func raceForRoom(ctx context.Context, t *trial) (reached string, err error) {
	s, err := newServer(ctx, t)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	room := s.As(roomKey)
	exact := 0
	for round := range t.cycles {
		let, err := fillRoom(ctx, t, room, round)
		if err != nil {
			return "", err
		}
		page, err := room.List(ctx, "", nil)
		if err != nil {
			return "", err
		}
		if let == roomFiles && page.Pagination.Total == roomFiles {
			exact++
		} else {
			t.found.addf(miscounted, "round %d: %d uploads were let in, %d files are listed, there is room for %d", round, let, page.Pagination.Total, roomFiles)
		}
		if err := empty(ctx, room); err != nil {
			return "", err
		}
		t.line("round %d: %d let in", round+1, let)
	}
	before, mended, err := mend(ctx, t, s)
	return fmt.Sprintf("%d of %d rounds let exactly %d of %d in; %s; fsck found %s, and nothing %.1f s into the reconcile",
		exact, t.cycles, roomFiles, roomUploads, t.found.figures(miscounted), before, mended.Seconds()), err
}

// fillRoom sends all uploads of a round at the same time and returns how many were let in. Each of the others must be refused for want of room.
func fillRoom(ctx context.Context, t *trial, c *api.Client, round int) (int, error) {
	var let atomic.Int64
	rng := t.stream(round)
	start := make(chan struct{})
	var g errgroup.Group
	for i := range roomUploads {
		u := api.Upload{Name: fmt.Sprintf("r%d-%d.txt", round, i), Type: "text/plain", Header: respondAsync(), Data: fill(roomFile, rng.Uint64())}
		g.Go(func() error {
			<-start
			_, err := c.Upload(ctx, u)
			switch status := api.Status(err); {
			case err == nil:
				let.Add(1)
			case status == 0:
				return err
			case status != http.StatusInsufficientStorage:
				t.found.addf(refused, "round %d: %v", round, err)
			}
			return nil
		})
	}
	close(start)
	err := g.Wait()
	return int(let.Load()), err
}

// empty deletes all files of a tenant that has one page of them.
func empty(ctx context.Context, c *api.Client) error {
	page, err := c.List(ctx, "", map[string][]string{"limit": {"100"}})
	if err != nil {
		return err
	}
	var g errgroup.Group
	for _, f := range page.Files {
		g.Go(func() error { return c.Delete(ctx, f.ID) })
	}
	return g.Wait()
}
