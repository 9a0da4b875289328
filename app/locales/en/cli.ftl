# The command line, the sandbox and the demonstration.

## Headings
cli-number = No.
cli-partner = Partner
cli-action = Operation
cli-actions = Can do
cli-kind = Kind
cli-dossier-code = Dossier
cli-dossier-aliases = Other codes
cli-dossier-version = Version
cli-dossier-known = Note
cli-dossier-unknown = No full snapshot of this dossier has come yet
cli-state = State
cli-unit = Unit
cli-why = Why
cli-who = Who acts
cli-next = Next
cli-when = When
cli-what = What
cli-more = More
cli-where = Where
cli-line = Line
cli-verdict = Verdict
cli-events = Events
cli-event = Event
cli-source = Source
cli-expected = Expected
cli-got = Got
cli-closed = Closed
cli-closed-told-again = the source published it again and the event was admitted
cli-count = Count
cli-amount = Amount (đ)
cli-since = Since
cli-done = Done
cli-waiting = Waiting
cli-stuck = Need somebody
cli-dropped = Dropped
cli-oldest = Oldest since
cli-phase = Condition
cli-drain = Estimate
cli-attempt = Try
cli-outcome = Outcome
cli-said = Partner said
cli-created = Planned
cli-ended = Ended
cli-decided-by = Decided by
cli-payload = Carries
cli-note = Note
cli-lanes = Lanes
cli-lane-state = Head of lane
cli-events-today = Received today
cli-sent-today = Sent today
cli-unit-unknown = Unit unknown

## Answers
cli-bad-roles = --roles { $id }: there is a role that does not exist.
    .remedy = The roles: intake, execute, http, relay, schedule (separated by commas), or all.
cli-check-note-portal = The login is accepted; the portal lists { $count } procedures.
cli-check-note-payment = QUERY answers and takes our signature; INIT cannot be tried without effect.
cli-check-note-post = The token is accepted; the tracking feed answers.
cli-kind-portal = Portal
cli-kind-payment = Payment
cli-kind-post = Post
cli-dossier-status = Status
cli-dossier-procedure = Procedure
cli-happened = happened { $when }
cli-attempt-of = attempt { $number } of #{ $id }
cli-no-incidents = No incident is open.
cli-more-units = … and { $count } more units; use --json to see all.
cli-quarantine-next = See lienthong quarantine list for what is wrong with each, let the vendor correct it and send it again.
cli-outbox-readable = Result events up to number { $highest }, to be read by GET /v1/events
cli-outbox-waiting = Result events up to number { $highest } · { $waiting } still to go out by RabbitMQ
cli-late = late
cli-planned = { $count ->
    [one] one operation
   *[other] { $count } operations
}
cli-verdict-accepted = Accepted
cli-verdict-acceptable = Valid
cli-verdict-duplicate = Duplicate, accepted before
cli-verdict-quarantined = Not accepted, reasons below
cli-more-problems = … and { $count } more lines; use --json to see all.
cli-next-page = There is more: add --after { $after }
cli-done-retry = Operation { $id } is queued to be sent again; the reason is on record.
cli-done-edit = The edit of operation { $id } is stored and goes out; the original is kept.
cli-done-dismiss = Operation { $id } is dismissed; the reason is on record.
cli-replay-next = Nothing was sent yet. Look at it, then: lienthong replay start { $id }
cli-replay-now = Plan { $id }: { $state }.
cli-replay-minutes = about { $count } min at the allowed rate
cli-replay-counts = Operations
cli-replay-time = Time left
cli-replay-stopped = Why it stopped itself
cli-replay-started = Started
cli-replay-treatment = What the plan does
cli-replay-ages = Planned between
cli-replay-examples = Examples
cli-adopted = Adopted dossiers
cli-done-incident = Incident { $id } is closed; the reason is on record.
cli-done-entry = Quarantine entry { $id } is closed; the reason is on record.
cli-dead = RabbitMQ has given up { $count } messages.
cli-dead-admitted = Admitted { $count }, duplicates { $known }, set aside { $quarantine }; left { $waiting }.
cli-done-hold = Nothing is sent to { $id } from now on; the reason is on record.
cli-done-release = { $id } is released; what is sent grows step by step. The reason is on record.
cli-done-trial = { $id } is tried now; see lienthong partner show { $id }.
cli-trial-at = Next trial
cli-held-by = Held by
cli-by-calendar = the configuration's maintenance calendar
cli-held-until = Until
cli-until-released = it is released
cli-limits = At once: { $each } per process, { $all } in all · a second: { $rate }
cli-migrated = The store's tables are up to date.
cli-schema-written = { $count } files written to { $folder }.
cli-config-good = { $file }: good.
cli-config-embedded = no configuration file; the default is used (SQLite in ./data)
cli-check-ok = ✓ Works
cli-check-good = ✓ Every partner answers and takes our credentials.
cli-check-bad = ✗ A partner cannot be used yet: see above.
cli-check-none = The configuration has no connection ([[connector]]).
cli-check-unknown = There is no connection { $id } in the configuration. There are:
cli-headline-quiet = nothing waits for a person
cli-headline-matters = { $count ->
    [one] one matter needs a person
   *[other] { $count } matters need a person
}
cli-counts = { $dossiers } dossiers · { $quarantine } events in quarantine

