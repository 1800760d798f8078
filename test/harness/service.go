package harness

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/inlethq/inlet/test/harness/launch"
)

// service is one program of a System, running or not. It keeps its addresses over a restart.
type service struct {
	spec    launch.Spec
	log     *os.File
	process *launch.Process
}

// add starts a program that lives as long as the test. What it logs is shown when the test fails.
func (s *System) add(spec launch.Spec) {
	s.t.Helper()
	log, err := os.Create(filepath.Join(s.dir, spec.Name+".log"))
	if err != nil {
		s.t.Fatal(err)
	}
	spec.Log = log
	svc := &service{spec: spec, log: log}
	s.services[spec.Name] = svc
	s.t.Cleanup(func() {
		svc.process.Kill()
		if s.t.Failed() {
			s.t.Logf("the log of %s ends with\n%s", spec.Name, tail(log.Name()))
		}
		_ = log.Close()
	})
	if svc.process, err = launch.Start(spec); err != nil {
		s.t.Fatal(err)
	}
}

// tail returns the last lines of a log.
func tail(path string) []byte {
	const most = 16 << 10
	text, err := os.ReadFile(path) //nolint:gosec // in the test's folder
	if err != nil {
		return []byte(err.Error())
	}
	if len(text) > most {
		text = text[len(text)-most:]
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return text
}

// ready waits until every service is.
func (s *System) ready() {
	s.t.Helper()
	ctx := Context(s.t)
	for _, svc := range s.services {
		if err := svc.process.Ready(ctx); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *System) service(t testing.TB, name string) *service {
	t.Helper()
	svc := s.services[name]
	if svc == nil {
		t.Skipf("no service %q to stop or start in mode %s", name, s.Mode)
	}
	return svc
}

// Kill9 ends a service with SIGKILL.
func (s *System) Kill9(t testing.TB, name string) {
	t.Helper()
	s.service(t, name).process.Kill()
}

// Start starts a service again, at its old addresses and on its old data, and waits until it is ready.
func (s *System) Start(t testing.TB, name string) {
	t.Helper()
	svc := s.service(t, name)
	var err error
	if svc.process, err = launch.Start(svc.spec); err != nil {
		t.Fatal(err)
	}
	if err := svc.process.Ready(Context(t)); err != nil {
		t.Fatal(err)
	}
}

// Signal asks a service to end by SIGTERM, and returns without waiting for it.
func (s *System) Signal(t testing.TB, name string) {
	t.Helper()
	if err := s.service(t, name).process.Signal(); err != nil {
		t.Fatal(err)
	}
}

// Wait waits until a service has ended, and returns its exit code.
func (s *System) Wait(t testing.TB, name string) int {
	t.Helper()
	code, err := s.service(t, name).process.Wait(Context(t))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// Term asks a service to end by SIGTERM, waits for that, and returns its exit code.
func (s *System) Term(t testing.TB, name string) int {
	t.Helper()
	s.Signal(t, name)
	return s.Wait(t, name)
}
