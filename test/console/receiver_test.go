package console

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// receiver is where a webhook's deliveries go.
type receiver struct {
	url string
	got chan struct{} // one for each delivery, as far as it has room
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{got: make(chan struct{}, 64)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		select {
		case r.got <- struct{}{}:
		default:
		}
	}))
	t.Cleanup(server.Close)
	r.url = server.URL + "/hook"
	return r
}
