// Package sign makes and checks the three things that Inlet hands out in place of a credential: URLs that download one file, the S3 POST
// policies that upload one (AWS Signature Version 4), and the tokens of browsers' sessions. With the same keys it seals the secrets that the records keep.
//
// It says what was signed and whether that still holds. It judges no rights: whether the user of a URL may still read the file, and
// whether a policy has been used before, is the caller's. It reads no clock and keeps no state, so everything in it is safe for
// concurrent use.
package sign

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/inlethq/inlet/pkg/file"
)

// Bounds of a ring's entries.
const (
	maxKeyID    = 16 // characters
	minSecret   = 32 // bytes
	maxSecret   = 64
	minDistinct = 8 // different bytes; 32 random ones have fewer once in 10^36
)

// What a secret is used for. Each purpose has keys of its own (HKDF-SHA256, RFC 5869), so that nothing signed for one is worth
// anything to the other. The texts are part of the signatures: a change makes all of them invalid.
const (
	purposeURL     = "inlet url v1"
	purposePost    = "inlet post policy v1"
	purposeSession = "inlet session v1"
)

const (
	derivedBytes   = 32
	accessKeyBytes = 10 // 16 characters of base 32
	accessKeyStart = "INLET"
	region         = "inlet" // of our own receiver
)

var (
	errEntry     = errors.New("it must be id:base64, with an id of 1 to 16 characters of a-z, 0-9, _ and -")
	errBase64    = errors.New("its secret is not base64")
	errLength    = fmt.Errorf("its secret must have %d to %d bytes", minSecret, maxSecret)
	errGuessable = errors.New("its secret can be guessed: take random bytes")
	errTwice     = errors.New("its id is there twice")
)

// wellKnown are how secrets begin that were copied from an example, as bytes or as their base64.
var wellKnown = []string{"changeme", "change-me", "change_me", "secret", "password", "default", "insecure", "example"}

// Ring holds the keys that sign, the newest first. The first signs, all verify: a new key is put in front, and an old one is taken
// out when nothing that it signed is alive any more (MaxLife).
type Ring struct {
	keys []key // at least one
}

// key is what one secret of the ring leads to. The secret itself is not kept.
type key struct {
	id      string
	url     []byte
	post    Credentials
	session []byte
	seal    cipher.AEAD
}

// ParseRing reads a ring as id:base64,id:base64…, the newest key first. Ids are unique and of [a-z0-9_-]{1,16}; secrets have 32 to
// 64 bytes, in standard or URL base64, padded or not. A secret that anybody could guess is refused. Errors are Invalid and name the
// entry, never its secret.
func ParseRing(text string) (*Ring, error) {
	r := &Ring{}
	for i, entry := range strings.Split(text, ",") {
		k, err := parseKey(strings.TrimSpace(entry))
		if err == nil && r.has(k.id) {
			err = errTwice
		}
		if err != nil {
			name := fmt.Sprintf("entry %d", i+1)
			if k.id != "" {
				name += fmt.Sprintf(" (%s)", k.id)
			}
			return nil, &file.Error{Kind: file.Invalid, Op: "sign.ring", Public: "The key ring is not valid", Err: fmt.Errorf("%s: %w", name, err)}
		}
		r.keys = append(r.keys, k)
	}
	return r, nil
}

// NewRing returns a ring of one fresh key, which nobody else has: what it signs ends with the process.
func NewRing() *Ring {
	r, err := ParseRing(NewKey())
	if err != nil {
		panic(err) // NewKey writes what ParseRing reads
	}
	return r
}

// NewKey returns a fresh entry in the form that ParseRing reads.
func NewKey() string {
	secret := make([]byte, minSecret)
	for {
		_, _ = rand.Read(secret) // crypto/rand never fails
		text := base64.StdEncoding.EncodeToString(secret)
		if !guessable(text) && !guessable(string(secret)) { // chance may begin with a word, too
			return "k" + strings.ToLower(rand.Text()[:8]) + ":" + text
		}
	}
}

// String names the keys, for logs. It tells no secret.
func (r *Ring) String() string {
	ids := make([]string, len(r.keys))
	for i, k := range r.keys {
		ids[i] = k.id
	}
	return "keys " + strings.Join(ids, ", ")
}

// PostCredentials are those of our own receiver of POST policies, one for every key of the ring. The first is to sign with.
func (r *Ring) PostCredentials() []Credentials {
	all := make([]Credentials, len(r.keys))
	for i, k := range r.keys {
		all[i] = k.post
	}
	return all
}

func (r *Ring) has(id string) bool {
	for _, k := range r.keys {
		if k.id == id {
			return true
		}
	}
	return false
}

// parseKey reads one entry. Where it fails, the key has its id and nothing else, if the entry has one.
func parseKey(entry string) (key, error) {
	id, text, ok := strings.Cut(entry, ":")
	if !ok || !validKeyID(id) {
		return key{}, errEntry
	}
	secret, ok := decodeSecret(text)
	switch {
	case !ok:
		return key{id: id}, errBase64
	case len(secret) < minSecret || len(secret) > maxSecret:
		return key{id: id}, errLength
	case guessable(text) || guessable(string(secret)):
		return key{id: id}, errGuessable
	}
	return deriveKey(id, secret)
}

func validKeyID(id string) bool {
	if id == "" || len(id) > maxKeyID {
		return false
	}
	for _, c := range id {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func decodeSecret(text string) ([]byte, bool) {
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if secret, err := encoding.Strict().DecodeString(text); err == nil {
			return secret, true
		}
	}
	return nil, false
}

// guessable reports whether a secret of the right length is none: zeros, a short text over and over, or a known default.
func guessable(secret string) bool {
	seen := map[byte]bool{}
	for i := range len(secret) {
		seen[secret[i]] = true
	}
	if len(seen) < minDistinct {
		return true
	}
	lower := strings.ToLower(secret)
	for _, start := range wellKnown {
		if strings.HasPrefix(lower, start) {
			return true
		}
	}
	return false
}

func deriveKey(id string, secret []byte) (key, error) {
	forURL, err := hkdf.Key(sha256.New, secret, nil, purposeURL, derivedBytes)
	if err != nil {
		return key{id: id}, err
	}
	forPost, err := hkdf.Key(sha256.New, secret, nil, purposePost, derivedBytes+accessKeyBytes)
	if err != nil {
		return key{id: id}, err
	}
	seal, err := deriveSeal(secret)
	if err != nil {
		return key{id: id}, err
	}
	forSession, err := hkdf.Key(sha256.New, secret, nil, purposeSession, derivedBytes)
	if err != nil {
		return key{id: id}, err
	}
	return key{id: id, url: forURL, session: forSession, seal: seal, post: Credentials{
		AccessKey: accessKeyStart + base32.StdEncoding.EncodeToString(forPost[derivedBytes:]),
		SecretKey: base64.RawURLEncoding.EncodeToString(forPost[:derivedBytes]),
		Region:    region,
	}}, nil
}
