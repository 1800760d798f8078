package native

import (
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

func TestReadLife(t *testing.T) {
	for body, want := range map[string]time.Duration{
		"":                       time.Hour,
		"{}":                     time.Hour,
		`{"expires_in":null}`:    time.Hour,
		`{"expires_in":1}`:       time.Second,
		` {"expires_in":604800}`: 7 * 24 * time.Hour,
	} {
		if got, err := readLife(strings.NewReader(body)); err != nil || got != want {
			t.Errorf("%q: %s, %v", body, got, err)
		}
	}
	for _, body := range []string{`{"expires_in":0}`, `{"expires_in":-1}`, `{"expires_in":604801}`, `{"expires_in":9223372036854775808}`, `{"expires_in":1e309}`,
		`{"expires_in":1.5}`, `{"expires_in":"60"}`, `{"uid":"u2"}`, `{`, "[]", "3600", `{"expires_in":60}{}`} {
		if _, err := readLife(strings.NewReader(body)); !file.Is(err, file.Invalid) {
			t.Errorf("%q: %v", body, err)
		}
	}
}
