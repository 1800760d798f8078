package blob

import (
	"context"
	"io"
	"time"
)

// Poster is a Store that clients can send bytes to themselves, by an HTML form: S3's POST Object.
// https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
//
// What they send is staged. It stands beside the blobs: no other method of the Store sees it, and no key of a blob can be
// its name. It is not a blob either: for as long as its form is good the client may send it again, in place of what was there.
// So it must be copied by a Put, and checked on the way, before anybody relies on it.
//
// A Poster is a Janitor, too: SweepUnfinished removes what was staged before the given time.
//
// A key has the form of a blob's key. All methods may be called at the same time from many goroutines.
type Poster interface {
	Janitor
	// Post makes the form for one upload that is staged under key. Nothing is sent to the store. Every field is signed,
	// so that a form of which one was changed, left out or added is refused; only the field "bucket" may go unread, as the URL
	// names the bucket. Options that make no sense are Invalid.
	Post(ctx context.Context, key string, o PostOptions) (PostForm, error)
	// OpenPosted opens what was staged under key, as Open does, and tells its size and time; NotFound before it has arrived.
	// The reader gives the bytes of one upload: when another takes its place meanwhile, Read fails with a Conflict.
	OpenPosted(ctx context.Context, key string) (io.ReadSeekCloser, Info, error)
	// DeletePosted removes what was staged under key. Deleting what is absent is no error.
	// A form that is still good can bring it back: it is then left for SweepUnfinished.
	DeletePosted(ctx context.Context, key string) error
}

// PostOptions are what a form allows.
type PostOptions struct {
	ContentType      string
	MinSize, MaxSize int64     // bytes, both included; a store with a lower limit of its own lowers MaxSize to it
	Expires          time.Time // the store refuses an upload that begins later
	SuccessStatus    string    // of the store's answer to a good upload: "200", "201" (with an XML body) or "204"
}

// PostForm is a multipart/form-data form. The client sends the fields, and after them the bytes in a field named "file".
type PostForm struct {
	URL    string
	Fields map[string]string
}

// PosterOf returns the Poster that s is, or that it puts its blobs into (see Unwrapper), if there is one.
func PosterOf(s Store) (Poster, bool) {
	for {
		if p, ok := s.(Poster); ok {
			return p, true
		}
		u, ok := s.(Unwrapper)
		if !ok {
			return nil, false
		}
		s = u.Unwrap()
	}
}

// Unwrapper is a Store in front of another.
type Unwrapper interface {
	// Unwrap returns the Store that takes the writes.
	Unwrap() Store
}
