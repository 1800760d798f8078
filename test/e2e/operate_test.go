package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/harness/launch"
	"github.com/inlethq/inlet/test/peers"
	"github.com/inlethq/inlet/test/samples"
)

// machine is one on which `inlet serve` runs or not, and on which its operator gives commands.
type machine struct {
	t      *testing.T
	spec   launch.Spec
	server *launch.Process
	client *api.Client
	data   string
}

// start starts the server and waits until it is ready.
func (m *machine) start() {
	m.t.Helper()
	var err error
	if m.server, err = launch.Start(m.spec); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(m.server.Kill)
	if err := m.server.Ready(harness.Context(m.t)); err != nil {
		m.t.Fatal(err)
	}
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	addrs, err := launch.FreeAddrs()
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, data: filepath.Join(t.TempDir(), "data")}
	m.spec = launch.Serve(harness.Binary(t, "inlet"), m.data, addrs, nil, io.Discard)
	m.start()
	key, err := launch.FirstKey(m.data)
	if err != nil {
		t.Fatal(err)
	}
	m.client = api.New(addrs.URL(), key)
	return m
}

// inlet runs a command to its end, wants an exit code, and returns what it has printed.
func (m *machine) inlet(code int, args ...string) string {
	m.t.Helper()
	var out bytes.Buffer
	spec := m.spec
	spec.Name, spec.Args, spec.Log = strings.Join(args, " "), args, &out
	p, err := launch.Start(spec)
	if err != nil {
		m.t.Fatal(err)
	}
	got, err := p.Wait(harness.Context(m.t))
	if err != nil {
		m.t.Fatal(err)
	}
	if got != code {
		m.t.Fatalf("inlet %s: exit code %d, want %d; it said\n%s", spec.Name, got, code, &out)
	}
	return out.String()
}

// fsck wants findings, each by its code and whether it was repaired.
func (m *machine) fsck(code int, want map[string]bool, args ...string) {
	m.t.Helper()
	out := m.inlet(code, append([]string{"fsck", "--deep", "--json"}, args...)...)
	got := map[string]bool{}
	for d := json.NewDecoder(strings.NewReader(out)); ; {
		var line struct {
			Code     string
			Repaired any // of a finding whether, of the summary how many
		}
		if err := d.Decode(&line); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			m.t.Fatalf("%v in\n%s", err, out)
		}
		if repaired, finding := line.Repaired.(bool); finding {
			got[line.Code] = repaired
		}
	}
	if !maps.Equal(got, want) {
		m.t.Errorf("found %v, want %v; it said\n%s", got, want, out)
	}
}

// blob returns the path of a file's bytes, or of its variant.
func (m *machine) blob(f api.File, variant string) string {
	m.t.Helper()
	var found string
	err := filepath.WalkDir(filepath.Join(m.data, "blobs"), func(path string, _ fs.DirEntry, err error) error {
		if name := filepath.Base(path); name == f.Bare() && variant == "" || variant != "" && strings.HasPrefix(name, f.Bare()+"."+variant) {
			found = path
		}
		return err
	})
	if err != nil || found == "" {
		m.t.Fatalf("no blob of %s: %v", f.ID, err)
	}
	return found
}

// ready uploads a sample and waits until it is ready, with its thumbnail when it is a picture.
func (m *machine) ready(s samples.Sample) api.File {
	m.t.Helper()
	f, err := m.client.Upload(m.t.Context(), upload("", s))
	if err != nil {
		m.t.Fatal(err)
	}
	m.wait(f, "ready")
	return f
}

func (m *machine) wait(f api.File, state string) {
	m.t.Helper()
	harness.Eventually(m.t, harness.Limit, func() error {
		got, err := m.client.Get(m.t.Context(), f.ID)
		if err == nil && got.State != state {
			err = errors.New(f.Name + " is " + got.State)
		}
		return err
	})
}

// waitThumbnail waits until a picture has one.
func (m *machine) waitThumbnail(f api.File) {
	m.t.Helper()
	harness.Eventually(m.t, harness.Limit, func() error {
		resp, err := m.client.Thumbnail(m.t.Context(), f.ID)
		return errors.Join(err, resp.Err())
	})
}

