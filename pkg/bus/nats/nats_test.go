package nats_test

import (
	"testing"

	"github.com/inlethq/inlet/pkg/bus/bustest"
)

func TestBus(t *testing.T)      { bustest.Run(t, suite(t)) }
func BenchmarkBus(b *testing.B) { bustest.Bench(b, suite(b)) }

func suite(t testing.TB) bustest.Suite {
	s := newServer(t)
	return bustest.Suite{Open: s.open, Stop: s.stop, Start: s.start, Wipe: s.wipe}
}
