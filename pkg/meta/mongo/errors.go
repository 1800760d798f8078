package mongo

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/inlethq/inlet/pkg/file"
)

// translate gives an error of the driver its kind; nil, and an error that has one, stay as they are.
func translate(ctx context.Context, op string, err error) error {
	var known *file.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	if ctx.Err() != nil {
		return file.Wrap(file.Cancelled, op, errors.Join(ctx.Err(), err))
	}
	return file.Wrap(kindOf(err), op, err)
}

// Codes that a server answers with (https://www.mongodb.com/docs/manual/reference/error-codes/).
const outOfDiskSpace = 14031

// passing holds the codes of a server that cannot work just now, or that cannot say whether it did: those which the specifications of
// retryable reads and writes name, and those of a write concern that was not met in time.
var passing = []int{
	6, 7, 89, 91, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436, // no host, network, shutdown, no primary, time limit
	50, 64, 79, 100, // MaxTimeMSExpired, WriteConcernTimeout, UnknownReplWriteConcern, UnsatisfiableWriteConcern
}

func kindOf(err error) file.Kind {
	var server mongo.ServerError
	var command mongo.CommandError
	var marshal mongo.MarshalError
	switch {
	case errors.As(err, &marshal):
		return file.Internal
	case !errors.As(err, &server) || mongo.IsNetworkError(err) || mongo.IsTimeout(err):
		return file.Unavailable // no answer
	case errors.As(err, &command) && command.Code == 0:
		return file.Unavailable // the driver's own, as when it has let go of all connections: a server's answer has a code
	case server.HasErrorCode(outOfDiskSpace):
		return file.NoSpace
	case slices.ContainsFunc(passing, server.HasErrorCode), server.HasErrorLabel("RetryableWriteError"):
		return file.Unavailable
	}
	var write mongo.WriteException
	if errors.As(err, &write) && write.WriteConcernError != nil {
		return file.Unavailable // written, but not known to be durable
	}
	return file.Internal
}

// unanswered reports whether a command may or may not have been done, and is worth another try now.
func unanswered(err error) bool {
	var known *file.Error
	return err != nil && !errors.As(err, &known) && !errors.Is(err, mongo.ErrNoDocuments) && kindOf(err) == file.Unavailable
}