## Ledgers
cli-ledger-messages = Messages: received = admitted + duplicate + quarantined
cli-ledger-operations = Operations: planned = succeeded + refused + superseded + dismissed + open
cli-ledger-received = Received
cli-ledger-admitted = Admitted
cli-ledger-duplicate = Duplicate
cli-ledger-quarantined = Quarantined
cli-ledger-planned = Planned
cli-ledger-succeeded = Succeeded
cli-ledger-refused = Refused
cli-ledger-superseded = Superseded
cli-ledger-dismissed = Dismissed
cli-ledger-open = Open
cli-ledger-difference = Difference
cli-audit-at = Rows recounted at
cli-audit-never = The rows have not been recounted yet: lienthong ledger audit
cli-audit-entry = Entry
cli-audit-booked = Booked
cli-audit-counted = Counted
cli-audit-note = Received and duplicate cannot be recounted: a duplicate leaves no row.

## Lanes and edits
cli-no-lanes = No lane is blocked.
cli-lane-behind = { $count } waiting behind
cli-edited = Edit { $number } by { $by }
cli-edit-document = The file lacks “payload” or “expected”.
    .remedy = Get it by: lienthong operation payload NUMBER > file.json; change “payload”, leave “expected”.
cli-edit-editor = No editor could be opened.
    .remedy = Set EDITOR (e.g. EDITOR=nano), or use --file.

## When it cannot be done
cli-no-config = There is no configuration file (looked for ./lienthong.toml, /etc/lienthong/lienthong.toml).
    .remedy = Run this in the folder of lienthong.toml, or name the file by --config (variable LIENTHONG_CONFIG). To ask a service elsewhere use --server with --token-file.
cli-not-served = ⚠ The service is not running (no answer at { $url }): these are the store's figures, nothing is being sent. Start it: lienthong serve
cli-token-refused = The service at { $url } does not take the token made by { $file }.
    .remedy = That service has another secret, or the token has expired. Name that service's own configuration by --config, or ask its administrator for a token (lienthong token issue) and use --token-file.
cli-no-name = It is not known who decides: the account at the keyboard has no name.
    .remedy = Set the variable USER, or use a token in your name with --token-file; the name goes on record.
cli-file-empty = The file { $file } has no event; nothing was sent.
cli-file-no-json = The file { $file } is not valid JSON (line { $line }, column { $column }); nothing was sent.
    .remedy = Every line of the file is one JSON event, or the whole file is one JSON array [ … ].
cli-pace-unserved = The service does not run, so nothing leaves; --at-most-waiting would wait for ever.
    .remedy = Start the service (lienthong serve) and run it again, or leave out --at-most-waiting.
cli-no-server = No Liên thông server answers at { $url }.
    .remedy = Check the address after --server, and whether the service is running.
cli-no-token = No access token: the service's secret cannot be read.
    .remedy = Ask an administrator: lienthong token issue --subject NAME --scope read, then use --token-file.

## Sandbox and demonstration
cli-progress-events = Taking events in
cli-progress-deliver = Delivering to partners
cli-progress-pay = Citizens pay
cli-progress-parcels = The post delivers
cli-progress-settle = Settling
cli-sandbox-loopback = The sandbox listens on this machine only (127.0.0.1).
    .remedy = Leave --listen out or use 127.0.0.1; to open it to a network run the service: lienthong serve.
cli-sandbox-open = Open the console (the link works once): { $url }
cli-sandbox-folder = Data and configuration: { $folder }  (lienthong --config { $folder }/lienthong.toml status)
cli-sandbox-partners = Simulated partners: { $urls }
cli-sandbox-played = The sample dossiers are in; citizens pay after 20 seconds, parcels move every 15. Stop: Ctrl-C.
cli-demo-restless = After { $seconds } seconds something is still moving; what follows is the account of this moment.
cli-closing-sent = What reached the partners
cli-closing-told = What was told to the one-stop system
cli-closing-waits = What waits, and why
cli-closing-nothing-waits = Nothing waits.
cli-closing-violations = Violations of the partners' contracts: { $count }
cli-closing-good = ✓ Nothing waits, no event was set aside, both ledgers come out, no contract was violated.
cli-closing-bad = ✗ Something waits, was set aside, differs or was violated: see above.

