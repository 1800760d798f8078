package doortest

import (
	"io"
	"net/http"
	"testing"
)

// Answer is what a server has said.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Send sends a request, and reads the answer to its end.
func Send(t testing.TB, r *http.Request) Answer {
	t.Helper()
	resp, err := http.DefaultClient.Do(r) //nolint:gosec // to a server of the test
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return Answer{resp.StatusCode, resp.Header, string(body)}
}
