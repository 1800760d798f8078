package access

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/inlethq/inlet/pkg/file"
)

var (
	tenantPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	idPattern     = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@|:+=~-]{0,127}$`)
	namePattern   = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_. -]{0,63}$`)
	// A key has no dot, which tells it from a JWT.
	keyPattern   = regexp.MustCompile(`^[A-Za-z0-9_-]{16,128}$`)
	emailPattern = regexp.MustCompile(`^[^\s:@]+@[^\s:@]+$`)
)

const maxEmail = 254 // RFC 5321, 4.5.3.1.3, less the brackets

var (
	errID     = errors.New("an id has 1 to 128 characters of A-Z a-z 0-9 _ . @ | : + = ~ -, the first a letter, digit or _")
	errTenant = errors.New("a tenant's id has 1 to 63 characters of a-z 0-9 -, the first a letter or digit")
	errKeyID  = errors.New("an id that begins with key: is an API key's")
	errTwice  = errors.New("appears twice")
)

// validID reports whether s can be the id of a user, project or the like. It is safe as a segment of a path and never "." or "..".
func validID(s string) bool { return idPattern.MatchString(s) }

// builder turns a directory file into a snapshot and collects what is wrong with it.
type builder struct {
	snapshot *snapshot
	problems []error
	hash     func(password string) *passwordHash
	numbers  map[tenantNumber]bool
}

type tenantNumber struct {
	tenant file.Tenant
	number int64
}

func newBuilder() *builder {
	return &builder{
		snapshot: &snapshot{
			tenants:    map[file.Tenant]*Tenant{},
			projects:   map[entity]bool{},
			bots:       map[entity]Bot{},
			workspaces: map[entity]Workspace{},
			channels:   map[entity]Channel{},
			users:      map[entity]*User{},
			emails:     map[string]*User{},
			keys:       map[keyDigest]*APIKey{},
			keyNames:   map[entity]*APIKey{},
		},
		hash:    hashPassword,
		numbers: map[tenantNumber]bool{},
	}
}

// fail notes a problem of the field at path.
func (b *builder) fail(path string, err error) {
	b.problems = append(b.problems, fmt.Errorf("%s: %w", path, err))
}

func (b *builder) failf(path, format string, args ...any) { b.fail(path, fmt.Errorf(format, args...)) }

