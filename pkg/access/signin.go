package access

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

// SignIn is what somebody begins a session with: an API key, or the e-mail address and the password of a user.
type SignIn struct {
	APIKey     string
	Email      string
	Password   string
	RemoteAddr string // as in Request
}

// Credential is a digest of what somebody has signed in with: of an API key, or of a password as the directory has it. A session that was
// begun with another than is there now has ended.
type Credential [sha256.Size]byte

// SignIn tells who signs in, and with what. Errors are those of Authenticate. Wrong API keys count against their address as wrong passwords do.
func (a *Authenticator) SignIn(ctx context.Context, in SignIn) (Principal, Credential, error) {
	s := a.directory.current.Load()
	p, err := a.signIn(ctx, s, in)
	if err != nil {
		return Principal{}, Credential{}, err
	}
	_, credential, _ := s.session(p.Tenant, p.Signer()) // of the directory that p is of, and so there
	return p, credential, nil
}

func (a *Authenticator) signIn(ctx context.Context, s *snapshot, in SignIn) (Principal, error) {
	switch {
	case in.APIKey != "" && in.Email == "" && in.Password == "":
		return a.passwords.guessKey(s, in.APIKey, in.RemoteAddr, a.now)
	case in.APIKey != "" || !validLogin(in.Email, in.Password):
		return Principal{}, unauthorized(errSignIn)
	}
	return a.passwords.login(ctx, s, strings.ToLower(in.Email), in.Password, in.RemoteAddr, a.now)
}

// guessKey makes a Principal of an API key that somebody has typed in.
func (p *passwords) guessKey(s *snapshot, key, remoteAddr string, now func() time.Time) (Principal, error) {
	address, began := "address "+addressGroup(remoteAddr), now()
	if wait := p.guesses.begin(began, address); wait > 0 {
		return Principal{}, tooManyGuesses(wait)
	}
	k, err := s.authenticateKey(key)
	if err == nil {
		p.guesses.forgive(began, address)
	}
	return k, err
}

// Session returns what whoever has signed in as a user, or by an API key, may do now, and what he would sign in with now. The id is that of
// Principal.Signer. It reports false for a user or a key that is not there any more, and for a user without a password.
func (d *Directory) Session(t file.Tenant, id string) (Principal, Credential, bool) {
	return d.current.Load().session(t, id)
}

func (s *snapshot) session(t file.Tenant, id string) (Principal, Credential, bool) {
	if name, isKey := strings.CutPrefix(id, keyIDPrefix); isKey {
		k := s.keyNames[entity{t, name}]
		if k == nil {
			return Principal{}, Credential{}, false
		}
		return s.keyPrincipal(k), Credential(k.digest), true
	}
	u := s.users[entity{t, id}]
	if u == nil || u.password == nil {
		return Principal{}, Credential{}, false
	}
	return s.userPrincipal(u), u.credential, true
}
