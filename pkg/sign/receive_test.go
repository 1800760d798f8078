package sign_test

import (
	"encoding/base64"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/inlethq/inlet/pkg/sign"
)

var account = sign.Credentials{AccessKey: "AKIATEST", SecretKey: "a secret of this test only", Region: "inlet"}

const (
	date       = "20260304T050607Z"
	credential = "AKIATEST/20260304/inlet/s3/aws4_request"
	until      = `"expiration": "2026-03-04T06:00:00Z"`
)

// signatureFields are the conditions that every policy needs for the fields of its signature.
const signatureFields = `["eq", "$x-amz-algorithm", "AWS4-HMAC-SHA256"], {"x-amz-credential": "` + credential + `"}, {"x-amz-date": "` + date + `"}`

// document is a good policy with these conditions for the other fields.
func document(conditions string) string {
	return `{` + until + `, "conditions": [` + conditions + `, ` + signatureFields + `]}`
}

// usual are the conditions of most of the s3-tests.
const usual = `{"bucket": "` + bucket + `"}, ["starts-with", "$key", "foo"], {"acl": "private"}, ["starts-with", "$Content-Type", "text/plain"], ["content-length-range", 0, 1024]`

// signed is a form with the policy, signed by another's code, and the usual fields.
func signed(policy string) form {
	encoded := base64.StdEncoding.EncodeToString([]byte(policy))
	return form{
		{Name: "key", Value: "foo.txt"},
		{Name: "acl", Value: "private"},
		{Name: "Content-Type", Value: "text/plain"},
		{Name: "policy", Value: encoded},
		{Name: "x-amz-algorithm", Value: "AWS4-HMAC-SHA256"},
		{Name: "x-amz-credential", Value: credential},
		{Name: "x-amz-date", Value: date},
		{Name: "x-amz-signature", Value: signer.PostPresignSignatureV4(encoded, now, account.SecretKey, account.Region)},
	}
}

func verify(f form) (sign.Accepted, error) {
	return sign.VerifyPost(f, bucket, []sign.Credentials{{}, account}, now)
}

