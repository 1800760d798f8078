package access

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

func TestBasic(t *testing.T) {
	a := authenticator(t, directory(t, sample), Config{})
	for name, c := range map[string]struct {
		request Request
		id      string // "" when refused
	}{
		"hash":               {basic("admin@acme.test", secret), "u1"},
		"in capitals":        {basic("ADMIN@acme.Test", secret), "u1"},
		"of another":         {basic("demo@acme.test", "demo"), "u2"},
		"wrong":              {basic("admin@acme.test", secret+"x"), ""},
		"in capitals, wrong": {basic("demo@acme.test", "Demo"), ""},
		"unknown":            {basic("nobody@acme.test", secret), ""},
		"has no password":    {basic("token@acme.test", "x"), ""},
		"decoy's password":   {basic("token@acme.test", "the decoy's"), ""},
		"empty password":     {basic("token@acme.test", ""), ""},
		"the hash itself":    {basic("admin@acme.test", cheapHash(secret).String()), ""},
		"id and not e-mail":  {basic("u1", secret), ""},
		"no colon":           {authorization("Basic YWJj"), ""},
		"no base64":          {authorization("Basic %%%"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := a.Authenticate(t.Context(), c.request)
			if c.id == "" {
				refused(t, err)
			} else if err != nil || p.ID != c.id || p.Kind != KindUser || p.Tenant != "acme" {
				t.Errorf("got %+v, %v", p, err)
			}
		})
	}
}

func TestPasswordInClear(t *testing.T) {
	d := directory(t, "tenants: [{id: a}]\nusers: [{id: u, tenant: a, email: demo@a.test, password: 0x10}]")
	a := authenticator(t, d, Config{})
	if p, err := a.Authenticate(t.Context(), basic("demo@a.test", "0x10")); err != nil || p.ID != "u" {
		t.Errorf("got %+v, %v", p, err)
	}
	for _, wrong := range []string{"16", "0X10", "0x10 "} {
		_, err := a.Authenticate(t.Context(), basic("demo@a.test", wrong))
		refused(t, err)
	}
}

func TestPasswordHash(t *testing.T) {
	h, err := parsePasswordHash(HashPassword("pass"))
	if err != nil || !h.matches("pass") || h.matches("Pass") || h.matches("") {
		t.Errorf("%v, %v", h, err)
	}
	if first, second := HashPassword("pass"), HashPassword("pass"); first == second {
		t.Error("the salt does not change")
	}
	// A vector of the reference implementation (phc-winner-argon2, src/test.c).
	const vector = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if h, err := parsePasswordHash(vector); err != nil || !h.matches("password") {
		t.Errorf("the reference's hash of a password is not matched: %v", err)
	}
	const good = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA"
	if _, err := parsePasswordHash(good); err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{"argon2id", "argon2i"}, {"v=19", "v=16"}, {"m=8", "m=7"}, {"m=8", "m=1000000000"}, {"m=8", "m=99999999999"}, {"m=8", "m=+8"}, {"m=8", "m=08"},
		{"t=1", "t=0"}, {"t=1", "t=17"}, {"p=1", "p=0"}, {"p=1", "p=17"}, {"p=1", "p=257"}, {"p=1", "p=1,x=1"}, {"p=1", "p=2"},
		{"c2FsdHNhbHQ", "c2FsdA"}, {"c2FsdHNhbHQ", ""}, {"c2FsdHNhbHQ", "c2FsdHNhbHQ="}, {"AAAAAAAAAAAAAAAAAAAAAA", "AAAA"}, {"AAAAAAAAAAAAAAAAAAAAAA", "A!"},
		{"$c2F", "c2F"}, {"$argon2id", "argon2id"},
	} {
		if bad := strings.Replace(good, change[0], change[1], 1); bad != good {
			if _, err := parsePasswordHash(bad); err == nil {
				t.Errorf("%s is taken", bad)
			}
		}
	}
}