## Events out
cli-out-event-quarantined = Event in quarantine
cli-out-event-conflict = Event in conflict
cli-out-dossier-snapshot_requested = Full dossier asked for
cli-out-portal-synced = Portal has the dossier
cli-out-portal-refused = Portal refused
cli-out-payment-opened = Payment opened
cli-out-payment-succeeded = Citizen has paid
cli-out-payment-failed = Payment failed
cli-out-payment-expired = Payment expired
cli-out-payment-needs_refund = Money has to be given back
cli-out-payment-refunded = Money given back
cli-out-post-accepted = Post has the order
cli-out-post-moved = Parcel moved
cli-out-post-delivered = Parcel delivered
cli-out-post-failed = Delivery failed
cli-out-post-came_back = Parcel came back
cli-out-post-cancelled = Parcel cancelled
cli-out-operation-stuck = Operation stuck
cli-out-operation-resumed = Operation resumed

## Backup and restore
cli-restore-absent = Asked: not there
cli-restore-fenced = The store was restored: since { $when } nothing is sent until somebody decides. See: lienthong restore status
cli-restore-none = The store was not restored; everything runs as usual.
cli-restore-over = Decided to send at { $when } ({ $by }).
cli-restore-backup = Backup of
cli-restore-seen = Last sign of life before the restore
cli-restore-marking = What is open is still being looked at; nobody can decide yet. The service must be running.
cli-restore-counts = Being asked about: { $asking } · waiting for one decision: { $total } · for decisions of their own: { $single }
cli-restore-would = A decision to send would do this:
cli-restore-would-states = of each dossier only the newest state is sent;
cli-restore-would-steps = progress steps up to { $when } ({ $before }) count as there already and are left out; later ones ({ $after }) are sent. The portal cannot be asked about steps: one that it has and that is sent again is there twice; one that it lacks and that is left out is missing. Choose by --steps-until (none: send all);
cli-restore-would-rest = parcels and payments go under their old numbers, so that no second one arises; what nobody may repeat by rule still waits for decisions of its own.
cli-restore-first = 1. Have the one-stop system publish again everything since the backup; what is known counts as a duplicate.
cli-restore-then = 2. Then decide: lienthong restore release --reason "…"
cli-restore-released = The decision is on record; operations go out in their order.
cli-restore-fenced-now = The store is marked as an older one: the service will send nothing until somebody decides.
cli-restore-what = Restore from where?
    .remedy = lienthong restore BACKUP-FOLDER, or lienthong restore status, lienthong restore release.
cli-backup-copying = Copying the store…
cli-backup-checking = Verifying the copy…
cli-backup-done = ✓ The backup is good: { $folder } ({ $size } MB, epoch { $epoch })
cli-backup-folder = { $folder } is not empty.
    .remedy = Choose a new folder for each backup.
cli-backup-unwritable = { $folder } cannot be written.
    .remedy = Check the path, the permissions and the space on the disk.
cli-backup-tool = { $tool } cannot be run.
    .remedy = Install PostgreSQL's client tools of the server's version, for example: apt-get install postgresql-client
cli-backup-tool-failed = { $tool } failed: { $said }
    .remedy = { $tool } must be of the server's version or newer, and the account must be able to read all tables.
cli-restore-unreadable = { $folder } is no usable backup: { $said }
    .remedy = Name the folder that lienthong backup made, its manifest.json included.
cli-restore-damaged = { $file } is not what it was when it was backed up (another SHA-256).
    .remedy = Use another backup.
cli-restore-other-kind = The backup is of a { $kind } store; the configuration uses the other kind.
    .remedy = Use the configuration of that service (--config).
cli-restore-newer = The backup was made by a newer version of Liên thông (tables of version { $migration }).
    .remedy = Install that version or a newer one, and restore again.
cli-restore-running = The service runs on this store.
    .remedy = Stop every lienthong process of this store, and try again.
cli-restore-not-empty = There is a store already.
    .remedy = Add --replace to replace it; it is renamed and kept beside.
cli-restore-checking = Verifying the backup…
cli-restore-placing = Putting the backup in place…
cli-restore-upgrading = Upgrading the tables and putting up the fence…
cli-restore-done = ✓ The backup of { $when } is restored. The store waits for a decision: the service will take events in and send nothing.
cli-restore-kept = The former store is kept: { $aside }
cli-restore-start = Start the service (lienthong serve), then look at lienthong restore status.
