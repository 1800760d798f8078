package sign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// The fields of a form that mean something here, in lower case: names have no case (AWS, "POST policy").
const (
	fieldAlgorithm     = "x-amz-algorithm"
	fieldBucket        = "bucket"
	fieldContentType   = "content-type"
	fieldCredential    = "x-amz-credential" //nolint:gosec // the name of a field, not a credential
	fieldDate          = "x-amz-date"
	fieldKey           = "key"
	fieldPolicy        = "policy"
	fieldSignature     = "x-amz-signature"
	fieldSuccessStatus = "success_action_status"
)

// The fixed parts of Signature Version 4 for S3.
const (
	algorithm   = "AWS4-HMAC-SHA256"
	service     = "s3"
	terminator  = "aws4_request"
	dayLayout   = "20060102"
	dateLayout  = "20060102T150405Z"         // ISO 8601, basic
	untilLayout = "2006-01-02T15:04:05.000Z" // ISO 8601, as policies have it
)

// Credentials sign POST policies: our own (Ring.PostCredentials), or those of an account of a real S3.
type Credentials struct {
	AccessKey string
	SecretKey string `json:"-"`
	Region    string
}

// String names the credentials, for logs. It tells no secret.
func (c Credentials) String() string { return c.AccessKey + "/" + c.Region }

// credential is the access key with its scope: what x-amz-credential must be for a policy that was signed at t.
func (c Credentials) credential(t time.Time) string {
	return c.AccessKey + "/" + t.Format(dayLayout) + "/" + c.Region + "/" + service + "/" + terminator
}

// signature signs a policy in base64, as lower-case hex (AWS, "Calculating a signature", for POST).
func (c Credentials) signature(policy string, t time.Time) string {
	key := []byte("AWS4" + c.SecretKey)
	for _, part := range []string{t.Format(dayLayout), c.Region, service, terminator, policy} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}

// Post is one upload that a form may make: these bytes of this type, to this key. All fields are needed, and all texts are UTF-8.
type Post struct {
	Bucket        string
	Key           string // taken as it is by our receiver; a real S3 replaces ${filename} in it
	ContentType   string
	MinSize       int64  // bytes
	MaxSize       int64  // bytes
	SuccessStatus string // of the answer: "200", "201" or "204"
	Expires       time.Time
}

// Sign returns the fields of the form, all but the file. The policy fixes each of them, so none can be changed, left out or added.
func (p Post) Sign(c Credentials, now time.Time) map[string]string {
	now = now.UTC()
	fields := map[string]string{
		"Content-Type":     p.ContentType,
		fieldAlgorithm:     algorithm,
		fieldBucket:        p.Bucket,
		fieldCredential:    c.credential(now),
		fieldDate:          now.Format(dateLayout),
		fieldKey:           p.Key,
		fieldSuccessStatus: p.SuccessStatus,
	}
	conditions := []any{[]any{operatorRange, p.MinSize, p.MaxSize}}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		conditions = append(conditions, []any{operatorEq, "$" + name, fields[name]})
	}
	text, _ := json.Marshal(map[string]any{ // texts and whole numbers: it cannot fail
		memberExpiration: p.Expires.UTC().Format(untilLayout),
		memberConditions: conditions,
	})
	fields[fieldPolicy] = base64.StdEncoding.EncodeToString(text)
	fields[fieldSignature] = c.signature(fields[fieldPolicy], now)
	return fields
}
