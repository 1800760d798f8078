package harness

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/inlethq/inlet/pkg/sign"
	"github.com/inlethq/inlet/test/contract"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/harness/launch"
	"github.com/inlethq/inlet/test/peers"
)

// MainTenant is the tenant of a System's own client.
const MainTenant = "main"

// logLevel keeps the lines of thousands of good requests out of the log of a test that failed.
const logLevel = "warn"

// Options say how a System is started. The zero value is a good one.
type Options struct {
	Tenants   []Tenant          // besides main
	Directory string            // text of a whole directory file, in place of the one that is made of Tenants; its System has no client of its own
	Settings  map[string]string // environment of every service
	Notifier  bool              // among the Processes; Single has every service
	Ingests   int               // of the Processes: ingest, ingest-2 and so on; one when 0
}

// Single starts `inlet serve` on free ports, with its data in the test's folder.
func Single(t testing.TB, o Options) *System {
	t.Helper()
	s := start(t, ModeSingle)
	directory := s.writeDirectory(o)
	addrs, err := launch.FreeAddrs()
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{"INLET_DIRECTORY": directory, "INLET_LOG_LEVEL": logLevel}
	for k, v := range o.Settings {
		settings[k] = v
	}
	s.add(launch.Serve(Binary(t, "inlet"), filepath.Join(s.dir, "data"), addrs, settings, nil))
	s.ready()
	s.Client = api.New(addrs.URL(), s.keys[MainTenant]).Through(contract.Wrap)
	s.subscribe(addrs.EventsURL())
	return s
}

// Processes starts each service on its own, as a cluster does, against a NATS server, MongoDB's wire peer and one shared folder for the bytes.
func Processes(t testing.TB, o Options) *System {
	t.Helper()
	s := start(t, ModeProcesses)
	directory := s.writeDirectory(o)
	s.Bus = peers.NATS(t)
	public := peers.FreeAddr(t)
	settings := map[string]string{
		"INLET_META": peers.Mongo(t) + "/inlet", "INLET_BUS": s.Bus.URL, "INLET_BLOBS": "disk:" + filepath.Join(s.dir, "blobs"),
		"INLET_DIRECTORY": directory, "INLET_ADDR": public, "INLET_LOG_LEVEL": logLevel, "INLET_SIGNING_KEYS": sign.NewKey(),
		"INLET_META_PATIENCE": "20s", // the peer reads all records for most commands
	}
	for k, v := range o.Settings {
		settings[k] = v
	}
	services := []string{"ingest", "verifier", "thumbnailer", "sweeper"}
	if o.Notifier {
		services = append(services, "notifier")
	}
	add := func(name, program string) {
		own := maps.Clone(settings)
		own["INLET_ADMIN_ADDR"], own["INLET_DATA"] = peers.FreeAddr(t), filepath.Join(s.dir, name)
		s.add(launch.Spec{Name: name, Path: Binary(t, program), Env: own, Admin: own["INLET_ADMIN_ADDR"]})
	}
	for _, name := range services {
		add(name, name)
	}
	for n := 2; n <= o.Ingests; n++ {
		settings["INLET_ADDR"] = peers.FreeAddr(t)
		add(fmt.Sprintf("ingest-%d", n), "ingest")
	}
	s.ready()
	s.Client = api.New("http://"+public, s.keys[MainTenant]).Through(contract.Wrap)
	s.subscribe(s.Bus.URL)
	return s
}

// At is the System, seen through one of its Ingests.
func (s *System) At(t testing.TB, name string) *System {
	t.Helper()
	other := *s
	other.Client = api.New("http://"+s.service(t, name).spec.Env["INLET_ADDR"], s.keys[MainTenant]).Through(contract.Wrap)
	return &other
}

// The variables that name a cluster that is up.
const (
	urlVariable  = "INLET_TEST_URL"
	keyVariable  = "INLET_TEST_KEY"
	natsVariable = "INLET_TEST_NATS"
)

// Remote is a cluster that is up already. The test is skipped when the environment names none.
func Remote(t testing.TB) *System {
	t.Helper()
	url, key, bus := os.Getenv(urlVariable), os.Getenv(keyVariable), os.Getenv(natsVariable)
	if url == "" || key == "" || bus == "" {
		t.Skipf("no cluster is named by %s, %s and %s", urlVariable, keyVariable, natsVariable)
	}
	s := &System{t: t, Mode: ModeRemote, Client: api.New(url, key).Through(contract.Wrap)}
	s.subscribe(bus)
	return s
}

func start(t testing.TB, mode Mode) *System {
	return &System{t: t, Mode: mode, dir: t.TempDir(), keys: map[string]string{}, services: map[string]*service{}}
}
