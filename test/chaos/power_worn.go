package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// disks are the images with which runs begin: one of a server that has been there for a while, and one that is empty.
type disks []string

func (d disks) remove() error {
	var err error
	for _, image := range d {
		err = errors.Join(err, os.Remove(image))
	}
	return err
}

// makeDisks makes both. The caller removes them.
func makeDisks(ctx context.Context, t *trial) (d disks, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, d.remove())
		}
	}()
	for range 2 {
		image, err := makeFS(ctx)
		if err != nil {
			return d, err
		}
		d = append(d, image)
	}
	p, err := t.part("wear", "process")
	if err != nil {
		return d, err
	}
	if err := wear(ctx, p, d[0]); err != nil {
		return d, err
	}
	return d, t.conclude(p)
}

// wearRound is how many changes each client makes between two looks at the log of the database.
const wearRound = 50

// wear lets a server change files on a disk until the log of its database has been used from its beginning to its end, and ends it without care. From
// then on a commit writes to blocks that the file has. On a new disk each makes the log longer instead, and its fsync makes ext4 write its whole
// journal, with whatever else was left unsynced: that hides what this test is to find.
//
// What was there is deleted in the end.
func wear(ctx context.Context, t *trial, image string) (err error) {
	mounted := filepath.Join(t.dir, "disk")
	if err := os.Mkdir(mounted, 0o700); err != nil {
		return err
	}
	if err := mount(image, mounted); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unmount(mounted)) }()
	s, err := newServerWith(ctx, t, on(mounted))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	clients := make([]*client, powerClients)
	for i := range clients {
		clients[i] = newClient(t, s.Client, i)
		clients[i].name = fmt.Sprintf("worn%d", i) // what comes later is sent under other keys
	}
	atOnce(clients, func(c *client) { c.send(ctx) })
	log := filepath.Join(mounted, "data", "meta.db-wal")
	for before := int64(-1); ; {
		now, err := os.Stat(log)
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if now.Size() == before {
			break
		}
		before = now.Size()
		atOnce(clients, func(c *client) {
			for range wearRound {
				c.describe(ctx)
			}
		})
	}
	atOnce(clients, func(c *client) { c.remove(ctx) })
	return nil
}

// atOnce lets all clients do something at the same time.
func atOnce(clients []*client, do func(*client)) {
	var g sync.WaitGroup
	for _, c := range clients {
		g.Go(func() { do(c) })
	}
	g.Wait()
}

// on are the settings of a server whose data is below a mount. The folder is the server's to make.
func on(mounted string) map[string]string {
	return map[string]string{"INLET_DATA": filepath.Join(mounted, "data")}
}
