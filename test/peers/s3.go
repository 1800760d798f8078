package peers

import (
	"os"
	"path/filepath"
	"testing"
)

// S3Server is a running S3 server: versitygw on a folder of the test. It speaks http and wants the bucket in the path.
type S3Server struct {
	*Process
	Endpoint  string // host:port
	Region    string
	AccessKey string
	SecretKey string
}

// S3 starts an S3 server without a bucket. It knows conditional writes, multipart uploads, and versions where a bucket asks for them.
func S3(t testing.TB) S3Server {
	t.Helper()
	program, err := Build("github.com/versity/versitygw/cmd/versitygw")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	buckets, versions := filepath.Join(dir, "buckets"), filepath.Join(dir, "versions")
	for _, d := range []string{buckets, versions} {
		if err := os.Mkdir(d, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	s := S3Server{Endpoint: FreeAddr(t), Region: "us-east-1", AccessKey: "inlet", SecretKey: "inlet-secret"}
	s.Process = Start(t, s.Endpoint, program,
		"--port", s.Endpoint, "--region", s.Region, "--access", s.AccessKey, "--secret", s.SecretKey, "--keep-alive", "--quiet",
		"posix", "--versioning-dir", versions, buckets)
	return s
}
