package sign_test

import (
	"testing"

	"github.com/inlethq/inlet/pkg/sign"
)

func BenchmarkSign(b *testing.B) {
	r := sign.NewRing()
	g := grant()
	b.ReportAllocs()
	for b.Loop() {
		r.Sign(g)
	}
}

// BenchmarkVerify measures rings of one key and, in the middle of a rotation, of two.
func BenchmarkVerify(b *testing.B) {
	for _, bm := range []struct{ name, ring string }{{"1 key", entry("k1", 0)}, {"2 keys", entry("k2", 1) + "," + entry("k1", 0)}} {
		b.Run(bm.name, func(b *testing.B) {
			r := ring(b, bm.ring)
			q := r.Sign(grant())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Verify(fileID, q, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPostSign(b *testing.B) {
	p := post()
	b.ReportAllocs()
	for b.Loop() {
		p.Sign(account, now)
	}
}

func BenchmarkVerifyPost(b *testing.B) {
	f := fieldsOf(post().Sign(account, now))
	keys := []sign.Credentials{account}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sign.VerifyPost(f, bucket, keys, now); err != nil {
			b.Fatal(err)
		}
	}
}