func TestGuessingAnAccount(t *testing.T) {
	c := newClock()
	a := authenticator(t, directory(t, sample), Config{JWTSecret: jwtSecret, Now: c.now})
	from := func(r Request, host int) Request {
		r.RemoteAddr = fmt.Sprintf("198.51.100.%d:1", host)
		return r
	}
	for _, email := range []string{"admin@acme.test", "nobody@acme.test"} { // an account that does not exist behaves no other way
		for i := range 10 {
			_, err := a.Authenticate(t.Context(), from(basic(email, fmt.Sprint(i)), i))
			refused(t, err)
			c.add(time.Second)
		}
		_, err := a.Authenticate(t.Context(), from(basic(strings.ToUpper(email), secret), 100))
		if !file.Is(err, file.RateLimited) || RetryAfter(err) != 50*time.Second {
			t.Errorf("%s: the eleventh got %v, retry after %v; even a right password is not read", email, err, RetryAfter(err))
		}
	}
	if _, err := a.Authenticate(t.Context(), from(basic("demo@acme.test", "demo"), 0)); err != nil {
		t.Errorf("other accounts go on: %v", err)
	}
	for _, r := range []Request{{APIKey: []string{acmeKey}}, authorization("Bearer " + hs256(t, with(c, nil)))} {
		if _, err := a.Authenticate(t.Context(), r); err != nil {
			t.Errorf("keys and tokens go on: %v", err)
		}
	}
	c.add(40*time.Second - time.Nanosecond) // the first wrong one is just under a minute ago
	if _, err := a.Authenticate(t.Context(), basic("admin@acme.test", secret)); !file.Is(err, file.RateLimited) {
		t.Errorf("just before the minute is over: %v", err)
	}
	c.add(time.Nanosecond)
	if _, err := a.Authenticate(t.Context(), basic("admin@acme.test", secret)); err != nil {
		t.Errorf("after a minute: %v", err)
	}
}

func TestGuessingFromAnAddress(t *testing.T) {
	for name, c := range map[string]struct {
		from, same, other string
	}{
		"IPv4":   {"192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:1"},
		"bare":   {"192.0.2.1", "[::ffff:192.0.2.1]:9", "192.0.2.2"},
		"IPv6":   {"[2001:db8::1]:1", "2001:db8::2:3:4:5", "[2001:db8:0:1::1]:1"},
		"scoped": {"[fe80::1%eth0]:1", "fe80::2", "192.0.2.1"},
		"none":   {"", "@", "192.0.2.1"},
	} {
		t.Run(name, func(t *testing.T) {
			a := authenticator(t, directory(t, sample), Config{Now: newClock().now})
			from := func(r Request, addr string) Request {
				r.RemoteAddr = addr
				return r
			}
			for i := range 10 {
				_, err := a.Authenticate(t.Context(), from(basic(fmt.Sprintf("x%d@acme.test", i), "x"), c.from))
				refused(t, err)
			}
			if _, err := a.Authenticate(t.Context(), from(basic("admin@acme.test", secret), c.same)); !file.Is(err, file.RateLimited) {
				t.Errorf("from the same: %v", err)
			}
			if _, err := a.Authenticate(t.Context(), from(basic("admin@acme.test", secret), c.other)); err != nil {
				t.Errorf("from another: %v", err)
			}
		})
	}
}

func TestRightPasswordsAreNoGuesses(t *testing.T) {
	a := authenticator(t, directory(t, sample), Config{Now: newClock().now})
	for i := range 9 {
		_, err := a.Authenticate(t.Context(), basic("admin@acme.test", fmt.Sprint(i)))
		refused(t, err)
	}
	for range 30 {
		if _, err := a.Authenticate(t.Context(), basic("admin@acme.test", secret)); err != nil {
			t.Fatal(err)
		}
		a.passwords.logins = newLogins() // so that each is hashed
	}
	_, err := a.Authenticate(t.Context(), basic("admin@acme.test", "wrong"))
	refused(t, err)
	// Nor do right ones wipe out wrong ones, else a guesser would log in to an account of his own in between.
	if _, err := a.Authenticate(t.Context(), basic("admin@acme.test", secret)); !file.Is(err, file.RateLimited) {
		t.Errorf("after the tenth: %v", err)
	}
}

func TestConcurrentGuessesAreCounted(t *testing.T) {
	a := authenticator(t, directory(t, sample), Config{Now: newClock().now})
	a.passwords.turns = make(chan struct{}, 64)
	var wrong, limited, other atomic.Int64
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			_, err := a.Authenticate(t.Context(), basic("admin@acme.test", fmt.Sprint(i)))
			switch file.KindOf(err) {
			case file.Unauthorized:
				wrong.Add(1)
			case file.RateLimited:
				limited.Add(1)
			default:
				other.Add(1)
			}
		})
	}
	wg.Wait()
	if wrong.Load() != 10 || limited.Load() != 190 || other.Load() != 0 {
		t.Errorf("%d were judged, %d refused unread, %d neither", wrong.Load(), limited.Load(), other.Load())
	}
}

