package main

import "github.com/inlethq/inlet/test/harness/overlay"

// bugs are the faults that are sown. Each undoes one rule of docs/durability.md, and names the tests that hold it.
var bugs = []bug{
	{
		name: "file-not-synced",
		changes: []overlay.Change{{
			File: "pkg/blob/disk/put.go",
			Old:  "\tif s.sync {\n\t\terr = f.Sync()\n\t}\n\treturn s.writeFault(errors.Join(err, f.Close()))",
			New:  "\treturn s.writeFault(errors.Join(err, f.Close()))",
		}},
		by: []hunt{{"power", 20}},
	},
	{
		name: "folder-not-synced",
		changes: []overlay.Change{{
			File: "pkg/blob/disk/disk.go",
			Old:  "\tif s.sync {\n\t\terr = f.Sync()\n\t}\n\treturn errors.Join(err, f.Close())",
			New:  "\treturn errors.Join(err, f.Close())",
		}},
		by: []hunt{{"power", 80}},
	},
	{
		name: "records-not-synced",
		changes: []overlay.Change{{
			File: "pkg/program/open.go",
			Old:  "\tif s.Durability == disk.Process {\n",
			New:  "\tc.Synchronous = sqlite.Normal\n\tif s.Durability == disk.Process {\n",
		}},
		by: []hunt{{"power", 20}},
	},
	{
		name: "answer-before-record",
		changes: []overlay.Change{{
			File: "pkg/core/upload.go",
			Old:  "\treturn c.create(ctx, &u, f)\n",
			New:  "\tgo c.create(context.WithoutCancel(ctx), &u, f)\n\treturn Stored{File: f}, nil\n",
		}},
		by: []hunt{{"kill", 5}},
	},
	{
		name: "events-not-in-records",
		changes: []overlay.Change{{
			File: "pkg/core/core.go",
			Old:  "\t\terr = c.meta.Update(ctx, f)\n\t\tif err == nil {\n",
			New:  "\t\towes := f.Outbox\n\t\tf.Outbox = nil\n\t\terr = c.meta.Update(ctx, f)\n\t\tf.Outbox = owes\n\t\tif err == nil {\n",
		}},
		by: []hunt{{"bus", 3}},
	},
	{
		name: "bytes-before-tombstone",
		changes: []overlay.Change{{
			File: "pkg/core/delete.go",
			Old:  "\tf, err := c.bury(ctx, t, ref, by, event.Deleted,",
			New: "\tif f, err := c.Get(ctx, t, ref); err == nil {\n\t\tfor _, key := range f.BlobKeys() {\n\t\t\t_ = c.blobs.Delete(ctx, key)\n\t\t}\n\t}\n" +
				"\tf, err := c.bury(ctx, t, ref, by, event.Deleted,",
		}},
		by: []hunt{{"points", 30}},
	},
	{
		name: "no-fence",
		changes: []overlay.Change{{
			File: "pkg/core/upload.go",
			Old:  "\tif !file.Is(err, file.Conflict) || file.CodeOf(err) == meta.ConflictID {\n\t\tif won, settled",
			New:  "\tif false {\n\t\tif won, settled",
		}},
		by: []hunt{{"database", 40}},
	},
	{
		// Claims end at once here and are not renewed, as those of a worker that was stopped, so that others take them over all the time. With their
		// tokens that does no harm.
		name: "no-token",
		changes: []overlay.Change{
			{File: "pkg/core/core.go", Old: "const DefaultLease = 15 * time.Second", New: "const DefaultLease = 5 * time.Millisecond"},
			{File: "pkg/core/claim.go", Old: "time.NewTicker(c.lease / 3)", New: "time.NewTicker(time.Hour)"},
			{File: "pkg/core/claim.go", Old: "\t\t\tif w, _ := f.Owed(); w != work || !mine.Same(f.Claim) {\n\t\t\t\treturn errFenced\n\t\t\t}\n\t\t\tattempt :=", New: "\t\t\tattempt :="},
		},
		by: []hunt{{"bus", 3}},
	},
	{
		// A nak without a delay is not enough: the record has a delay of its own, and attempts that failed for want of a dependency do not count.
		name: "bare-nak",
		changes: []overlay.Change{
			{File: "pkg/bus/nats/deliver.go", Old: "\tif delay <= 0 {\n\t\tk.answer(d, \"-NAK\")", New: "\tif delay >= 0 {\n\t\tk.answer(d, \"-NAK\")"},
			{File: "pkg/core/claim.go", Old: "c.now().Add(retryAfter(f.Attempts))", New: "c.now()"},
			{File: "pkg/core/claim.go", Old: "\t\tif transient(cause) {\n\t\t\tf.Attempts--\n\t\t}\n", New: "\t\t_ = cause\n"},
		},
		by: []hunt{{"objects", 4}},
	},
	{
		name: "close-error-ignored",
		changes: []overlay.Change{{
			File: "pkg/blob/disk/put.go",
			Old:  "\treturn s.writeFault(errors.Join(err, f.Close()))",
			New:  "\t_ = f.Close()\n\treturn s.writeFault(err)",
		}},
		by: []hunt{{"full", 2}},
	},
	{
		name: "fsync-tried-again",
		changes: []overlay.Change{{
			File: "pkg/blob/disk/put.go",
			Old:  "\t\terr = f.Sync()\n",
			New:  "\t\tif err = f.Sync(); err != nil {\n\t\t\terr = f.Sync()\n\t\t}\n",
		}},
		by: []hunt{{"full", 2}},
	},
	{
		name: "reconcile-without-grace",
		changes: []overlay.Change{
			{File: "pkg/core/reconcile.go", Old: "if r.core.now().Sub(b.Modified) > r.grace {", New: "{"},
			{File: "pkg/core/mend.go", Old: "\t\tif won != nil || !settled {\n\t\t\treturn false, nil\n\t\t}\n", New: "\t\t_, _ = won, settled\n"},
		},
		by: []hunt{{"kill", 15}},
	},
}
