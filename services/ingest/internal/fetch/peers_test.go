package fetch

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/inlethq/inlet/pkg/file"
)

// deadProxy is what the environment of these tests names as its proxy. Nothing listens there.
const deadProxy = "http://127.0.0.1:1"

// TestMain sets the proxy before net/http reads the environment, which it does once.
func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		if err := os.Setenv(name, deadProxy); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// loopback is the address that most tests allow: their own server's. 127.0.0.2 plays the network inside.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

// serve runs a server on 127.0.0.1.
func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// serveAt runs a server on an address.
func serveAt(t testing.TB, addr string, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Skipf("SKIP: %v (Linux has all of 127.0.0.0/8)", err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// raw answers with bytes of the test's own and hangs up.
func raw(t testing.TB, answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, answer) // a client that has seen enough hangs up first
	}
}

// nameserver is a DNS server on loopback. The nth question for an address of a name gets its nth answer, and further ones the last;
// other names do not exist, or have the fallback's address.
type nameserver struct {
	fallback []string
	answers  map[string][][]string // by name without the last dot

	mu    sync.Mutex
	asked map[string]int
}

func (n *nameserver) resolver(t testing.TB) *net.Resolver {
	t.Helper()
	n.asked = map[string]int{}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.run(t, conn)
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (n *nameserver) run(t testing.TB, conn net.PacketConn) {
	buf := make([]byte, 1500)
	for {
		size, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if err := m.Unpack(buf[:size]); err != nil || len(m.Questions) != 1 {
			t.Errorf("not a question: %v", err)
			continue
		}
		n.answer(&m)
		out, err := m.Pack()
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := conn.WriteTo(out, from); err != nil {
			t.Error(err)
		}
	}
}

// answer turns a question into its answer.
func (n *nameserver) answer(m *dnsmessage.Message) {
	q := m.Questions[0]
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	addrs, known := n.lookup(q.Name.String(), q.Type)
	if !known {
		m.RCode = dnsmessage.RCodeNameError
	}
	for _, a := range addrs {
		header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: dnsmessage.ClassINET}
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: netip.MustParseAddr(a).As4()}})
	}
}

func (n *nameserver) lookup(name string, kind dnsmessage.Type) (addrs []string, known bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	name = name[:len(name)-1]
	list := n.answers[name]
	if list == nil {
		if n.fallback == nil {
			return nil, false
		}
		list = [][]string{n.fallback}
	}
	if kind != dnsmessage.TypeA {
		return nil, true
	}
	i := min(n.asked[name], len(list)-1)
	n.asked[name]++
	return list[i], true
}

// want fails the test unless err is of the given kind, code and public text.
func want(t testing.TB, err error, kind file.Kind, code, public string) {
	t.Helper()
	if !file.Is(err, kind) || file.CodeOf(err) != code || file.PublicText(err, "") != public {
		t.Errorf("got %v (code %q), want %s with code %q and text %q", err, file.CodeOf(err), kind, code, public)
	}
}

func wantRefused(t testing.TB, err error) {
	t.Helper()
	want(t, err, file.Invalid, "invalid_url", "The URL cannot be fetched")
}

func wantTimeout(t testing.TB, err error) {
	t.Helper()
	want(t, err, file.Invalid, "fetch_timeout", "The URL took too long")
}

// get fetches a URL that must answer, and closes it when the test ends.
func get(t testing.TB, c *Client, rawURL string) *Body {
	t.Helper()
	b, err := c.Get(t.Context(), rawURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// fetched is the whole of what a URL gives.
func fetched(t testing.TB, c *Client, rawURL string) string {
	t.Helper()
	data, err := io.ReadAll(get(t, c, rawURL))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// getRefused fetches a URL that must not be.
func getRefused(t testing.TB, c *Client, rawURL string) error {
	t.Helper()
	b, err := c.Get(t.Context(), rawURL)
	if err == nil {
		b.Close()
	}
	wantRefused(t, err)
	return err
}
