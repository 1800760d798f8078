package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

// TestLagProxy: what the server says comes late, whole and in order; what the client says does not wait.
func TestLagProxy(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	heard := make(chan time.Time, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if _, err := io.ReadFull(conn, make([]byte, 4)); err == nil {
			heard <- time.Now()
		}
		for i := range 100 {
			if _, err := fmt.Fprintf(conn, "%02d", i); err != nil {
				return
			}
		}
	}()
	p, err := newLagProxy(t.Context(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	const lag = 300 * time.Millisecond
	p.delay(lag)
	client, err := net.Dial("tcp", p.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	start := time.Now()
	if _, err := client.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	if took := (<-heard).Sub(start); took >= lag {
		t.Errorf("the server heard after %s", took)
	}
	said, err := io.ReadAll(client)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < lag {
		t.Errorf("the answer came after %s, want %s or more", took, lag)
	}
	for i := range 100 {
		if len(said) != 200 || string(said[2*i:2*i+2]) != fmt.Sprintf("%02d", i) {
			t.Fatalf("the client heard %q", said)
		}
	}
}

func TestLagProxyWithoutAServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // nobody listens there
	p, err := newLagProxy(t.Context(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	client, err := net.Dial("tcp", p.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if n, err := client.Read(make([]byte, 1)); err == nil {
		t.Errorf("somebody said %d bytes", n)
	}
}

// TestWitness: one event that comes twice is one fact, two events are two.
func TestWitness(t *testing.T) {
	id := func(n int) file.ID { return file.ID(fmt.Sprintf("01JQ3KMN7XFGY4P6WBR2SZTA%02d", n)) }
	w := &witness{ids: map[string]map[event.Fact][]string{}}
	tell := func(n int, fact event.Fact, as string) {
		f := &file.File{ID: id(n), Tenant: "main", State: file.Ready}
		data, err := event.New(file.OutboxEntry{ID: as, Fact: string(fact), At: time.Unix(1, 0)}, f).Encode()
		if err != nil {
			t.Fatal(err)
		}
		w.take(data)
	}
	tell(1, event.Verified, "a")
	tell(1, event.Verified, "a")
	tell(2, event.Verified, "b")
	tell(2, event.Verified, "c")
	tell(3, event.Stored, "d")
	tell(4, event.Deleted, "e")
	tell(5, event.Rejected, "f")
	if got := w.repetitions(); len(got) != 1 || got[0].breach != repeated {
		t.Errorf("repeated are %v, want the second file alone", got)
	}
	sent := func(n int, k kind, remove outcome) *entry {
		return &entry{content: content{kind: k}, id: "file_" + string(id(n)), upload: ok, remove: remove}
	}
	due := []*entry{sent(1, text, ""), sent(2, text, ""), sent(3, text, ""), sent(4, text, ok), sent(4, text, ""), sent(5, broken, ""), sent(5, text, "")}
	want := []*entry{due[2], due[4], due[6]}
	missing, err := w.waitFor(context.Background(), due, 0)
	if err != nil || !slices.Equal(missing, want) {
		t.Errorf("missing are %v, %v", missing, err)
	}
	w.take([]byte("{}"))
	if got := w.repetitions(); len(got) != 2 {
		t.Errorf("a message that is no event: %v", got)
	}
}

func TestLatencies(t *testing.T) {
	var none latencies
	if none.p99() != 0 {
		t.Error("no answers have a latency")
	}
	many := make(latencies, 200)
	for i := range many {
		many[i] = time.Duration(i)
	}
	if many.p99() != 198 {
		t.Errorf("p99 is %d", many.p99())
	}
}

// TestDeck: each victim is picked once before one of them comes again.
func TestDeck(t *testing.T) {
	tr := &trial{options: options{seed: 1}}
	tr.rng = tr.stream(-1)
	victims := []victim{&service{}, &service{}, &service{}}
	pick := deck(tr, victims)
	for range 20 {
		var round []victim
		for range victims {
			v := pick()
			if slices.Contains(round, v) {
				t.Fatal("one is picked twice in a round")
			}
			round = append(round, v)
		}
	}
}