func TestConcurrentLogins(t *testing.T) {
	a := authenticator(t, directory(t, sample), Config{Now: newClock().now})
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if _, err := a.Authenticate(t.Context(), basic("demo@acme.test", "demo")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestGuessesBegunAtOnce(t *testing.T) {
	g, now := newGuesses(), newClock().now()
	for i := range maxGuesses {
		if wait := g.begin(now, "one", fmt.Sprint(i)); wait != 0 {
			t.Fatalf("guess %d has to wait %v", i, wait)
		}
	}
	if wait := g.begin(now.Add(time.Second), "other", "one"); wait != guessWindow-time.Second {
		t.Errorf("one guess too many has to wait %v", wait)
	}
	if wait := g.wait(now, "other"); wait != 0 || len(g.recent(now, "other")) != 0 {
		t.Error("a guess that was refused was counted")
	}
}

func TestGuessersAreBounded(t *testing.T) {
	g := newGuesses()
	now := newClock().now()
	for i := range maxGuessers + 100 {
		g.begin(now, fmt.Sprint(i))
	}
	if n := g.times.len(); n != maxGuessers {
		t.Errorf("%d are remembered", n)
	}
	g.forgive(now, fmt.Sprint(maxGuessers))
	if n := g.times.len(); n != maxGuessers-1 {
		t.Errorf("%d are remembered after one was forgiven", n)
	}
}

// TestRememberedLogin counts on a full queue: a login that must be hashed cannot pass.
func TestRememberedLogin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.yaml")
	writeFile(t, path, sample)
	d, err := OpenDirectory(path)
	if err != nil {
		t.Fatal(err)
	}
	c := newClock()
	a := authenticator(t, d, Config{Now: c.now})
	a.passwords.turns = make(chan struct{}, 1)
	a.passwords.patience = time.Nanosecond
	hashed := func(password string) bool {
		a.passwords.turns <- struct{}{}
		defer func() { <-a.passwords.turns }()
		_, err := a.Authenticate(t.Context(), basic("admin@acme.test", password))
		if err != nil && !file.Is(err, file.Unavailable) {
			t.Fatal(err)
		}
		return err != nil
	}
	login := func() {
		t.Helper()
		p := a.passwords.patience
		a.passwords.patience = hashPatience
		defer func() { a.passwords.patience = p }()
		if _, err := a.Authenticate(t.Context(), basic("admin@acme.test", secret)); err != nil {
			t.Fatal(err)
		}
	}
	if !hashed(secret) {
		t.Error("an unknown login was not hashed")
	}
	login()
	if hashed(secret) {
		t.Error("a login was not remembered")
	}
	if !hashed(secret + "x") {
		t.Error("another password was let in")
	}
	c.add(loginLife)
	if !hashed(secret) {
		t.Error("an old login was remembered")
	}
	login()
	writeFile(t, path, strings.Replace(sample, "admin@acme.test", "admin@acme.test", 1))
	if changed, err := d.Reload(); !changed || err != nil {
		t.Fatal(changed, err)
	}
	if !hashed(secret) {
		t.Error("a login outlived the directory that it was verified by")
	}
	login()
	writeFile(t, path, "tenants: [{id: acme}]")
	if _, err := d.Reload(); err != nil {
		t.Fatal(err)
	}
	a.passwords.patience = hashPatience
	_, err = a.Authenticate(t.Context(), basic("admin@acme.test", secret))
	refused(t, err)
}

func TestQueueForHashing(t *testing.T) {
	a := authenticator(t, directory(t, sample), Config{})
	a.passwords.turns = make(chan struct{}) // nobody's turn ever comes
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Authenticate(ctx, basic("admin@acme.test", secret)); !file.Is(err, file.Cancelled) {
		t.Errorf("a caller that left: %v", err)
	}
	a.passwords.patience = time.Millisecond
	if _, err := a.Authenticate(t.Context(), basic("admin@acme.test", secret)); !file.Is(err, file.Unavailable) {
		t.Errorf("a caller that waited: %v", err)
	}
}

// TestUnknownUsersAreHashed: who has no password must cost what a wrong password costs. It compares work and not time: a decoy of
// the default cost, and the number of guesses that were counted.
func TestUnknownUsersAreHashed(t *testing.T) {
	p := newPasswords()
	if d := p.decoy; d.memory != argonMemory || d.time != argonTime || d.threads != argonThreads || len(d.sum) != sumLen {
		t.Errorf("the decoy costs %d KiB, %d passes", d.memory, d.time)
	}
	if testing.Short() {
		t.Skip("compares times")
	}
	d := directory(t, "tenants: [{id: a}]\nusers: [{id: u, tenant: a, email: known@a.test, password: '"+HashPassword(secret)+"'}]")
	a, err := NewAuthenticator(t.Context(), d, Config{})
	if err != nil {
		t.Fatal(err)
	}
	// The shortest of several is what the work takes; the rest is the machine's noise.
	shortest := func(email string) time.Duration {
		best := time.Hour
		for i := range 5 {
			start := time.Now()
			_, err := a.Authenticate(t.Context(), basic(email, fmt.Sprint(i)))
			refused(t, err)
			best = min(best, time.Since(start))
		}
		return best
	}
	known, unknown := shortest("known@a.test"), shortest("unknown@a.test")
	if unknown < known/3 || known < unknown/3 {
		t.Errorf("a wrong password takes %v, an unknown user %v", known, unknown)
	}
}
