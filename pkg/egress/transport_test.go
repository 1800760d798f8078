package egress

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// The transport judges where it connects to, and no proxy of the environment connects in its stead.
func TestTransport(t *testing.T) {
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "inside") }))
	t.Cleanup(inside.Close)
	t.Setenv("HTTP_PROXY", inside.URL)
	for _, c := range []struct {
		name, url string
		allow     []netip.Prefix
		refused   bool
	}{
		{"inside", inside.URL, nil, true},
		{"inside and allowed", inside.URL, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, false},
		{"by the proxy", "http://192.0.2.1/", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			transport := New(c.allow, Web).Transport(nil)
			t.Cleanup(transport.CloseIdleConnections)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := transport.RoundTrip(req)
			if err == nil {
				defer resp.Body.Close()
			}
			if (err != nil) != c.refused || err != nil && !Refused(err) {
				t.Errorf("%v", err)
			}
		})
	}
}