// TestS3Tests has the cases of Ceph's s3-tests for POST objects (test_post_object_…), as Signature Version 4 has them.
func TestS3Tests(t *testing.T) {
	good := signed(document(usual))
	usually := func(more string) string { return document(usual + ", " + more) }
	ranged := func(sizes string) string {
		return document(strings.Replace(usual, `["content-length-range", 0, 1024]`, `["content-length-range", `+sizes+`]`, 1))
	}
	lower, upper := `"conditions"`, `"CONDITIONS"`
	for name, s := range map[string]struct {
		form   form
		status int // of the answer
		code   string
	}{
		"authenticated_request":             {good, 204, ""},
		"no_content_type":                   {signed(document(strings.Replace(usual, `["starts-with", "$Content-Type", "text/plain"], `, "", 1))).without("Content-Type"), 204, ""},
		"bad_access_key":                    {good.with("x-amz-credential", strings.Replace(credential, "AKIATEST", "foo", 1)), 403, "InvalidAccessKeyId"},
		"set_success_code":                  {signed(usually(`{"success_action_status": "201"}`)).with("success_action_status", "201"), 201, ""},
		"success code 200":                  {signed(usually(`{"success_action_status": "200"}`)).with("success_action_status", "200"), 200, ""},
		"set_invalid_success_code":          {signed(usually(`{"success_action_status": "404"}`)).with("success_action_status", "404"), 204, ""},
		"ignored_header":                    {good.with("x-ignore-foo", "bar").with("X-Ignore-Bar", "foo").twice("x-ignore-foo"), 204, ""},
		"case_insensitive_condition_fields": {signed(document(`{"bUcKeT": "`+bucket+`"}, ["StArTs-WiTh", "$KeY", "foo"], {"AcL": "private"}, ["StArTs-WiTh", "$CoNtEnT-TyPe", "text/plain"], ["content-length-range", 0, 1024]`)).without("key").with("kEy", "foo.txt").without("acl").with("aCl", "private"), 204, ""},
		"escaped_field_values":              {signed(document(strings.Replace(usual, `"foo"`, `"\\$foo"`, 1))).with("key", `\$foo.txt`), 204, ""},
		"success_redirect_action":           {signed(usually(`["eq", "$success_action_redirect", "http://a.test/"]`)).with("success_action_redirect", "http://a.test/"), 204, ""},
		"user_specified_header":             {signed(usually(`["starts-with", "$x-amz-meta-foo", "bar"]`)).with("x-amz-meta-foo", "barclamp"), 204, ""},

		"anonymous_request":                       {form{{Name: "key", Value: "foo.txt"}, {Name: "acl", Value: "public-read"}}, 400, "InvalidArgument"}, // we have no public bucket
		"invalid_signature":                       {good.with("x-amz-signature", strings.ToUpper(good.value("x-amz-signature"))), 403, "SignatureDoesNotMatch"},
		"signature in pieces":                     {good.with("x-amz-signature", good.value("x-amz-signature")[:32]), 403, "SignatureDoesNotMatch"},
		"invalid_access_key":                      {good.with("x-amz-credential", "/20260304/inlet/s3/aws4_request"), 403, "InvalidAccessKeyId"},
		"invalid_date_format":                     {signed(strings.Replace(document(usual), "2026-03-04T06:00:00Z", "2026-03-04 06:00:00+00:00", 1)), 400, "InvalidPolicyDocument"},
		"no_key_specified":                        {good.without("key"), 400, "InvalidArgument"},
		"missing_signature":                       {good.without("x-amz-signature"), 400, "InvalidArgument"},
		"missing_policy_condition":                {signed(document(strings.Replace(usual, `{"bucket": "`+bucket+`"}, `, "", 1))), 403, "AccessDenied"},
		"request_missing_policy_specified_field":  {signed(usually(`["starts-with", "$x-amz-meta-foo", "bar"]`)), 403, "AccessDenied"},
		"a condition on nothing":                  {signed(usually(`["starts-with", "$x-amz-meta-foo", ""]`)), 403, "AccessDenied"},
		"invalid_request_field_value":             {signed(usually(`["eq", "$x-amz-meta-foo", ""]`)).with("x-amz-meta-foo", "barclamp"), 403, "AccessDenied"},
		"condition_is_case_sensitive":             {signed(strings.Replace(document(usual), lower, upper, 1)), 400, "InvalidPolicyDocument"},
		"expires_is_case_sensitive":               {signed(strings.Replace(document(usual), `"expiration"`, `"EXPIRATION"`, 1)), 400, "InvalidPolicyDocument"},
		"expired_policy":                          {signed(strings.Replace(document(usual), "2026-03-04T06:00:00Z", "2026-03-04T05:06:07.800Z", 1)), 403, "AccessDenied"},
		"missing_conditions_list":                 {signed(`{` + until + `}`), 400, "InvalidPolicyDocument"},
		"missing expiration":                      {signed(`{"conditions": [` + usual + `]}`), 400, "InvalidPolicyDocument"},
		"empty_conditions":                        {signed(`{` + until + `, "conditions": [{}]}`), 400, "InvalidPolicyDocument"},
		"no conditions in the list":               {signed(`{` + until + `, "conditions": []}`), 400, "InvalidPolicyDocument"},
		"missing_content_length_argument":         {signed(ranged(`0`)), 400, "InvalidPolicyDocument"},
		"invalid_content_length_argument":         {signed(ranged(`-1, 0`)), 400, "InvalidPolicyDocument"},
		"content_length_argument of three":        {signed(ranged(`0, 1, 2`)), 400, "InvalidPolicyDocument"},
		"content_length_argument upside down":     {signed(ranged(`2, 1`)), 400, "InvalidPolicyDocument"},
		"content_length_argument as text":         {signed(ranged(`"0", "1"`)), 400, "InvalidPolicyDocument"},
		"content_length_argument with a fraction": {signed(ranged(`0, 1.5`)), 400, "InvalidPolicyDocument"},
		"content_length_argument with exponent":   {signed(ranged(`0, 1e309`)), 400, "InvalidPolicyDocument"},
		"content_length_argument past 64 bits":    {signed(ranged(`0, 9223372036854775808`)), 400, "InvalidPolicyDocument"},
		"wrong_bucket":                            {signed(strings.Replace(document(usual), bucket, "other", 1)), 403, "AccessDenied"},
		"wrong_bucket, sent":                      {signed(strings.Replace(document(usual), bucket, "other", 1)).with("bucket", "other"), 403, "AccessDenied"},
		"field outside the policy":                {good.with("x-amz-meta-foo", "bar"), 403, "AccessDenied"},
		"value outside the policy":                {good.with("acl", "public-read"), 403, "AccessDenied"},
		"prefix in another case":                  {good.with("key", "Foo.txt"), 403, "AccessDenied"},
		"a list of types, one outside":            {good.with("Content-Type", "text/plain, text/html"), 403, "AccessDenied"},
		"a list of types":                         {good.with("Content-Type", "text/plain,text/plain; charset=utf-8"), 204, ""},
		"signature version 2":                     {form{{Name: "key", Value: "foo.txt"}, {Name: "AWSAccessKeyId", Value: "AKIATEST"}, {Name: "policy", Value: good.value("policy")}, {Name: "signature", Value: "x"}}, 400, "InvalidArgument"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := verify(s.form)
			if s.code != "" {
				wantPostError(t, err, s.status, s.code)
			} else if err != nil || got.SuccessStatus != s.status {
				t.Errorf("got %+v, %v; want %d", got, err, s.status)
			}
		})
	}
}

