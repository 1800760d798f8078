package conformance

import (
	"testing"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/bus/bustest"
	"github.com/inlethq/inlet/pkg/bus/nats"
	"github.com/inlethq/inlet/test/peers"
)

func TestNATS(t *testing.T)      { bustest.Run(t, natsSuite(t)) }
func BenchmarkNATS(b *testing.B) { bustest.Bench(b, natsSuite(b)) }

func natsSuite(t testing.TB) bustest.Suite {
	s := peers.NATS(t)
	return bustest.Suite{
		Open: func(t testing.TB) bus.Bus {
			b, err := nats.Open(t.Context(), nats.Config{URL: s.URL, Name: t.Name()})
			if err != nil {
				t.Fatal(err)
			}
			return b
		},
		Stop:  func(testing.TB) { s.Stop() },
		Start: func(testing.TB) { s.Start() },
		Wipe:  func(testing.TB) { s.Wipe() },
	}
}
