package embedded_test

import (
	"bytes"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	natsgo "github.com/nats-io/nats.go"

	"github.com/inlethq/inlet/pkg/bus/nats/embedded"
	"github.com/inlethq/inlet/pkg/file"
)

func start(t *testing.T, cfg embedded.Config) *embedded.Server {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	s, err := embedded.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

func TestNoListener(t *testing.T) {
	for _, addr := range []string{"", "off"} {
		s := start(t, embedded.Config{Addr: addr})
		if s.URL() != "" {
			t.Errorf("Addr %q listens on %s", addr, s.URL())
		}
		conn, err := natsgo.Connect("", natsgo.InProcessServer(s), natsgo.UserInfo(embedded.User, ""))
		if err != nil {
			t.Fatalf("Addr %q: %v", addr, err)
		}
		conn.Close()
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = embedded.Start(embedded.Config{Dir: t.TempDir(), Addr: l.Addr().String()})
	if !file.Is(err, file.Unavailable) {
		t.Fatalf("Start: %v, want Unavailable", err)
	}
	for _, want := range []string{l.Addr().String(), embedded.AddrVariable, "in use"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %q", err, want)
		}
	}
}

func TestBadConfig(t *testing.T) {
	occupied := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(occupied, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cfg  embedded.Config
		kind file.Kind
		says string
	}{
		{embedded.Config{Dir: t.TempDir(), Addr: "4222"}, file.Invalid, embedded.AddrVariable},
		{embedded.Config{Dir: t.TempDir(), Addr: "127.0.0.1:nats"}, file.Invalid, embedded.AddrVariable},
		{embedded.Config{Dir: t.TempDir(), Addr: "127.0.0.1:70000"}, file.Invalid, embedded.AddrVariable},
		{embedded.Config{Dir: occupied}, file.Unavailable, occupied},
	} {
		if _, err := embedded.Start(c.cfg); !file.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want %s that names %s", c.cfg, err, c.kind, c.says)
		}
	}
}

func TestLog(t *testing.T) {
	var out lines
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s := start(t, embedded.Config{Addr: "127.0.0.1:0", Log: log})
	if got := out.String(); got != "" {
		t.Errorf("a start that went well says:\n%s", got)
	}
	if _, err := natsgo.Connect(s.URL(), natsgo.UserInfo("inlet", "guess")); err == nil {
		t.Fatal("a wrong password is accepted")
	}
	if got := out.String(); !strings.Contains(got, "authentication error") {
		t.Errorf("a refused login is not logged: %q", got)
	}
	start(t, embedded.Config{Addr: "0.0.0.0:0", Log: log})
	if got := out.String(); !strings.Contains(got, embedded.AddrVariable) {
		t.Errorf("no warning about an open address: %q", got)
	}
}

type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
