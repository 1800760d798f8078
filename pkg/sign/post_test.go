package sign_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/inlethq/inlet/pkg/sign"
)

const bucket = "inlet-files"

// form is a form as it is sent: its fields in their order.
type form []sign.Field

// fieldsOf gives the fields in the order of their names.
func fieldsOf(fields map[string]string) form {
	var f form
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		f = append(f, sign.Field{Name: name, Value: fields[name]})
	}
	return f
}

func (f form) value(name string) string {
	for _, field := range f {
		if field.Name == name {
			return field.Value
		}
	}
	return ""
}

func (f form) with(name, value string) form {
	return append(f.without(name), sign.Field{Name: name, Value: value})
}

func (f form) without(name string) form {
	return slices.DeleteFunc(slices.Clone(f), func(field sign.Field) bool { return field.Name == name })
}

func (f form) twice(name string) form {
	return append(slices.Clone(f), sign.Field{Name: name, Value: f.value(name)})
}

func (f form) reversed() form {
	f = slices.Clone(f)
	slices.Reverse(f)
	return f
}

func post() sign.Post {
	return sign.Post{
		Bucket:        bucket,
		Key:           `uploads/42/Plan "A" <1> & ünder\${filename}.png`,
		ContentType:   "image/png",
		MinSize:       1,
		MaxSize:       1000,
		SuccessStatus: "201",
		Expires:       now.Add(time.Hour),
	}
}

func wantPostError(t *testing.T, err error, status int, code string) {
	t.Helper()
	//nolint:errorlint // bare by contract
	if e, ok := err.(*sign.PostError); !ok || e.Status != status || e.Code != code || e.Message == "" {
		t.Errorf("got %v, want %d %s", err, status, code)
	}
}

const awsAccessKey = "AKIAIOSFODNN7EXAMPLE" //nolint:gosec // of AWS's documentation

// awsPolicy is the example of AWS, "Example: Browser-Based Upload using HTTP POST (Using AWS Signature Version 4)".
const awsPolicy = `{ "expiration": "2015-12-30T12:00:00.000Z",
  "conditions": [
    {"bucket": "sigv4examplebucket"},
    ["starts-with", "$key", "user/user1/"],
    {"acl": "public-read"},
    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},
    ["starts-with", "$Content-Type", "image/"],
    {"x-amz-meta-uuid": "14365123651274"},
    {"x-amz-server-side-encryption": "AES256"},
    ["starts-with", "$x-amz-meta-tag", ""],

    {"x-amz-credential": "` + awsAccessKey + `/20151229/us-east-1/s3/aws4_request"},
    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
    {"x-amz-date": "20151229T000000Z" }
  ]
}`

func TestAWSExample(t *testing.T) {
	aws := sign.Credentials{AccessKey: awsAccessKey, SecretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", Region: "us-east-1"} //nolint:gosec // of AWS's documentation
	f := form{
		{Name: "key", Value: "user/user1/photo.png"},
		{Name: "acl", Value: "public-read"},
		{Name: "success_action_redirect", Value: "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},
		{Name: "Content-Type", Value: "image/jpeg"},
		{Name: "x-amz-meta-uuid", Value: "14365123651274"},
		{Name: "x-amz-server-side-encryption", Value: "AES256"},
		{Name: "X-Amz-Credential", Value: awsAccessKey + "/20151229/us-east-1/s3/aws4_request"},
		{Name: "X-Amz-Algorithm", Value: "AWS4-HMAC-SHA256"},
		{Name: "X-Amz-Date", Value: "20151229T000000Z"},
		{Name: "x-amz-meta-tag", Value: ""},
		{Name: "Policy", Value: base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(awsPolicy, "\n", "\r\n")))},
		{Name: "X-Amz-Signature", Value: "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"},
	}
	at := time.Date(2015, 12, 29, 12, 0, 0, 0, time.UTC)
	got, err := sign.VerifyPost(f, "sigv4examplebucket", []sign.Credentials{aws}, at)
	want := sign.Accepted{Key: "user/user1/photo.png", ContentType: "image/jpeg", MaxSize: math.MaxInt64, SuccessStatus: http.StatusNoContent}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = sign.VerifyPost(f, "sigv4examplebucket", []sign.Credentials{aws}, at.Add(24*time.Hour))
	wantPostError(t, err, http.StatusForbidden, "AccessDenied")
}

