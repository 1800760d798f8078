package send

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of an attempt: those of Standard Webhooks (https://www.standardwebhooks.com, "Webhook Headers"), and tagd-ai's signature.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
	HeaderTagdAI    = "X-Tagd-Ai-Signature"
)

// secretPrefix begins every secret; base64 of what the HMAC is keyed with follows.
const secretPrefix = "whsec_"

var errSecret = errors.New("it is not a secret of Standard Webhooks")

// sign puts the signatures into a header: v1 of Standard Webhooks by each secret, and tagd-ai's, of the body alone and with the text of the
// newest secret for its key.
func sign(h http.Header, secrets []string, id string, at time.Time, body string) error {
	if len(secrets) == 0 {
		return errSecret
	}
	timestamp := strconv.FormatInt(at.Unix(), 10)
	var signatures []string
	for _, secret := range secrets {
		text, ok := strings.CutPrefix(secret, secretPrefix)
		key, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil || len(key) == 0 {
			return errSecret // and no word of it
		}
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac(key, id, ".", timestamp, ".", body)))
	}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, timestamp)
	h.Set(HeaderSignature, strings.Join(signatures, " "))
	h.Set(HeaderTagdAI, "sha256="+hex.EncodeToString(mac([]byte(secrets[0]), body)))
	return nil
}

func mac(key []byte, parts ...string) []byte {
	m := hmac.New(sha256.New, key)
	for _, p := range parts {
		m.Write([]byte(p)) // a hash never fails
	}
	return m.Sum(nil)
}
