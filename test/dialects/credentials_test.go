package dialects

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// jwtSecret signs the tokens of the systems under test.
const jwtSecret = "a secret of the acceptance tests, of more than 32 bytes"

// claims are what a token says. The zero value is a user of acme without an id, and lives for an hour.
type claims struct {
	Sub    string
	Kind   string // user, bot, subscription, guest
	Tenant string
	Roles  map[string]string // as in the directory file: "project/…": "admin"
	Life   time.Duration     // below zero for a token that has expired
}

// Basic is the Authorization of a user of acme, or of tenant/user.
func (e *env) Basic(user string) string {
	tenant, id, ok := strings.Cut(user, "/")
	if !ok {
		tenant, id = acme, user
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+"@"+tenant+".test:"+password))
}

// Key is the Authorization of an API key.
func (e *env) Key(name string) string { return "Bearer " + keyText(name) }

// Token is the Authorization of whom the claims describe. Tiledesk's own scheme word is for asJWT.
func (e *env) Token(c claims) string {
	if c.Tenant == "" {
		c.Tenant = acme
	}
	if c.Kind == "" {
		c.Kind = "user"
	}
	if c.Life == 0 {
		c.Life = time.Hour
	}
	body, err := json.Marshal(map[string]any{
		"sub": c.Sub, "kind": c.Kind, "tenant": c.Tenant, "roles": c.Roles, "exp": time.Now().Add(c.Life).Unix(),
	})
	must(err)
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(body)
	mac := hmac.New(sha256.New, []byte(jwtSecret))
	mac.Write([]byte(text))
	return "Bearer " + text + "." + encode(mac.Sum(nil))
}

// Guest is the Authorization of a visitor with a guest's role on the first project.
func (e *env) Guest(id string) string {
	return e.Token(claims{Sub: id, Kind: "guest", Roles: map[string]string{"project/" + project1: "guest"}})
}

// Bot is the Authorization of a bot that the directory knows.
func (e *env) Bot(id string) string { return e.Token(claims{Sub: id, Kind: "bot"}) }

// asJWT is a token's Authorization with the scheme word that Tiledesk uses.
func asJWT(authorization string) string {
	return strings.Replace(authorization, "Bearer ", "JWT ", 1)
}

// auth is the header of a request with an Authorization, which may be empty, and further names and values in turn.
func auth(authorization string, pairs ...string) http.Header {
	h := headers(pairs...)
	if authorization != "" {
		h.Set("Authorization", authorization)
	}
	return h
}

// headers makes a Header of names and values in turn.
func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}
