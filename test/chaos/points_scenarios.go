package main

import (
	"context"
	"net/http"
	"time"

	"github.com/inlethq/inlet/test/harness/api"
)

// scenario is one thing that is done to a file of its own, with all that the server does of itself because of it: the verdict, the thumbnail, the
// events, and the removal of what has become of no use.
type scenario struct {
	name    string
	kind    kind
	prepare func(*striker, context.Context, *entry) error // what comes before, unwatched; may be nil
	act     func(*striker, context.Context, *entry) error // repeats its requests until it knows what came of them
}

// scenarios are those that are swept.
var scenarios = []scenario{
	{"upload", text, nil, (*striker).upload},
	{"large", large, nil, (*striker).upload},
	{"rejected", broken, nil, (*striker).upload},
	{"thumbnail", photo, nil, (*striker).upload},
	{"delete", photo, (*striker).complete, (*striker).remove},
	{"expiry", text, (*striker).shortLived, (*striker).expire},
	{"desk", text, nil, (*striker).deskUpload},
}

// upload sends the file and asks for an answer before the verdict.
func (s *striker) upload(ctx context.Context, e *entry) error {
	return settleUpload(ctx, s.trial, s.Client, e, respondAsync())
}

// complete uploads the file and waits until there is nothing more to be done to it.
func (s *striker) complete(ctx context.Context, e *entry) error {
	if err := s.upload(ctx, e); err != nil {
		return err
	}
	return poll(ctx, func() (bool, error) {
		f, err := s.Get(ctx, e.id)
		if api.Status(err) == http.StatusNotFound {
			s.trial.found.addf(lost, "%s (%s): it is not there right after its upload was acknowledged", e.key, e.id)
			return true, nil
		}
		return f.State == "ready" && (f.ThumbnailURL != "" || !e.kind.shown()), err
	})
}

// remove deletes the file.
func (s *striker) remove(ctx context.Context, e *entry) error {
	return settleDelete(ctx, s.trial, s.Client, e)
}

// briefLife is the life of a file that expires: as short as the API has it.
const briefLife = time.Second

// shortLived uploads the file with a brief life, and waits for its verdict.
func (s *striker) shortLived(ctx context.Context, e *entry) error {
	s.trial.history.change(e, func(e *entry) { e.life, e.remove = briefLife, unknown })
	return settleUpload(ctx, s.trial, s.Client, e, nil)
}

// expire waits until the file must be gone, and then until the server says so.
func (s *striker) expire(ctx context.Context, e *entry) error {
	if err := pause(ctx, briefLife); err != nil { // it began before the upload was acknowledged
		return err
	}
	s.trial.history.change(e, func(e *entry) { e.remove = ok })
	return poll(ctx, func() (bool, error) {
		_, err := s.Get(ctx, e.id)
		switch api.Status(err) {
		case http.StatusNotFound:
			return true, nil
		case 0: // there, which the look after it will tell, or no answer
			return err == nil, nil
		}
		return false, nil
	})
}

// poll asks until the answer is yes.
func poll(ctx context.Context, ask func() (bool, error)) error {
	tick := time.NewTicker(retryPause)
	defer tick.Stop()
	for {
		if done, err := ask(); done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
