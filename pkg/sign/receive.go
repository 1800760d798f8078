package sign

import (
	"crypto/hmac"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// ignored begins the names of fields that no policy has to speak of.
const ignored = "x-ignore-"

// clockSkew is how far the clock of the signer may be ahead of ours. Expiry is judged without any.
const clockSkew = 15 * time.Minute

// Field is one field of a form.
type Field struct{ Name, Value string }

// Accepted is an upload that a form may make.
type Accepted struct {
	Key           string // taken literally: ${filename} means nothing here
	ContentType   string // empty when neither form nor policy names one
	MinSize       int64  // bytes
	MaxSize       int64  // bytes; math.MaxInt64 when the policy says nothing
	SuccessStatus int    // of the answer: 200, 201 or 204
}

// PostError is an answer of S3 to a POST that it does not take. Message is for the client; it tells nothing that the form does not.
type PostError struct {
	Status  int
	Code    string
	Message string
}

func (e *PostError) Error() string { return e.Code + ": " + e.Message }

var _ error = (*PostError)(nil)

// VerifyPost judges the form of a POST object, the file apart, as a receiver whose bucket is named bucket and whose accounts are
// keys. It takes AWS Signature Version 4 and nothing else, and refuses what it does not understand.
//
// Fields are those before the file, in any order; S3 ignores those after it. Only bucket may be added from there: where it is missing
// its condition is judged against the receiver's own. Every field needs a condition in the policy, but the policy itself, its
// signature and those that begin with x-ignore-. Fields that Accepted has no place for must meet their conditions and do nothing.
//
// Errors are *PostError. The answers are those that the s3-tests of Ceph expect.
func VerifyPost(fields []Field, bucket string, keys []Credentials, now time.Time) (Accepted, error) {
	f, err := readForm(fields)
	if err != nil {
		return Accepted{}, err
	}
	if err := f.authenticate(keys, now); err != nil {
		return Accepted{}, err
	}
	p, err := parsePolicy(f[fieldPolicy])
	if err != nil {
		return Accepted{}, err
	}
	if !now.Before(p.expiration) {
		return Accepted{}, denied("The policy has expired")
	}
	if sent, ok := f[fieldBucket]; ok && sent != bucket {
		return Accepted{}, denied("The form is for another bucket")
	}
	f[fieldBucket] = bucket
	if err := f.obey(p.conditions); err != nil {
		return Accepted{}, err
	}
	return Accepted{
		Key:           f[fieldKey],
		ContentType:   f[fieldContentType],
		MinSize:       p.minSize,
		MaxSize:       p.maxSize,
		SuccessStatus: f.successStatus(),
	}, nil
}

// CheckSize returns nil when a file of n bytes may be uploaded, else a *PostError.
func (a Accepted) CheckSize(n int64) error {
	switch {
	case n > a.MaxSize:
		return badRequest("EntityTooLarge", "The file is larger than the policy allows: %d bytes", a.MaxSize)
	case n < a.MinSize:
		return badRequest("EntityTooSmall", "The file is smaller than the policy asks for: %d bytes", a.MinSize)
	}
	return nil
}

// form has the fields of a form under their names in lower case.
type form map[string]string

// readForm takes the fields that count, each once, and looks for those without which nothing can be judged.
func readForm(fields []Field) (form, error) {
	f := make(form, len(fields)+1)
	for _, field := range fields {
		name := strings.ToLower(field.Name)
		if strings.HasPrefix(name, ignored) {
			continue
		}
		if _, twice := f[name]; twice {
			return nil, badRequest("MalformedPOSTRequest", "The form has the field %q twice", name)
		}
		f[name] = field.Value
	}
	for _, name := range []string{fieldKey, fieldPolicy, fieldAlgorithm, fieldCredential, fieldDate, fieldSignature} {
		if f[name] == "" {
			return nil, invalidArgument("The form needs the field %q, before the file", name)
		}
	}
	return f, nil
}

// authenticate checks who signed the policy, and when. Nothing of the policy is read before.
func (f form) authenticate(keys []Credentials, now time.Time) error {
	if f[fieldAlgorithm] != algorithm {
		return invalidArgument("The only %s is %s", fieldAlgorithm, algorithm)
	}
	date, err := time.Parse(dateLayout, f[fieldDate])
	if err != nil || date.Format(dateLayout) != f[fieldDate] {
		return invalidArgument("The %s is not a time such as %s", fieldDate, dateLayout)
	}
	if strings.Count(f[fieldCredential], "/") != 4 {
		return invalidArgument("The %s is not access key, day, region, service and %s, with slashes between", fieldCredential, terminator)
	}
	accessKey, _, _ := strings.Cut(f[fieldCredential], "/")
	i := slices.IndexFunc(keys, func(c Credentials) bool { return c.AccessKey == accessKey && c.SecretKey != "" })
	if i < 0 {
		return forbidden("InvalidAccessKeyId", "The access key is not known")
	}
	c := keys[i]
	if f[fieldCredential] != c.credential(date) {
		return forbidden("SignatureDoesNotMatch", "The %s is for another day, region or service", fieldCredential)
	}
	if !hmac.Equal([]byte(c.signature(f[fieldPolicy], date)), []byte(f[fieldSignature])) {
		return forbidden("SignatureDoesNotMatch", "The signature is not that of the policy")
	}
	switch {
	case !now.Before(date.Add(MaxLife)):
		return denied("The signature has expired")
	case date.After(now.Add(clockSkew)):
		return forbidden("RequestTimeTooSkewed", "The signature is from the future")
	}
	return nil
}

// obey checks that each condition holds and that each field has one.
func (f form) obey(conditions []condition) error {
	covered := map[string]bool{fieldPolicy: true, fieldSignature: true}
	for _, c := range conditions {
		if !c.holds(f) {
			return denied("A condition of the policy does not hold: %s", c)
		}
		covered[c.field] = true
	}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if !covered[name] {
			return denied("The policy has no condition for the field %q", name)
		}
	}
	return nil
}

// successStatus is the status of the answer. What S3 does not know it answers with 204.
func (f form) successStatus() int {
	switch f[fieldSuccessStatus] {
	case "200":
		return http.StatusOK
	case "201":
		return http.StatusCreated
	}
	return http.StatusNoContent
}

func denied(format string, args ...any) error { return forbidden("AccessDenied", format, args...) }

func forbidden(code, format string, args ...any) error {
	return &PostError{Status: http.StatusForbidden, Code: code, Message: fmt.Sprintf(format, args...)}
}

func invalidArgument(format string, args ...any) error {
	return badRequest("InvalidArgument", format, args...)
}

func invalidPolicy(format string, args ...any) error {
	return badRequest("InvalidPolicyDocument", format, args...)
}

func badRequest(code, format string, args ...any) error {
	return &PostError{Status: http.StatusBadRequest, Code: code, Message: fmt.Sprintf(format, args...)}
}
