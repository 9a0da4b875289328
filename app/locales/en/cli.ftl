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
cli-paused-since = Paused since
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
cli-outbox-written = { $count } result events written, to be read by GET /v1/events
cli-outbox-relayed = { $count } result events written · { $waiting } still to go out by RabbitMQ
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