func TestCheckSize(t *testing.T) {
	narrowed := document(usual + `, ["content-length-range", 5, 9223372036854775807], ["content-length-range", 0, 10]`)
	a, err := verify(signed(narrowed))
	if err != nil || a.MinSize != 5 || a.MaxSize != 10 {
		t.Fatalf("got %+v, %v", a, err)
	}
	for n, code := range map[int64]string{math.MinInt64: "EntityTooSmall", 4: "EntityTooSmall", 5: "", 10: "", 11: "EntityTooLarge", math.MaxInt64: "EntityTooLarge"} {
		if err := a.CheckSize(n); code != "" {
			wantPostError(t, err, http.StatusBadRequest, code)
		} else if err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// TestMalformedPolicies has policies with a good signature that are not to be understood in one way only.
func TestMalformedPolicies(t *testing.T) {
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	for name, policy := range map[string]string{
		"nothing":                    ``,
		"null":                       `null`,
		"a list":                     `[]`,
		"a text":                     `"policy"`,
		"not JSON":                   `{`,
		"single quotes":              strings.ReplaceAll(document(usual), `"`, `'`),
		"trailing value":             document(usual) + ` {}`,
		"trailing brace":             document(usual) + `}`,
		"trailing comma":             strings.Replace(document(usual), `]}`, `],}`, 1),
		"bracket for brace":          strings.TrimSuffix(document(usual), "}") + "]",
		"expiration twice":           `{` + until + `, ` + document(usual)[1:],
		"conditions twice":           strings.TrimSuffix(document(usual), "}") + `, "conditions": []}`,
		"name twice in a condition":  document(usual + `, {"x-ignore-a": "b", "x-ignore-a": "b"}`),
		"escaped name twice":         document(usual + `, {"acl": "private", "\u0061cl": "private"}`),
		"two names in a condition":   document(usual + `, {"a": "b", "c": "d"}`),
		"another member":             `{"version": "1", ` + document(usual)[1:],
		"expiration null":            strings.Replace(document(usual), until, `"expiration": null`, 1),
		"expiration a number":        strings.Replace(document(usual), until, `"expiration": 1772604367`, 1),
		"expiration in another zone": strings.Replace(document(usual), `06:00:00Z`, `06:00:00+01:00`, 1),
		"expiration without zone":    strings.Replace(document(usual), `06:00:00Z`, `06:00:00`, 1),
		"no such day":                strings.Replace(document(usual), `2026-03-04T`, `2026-02-30T`, 1),
		"conditions an object":       `{` + until + `, "conditions": {"bucket": "b"}}`,
		"condition a text":           document(usual + `, "acl"`),
		"condition null":             document(usual + `, null`),
		"condition empty":            document(usual + `, []`),
		"two operands":               document(usual + `, ["eq", "$acl"]`),
		"four operands":              document(usual + `, ["eq", "$acl", "private", "public-read"]`),
		"unknown operator":           document(usual + `, ["ne", "$acl", "public-read"]`),
		"operator with a space":      document(usual + `, ["eq ", "$acl", "private"]`),
		"operator a number":          document(usual + `, [1, "$acl", "private"]`),
		"no dollar":                  document(usual + `, ["eq", "acl", "private"]`),
		"only a dollar":              document(usual + `, ["eq", "$", ""]`),
		"no name":                    document(usual + `, {"": ""}`),
		"name a number":              document(usual + `, ["eq", 1, "private"]`),
		"value a number":             document(usual + `, ["eq", "$acl", 1]`),
		"value null":                 document(usual + `, {"acl": null}`),
		"value a list":               document(usual + `, {"acl": ["private"]}`),
		"range of nothing":           document(usual + `, ["content-length-range", null, null]`),
		"nested deeply":              deep,
		"a deep condition":           document(usual + `, ["eq", "$acl", [[]]]`),
		"longer than 20 KiB":         document(usual + `, ["starts-with", "$key", ""]` + strings.Repeat(" ", 15<<10)),
	} {
		t.Run(name, func(t *testing.T) {
			f := signed(policy)
			code := "InvalidPolicyDocument"
			if policy == "" {
				code = "InvalidArgument"
			}
			_, err := verify(f)
			wantPostError(t, err, http.StatusBadRequest, code)
		})
	}
}

func TestPolicyIsStandardBase64(t *testing.T) {
	// One of which the last character has two bits to spare.
	policy := document(usual)
	policy += strings.Repeat(" ", (5-len(policy)%3)%3)
	good := signed(policy).value("policy")
	body, padded := strings.CutSuffix(good, "=")
	if !padded || strings.HasSuffix(body, "=") {
		t.Fatalf("the example ends with %q", good[len(good)-4:])
	}
	last := body[len(body)-1]
	for name, s := range map[string]struct {
		encoded string
		ok      bool
	}{
		"as it should be": {good, true},
		"no padding":      {body, false},
		"spare bits":      {body[:len(body)-1] + string(last+1) + "=", false},
		"URL alphabet":    {"__8=", false},
		"JSON":            {policy, false},
	} {
		f := signed(policy).with("policy", s.encoded)
		f = f.with("x-amz-signature", signer.PostPresignSignatureV4(s.encoded, now, account.SecretKey, account.Region))
		if _, err := verify(f); !s.ok {
			wantPostError(t, err, http.StatusBadRequest, "InvalidPolicyDocument")
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestScopeAndDate(t *testing.T) {
	good := signed(document(usual))
	for name, s := range map[string]struct {
		field, value string
		status       int
		code         string
	}{
		"another day":           {"x-amz-credential", "AKIATEST/20260303/inlet/s3/aws4_request", 403, "SignatureDoesNotMatch"},
		"another region":        {"x-amz-credential", "AKIATEST/20260304/us-east-1/s3/aws4_request", 403, "SignatureDoesNotMatch"},
		"another service":       {"x-amz-credential", "AKIATEST/20260304/inlet/iam/aws4_request", 403, "SignatureDoesNotMatch"},
		"another request":       {"x-amz-credential", "AKIATEST/20260304/inlet/s3/aws5_request", 403, "SignatureDoesNotMatch"},
		"four parts":            {"x-amz-credential", "AKIATEST/20260304/inlet/s3", 400, "InvalidArgument"},
		"six parts":             {"x-amz-credential", credential + "/", 400, "InvalidArgument"},
		"key of another case":   {"x-amz-credential", strings.ToLower(credential), 403, "InvalidAccessKeyId"},
		"date of another day":   {"x-amz-date", "20260303T050607Z", 403, "SignatureDoesNotMatch"},
		"date of another hour":  {"x-amz-date", "20260304T040607Z", 403, "AccessDenied"},
		"date in extended form": {"x-amz-date", "2026-03-04T05:06:07Z", 400, "InvalidArgument"},
		"date with a fraction":  {"x-amz-date", "20260304T050607.0Z", 400, "InvalidArgument"},
		"date of few digits":    {"x-amz-date", "20260304T50607Z", 400, "InvalidArgument"},
		"no date":               {"x-amz-date", "today", 400, "InvalidArgument"},
		"algorithm in lower":    {"x-amz-algorithm", "aws4-hmac-sha256", 400, "InvalidArgument"},
		"two keys":              {"x-amz-algorithm", "AWS4-ECDSA-P256-SHA256", 400, "InvalidArgument"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verify(good.with(s.field, s.value))
			wantPostError(t, err, s.status, s.code)
		})
	}
	if _, err := sign.VerifyPost(good, bucket, nil, now); err == nil {
		t.Error("a receiver without keys takes a form")
	}
}

func TestWhenAPolicyHolds(t *testing.T) {
	p := post()
	signedAt := now.Truncate(time.Second)
	for name, s := range map[string]struct {
		expires time.Time
		at      time.Time
		code    string
	}{
		"at once":                {now.Add(time.Hour), now, ""},
		"last millisecond":       {now.Add(time.Hour), now.Add(time.Hour - time.Millisecond), ""},
		"its end":                {now.Add(time.Hour), now.Add(time.Hour), "AccessDenied"},
		"long after":             {now.Add(time.Hour), now.Add(1000 * time.Hour), "AccessDenied"},
		"last of seven days":     {now.Add(1000 * time.Hour), signedAt.Add(sign.MaxLife - 1), ""},
		"after seven days":       {now.Add(1000 * time.Hour), signedAt.Add(sign.MaxLife), "AccessDenied"},
		"by a clock behind":      {now.Add(time.Hour), signedAt.Add(-15 * time.Minute), ""},
		"by a clock of long ago": {now.Add(time.Hour), signedAt.Add(-15*time.Minute - 1), "RequestTimeTooSkewed"},
	} {
		p.Expires = s.expires
		_, err := sign.VerifyPost(fieldsOf(p.Sign(account, now)), bucket, []sign.Credentials{account}, s.at)
		if s.code != "" {
			wantPostError(t, err, http.StatusForbidden, s.code)
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Any key may be signed, whatever is in it.
func TestKeysAreLiteral(t *testing.T) {
	for _, key := range []string{"${filename}", "$key", `a"b\c`, "a\x00b\r\n", "<&>\u2028", "ключ/文件", "a/../b", strings.Repeat("k", 1024)} {
		p := post()
		p.Key = key
		got, err := sign.VerifyPost(fieldsOf(p.Sign(account, now)), bucket, []sign.Credentials{account}, now)
		if err != nil || got.Key != key {
			t.Errorf("%q: got %q, %v", key, got.Key, err)
		}
	}
}
