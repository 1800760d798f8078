package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"
)

// s3fault is what can become of a request.
type s3fault string

// The faults.
const (
	none       s3fault = "let through"
	busyBefore s3fault = "5xx"                    // and nothing was done
	busyAfter  s3fault = "5xx after the work"     // and it was done
	cutRequest s3fault = "cut requests"           // the connection is reset after some bytes of the request
	cutAnswer  s3fault = "cut answers"            // the work is done, and the connection reset after some bytes of the answer
	liar       s3fault = "200 with an error"      // of a complete: the error is in the body
	stall      s3fault = "stalls"                 // the answer comes late
	lateWork   s3fault = "stalls before the work" // it is done late, also when the client has gone
)

// s3faults are those that chance picks from, and how many requests of 1000 each hits. The rest is let through.
var s3faults = []struct {
	fault    s3fault
	perMille int
}{
	{busyBefore, 150}, {busyAfter, 150}, {cutRequest, 30}, {cutAnswer, 30}, {stall, 3}, {lateWork, 3}, {liar, 0},
}

const (
	liarPerMille = 400              // of all that complete a multipart upload, in place of other faults
	stallTime    = 10 * time.Second // longer than anybody should wait
	cutWithin    = 64 << 10         // bytes after which a connection is reset at the latest
)

// s3hit is a fault and the chance that goes with it.
type s3hit struct {
	fault s3fault
	coin  bool
	after int64 // bytes
}

func pickS3Fault(rng *rand.Rand, r *http.Request) s3hit {
	hit := s3hit{fault: none, coin: rng.IntN(2) == 0, after: rng.Int64N(cutWithin)}
	if n := r.ContentLength; n > 0 {
		hit.after %= n
	}
	at := rng.IntN(1000)
	if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") && at < liarPerMille {
		hit.fault = liar
		return hit
	}
	for _, f := range s3faults {
		if at < f.perMille {
			hit.fault = f.fault
			break
		}
		at -= f.perMille
	}
	return hit
}

// meet lets a request meet its fault.
func (p *s3proxy) meet(w http.ResponseWriter, r *http.Request, hit s3hit) {
	switch hit.fault {
	case none:
		p.pass(w, r)
	case busyBefore:
		busy(w, hit.coin)
	case busyAfter:
		_, _ = p.work(r) // what it came to is what the client must find out
		busy(w, hit.coin)
	case cutRequest:
		_, _ = io.CopyN(io.Discard, r.Body, hit.after)
		panic(http.ErrAbortHandler)
	case cutAnswer:
		p.cut(w, r, hit.after)
	case liar:
		if hit.coin {
			_, _ = p.work(r)
		}
		refuse(w, http.StatusOK, "InternalError")
	case stall:
		if pause(r.Context(), stallTime) != nil {
			panic(http.ErrAbortHandler)
		}
		p.pass(w, r)
	case lateWork:
		p.workLate(r)
		panic(http.ErrAbortHandler)
	}
}

// cut resets the connection after so many bytes of the answer's body; of a short one, before the answer.
func (p *s3proxy) cut(w http.ResponseWriter, r *http.Request, after int64) {
	said, err := p.work(r)
	if err == nil && after < int64(len(said.body)) {
		answer(w, said.status, said.header)
		_, _ = w.Write(said.body[:after])
		_ = http.NewResponseController(w).Flush()
	}
	panic(http.ErrAbortHandler)
}

// workLate does what is asked when nobody waits for it any more.
func (p *s3proxy) workLate(r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil && pause(context.WithoutCancel(r.Context()), stallTime) == nil {
		_, _ = p.workOn(r, body)
	}
}

// busy says, in one of S3's two ways, to come again.
func busy(w http.ResponseWriter, slowDown bool) {
	if slowDown {
		refuse(w, http.StatusServiceUnavailable, "SlowDown")
		return
	}
	refuse(w, http.StatusInternalServerError, "InternalError")
}

// refuse answers in S3's form: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>made up</Message></Error>`, code)
}