// TestSingleOperate damages the data of a server that was stopped, has it checked and repaired, and sees everything served again.
func TestSingleOperate(t *testing.T) {
	slow(t)
	m := newMachine(t)
	note, photo := samples.Text(100, 1), samples.JPEG(640, 480, 1)
	lost, damaged, picture := m.ready(note), m.ready(samples.Text(100, 2)), m.ready(photo)
	m.waitThumbnail(picture)

	// Beside the server everything can be looked at, and nothing changed.
	if out := m.inlet(0, "doctor"); !strings.Contains(out, "is ready") {
		t.Errorf("doctor:\n%s", out)
	}
	m.fsck(0, nil)
	if out := m.inlet(2, "fsck", "--repair"); !strings.Contains(out, "in use by another process") {
		t.Errorf("a repair beside the server:\n%s", out)
	}
	if code, err := m.server.Term(harness.Context(t)); code != 0 || err != nil {
		t.Fatalf("exit code %d: %v", code, err)
	}
	m.inlet(0, "doctor")
	m.fsck(0, nil)

	aside := filepath.Join(t.TempDir(), "aside")
	orphan := filepath.Join(filepath.Dir(m.blob(lost, "")), "01JQ3KMN7XFGY4P6WBR2SZTA"+filepath.Base(filepath.Dir(m.blob(lost, ""))))
	old := time.Now().Add(-2 * time.Hour)
	for _, err := range []error{
		os.Rename(m.blob(lost, ""), aside),
		os.Chmod(m.blob(damaged, ""), 0o600),
		os.Truncate(m.blob(damaged, ""), 50),
		os.Remove(m.blob(picture, "thumbnail")),
		os.WriteFile(orphan, []byte("x"), 0o400),
		os.Chtimes(orphan, old, old),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	codes := func(repaired bool) map[string]bool {
		return map[string]bool{"missing-blob": repaired, "size-mismatch": repaired, "orphan-blob": repaired}
	}
	m.fsck(1, codes(false))
	m.fsck(0, codes(true), "--repair")
	m.fsck(0, nil)
	if _, err := os.Stat(orphan); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the orphan is still there: %v", err)
	}

	// What has failed is shown, and begins again when its bytes are back.
	for _, f := range []api.File{lost, damaged} {
		if out := m.inlet(0, "dead", "ls"); !strings.Contains(out, f.Bare()) {
			t.Errorf("%s is not among\n%s", f.Bare(), out)
		}
	}
	m.inlet(1, "dead", "replay", lost.ID)
	if err := os.Rename(aside, filepath.Join(filepath.Dir(orphan), lost.Bare())); err != nil {
		t.Fatal(err)
	}
	m.inlet(1, "dead", "replay", "--all") // one of two cannot be
	if out := m.inlet(0, "dead", "show", lost.ID); !strings.Contains(out, "replayed") {
		t.Errorf("dead show:\n%s", out)
	}

	m.start()
	m.wait(lost, "ready")
	m.wait(damaged, "failed")
	m.waitThumbnail(picture)
	for f, want := range map[string][]byte{lost.ID: note.Data, picture.ID: photo.Data} {
		resp, err := m.client.Download(t.Context(), f, nil)
		if err != nil || !bytes.Equal(resp.Body, want) {
			t.Errorf("the bytes of %s are others: %d, %v", f, resp.Status, err)
		}
	}
	if out := m.inlet(0, "dead", "ls", "--json"); strings.Contains(out, lost.Bare()) || !strings.Contains(out, damaged.Bare()) {
		t.Errorf("dead ls:\n%s", out)
	}
	m.fsck(0, nil)
}

