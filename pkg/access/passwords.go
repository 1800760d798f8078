package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

const (
	loginLife    = 5 * time.Minute // for which a verified password need not be hashed again
	maxLogins    = 1 << 14
	hashPatience = 5 * time.Second // of a request, for its turn to hash
)

var (
	errBasic    = errors.New("malformed Basic credentials")
	errPassword = errors.New("unknown user or wrong password")
	errSignIn   = errors.New("neither an API key nor an e-mail address and a password")
)

// passwords verifies Basic credentials. Hashing is slow on purpose, so it is bounded in number at once, and its good results are
// kept for some minutes; guessing is bounded by guesses.
type passwords struct {
	decoy    *passwordHash // takes the place of a hash for those who have none, so that they take as long
	turns    chan struct{} // bounds the hashing at once
	patience time.Duration
	guesses  *guesses
	logins   *logins
}

func newPasswords() *passwords {
	return &passwords{
		decoy:    decoy(),
		turns:    make(chan struct{}, runtime.GOMAXPROCS(0)),
		patience: hashPatience,
		guesses:  newGuesses(),
		logins:   newLogins(),
	}
}

// authenticate verifies the credentials of RFC 7617. The user-id is an e-mail address, in any case.
func (p *passwords) authenticate(ctx context.Context, s *snapshot, credential, remoteAddr string, now func() time.Time) (Principal, error) {
	email, password, err := parseBasic(credential)
	if err != nil {
		return Principal{}, unauthorized(err)
	}
	return p.login(ctx, s, email, password, remoteAddr, now)
}

// login verifies a password. The e-mail address is in lower case.
func (p *passwords) login(ctx context.Context, s *snapshot, email, password, remoteAddr string, now func() time.Time) (Principal, error) {
	account, address := "account "+email, "address "+addressGroup(remoteAddr)
	if wait := p.guesses.wait(now(), account, address); wait > 0 {
		return Principal{}, tooManyGuesses(wait)
	}
	login := p.logins.id(email, password)
	if u := p.logins.get(login, s, now()); u != nil {
		return s.userPrincipal(u), nil
	}

	if err := p.takeTurn(ctx); err != nil {
		return Principal{}, err
	}
	defer func() { <-p.turns }()
	// While this one waited another may have verified the same password.
	if u := p.logins.get(login, s, now()); u != nil {
		return s.userPrincipal(u), nil
	}
	// It counts as wrong while it is being hashed, so that no crowd can guess at once what one may not guess after another.
	started := now()
	if wait := p.guesses.begin(started, account, address); wait > 0 {
		return Principal{}, tooManyGuesses(wait)
	}
	u := s.emails[email]
	if !p.matches(u, password) {
		return Principal{}, unauthorized(errPassword)
	}
	p.guesses.forgive(started, account, address)
	p.logins.put(login, s, u, now())
	return s.userPrincipal(u), nil
}

// takeTurn waits for a turn to hash, which the caller gives back.
func (p *passwords) takeTurn(ctx context.Context) error {
	patience := time.NewTimer(p.patience)
	defer patience.Stop()
	select {
	case p.turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return file.Wrap(file.Cancelled, "access.authenticate", context.Cause(ctx))
	case <-patience.C:
		return file.Errorf(file.Unavailable, "access.authenticate", "too many logins at once, try again")
	}
}

// matches takes as long for a user that does not exist, or has no password, as for one whose hash is of the usual cost.
func (p *passwords) matches(u *User, password string) bool {
	if u == nil || u.password == nil {
		p.decoy.matches(password)
		return false
	}
	return u.password.matches(password)
}

func tooManyGuesses(wait time.Duration) error {
	return rateLimited("access.authenticate", "too many wrong passwords, try again later", wait)
}

// parseBasic splits the credentials of RFC 7617. The e-mail address comes back in lower case.
func parseBasic(credential string) (email, password string, err error) {
	text, err := base64.StdEncoding.DecodeString(credential)
	if err != nil {
		return "", "", errBasic
	}
	email, password, _ = strings.Cut(string(text), ":")
	if !validLogin(email, password) {
		return "", "", errBasic
	}
	return strings.ToLower(email), password, nil
}

// validLogin reports whether the two can be anybody's.
func validLogin(email, password string) bool {
	return email != "" && len(email) <= maxEmail && password != "" && len(password) <= maxCredential
}

// addressGroup is what guesses from an address are counted under: an IPv4 address, or the /64 of an IPv6 address, since a whole /64
// is one customer's (RFC 6177).
func addressGroup(remoteAddr string) string {
	a, err := netip.ParseAddr(remoteAddr)
	if err != nil {
		port, err := netip.ParseAddrPort(remoteAddr)
		if err != nil {
			return ""
		}
		a = port.Addr()
	}
	if a = a.Unmap(); a.Is4() {
		return a.String()
	}
	prefix, _ := a.WithZone("").Prefix(64) // 64 bits fit an IPv6 address
	return prefix.String()
}

// logins remembers passwords that were verified against one version of the directory, by a keyed hash that no other process can make.
// A new version empties it.
type logins struct {
	secret [sha256.Size]byte

	mu        sync.Mutex
	directory *snapshot
	known     *lru[loginID, login]
}

type loginID [sha256.Size]byte

type login struct {
	user  *User
	until time.Time
}

func newLogins() *logins {
	l := &logins{known: newLRU[loginID, login](maxLogins)}
	_, _ = rand.Read(l.secret[:]) // crypto/rand never fails
	return l
}

func (l *logins) id(email, password string) loginID {
	m := hmac.New(sha256.New, l.secret[:])
	m.Write([]byte(email + "\x00" + password))
	return loginID(m.Sum(nil))
}

// get returns whom a login belongs to, or nil when it is not known or too old.
func (l *logins) get(id loginID, s *snapshot, now time.Time) *User {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turnTo(s)
	if e := l.known.get(id); now.Before(e.until) {
		return e.user
	}
	l.known.remove(id)
	return nil
}

func (l *logins) put(id loginID, s *snapshot, u *User, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turnTo(s)
	l.known.put(id, login{user: u, until: now.Add(loginLife)})
}

func (l *logins) turnTo(s *snapshot) {
	if l.directory != s {
		l.directory, l.known = s, newLRU[loginID, login](maxLogins)
	}
}