func at(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func (b *builder) build(doc *directoryFile) {
	if len(doc.Tenants) == 0 {
		// An editor that truncates before it writes must not lock everybody out.
		b.failf("tenants", "at least one is needed")
	}
	for i := range doc.Tenants {
		b.tenant(at("tenants", i), &doc.Tenants[i])
	}
	for i := range doc.Users {
		b.user(at("users", i), &doc.Users[i])
	}
	for i := range doc.APIKeys {
		b.key(at("api_keys", i), &doc.APIKeys[i])
	}
}

func (b *builder) tenant(path string, e *tenantEntry) {
	id := file.Tenant(e.ID)
	if !tenantPattern.MatchString(e.ID) {
		b.fail(path+".id", errTenant)
		return
	}
	if b.snapshot.tenants[id] != nil {
		b.fail(path+".id", errTwice)
		return
	}
	t := &Tenant{ID: id, Plan: e.Plan, Limits: b.limits(path, e), Projects: e.Projects}
	for i, p := range e.Projects {
		add(b, at(path+".projects", i), b.snapshot.projects, entity{id, p}, true)
	}
	for i, bot := range e.Bots {
		t.Bots = append(t.Bots, b.bot(at(path+".bots", i), id, bot))
	}
	for i, w := range e.Workspaces {
		t.Workspaces = append(t.Workspaces, b.workspace(at(path+".workspaces", i), id, w))
	}
	b.snapshot.tenants[id] = t
	b.snapshot.order = append(b.snapshot.order, t)
}

// add puts a value into one of the snapshot's maps, under an id that must be well-formed and new.
func add[V any](b *builder, path string, to map[entity]V, key entity, value V) {
	if !validID(key.id) {
		b.fail(path, errID)
		return
	}
	if _, twice := to[key]; twice {
		b.fail(path, errTwice)
		return
	}
	to[key] = value
}

func (b *builder) limits(path string, e *tenantEntry) Limits {
	limits := plans[planUnlimited]
	if e.Plan != "" {
		plan, known := plans[e.Plan]
		if !known {
			b.failf(path+".plan", "the plans are %s", strings.Join(slices.Sorted(maps.Keys(plans)), ", "))
		}
		limits = plan
	}
	path += ".limits"
	b.size(path+".max_file_size", e.Limits.MaxFileSize, &limits.MaxFile)
	b.size(path+".max_storage", e.Limits.MaxStorage, &limits.MaxStorage)
	b.integer(path+".rate.per_minute", e.Limits.Rate.PerMinute, &limits.Rate.PerMinute)
	b.integer(path+".rate.per_hour", e.Limits.Rate.PerHour, &limits.Rate.PerHour)
	b.integer(path+".rate.per_day", e.Limits.Rate.PerDay, &limits.Rate.PerDay)
	return limits
}

func (b *builder) size(path, text string, to *int64) {
	if text == "" {
		return
	}
	n, err := parseSize(text)
	if err != nil {
		b.fail(path, err)
		return
	}
	*to = n
}

func (b *builder) integer(path, text string, to *int64) {
	if text == "" {
		return
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || n > file.MaxNumber {
		b.failf(path, "a whole number from 1 to %d", int64(file.MaxNumber))
		return
	}
	*to = n
}

func (b *builder) bot(path string, t file.Tenant, e botEntry) Bot {
	bot := Bot(e)
	add(b, path+".id", b.snapshot.bots, entity{t, e.ID}, bot)
	if !b.snapshot.projects[entity{t, e.Project}] {
		b.failf(path+".project", "not among the tenant's projects")
	}
	return bot
}

func (b *builder) workspace(path string, t file.Tenant, e workspaceEntry) Workspace {
	w := Workspace{ID: e.ID}
	for i, c := range e.Channels {
		path := at(path+".channels", i)
		channel := Channel{ID: c.ID, Workspace: e.ID, Public: c.Visibility == "public"}
		if !slices.Contains([]string{"", "public", "private"}, c.Visibility) {
			b.failf(path+".visibility", "public or private")
		}
		add(b, path+".id", b.snapshot.channels, entity{t, c.ID}, channel)
		w.Channels = append(w.Channels, channel)
	}
	add(b, path+".id", b.snapshot.workspaces, entity{t, e.ID}, w)
	return w
}

// knownTenant reports whether the tenant exists, and that it does not as a problem.
func (b *builder) knownTenant(path, id string) bool {
	if b.snapshot.tenants[file.Tenant(id)] == nil {
		b.failf(path, "not among the tenants")
		return false
	}
	return true
}

func (b *builder) user(path string, e *userEntry) {
	if !b.knownTenant(path+".tenant", e.Tenant) {
		return
	}
	u := &User{ID: e.ID, Tenant: file.Tenant(e.Tenant), Number: DerivedNumber(e.ID)}
	add(b, path+".id", b.snapshot.users, entity{u.Tenant, e.ID}, u)
	if strings.HasPrefix(e.ID, keyIDPrefix) {
		b.fail(path+".id", errKeyID)
	}
	b.integer(path+".number", e.Number, &u.Number)
	if n := (tenantNumber{u.Tenant, u.Number}); b.numbers[n] {
		b.fail(path+".number", errTwice)
	} else {
		b.numbers[n] = true
	}
	b.login(path, e, u)
	u.Roles = b.roles(path+".roles", e)
}

// login sets what a user proves to be himself with.
func (b *builder) login(path string, e *userEntry, u *User) {
	if e.Email != "" {
		u.Email = strings.ToLower(e.Email)
		switch {
		case len(e.Email) > maxEmail || !emailPattern.MatchString(e.Email):
			b.failf(path+".email", "not an e-mail address")
		case b.snapshot.emails[u.Email] != nil:
			b.fail(path+".email", errTwice)
		default:
			b.snapshot.emails[u.Email] = u
		}
	}
	if e.Password == "" {
		return
	}
	if e.Email == "" {
		b.failf(path+".password", "is of no use without an email")
		return
	}
	h, err := b.password(e.Password)
	if err != nil {
		b.fail(path+".password", err)
		return
	}
	u.password, u.credential = h, sha256.Sum256([]byte(e.Password))
}

// password reads a hash, or, for a demo, the password itself, which is hashed at once. Every hash begins with "$", and so no password
// in clear may: a damaged hash must not become one.
func (b *builder) password(s string) (*passwordHash, error) {
	if strings.HasPrefix(s, "$") {
		return parsePasswordHash(s)
	}
	return b.hash(s), nil
}

func (b *builder) roles(path string, e *userEntry) map[string]Role {
	roles := make(map[string]Role, len(e.Roles))
	for _, on := range slices.Sorted(maps.Keys(e.Roles)) {
		path := fmt.Sprintf("%s[%q]", path, on)
		if err := checkResource(on, e.Tenant); err != nil {
			b.fail(path, err)
			continue
		}
		r, err := ParseRole(e.Roles[on])
		if err != nil {
			b.fail(path, err)
			continue
		}
		roles[on] = r
	}
	return roles
}

// checkResource tells what is wrong with the resource of a role that a tenant's user is to have.
func checkResource(on, tenant string) error {
	if on == systemResource {
		return nil
	}
	kind, id, err := parseResource(on)
	if err == nil && kind == tenantKind && id != tenant {
		err = errors.New("a user has no role on another tenant than his own")
	}
	return err
}

func (b *builder) key(path string, e *keyEntry) {
	if !b.knownTenant(path+".tenant", e.Tenant) {
		return
	}
	k := &APIKey{Name: e.Name, Tenant: file.Tenant(e.Tenant), User: e.User, Scopes: b.scopes(path+".scopes", e.Scopes)}
	name := entity{k.Tenant, k.Name}
	switch {
	case !namePattern.MatchString(k.Name):
		b.failf(path+".name", "1 to 64 letters, digits, spaces and _ . -")
	case b.snapshot.keyNames[name] != nil:
		b.fail(path+".name", errTwice)
	}
	b.snapshot.keyNames[name] = k
	if k.User != "" && b.snapshot.users[entity{k.Tenant, k.User}] == nil {
		b.failf(path+".user", "not among the tenant's users")
	}
	digest := digestKey(e.Key)
	switch {
	case !keyPattern.MatchString(e.Key):
		b.failf(path+".key", "16 to 128 characters of A-Z a-z 0-9 _ -")
	case b.snapshot.keys[digest] != nil:
		b.fail(path+".key", errTwice)
	}
	k.digest = digest
	b.snapshot.keys[digest] = k
}

func (b *builder) scopes(path string, names []string) []Scope {
	if len(names) == 0 {
		b.failf(path, "at least one of %v is needed", scopes)
	}
	granted := make([]Scope, 0, len(names))
	for i, name := range names {
		if !slices.Contains(scopes, Scope(name)) {
			b.failf(at(path, i), "the scopes are %v", scopes)
		}
		granted = append(granted, Scope(name))
	}
	return granted
}

// DerivedNumber makes a number of a user's id: the same for ever, in 1 … file.MaxNumber. Two ids share one with a chance of 2^-53.
func DerivedNumber(userID string) int64 {
	sum := sha256.Sum256([]byte(userID))
	return int64(binary.BigEndian.Uint64(sum[:8])%file.MaxNumber) + 1
}
