package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/harness/launch"
)

// The tenants and their keys. Room is as much as the race for it needs.
const (
	mainKey = "tagd_test_chaos_main_00000000000000000000"
	roomKey = "tagd_test_chaos_room_00000000000000000000"

	directory = `
tenants:
  - {id: main, plan: unlimited}
  - {id: room, plan: unlimited, limits: {max_storage: %dB}}
users:
  - {id: main-user, tenant: main, roles: {tenant/main: owner}}
  - {id: room-user, tenant: room, roles: {tenant/room: owner}}
api_keys:
  - {name: main, tenant: main, key: ` + mainKey + `, user: main-user, scopes: [files:read, files:write]}
  - {name: room, tenant: room, key: ` + roomKey + `, user: room-user, scopes: [files:read, files:write]}
`
)

const (
	readyLimit = 30 * time.Second
	endLimit   = 35 * time.Second // from SIGTERM to the exit
)

// system is a running Inlet: a server, or a cluster. It is for one goroutine; its client is for all.
type system interface {
	client() *api.Client                   // of the tenant without limits
	start(ctx context.Context) error       // every process that does not run, and waits until all are ready
	term(ctx context.Context) (int, error) // ends every process by SIGTERM; the exit code is 0 when all of theirs are
	set(settings map[string]string)        // of the next start
	fsck(ctx context.Context, grace time.Duration) (checkup, error)
	close() error
}

// server is one `inlet serve`. Its client is for all goroutines.
type server struct {
	*service
	*api.Client // of the tenant without limits
}

var _ system = (*server)(nil)

// newServer prepares a server in the trial's folder and starts it. What it logs is kept there.
func newServer(ctx context.Context, t *trial) (*server, error) { return newServerWith(ctx, t, nil) }

// newServerWith is newServer with settings that add to its environment, and win.
func newServerWith(ctx context.Context, t *trial, settings map[string]string) (*server, error) {
	addrs := launch.Addrs{NATS: "off"}
	for _, to := range []*string{&addrs.Public, &addrs.Admin} {
		var err error
		if *to, err = launch.FreeAddr(); err != nil {
			return nil, err
		}
	}
	env, err := t.settings()
	if err != nil {
		return nil, err
	}
	maps.Copy(env, settings)
	one, err := newService(launch.Serve(t.inlet, filepath.Join(t.dir, "data"), addrs, env, nil), t.dir)
	if err != nil {
		return nil, err
	}
	s := &server{service: one, Client: api.New(addrs.URL(), mainKey)}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *server) client() *api.Client { return s.Client }

// settings are those of every server: they name a directory file, which is written to the trial's folder.
func (t *trial) settings() (map[string]string, error) {
	file := filepath.Join(t.dir, "directory.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, directory, roomBytes), 0o600); err != nil {
		return nil, err
	}
	return map[string]string{"INLET_DIRECTORY": file, "INLET_DURABILITY": t.durability, "INLET_LOG_LEVEL": "warn"}, nil
}

// service is one program that is started and ended many times, at the same addresses and on the same data. It is for one goroutine.
type service struct {
	spec    launch.Spec
	log     *os.File
	process *launch.Process
}

// newService prepares a program, and keeps what it logs in dir.
func newService(spec launch.Spec, dir string) (*service, error) {
	log, err := os.Create(filepath.Join(dir, spec.Name+".log")) //nolint:gosec // in the trial's folder
	if err != nil {
		return nil, err
	}
	spec.Log = log
	return &service{spec: spec, log: log}, nil
}

func (s *service) name() string { return s.spec.Name }

// launch starts the process and does not wait.
func (s *service) launch() (err error) {
	s.process, err = launch.Start(s.spec)
	return err
}

// start starts the process and waits until it is ready.
func (s *service) start(ctx context.Context) error {
	if err := s.launch(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	return s.process.Ready(ctx)
}

func (s *service) kill() { s.process.Kill() }

// term ends the process by SIGTERM and returns its exit code. One that takes longer than endLimit is killed, which is an error.
func (s *service) term(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, endLimit)
	defer cancel()
	return s.process.Term(ctx)
}

// set changes settings of the next start.
func (s *service) set(settings map[string]string) { maps.Copy(s.spec.Env, settings) }

// close kills the process, if it runs, and closes its log.
func (s *service) close() error {
	if s.process != nil {
		s.process.Kill()
	}
	return s.log.Close()
}

// checkup is what `inlet fsck` says.
type checkup struct {
	Records  int            `json:"records"`
	Blobs    int            `json:"blobs"`
	Findings int            `json:"findings"`
	Codes    map[string]int `json:"codes"`
	lines    []string       // of the findings
}

func (c checkup) String() string {
	var words []string
	for _, code := range slices.Sorted(maps.Keys(c.Codes)) {
		words = append(words, fmt.Sprintf("%d %s", c.Codes[code], code))
	}
	if words == nil {
		return "nothing"
	}
	return strings.Join(words, ", ")
}

// fsckLimit bounds one check of all that is stored.
const fsckLimit = 2 * time.Minute

// fsck lets the program check what is stored, beside the server if that runs. Bytes without a record are left alone below the age of grace.
func (s *server) fsck(ctx context.Context, grace time.Duration) (checkup, error) {
	return fsck(ctx, s.spec.Path, s.spec.Env, grace)
}

// fsck runs `inlet fsck` with the settings of a server.
func fsck(ctx context.Context, inlet string, settings map[string]string, grace time.Duration) (checkup, error) {
	ctx, cancel := context.WithTimeout(ctx, fsckLimit)
	defer cancel()
	var said bytes.Buffer
	p, err := launch.Start(launch.Spec{Name: "inlet fsck", Path: inlet, Args: []string{"fsck", "--json", "--grace", grace.String()}, Env: settings, Log: &said})
	if err != nil {
		return checkup{}, err
	}
	code, err := p.Wait(ctx)
	if err != nil {
		return checkup{}, err
	}
	if code > 1 {
		return checkup{}, fmt.Errorf("inlet fsck ended with exit code %d: %s", code, said.Bytes())
	}
	return readCheckup(&said)
}

// readCheckup reads the findings and the summary, which comes last. The lines of the log are none of its business.
func readCheckup(said io.Reader) (checkup, error) {
	var c checkup
	text, err := io.ReadAll(said)
	if err != nil {
		return c, err
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, `{"records"`):
			return c, json.Unmarshal([]byte(line), &c)
		case strings.HasPrefix(line, `{"code"`):
			c.lines = append(c.lines, line)
		}
	}
	return c, fmt.Errorf("inlet fsck gave no summary: %s", text)
}
