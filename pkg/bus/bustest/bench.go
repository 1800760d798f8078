package bustest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/bus"
)

// Bench measures a driver: publishing with 1 and 8 at once, the time from publish to handler on an idle bus, and the rate
// of work whose handler does nothing. Messages are 1 KiB.
func Bench(b *testing.B, s Suite) {
	for _, c := range []int{1, 8} {
		b.Run(fmt.Sprintf("Publish/c=%d", c), func(b *testing.B) { benchPublish(b, s, c) })
	}
	b.Run("Latency", func(b *testing.B) { benchLatency(b, s) })
	for _, c := range []int{1, 8} {
		b.Run(fmt.Sprintf("Consume/c=%d", c), func(b *testing.B) { benchConsume(b, s, c) })
	}
}

func (f fixture) kilobyte(n int64) bus.Message {
	return bus.Message{ID: f.name + "-" + strconv.FormatInt(n, 10), Subject: f.subject, Data: make([]byte, 1024)}
}

// fill publishes b.N messages, c at a time.
func (f fixture) fill(b *testing.B, c int) {
	var next atomic.Int64
	errs := make(chan error, c)
	for range c {
		go func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				if err := f.Publish(context.Background(), f.kilobyte(n)); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range c {
		if err := <-errs; err != nil {
			b.Fatal(err)
		}
	}
}

func perSecond(b *testing.B) { b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s") }

func benchPublish(b *testing.B, s Suite, c int) {
	f := open(b, s)
	b.ResetTimer()
	f.fill(b, c)
	b.StopTimer()
	perSecond(b)
}

func benchLatency(b *testing.B, s Suite) {
	f := open(b, s)
	came := make(chan time.Time, 1)
	start(b, f, f.work(func(context.Context, bus.Delivery) error {
		came <- time.Now()
		return nil
	}))
	took := make([]time.Duration, 0, b.N)
	f.publish(b, "warm-up")
	await(b, "the first message", came)
	for n := 0; b.Loop(); n++ {
		sent := time.Now()
		if err := f.Publish(context.Background(), f.kilobyte(int64(n))); err != nil {
			b.Fatal(err)
		}
		took = append(took, (<-came).Sub(sent))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

func benchConsume(b *testing.B, s Suite, c int) {
	f := open(b, s)
	f.fill(b, 8)
	var n atomic.Int64
	done := make(chan struct{})
	w := f.work(func(context.Context, bus.Delivery) error {
		if n.Add(1) == int64(b.N) {
			close(done)
		}
		return nil
	})
	w.Concurrency = c
	b.ResetTimer()
	start(b, f, w)
	<-done
	b.StopTimer()
	perSecond(b)
}
