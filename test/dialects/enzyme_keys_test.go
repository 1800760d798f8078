package dialects

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/harness/launch"
)

// signingSystem is one process that is started again and again on the same data, with other keys or another directory file.
type signingSystem struct {
	*env
	t         *testing.T
	addrs     launch.Addrs
	data      string
	directory string // path of the directory file
	process   *launch.Process
}

func newSigningSystem(t *testing.T) *signingSystem {
	t.Helper()
	addrs, err := launch.FreeAddrs()
	if err != nil {
		t.Fatal(err)
	}
	s := &signingSystem{
		env: &env{System: &harness.System{Client: api.New(addrs.URL(), "")}, http: http.DefaultClient},
		t:   t, addrs: addrs, data: t.TempDir(), directory: filepath.Join(t.TempDir(), "directory.yaml"),
	}
	s.write(directory())
	return s
}

// write replaces the directory file.
func (s *signingSystem) write(text string) {
	s.t.Helper()
	if err := os.WriteFile(s.directory, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// launch starts the process with a ring of keys.
func (s *signingSystem) launch(ring string, log *bytes.Buffer) {
	s.t.Helper()
	settings := map[string]string{
		"INLET_DIRECTORY": s.directory, "INLET_JWT_SECRET": jwtSecret, "INLET_SIGNING_KEYS": ring, "INLET_LOG_LEVEL": "warn",
	}
	process, err := launch.Start(launch.Serve(harness.Binary(s.t, "inlet"), s.data, s.addrs, settings, log))
	if err != nil {
		s.t.Fatal(err)
	}
	s.process = process
	s.t.Cleanup(process.Kill)
}

// restart ends the process, if it runs, and starts it with another ring.
func (s *signingSystem) restart(ring string) {
	s.t.Helper()
	if s.process != nil {
		if code, err := s.process.Term(harness.Context(s.t)); err != nil || code != 0 {
			s.t.Fatalf("ended with %d, %v", code, err)
		}
	}
	var log bytes.Buffer
	s.launch(ring, &log)
	if err := s.process.Ready(harness.Context(s.t)); err != nil {
		s.t.Fatalf("%v\n%s", err, &log)
	}
}

// signingKey is a fresh entry of a ring.
func signingKey(id string) string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	return id + ":" + base64.StdEncoding.EncodeToString(secret)
}

// TestSigningKeys: an old key verifies and does not sign; what a key has signed ends with it.
func TestSigningKeys(t *testing.T) {
	slow(t)
	s := newSigningSystem(t)
	first, second := signingKey("k1"), signingKey("k2")
	h := enzymeUser(s.env, "member")
	check := func(status int, urls ...string) {
		t.Helper()
		for _, u := range urls {
			s.Get(t, u, nil).Want(t, status)
		}
	}
	native := func(id string) string {
		var signed struct{ Data struct{ URL string } }
		s.JSON(t, "/v1/files/"+id+"/sign", h, "").Want(t, http.StatusOK).Decode(t, &signed)
		return signed.Data.URL
	}

	s.restart(first)
	id := enzymeFile(t, s.env, h, "general")
	old := []string{enzymeSign(t, s.env, h, id).URL, native(id)}
	check(http.StatusOK, old...)

	s.restart(second + "," + first)
	check(http.StatusOK, old...)
	fresh := []string{enzymeSign(t, s.env, h, id).URL, native(id)}
	check(http.StatusOK, fresh...)

	s.restart(second)
	check(http.StatusForbidden, old...)
	check(http.StatusOK, fresh...)

	s.restart(signingKey("k2")) // the same name is not the same key
	check(http.StatusForbidden, fresh...)
}

// TestBadSigningKeys: no service starts on keys that anybody could guess, and none says what they are.
func TestBadSigningKeys(t *testing.T) {
	slow(t)
	short := "k1:" + base64.StdEncoding.EncodeToString([]byte("only 31 bytes of a good secret!"))
	for name, ring := range map[string]string{
		"zeros":         "k1:" + base64.StdEncoding.EncodeToString(make([]byte, 32)),
		"a default":     "k1:" + base64.StdEncoding.EncodeToString([]byte("changeme-changeme-changeme-12345")),
		"short":         short,
		"no id":         strings.TrimPrefix(signingKey("k1"), "k1:"),
		"an id twice":   signingKey("k1") + "," + signingKey("k1"),
		"no base64":     "k1:" + strings.Repeat("!", 44),
		"one of two":    signingKey("k1") + "," + strings.Replace(short, "k1", "k2", 1),
		"an empty part": signingKey("k1") + ",",
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			s := newSigningSystem(t)
			s.launch(ring, &log)
			if code, err := s.process.Wait(harness.Context(t)); err != nil || code == 0 {
				t.Errorf("ended with %d, %v", code, err)
			}
			_, secret, _ := strings.Cut(ring[strings.LastIndex(ring, ",")+1:], ":")
			if !strings.Contains(log.String(), "INLET_SIGNING_KEYS") || secret != "" && strings.Contains(log.String(), secret) {
				t.Errorf("it says %s", &log)
			}
		})
	}
}

