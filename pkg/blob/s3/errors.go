package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/minio/minio-go/v7"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/file"
)

// fault gives an error of the server, or of the way to it, its kind. One that has a kind keeps it; nil stays nil.
// Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func fault(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return blob.Cancelled(ctx, op)
	}
	var own *file.Error
	if errors.As(err, &own) {
		return err
	}
	var r minio.ErrorResponse
	if !errors.As(err, &r) {
		return file.Wrap(file.Unavailable, op, err) // no answer, or half of one
	}
	return file.Wrap(kindOf(r), op, err)
}

func kindOf(r minio.ErrorResponse) file.Kind {
	switch r.Code {
	case minio.NoSuchKey:
		return file.NotFound
	case minio.PreconditionFailed:
		return file.Conflict
	case "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded", "InsufficientStorage": // MinIO twice, Ceph and versitygw, others
		return file.NoSpace
	case minio.NoSuchBucket, // says nothing of the blob: the store is not there
		minio.NoSuchUpload,           // aborted from outside
		"ConditionalRequestConflict", // a race that nobody has won yet
		minio.InternalError, "SlowDown", "ServiceUnavailable", "RequestTimeout", "OperationAborted":
		return file.Unavailable
	}
	switch {
	case r.StatusCode == http.StatusInsufficientStorage:
		return file.NoSpace
	case r.StatusCode == http.StatusTooManyRequests, r.StatusCode >= http.StatusInternalServerError:
		return file.Unavailable
	}
	return file.Internal
}

// ErrCredentials means that the server does not know the access key, that the secret is not the key's, or that it may not do what is needed.
var ErrCredentials = errors.New("the credentials are not accepted")

// explained adds ErrCredentials to an error that comes of them.
func explained(err error) error {
	var r minio.ErrorResponse
	if !errors.As(err, &r) {
		return err
	}
	switch {
	case r.StatusCode == http.StatusUnauthorized, r.StatusCode == http.StatusForbidden, r.Code == "XAdminUserNotFound": // the last is versitygw's, a 404
		return fmt.Errorf("%w: %w", ErrCredentials, err)
	}
	return err
}

// code is the code that the server gave, or empty.
func code(err error) string {
	var r minio.ErrorResponse
	_ = errors.As(err, &r)
	return r.Code
}

// isAbsent reports whether there is no such object.
func isAbsent(err error) bool { return code(err) == minio.NoSuchKey }

// refused reports whether the server does not do what it was asked.
func refused(err error) bool {
	var r minio.ErrorResponse
	return errors.As(err, &r) && (r.Code == minio.NotImplemented || r.StatusCode == http.StatusNotImplemented)
}