func TestPostSign(t *testing.T) {
	p, c := post(), sign.NewRing().PostCredentials()[0]
	zone := time.FixedZone("west", -7*3600) // there it is another day
	p.Expires = p.Expires.In(zone)
	fields := p.Sign(c, now.In(zone))

	names := []string{"Content-Type", "bucket", "key", "policy", "success_action_status", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"}
	if got := slices.Sorted(maps.Keys(fields)); !slices.Equal(got, names) {
		t.Errorf("fields %v", got)
	}
	for name, want := range map[string]string{
		"Content-Type": p.ContentType, "bucket": bucket, "key": p.Key, "success_action_status": "201",
		"x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": c.AccessKey + "/20260304/inlet/s3/aws4_request", "x-amz-date": "20260304T050607Z",
		"x-amz-signature": signer.PostPresignSignatureV4(fields["policy"], now, c.SecretKey, c.Region),
	} {
		if fields[name] != want {
			t.Errorf("%s is %q, want %q", name, fields[name], want)
		}
	}

	text, err := base64.StdEncoding.DecodeString(fields["policy"])
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Expiration string
		Conditions [][]any
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	if document.Expiration != "2026-03-04T06:06:07.800Z" {
		t.Errorf("expires %s", document.Expiration)
	}
	left := maps.Clone(fields)
	delete(left, "policy")
	delete(left, "x-amz-signature")
	ranges := 0
	for _, c := range document.Conditions {
		if c[0] == "content-length-range" && c[1] == 1.0 && c[2] == 1000.0 {
			ranges++
			continue
		}
		name := strings.TrimPrefix(c[1].(string), "$")
		if value, ok := left[name]; !ok || c[0] != "eq" || c[2] != value {
			t.Errorf("condition %v", c)
		}
		delete(left, name)
	}
	if ranges != 1 || len(left) > 0 {
		t.Errorf("%d ranges, no condition for %v", ranges, left)
	}

	got, err := sign.VerifyPost(fieldsOf(fields), bucket, []sign.Credentials{c}, now)
	want := sign.Accepted{Key: p.Key, ContentType: p.ContentType, MinSize: 1, MaxSize: 1000, SuccessStatus: http.StatusCreated}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestMinioSigns: what the client of another S3 signs we take, and what it has not signed we do not.
func TestMinioSigns(t *testing.T) {
	c := sign.NewRing().PostCredentials()[0]
	client, err := minio.New("s3.example.test", &minio.Options{Creds: credentials.NewStaticV4(c.AccessKey, c.SecretKey, ""), Region: c.Region})
	if err != nil {
		t.Fatal(err)
	}
	p := minio.NewPostPolicy()
	for _, err := range []error{
		p.SetBucket(bucket), p.SetKeyStartsWith("uploads/"), p.SetContentType("text/plain"), p.SetContentLengthRange(10, 20),
		p.SetSuccessStatusAction("200"), p.SetUserMetadata("origin", "desk"), p.SetExpires(time.Now().Add(time.Hour)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	_, fields, err := client.PresignedPostPolicy(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	fields["key"] = "uploads/a.txt"
	got, err := sign.VerifyPost(fieldsOf(fields), bucket, []sign.Credentials{c}, time.Now())
	want := sign.Accepted{Key: "uploads/a.txt", ContentType: "text/plain", MinSize: 10, MaxSize: 20, SuccessStatus: http.StatusOK}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, value := range map[string]string{"key": "etc/a.txt", "x-amz-meta-origin": "else", "Content-Type": "text/html", "success_action_status": "201"} {
		_, err := sign.VerifyPost(fieldsOf(fields).with(name, value), bucket, []sign.Credentials{c}, time.Now())
		wantPostError(t, err, http.StatusForbidden, "AccessDenied")
	}
}

func TestPostRotation(t *testing.T) {
	before, during, after := ring(t, entry("k1", 0)), ring(t, entry("k2", 1)+","+entry("k1", 0)), ring(t, entry("k2", 1))
	old := fieldsOf(post().Sign(before.PostCredentials()[0], now))
	young := fieldsOf(post().Sign(during.PostCredentials()[0], now))
	for _, f := range []form{old, young} {
		if _, err := sign.VerifyPost(f, bucket, during.PostCredentials(), now); err != nil {
			t.Error(err)
		}
	}
	if _, err := sign.VerifyPost(young, bucket, after.PostCredentials(), now); err != nil {
		t.Error(err)
	}
	_, err := sign.VerifyPost(old, bucket, after.PostCredentials(), now)
	wantPostError(t, err, http.StatusForbidden, "InvalidAccessKeyId")
}

// TestEveryField changes, empties, removes and doubles each of the nine fields.
func TestEveryField(t *testing.T) {
	r := sign.NewRing()
	c := r.PostCredentials()[0]
	f := fieldsOf(post().Sign(c, now))
	const (
		ok       = ""
		denied   = "AccessDenied"
		argument = "InvalidArgument"
		mismatch = "SignatureDoesNotMatch"
	)
	for name, s := range map[string]struct {
		change                    string
		changed, emptied, removed string // the code of the answer
	}{
		"Content-Type":          {"text/html", denied, denied, denied},
		"bucket":                {"other", denied, denied, ok}, // it may come after the file
		"key":                   {"uploads/43/x", denied, argument, argument},
		"policy":                {base64.StdEncoding.EncodeToString([]byte(`{}`)), mismatch, argument, argument},
		"success_action_status": {"200", denied, denied, denied},
		"x-amz-algorithm":       {"AWS4-HMAC-SHA1", argument, argument, argument},
		"x-amz-credential":      {c.AccessKey + "/20260304/us-east-1/s3/aws4_request", mismatch, argument, argument},
		"x-amz-date":            {"20260304T050608Z", denied, argument, argument},
		"x-amz-signature":       {strings.Repeat("0", 64), mismatch, argument, argument},
	} {
		t.Run(name, func(t *testing.T) {
			for _, v := range []struct {
				what string
				form form
				code string
			}{
				{"changed", f.with(name, s.change), s.changed},
				{"emptied", f.with(name, ""), s.emptied},
				{"removed", f.without(name), s.removed},
				{"doubled", f.twice(name), "MalformedPOSTRequest"},
				{"doubled, otherwise", append(form{{Name: strings.ToUpper(name), Value: s.change}}, f...), "MalformedPOSTRequest"},
				{"in upper case", f.without(name).with(strings.ToUpper(name), f.value(name)), ok},
				{"last", f.with(name, f.value(name)), ok},
			} {
				_, err := sign.VerifyPost(v.form, bucket, r.PostCredentials(), now)
				switch {
				case v.code == ok && err != nil:
					t.Errorf("%s: %v", v.what, err)
				case v.code == ok:
				case v.code == denied || v.code == mismatch:
					wantPostError(t, err, http.StatusForbidden, v.code)
				default:
					wantPostError(t, err, http.StatusBadRequest, v.code)
				}
			}
		})
	}
	if _, err := sign.VerifyPost(f.reversed(), bucket, r.PostCredentials(), now); err != nil {
		t.Errorf("in another order: %v", err)
	}
	for _, added := range []string{"acl", "x-amz-meta-a", "x-amz-security-token", "success_action_redirect", "file", "tagging", ""} {
		_, err := sign.VerifyPost(f.with(added, "x"), bucket, r.PostCredentials(), now)
		wantPostError(t, err, http.StatusForbidden, denied)
	}
}