// TestSignerLosesTheRight: a signed URL is worth what its signer may do when it is used, and comes back to life with the right.
func TestSignerLosesTheRight(t *testing.T) {
	slow(t)
	s := newSigningSystem(t)
	s.restart(signingKey("k1"))
	id := enzymeFile(t, s.env, enzymeUser(s.env, "insider"), "ops")
	sign := func(h http.Header) []string {
		var signed struct{ Data struct{ URL string } }
		s.JSON(t, "/v1/files/"+id+"/sign", h, "").Want(t, http.StatusOK).Decode(t, &signed)
		return []string{enzymeSign(t, s.env, h, id).URL, signed.Data.URL}
	}
	byUser, byKey := sign(enzymeUser(s.env, "insider")), sign(auth(s.Key("read")))
	stranger := auth(s.Token(claims{Sub: unique(), Roles: map[string]string{"channel/ops": "member"}}))
	byStranger := sign(stranger)

	eventually := func(status int, urls []string) {
		t.Helper()
		for _, u := range urls {
			harness.Eventually(t, harness.Limit, func() error {
				if r := s.Get(t, u, nil); r.Status != status {
					return fmt.Errorf("GET %s is %d, want %d", u, r.Status, status)
				}
				return nil
			})
		}
	}
	var without strings.Builder // the insider's role in ops, and the key
	for line := range strings.Lines(directory()) {
		if !strings.Contains(line, "{name: read,") {
			without.WriteString(strings.Replace(line, `"channel/ops": member, `, "", 1))
		}
	}
	for range 2 {
		eventually(http.StatusOK, byUser)
		eventually(http.StatusOK, byKey)
		s.write(without.String())
		eventually(http.StatusForbidden, byUser)
		eventually(http.StatusForbidden, byKey)
		eventually(http.StatusOK, byStranger) // whom no directory knows
		s.write(directory())
	}
}

// TestSignedURLsHaveARate: in the native API they count against the plan, and not against whoever has signed them.
func TestSignedURLsHaveARate(t *testing.T) {
	slow(t)
	s := newSigningSystem(t)
	s.restart(signingKey("k1"))
	key := auth(s.Key("pro"))
	id := enzymeFile(t, s.env, key, "p-general")
	url := s.Base() + "/v1/files/" + id + "/download?" + enzymeSign(t, s.env, key, id).query(t).Encode()
	const perMinute = 60 // of the plan pro
	allowed := 0
	for s.Get(t, url, nil).Status == http.StatusOK && allowed <= 2*perMinute {
		allowed++
	}
	if allowed < perMinute || allowed > 2*perMinute { // more than the plan's go through while time passes
		t.Errorf("%d downloads went through, want %d", allowed, perMinute)
	}
	if r := s.Get(t, url, nil).Want(t, http.StatusTooManyRequests); r.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After header")
	}
	s.Get(t, "/v1/files/"+id, key).Want(t, http.StatusOK)
}
