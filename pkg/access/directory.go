package access

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

// maxDirectoryFile bounds the directory file: some hundred thousand users.
const maxDirectoryFile = 32 << 20

// watchInterval is how often Watch looks at the file.
const watchInterval = 2 * time.Second

// Directory is what the directory file says, kept current. All methods may be called concurrently; lookups take no lock and
// see one version of the file each. What they return is a copy whose slices and maps are shared: read only.
type Directory struct {
	path    string
	current atomic.Pointer[snapshot]

	reload sync.Mutex
	seen   os.FileInfo // of the file that was read last, good or not; nil if it could not be opened
}

// OpenDirectory reads the directory file. The error is NotFound if there is none, and Invalid with every problem in it, each with
// its line or the path of its field, if it is not as it should be.
func OpenDirectory(path string) (*Directory, error) {
	d := &Directory{path: path}
	if _, err := d.Reload(); err != nil {
		return nil, err
	}
	return d, nil
}

// ParseDirectory makes a Directory from the text of a directory file. It never changes.
func ParseDirectory(text []byte) (*Directory, error) {
	s, err := parse(text)
	if err != nil {
		return nil, err
	}
	d := &Directory{}
	d.current.Store(s)
	return d, nil
}

// Reload reads the file again if it is another than at the last call, and reports whether the directory has changed.
// On an error the directory stays as it was, and the same file is not read or reported again.
func (d *Directory) Reload() (bool, error) {
	const op = "access.directory"
	if d.path == "" {
		return false, nil
	}
	d.reload.Lock()
	defer d.reload.Unlock()
	f, err := os.Open(d.path)
	if err != nil {
		known := d.seen == nil && d.current.Load() != nil
		d.seen = nil
		switch {
		case known:
			return false, nil
		case errors.Is(err, os.ErrNotExist):
			return false, file.Wrap(file.NotFound, op, err)
		}
		return false, file.Wrap(file.Internal, op, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return false, file.Wrap(file.Internal, op, err)
	}
	if d.seen != nil && sameVersion(info, d.seen) {
		return false, nil
	}
	d.seen = info
	text, err := io.ReadAll(io.LimitReader(f, maxDirectoryFile+1))
	if err != nil {
		return false, file.Wrap(file.Internal, op, err)
	}
	s, err := parse(text)
	if err != nil {
		return false, fmt.Errorf("%s: %w", d.path, err)
	}
	d.current.Store(s)
	return true, nil
}

// sameVersion reports whether nobody seems to have written between the two. A replaced file is another one, whatever its time.
func sameVersion(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// Watch reloads the file whenever it changes, until ctx ends, and returns nil. It logs each change, and each bad file once.
func (d *Directory) Watch(ctx context.Context, log *slog.Logger) error {
	t := time.NewTicker(watchInterval)
	defer t.Stop()
	d.watch(ctx, t.C, log)
	return nil
}

func (d *Directory) watch(ctx context.Context, tick <-chan time.Time, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		switch changed, err := d.Reload(); {
		case err != nil:
			log.ErrorContext(ctx, "the directory file is not usable, the one read before stays in force", slog.Any("error", err))
		case changed:
			s := d.current.Load()
			log.InfoContext(ctx, "directory reloaded", slog.Int("tenants", len(s.tenants)), slog.Int("users", len(s.users)), slog.Int("api_keys", len(s.keys)))
		}
	}
}

// Tenant owns files, quota and policy.
type Tenant struct {
	ID         file.Tenant
	Plan       string // "" when it has limits and no plan
	Limits     Limits
	Projects   []string
	Bots       []Bot
	Workspaces []Workspace
}

// Bot is a chat bot of a Tiledesk project.
type Bot struct {
	ID      string
	Project string
}

// Workspace is Enzyme's group of channels.
type Workspace struct {
	ID       string
	Channels []Channel
}

// Channel is a room of a workspace. A public one is open to every member of the workspace.
type Channel struct {
	ID        string
	Workspace string
	Public    bool
}

// User is a person that the directory knows.
type User struct {
	ID     string
	Number int64 // an integer for those who need one: in 1 … file.MaxNumber, unique in the tenant
	Tenant file.Tenant
	Email  string // lower case; may be empty
	Roles  map[string]Role

	password   *passwordHash // nil for one who cannot log in with a password
	credential Credential    // of the password as the file has it, hashed or not
}

// APIKey is a key as the directory knows it. Its secret is only kept as a hash.
type APIKey struct {
	Name   string // unique in its tenant
	Tenant file.Tenant
	User   string // who is named as the creator of what it uploads; may be empty
	Scopes []Scope

	digest keyDigest
}

// entity names a thing of a tenant.
type entity struct {
	tenant file.Tenant
	id     string
}

// snapshot is one version of the directory file. It never changes.
type snapshot struct {
	order      []*Tenant // as in the file
	tenants    map[file.Tenant]*Tenant
	projects   map[entity]bool
	bots       map[entity]Bot
	workspaces map[entity]Workspace
	channels   map[entity]Channel
	users      map[entity]*User
	emails     map[string]*User
	keys       map[keyDigest]*APIKey
	keyNames   map[entity]*APIKey
}

// Tenants returns all tenants in the order of the file.
func (d *Directory) Tenants() []Tenant {
	s := d.current.Load()
	all := make([]Tenant, len(s.order))
	for i, t := range s.order {
		all[i] = *t
	}
	return all
}

// Tenant returns the tenant of that id.
func (d *Directory) Tenant(id file.Tenant) (Tenant, bool) {
	t, ok := d.current.Load().tenants[id]
	if !ok {
		return Tenant{}, false
	}
	return *t, true
}

// HasProject reports whether the tenant has the Tiledesk project.
func (d *Directory) HasProject(t file.Tenant, id string) bool {
	return d.current.Load().projects[entity{t, id}]
}

// Bot returns a bot of the tenant.
func (d *Directory) Bot(t file.Tenant, id string) (Bot, bool) {
	b, ok := d.current.Load().bots[entity{t, id}]
	return b, ok
}

// Workspace returns a workspace of the tenant.
func (d *Directory) Workspace(t file.Tenant, id string) (Workspace, bool) {
	w, ok := d.current.Load().workspaces[entity{t, id}]
	return w, ok
}

// Channel returns a channel of the tenant, of whichever workspace.
func (d *Directory) Channel(t file.Tenant, id string) (Channel, bool) {
	c, ok := d.current.Load().channels[entity{t, id}]
	return c, ok
}

// User returns a user of the tenant.
func (d *Directory) User(t file.Tenant, id string) (User, bool) {
	u, ok := d.current.Load().users[entity{t, id}]
	if !ok {
		return User{}, false
	}
	return *u, true
}

// Principal returns what the user, or the API key, of that id may do now, for those who act for one without a credential at hand,
// such as a signed URL. It reports false for an id that is not the directory's to judge, which may be one known from tokens. Ids of
// the form "key:" and a name always are the directory's: where the key has been removed, the principal is one that may do nothing.
func (d *Directory) Principal(t file.Tenant, id string) (Principal, bool) {
	s := d.current.Load()
	if name, isKey := strings.CutPrefix(id, keyIDPrefix); isKey {
		if k := s.keyNames[entity{t, name}]; k != nil {
			return s.keyPrincipal(k), true
		}
		return Principal{Tenant: t, ID: id, Kind: KindKey, Name: name, KeyID: name, directory: s}, true
	}
	u, ok := s.users[entity{t, id}]
	if !ok {
		return Principal{}, false
	}
	return s.userPrincipal(u), true
}

// Number returns the integer by which Desk knows a user: the directory's, or for a user whom it does not know DerivedNumber.
func (d *Directory) Number(t file.Tenant, userID string) int64 {
	if u, ok := d.current.Load().users[entity{t, userID}]; ok {
		return u.Number
	}
	return DerivedNumber(userID)
}

func (s *snapshot) userPrincipal(u *User) Principal {
	return Principal{Tenant: u.Tenant, ID: u.ID, Kind: KindUser, Name: u.Email, Roles: u.Roles, directory: s}
}

// keyIDPrefix begins the id of an API key that has no user. No user's or token's id may begin so.
const keyIDPrefix = "key:"

func (s *snapshot) keyPrincipal(k *APIKey) Principal {
	id := k.User
	if id == "" {
		id = keyIDPrefix + k.Name
	}
	return Principal{Tenant: k.Tenant, ID: id, Kind: KindKey, Name: k.Name, Scopes: k.Scopes, KeyID: k.Name, directory: s}
}
