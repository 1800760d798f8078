package main

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/pkg/sign"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/harness/launch"
)

// clusterTests are those that break separate services, in the order in which they run. MongoDB's wire peer reads all records for nearly every
// command: cycles, clients and files are few.
var clusterTests = []test{
	{"kill", 6, 60, "%[1]d cycles in which one of ingest, verifier, thumbnailer, sweeper and NATS is killed: 0 lost, changed, phantom, stuck, resurrected; 0 orphans after a reconcile", killServices},
	{"sigterm", 8, 40, "%[1]d SIGTERMs, to each service in turn, with 20 uploads in flight: exit 0 within 35 s, 0 lost", terminateServices},
	{"races", 30, 300, "%[1]d races of reads with a delete or an expiry: 0 readable after it", raceReadsOfServices},
	{"clock", 20, 200, "%[1]d steps of the services' clocks by up to an hour, apart from each other: 0 files and signed URLs that end early or come back, both exact to 1 s; 0 stuck", stepClocks},
}

// cluster is the services of Inlet as processes of their own, on a NATS server, MongoDB's wire peer and one folder for the bytes.
type cluster struct {
	*api.Client
	ingest  *service
	workers []*service // verifier, thumbnailer, sweeper
	bus     *natsServer
	records *peer
	inlet   string // the program that checks
}

var _ system = (*cluster)(nil)

// newCluster starts the peers and the services. Their data and what they log is kept in dir.
func newCluster(ctx context.Context, t *trial, dir string) (*cluster, error) {
	return newClusterWith(ctx, t, dir, nil)
}

// newClusterWith is newCluster with settings that add to the environment of the services, and win.
func newClusterWith(ctx context.Context, t *trial, dir string, settings map[string]string) (c *cluster, err error) {
	c = &cluster{inlet: t.inlet}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	if c.bus, err = newNATS(ctx, dir); err != nil {
		return c, err
	}
	if c.records, err = newMongo(ctx, dir); err != nil {
		return c, err
	}
	public, err := launch.FreeAddr()
	if err != nil {
		return c, err
	}
	common, err := t.settings()
	if err != nil {
		return c, err
	}
	maps.Copy(common, map[string]string{
		"INLET_META": "mongodb://" + c.records.addr + "/inlet", "INLET_BUS": c.bus.url(), "INLET_BLOBS": "disk:" + filepath.Join(dir, "blobs"),
		"INLET_ADDR": public, "INLET_SIGNING_KEYS": sign.NewKey(),
		"INLET_META_PATIENCE": "10s", // the peer reads all records for most commands
	})
	maps.Copy(common, settings)
	for _, name := range []string{"ingest", "verifier", "thumbnailer", "sweeper"} {
		s, err := newClusterService(t, name, dir, common)
		if err != nil {
			return c, err
		}
		if name == "ingest" {
			c.ingest = s
		} else {
			c.workers = append(c.workers, s)
		}
	}
	c.Client = api.New("http://"+public, mainKey)
	return c, c.start(ctx)
}

func newClusterService(t *trial, name, dir string, common map[string]string) (*service, error) {
	admin, err := launch.FreeAddr()
	if err != nil {
		return nil, err
	}
	env := maps.Clone(common)
	env["INLET_ADMIN_ADDR"], env["INLET_DATA"] = admin, filepath.Join(dir, name)
	return newService(launch.Spec{Name: name, Path: filepath.Join(t.bin, name), Env: env, Admin: admin}, dir)
}

func (c *cluster) client() *api.Client { return c.Client }

// services are all that have been prepared so far.
func (c *cluster) services() []*service {
	if c.ingest == nil {
		return nil
	}
	return append([]*service{c.ingest}, c.workers...)
}

// start starts every service and waits until all are ready. None may be running.
func (c *cluster) start(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, s := range c.services() {
		g.Go(func() error { return s.start(ctx) })
	}
	return g.Wait()
}

// term ends every service by SIGTERM. The exit code is 0, or one that is not.
func (c *cluster) term(ctx context.Context) (int, error) {
	services := c.services()
	codes := make([]int, len(services))
	var g errgroup.Group
	for i, s := range services {
		g.Go(func() (err error) {
			codes[i], err = s.term(ctx)
			return err
		})
	}
	err := g.Wait()
	for _, code := range codes {
		if code != 0 {
			return code, err
		}
	}
	return 0, err
}

func (c *cluster) set(settings map[string]string) {
	for _, s := range c.services() {
		s.set(settings)
	}
}

func (c *cluster) fsck(ctx context.Context, grace time.Duration) (checkup, error) {
	return fsck(ctx, c.inlet, c.ingest.spec.Env, grace)
}

// close kills every process.
func (c *cluster) close() error {
	var failed []error
	for _, s := range c.services() {
		failed = append(failed, s.close())
	}
	if c.records != nil {
		failed = append(failed, c.records.close())
	}
	if c.bus != nil {
		failed = append(failed, c.bus.close())
	}
	return errors.Join(failed...)
}
