package access

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/file"
)

func TestSignIn(t *testing.T) {
	a := authenticator(t, directory(t, sample), Config{})
	for name, c := range map[string]struct {
		in     SignIn
		signer string // "" when refused
	}{
		"key":              {SignIn{APIKey: acmeKey}, "key:ci"},
		"password":         {SignIn{Email: "Admin@acme.test", Password: secret}, "u1"},
		"unknown key":      {SignIn{APIKey: acmeKey + "x"}, ""},
		"wrong password":   {SignIn{Email: "admin@acme.test", Password: "x"}, ""},
		"unknown user":     {SignIn{Email: "nobody@acme.test", Password: secret}, ""},
		"no password":      {SignIn{Email: "token@acme.test", Password: "the decoy's"}, ""},
		"address alone":    {SignIn{Email: "admin@acme.test"}, ""},
		"password alone":   {SignIn{Password: secret}, ""},
		"key and address":  {SignIn{APIKey: acmeKey, Email: "admin@acme.test"}, ""},
		"key and password": {SignIn{APIKey: acmeKey, Email: "admin@acme.test", Password: secret}, ""},
		"nothing":          {SignIn{}, ""},
		"a long password":  {SignIn{Email: "admin@acme.test", Password: strings.Repeat("x", maxCredential+1)}, ""},
		"a token as a key": {SignIn{APIKey: "a.b.c"}, ""},
	} {
		p, credential, err := a.SignIn(t.Context(), c.in)
		if c.signer == "" {
			refused(t, err)
			continue
		}
		if err != nil || p.Signer() != c.signer || p.Tenant != "acme" {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
		if _, now, ok := a.directory.Session(p.Tenant, p.Signer()); !ok || now != credential {
			t.Errorf("%s: the session is over as it begins", name)
		}
	}
}

// TestGuessingAtTheDoor: wrong keys and wrong passwords from one address count together, and right ones do not count.
func TestGuessingAtTheDoor(t *testing.T) {
	c := newClock()
	a := authenticator(t, directory(t, sample), Config{Now: c.now})
	from := func(in SignIn, address string) error {
		in.RemoteAddr = address
		_, _, err := a.SignIn(t.Context(), in)
		return err
	}
	const here, there = "192.0.2.1:5000", "192.0.2.2:5000"
	for i := range maxGuesses {
		if err := from(SignIn{APIKey: acmeKey}, here); err != nil {
			t.Fatal(err)
		}
		wrong := SignIn{APIKey: fmt.Sprintf("tagd_live_guess%09d", i)}
		if i%2 == 0 {
			wrong = SignIn{Email: fmt.Sprintf("guess%d@acme.test", i), Password: "x"}
		}
		refused(t, from(wrong, here))
	}
	for _, in := range []SignIn{{APIKey: acmeKey}, {Email: "admin@acme.test", Password: secret}} {
		if err := from(in, here); !file.Is(err, file.RateLimited) || RetryAfter(err) != guessWindow {
			t.Errorf("after %d wrong ones: %v, retry after %s", maxGuesses, err, RetryAfter(err))
		}
		if err := from(in, there); err != nil {
			t.Errorf("from another address: %v", err)
		}
	}
	if _, err := a.Authenticate(t.Context(), Request{APIKey: []string{acmeKey}, RemoteAddr: here}); err != nil {
		t.Errorf("a key in a header is no guess: %v", err)
	}
	c.add(guessWindow)
	if err := from(SignIn{APIKey: acmeKey}, here); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

// TestSession: a session's principal and credential follow the directory.
func TestSession(t *testing.T) {
	const (
		text = `
tenants: [{id: acme}, {id: other}]
users:
  - {id: u1, tenant: acme, email: u1@acme.test, password: one, roles: {tenant/acme: member}}
  - {id: u2, tenant: acme, email: u2@acme.test}
api_keys: [{name: ci, tenant: acme, key: tagd_live_first0000000, user: u1, scopes: [files:read]}]
`
		changed = `
tenants: [{id: acme}, {id: other}]
users: [{id: u1, tenant: acme, email: u1@acme.test, password: two, roles: {tenant/acme: admin}}]
api_keys: [{name: ci, tenant: acme, key: tagd_live_second000000, scopes: [files:read]}]
`
		unchanged = `
tenants: [{id: other}, {id: acme, plan: pro}]
users: [{id: u1, tenant: acme, email: new@acme.test, password: one}]
api_keys: [{name: ci, tenant: acme, key: tagd_live_first0000000, scopes: [files:write]}]
`
		gone = "tenants: [{id: acme}, {id: other}]"
	)
	path := filepath.Join(t.TempDir(), "directory.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(text)
	d, err := OpenDirectory(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"u2", "u3", "", "key:", "key:u1", "ci"} {
		if p, _, ok := d.Session("acme", id); ok {
			t.Errorf("%q has a session as %+v", id, p)
		}
	}
	if _, _, ok := d.Session("other", "u1"); ok {
		t.Error("another tenant's user has a session")
	}
	for _, id := range []string{"u1", "key:ci"} {
		write(text)
		if _, err := d.Reload(); err != nil {
			t.Fatal(err)
		}
		p, before, ok := d.Session("acme", id)
		if !ok || p.Signer() != id || p.Tenant != "acme" {
			t.Fatalf("%s: %+v, %v", id, p, ok)
		}
		for _, step := range []struct {
			text        string
			known, same bool
		}{{changed, true, false}, {unchanged, true, true}, {gone, false, false}} {
			write(step.text)
			if _, err := d.Reload(); err != nil {
				t.Fatal(err)
			}
			_, after, ok := d.Session("acme", id)
			if ok != step.known || (after == before) != step.same {
				t.Errorf("%s, in %s: known %v, the same credential %v", id, step.text, ok, after == before)
			}
		}
	}
}
