package sign

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/inlethq/inlet/pkg/file"
)

// purposeSeal is what keys seal with. It is part of what was sealed: a change makes all of that unreadable.
const purposeSeal = "inlet seal v1"

// sealVersion begins everything that was sealed: AES-256-GCM under a random nonce (NIST SP 800-38D), in front of the ciphertext.
const sealVersion = "s1"

var (
	errSealForm  = errors.New("it is not something that was sealed")
	errSealKey   = errors.New("the key that it was sealed with is not in the ring")
	errSealPlace = errors.New("it was changed, or belongs elsewhere")
)

func deriveSeal(secret []byte) (cipher.AEAD, error) {
	k, err := hkdf.Key(sha256.New, secret, nil, purposeSeal, derivedBytes)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Seal encrypts a secret that is to be kept, with the first key of the ring. place names where it is kept: it opens nowhere else.
func (r *Ring) Seal(secret []byte, place string) string {
	k := r.keys[0]
	nonce := make([]byte, k.seal.NonceSize())
	_, _ = rand.Read(nonce) // crypto/rand never fails
	sealed := k.seal.Seal(nonce, nonce, secret, []byte(place))
	return sealVersion + "." + k.id + "." + base64.RawURLEncoding.EncodeToString(sealed)
}

// Unseal returns what was sealed for the place. stale tells that it was not sealed with the first key: it is to be sealed anew before the key
// that it was sealed with leaves the ring. Errors are Damaged and hold nothing of the secret.
func (r *Ring) Unseal(sealed, place string) (secret []byte, stale bool, err error) {
	secret, stale, err = r.unseal(sealed, place)
	return secret, stale, file.Wrap(file.Damaged, "sign.unseal", err)
}

func (r *Ring) unseal(sealed, place string) (secret []byte, stale bool, err error) {
	parts := strings.Split(sealed, ".")
	if len(parts) != 3 || parts[0] != sealVersion {
		return nil, false, errSealForm
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, false, errSealForm
	}
	for i, k := range r.keys {
		if k.id != parts[1] {
			continue
		}
		n := k.seal.NonceSize()
		if len(data) < n {
			return nil, false, errSealForm
		}
		if secret, err = k.seal.Open(nil, data[:n], data[n:], []byte(place)); err != nil {
			return nil, false, errSealPlace
		}
		return secret, i > 0, nil
	}
	return nil, false, errSealKey
}
