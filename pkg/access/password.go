package access

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of a new hash: OWASP's Password Storage Cheat Sheet, Argon2id.
const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	saltLen      = 16
	sumLen       = 32
)

// The highest cost that a hash in the directory file may ask for: each login pays it.
const (
	maxArgonMemory  = 256 * 1024
	maxArgonTime    = 16
	maxArgonThreads = 16
)

// passwordHash is an Argon2id hash (RFC 9106) and what it was made with.
type passwordHash struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
	salt    []byte
	sum     []byte
}

// HashPassword makes the hash of a password as the directory file takes it.
func HashPassword(password string) string { return hashPassword(password).String() }

func hashPassword(password string) *passwordHash {
	h := decoy()
	h.sum = h.derive(password)
	return h
}

// decoy costs what a new hash costs, and matches no password that anybody will find.
func decoy() *passwordHash {
	h := &passwordHash{memory: argonMemory, time: argonTime, threads: argonThreads, salt: make([]byte, saltLen), sum: make([]byte, sumLen)}
	_, _ = rand.Read(h.salt) // crypto/rand never fails
	_, _ = rand.Read(h.sum)
	return h
}

// derive is slow on purpose, and takes h.memory. The length of the result is h.sum's.
func (h *passwordHash) derive(password string) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(len(h.sum))) //nolint:gosec // at most 64
}

func (h *passwordHash) matches(password string) bool {
	return subtle.ConstantTimeCompare(h.derive(password), h.sum) == 1
}

// String is the form that the reference implementation of Argon2 prints: $argon2id$v=19$m=…,t=…,p=…$salt$sum.
func (h *passwordHash) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.threads, b64.EncodeToString(h.salt), b64.EncodeToString(h.sum))
}

var errHash = errors.New("what begins with $ must be an Argon2id hash: $argon2id$v=19$m=…,t=…,p=…$salt$sum")

func parsePasswordHash(s string) (*passwordHash, error) {
	h := new(passwordHash)
	parts := strings.Split(s, "$")
	if len(parts) != 6 {
		return nil, errHash
	}
	_, errCost := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads)
	salt, errSalt := base64.RawStdEncoding.DecodeString(parts[4])
	sum, errSum := base64.RawStdEncoding.DecodeString(parts[5])
	h.salt, h.sum = salt, sum
	// What prints as something else was not understood in full.
	if errors.Join(errCost, errSalt, errSum) != nil || h.String() != s {
		return nil, errHash
	}
	if h.threads < 1 || h.threads > maxArgonThreads || h.time < 1 || h.time > maxArgonTime || h.memory < 8*uint32(h.threads) || h.memory > maxArgonMemory {
		return nil, fmt.Errorf("the cost of the hash is out of bounds: t 1 to %d, p 1 to %d, m 8p to %d KiB", maxArgonTime, maxArgonThreads, maxArgonMemory)
	}
	if len(h.salt) < 8 || len(h.salt) > 64 || len(h.sum) < 16 || len(h.sum) > 64 {
		return nil, errors.New("the hash needs a salt of 8 to 64 bytes and a sum of 16 to 64")
	}
	return h, nil
}
