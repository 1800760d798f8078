package s3

import (
	"context"
	"errors"
)

var errSlow = errors.New("the server has not answered in time")

// ask makes a request about one object, with its repetitions. It takes no longer than who waits for it should wait.
func (s *Store) ask(ctx context.Context, call func(context.Context) error) error {
	limited, cancel := context.WithTimeoutCause(ctx, s.patience.whole, errSlow)
	defer cancel()
	err := s.do(limited, call)
	if err != nil && errors.Is(context.Cause(limited), errSlow) {
		s.circuit.failed()
	}
	return err
}

// do makes a request, with its repetitions, unless the server is known to be out; and gives it up when that becomes known meanwhile.
func (s *Store) do(ctx context.Context, call func(context.Context) error) error {
	closed, err := s.circuit.admit()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(closed, func() { cancel(context.Cause(closed)) })()
	if err := call(ctx); err != nil {
		return because(ctx, err)
	}
	return nil
}