// TestProcessesOperate: in a cluster everything is checked and mended while it runs, and letters are read from the bus.
func TestProcessesOperate(t *testing.T) {
	slow(t)
	settings := map[string]string{"INLET_META": peers.Mongo(t) + "/inlet", "INLET_BLOBS": "disk:" + filepath.Join(t.TempDir(), "blobs")}
	s := harness.Processes(t, harness.Options{Settings: settings})
	directory := filepath.Join(t.TempDir(), "directory.yaml")
	if err := os.WriteFile(directory, []byte("tenants:\n  - {id: main, plan: unlimited}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, client: s.Client, data: filepath.Dir(strings.TrimPrefix(settings["INLET_BLOBS"], "disk:"))}
	m.spec = launch.Spec{Path: harness.Binary(t, "inlet"), Env: map[string]string{
		"INLET_BUS": s.Bus.URL, "INLET_ADMIN_ADDR": "off", "INLET_DATA": t.TempDir(), "INLET_DIRECTORY": directory,
		"INLET_SIGNING_KEYS": "k1:" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdefghijklmnopqrstuv")),
	}}
	maps.Copy(m.spec.Env, settings)
	lost, kept := m.ready(samples.Text(100, 1)), m.ready(samples.Text(100, 2))

	if out := m.inlet(0, "doctor"); !strings.Contains(out, "verifier: 0 waiting, 0 in work") || !strings.Contains(out, "majority") {
		t.Errorf("doctor:\n%s", out)
	}
	m.fsck(0, nil)
	path, aside := m.blob(lost, ""), filepath.Join(t.TempDir(), "aside")
	if err := os.Rename(path, aside); err != nil {
		t.Fatal(err)
	}
	m.fsck(1, map[string]bool{"missing-blob": false})
	m.fsck(0, map[string]bool{"missing-blob": true}, "--repair")
	m.wait(lost, "failed")
	m.fsck(0, nil)
	m.inlet(1, "dead", "replay", lost.ID)
	if err := os.Rename(aside, path); err != nil {
		t.Fatal(err)
	}
	m.inlet(0, "dead", "replay", lost.ID)
	m.wait(lost, "ready")

	leaveLetter(t, s, kept)
	if out := m.inlet(0, "dead", "ls", "--json"); !strings.Contains(out, kept.Bare()) || !strings.Contains(out, `"reason":"broken"`) {
		t.Errorf("dead ls:\n%s", out)
	}
	if out := m.inlet(0, "dead", "replay", "--all"); !strings.Contains(out, "the file is ready; 1 letters removed") {
		t.Errorf("dead replay:\n%s", out)
	}
	if out := m.inlet(0, "dead", "ls", "--json"); out != "" {
		t.Errorf("dead ls afterwards:\n%s", out)
	}
}

// leaveLetter does what a worker does with an event that it gives up.
func leaveLetter(t *testing.T, s *harness.System, f api.File) {
	t.Helper()
	ctx := harness.Context(t)
	events, err := s.Events.Wait(ctx, f.ID, event.Stored)
	if err != nil {
		t.Fatal(err)
	}
	data, err := events[0].Encode()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := nats.Connect(s.Bus.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	msg := &nats.Msg{Subject: "inlet.dead.v1.verifier", Data: data, Header: nats.Header{"Inlet-Reason": {"broken"}}}
	if _, err := conn.RequestMsgWithContext(ctx, msg); err != nil { // the stream says that it is stored
		t.Fatal(err)
	}
}

// TestOperatorsExitCodes: a script can tell bad news from a command that could not be run.
func TestOperatorsExitCodes(t *testing.T) {
	slow(t)
	m := &machine{t: t, spec: launch.Spec{Path: harness.Binary(t, "inlet"), Env: map[string]string{"INLET_DATA": filepath.Join(t.TempDir(), "none"), "INLET_ADMIN_ADDR": "off"}}}
	for _, c := range []struct {
		code int
		args []string
	}{
		{0, []string{"doctor"}}, // of a machine before the first start
		{2, []string{"fsck"}},
		{2, []string{"fsck", "--repair"}},
		{2, []string{"fsck", "--no-such-flag"}},
		{2, []string{"fsck", "too-much"}},
		{2, []string{"fsck", "--grace", "0s"}},
		{1, []string{"dead", "ls"}},
		{2, []string{"dead", "replay"}},
		{2, []string{"dead", "replay", "--all", "x"}},
		{0, []string{"dead", "--help"}},
	} {
		m.inlet(c.code, c.args...)
	}
	if _, err := os.Stat(m.spec.Env["INLET_DATA"]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a command has made the data folder: %v", err)
	}
	m.spec.Env["INLET_BUS_REPLICAS"] = "2"
	for _, args := range [][]string{{"doctor"}, {"dead", "ls"}} {
		if out := m.inlet(1, args...); !slices.Contains(strings.Fields(out), "INLET_BUS_REPLICAS") {
			t.Errorf("%v does not name the setting:\n%s", args, out)
		}
	}
	m.inlet(2, "fsck")
}
