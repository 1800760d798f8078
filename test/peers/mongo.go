package peers

import (
	"os"
	"testing"
)

// Mongo returns the URI of a MongoDB server: the one that INLET_TEST_MONGODB names, or else test/cmd/mongod, started for this test.
// The server is empty only in the second case: use a database name of your own.
func Mongo(t testing.TB) (uri string) {
	t.Helper()
	if uri := os.Getenv("INLET_TEST_MONGODB"); uri != "" {
		return uri
	}
	program, err := Build("github.com/inlethq/inlet/test/cmd/mongod")
	if err != nil {
		t.Fatal(err)
	}
	addr := FreeAddr(t)
	Start(t, addr, program, "-listen", addr, "-dir", t.TempDir())
	return "mongodb://" + addr
}
