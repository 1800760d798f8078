package embedded

import (
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
)

// The two users. Neither has a password: owner is bound to in-process connections, reader is everybody else.
const (
	owner  = "inlet"
	reader = "reader"
)

// stream is the one that readers may read. The driver in pkg/bus/nats makes it.
const stream = "INLET"

func users(durables []string) []*server.User {
	return []*server.User{
		{Username: owner, AllowedConnectionTypes: map[string]struct{}{jwt.ConnectionTypeInProcess: {}}},
		{Username: reader, Permissions: readOnly(durables)},
	}
}

// readOnly lets a client subscribe to events as they pass and read the stream through consumers of its own, ordered or
// durable. It refuses to publish an event, to ask or answer a request, to change or purge a stream, and to touch the consumers
// that do Inlet's work.
// A denial outranks what is allowed (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/authorization).
//
// What it cannot refuse: the server does not check the reply subject of a request, so a reader can have an answer of the
// JetStream API, or an event once more, land on a subject of the stream or of a request. Workers refuse what is no event, and
// an event is only a hint to look at a record; responders refuse what is no request.
func readOnly(durables []string) *server.Permissions {
	publish := &server.SubjectPermission{Allow: []string{
		"$JS.API.INFO",
		"$JS.API.STREAM.NAMES",
		"$JS.API.STREAM.INFO." + stream,
		"$JS.API.CONSUMER.CREATE." + stream + ".>",
		"$JS.API.CONSUMER.INFO." + stream + ".*",
		"$JS.API.CONSUMER.DELETE." + stream + ".*",
		"$JS.API.CONSUMER.MSG.NEXT." + stream + ".*",
		"$JS.ACK." + stream + ".>",
		"$JS.FC." + stream + ".>",
	}}
	for _, name := range durables {
		publish.Deny = append(publish.Deny,
			"$JS.API.CONSUMER.CREATE."+stream+"."+name,
			"$JS.API.CONSUMER.CREATE."+stream+"."+name+".>",
			"$JS.API.CONSUMER.DELETE."+stream+"."+name,
			"$JS.API.CONSUMER.MSG.NEXT."+stream+"."+name,
			"$JS.ACK."+stream+"."+name+".>",
		)
	}
	return &server.Permissions{
		Publish:   publish,
		Subscribe: &server.SubjectPermission{Allow: []string{"inlet.v1.>", "_INBOX.>"}},
	}
}
