package sign_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/sign"
)

// FuzzVerifyURL: of all queries only those with the one signature that there is are accepted, and as what was signed.
func FuzzVerifyURL(f *testing.F) {
	r := ring(f, entry("k2", 1)+","+entry("k1", 0))
	good := r.Sign(grant()).Encode()
	f.Add(string(fileID), good)
	f.Add(string(otherID), good)
	f.Add(string(fileID), good+"&uid=u2")
	f.Add(string(fileID), good+"&download=1")
	f.Add(string(fileID), strings.Replace(good, "expires=", "expires=%2B", 1))
	f.Add(string(fileID), strings.Replace(good, "uid=u1", "uid=u1%0A", 1))
	f.Add(string(fileID), "expires=1772604367&sig=&uid=u1&tenant=acme")
	f.Fuzz(func(t *testing.T, id, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		g, err := r.Verify(file.ID(id), q, now)
		if err == nil {
			if g != grant() {
				t.Errorf("%q is accepted as %+v", query, g)
			}
			return
		}
		if g != (sign.Grant{}) || !file.Is(err, file.Forbidden) && !file.Is(err, file.Unauthorized) {
			t.Errorf("%q: %+v, %v", query, g, err)
		}
	})
}

// FuzzPostPolicy signs any policy, as the holder of a key might, or does not. Without a signature nothing is accepted; with one only
// what a second reader of the policy finds to be allowed.
func FuzzPostPolicy(f *testing.F) {
	f.Add(document(usual), credential, true)
	f.Add(document(usual), credential, false)
	f.Add(document(`["eq", "$bucket", "`+bucket+`"], {"KEY": "foo.txt"}, {"acl": "private"}, {"content-type": "text/plain"}`), credential, true)
	f.Add(strings.Replace(document(usual), `"foo"`, `""`, 1), "AKIATEST/20260304/us-east-1/s3/aws4_request", true)
	f.Add(document(usual+`, {"acl": "private", "acl": "public-read"}`), credential, true)
	f.Add(strings.Replace(document(usual), "1024", "-1", 1), "AKIATEST//inlet/s3/aws4_request", true)
	f.Add(awsPolicy, "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request", true)
	f.Add(`{"expiration":"2026-03-04T06:00:00Z","conditions":[[[[]]]]}`, "////", true)
	f.Fuzz(func(t *testing.T, policy, scope string, sealed bool) {
		form := signed(policy).with("x-amz-credential", scope)
		if !sealed {
			form = form.with("x-amz-signature", signer.PostPresignSignatureV4("", now, account.SecretKey, account.Region))
		}
		got, err := verify(form)
		if err != nil {
			var e *sign.PostError
			if !errors.As(err, &e) || e.Status != 400 && e.Status != 403 || e.Code == "" || got != (sign.Accepted{}) {
				t.Errorf("%+v, %v", got, err)
			}
			return
		}
		if !sealed || scope != credential {
			t.Fatalf("accepted without a signature: %q as %q", policy, scope)
		}
		if got.Key != "foo.txt" || got.ContentType != "text/plain" || got.MinSize < 0 {
			t.Errorf("accepted as %+v", got)
		}
		readAgain(t, policy, form)
	})
}

// readAgain reads an accepted policy in the plainest way, and checks that it is alive and speaks of every field.
func readAgain(t *testing.T, policy string, f form) {
	t.Helper()
	var document map[string]json.RawMessage
	var until time.Time
	var conditions []any
	if err := errors.Join(
		json.Unmarshal([]byte(policy), &document),
		json.Unmarshal(document["expiration"], &until),
		json.Unmarshal(document["conditions"], &conditions),
	); err != nil {
		t.Fatalf("%v: %q", err, policy)
	}
	if !until.After(now) {
		t.Errorf("expired: %q", policy)
	}
	var names []string
	for _, value := range conditions {
		switch c := value.(type) {
		case map[string]any:
			for name := range c {
				names = append(names, strings.ToLower(name))
			}
		case []any:
			if name, ok := c[1].(string); ok {
				names = append(names, strings.ToLower(strings.TrimPrefix(name, "$")))
			}
		}
	}
	for _, field := range append(f, sign.Field{Name: "bucket"}) {
		name := strings.ToLower(field.Name)
		if name != "policy" && name != "x-amz-signature" && !slices.Contains(names, name) {
			t.Errorf("%s has no condition: %q", name, policy)
		}
	}
	if f.value("policy") != base64.StdEncoding.EncodeToString([]byte(policy)) {
		t.Error("another policy")
	}
}
