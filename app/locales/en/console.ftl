# What the console's pages say.

skip = Skip to content
nav-label = Sections
nav-province = The province today
nav-dossiers = Dossiers
nav-operations = Operations
nav-quarantine = Quarantine
other-language = Tiếng Việt
log-out = Log out
as-of = As of
footer = Vietnam time (UTC+7).
back-home = Back to the province today
nothing = (nothing)
since = began
planned = planned
ended = ended
due-again = again

login-title = Log in
login-welcome = You are logged in
login-go-on = Go to the console
login-token = Token
login-help = An administrator makes one on the server with
login-enter = Log in
login-expired = The token has expired. Ask an administrator for a new one.
login-used = This link has been used already. Make a new one, or paste a token below.
login-wrong = The token is not right. Check that you have copied all of it.

headline-calm = Everything runs by itself; nothing needs a person
headline-waiting = Nothing needs a person; some work waits for a partner
headline-persons = { $n ->
    [one] { $n } matter needs a person
   *[other] { $n } matters need a person
}
headline-broken = The system is in trouble
broken-store = The store does not answer. Look at the database server and the disk.
broken-broker = RabbitMQ is not connected. Events wait in the queue; look at the RabbitMQ server.
broken-ledger = The ledgers do not balance. Tell the developers of Liên thông at once, with a picture of this page.
dossiers-known = { $n ->
    [one] { $n } dossier
   *[other] { $n } dossiers
}
refresh-on = Reload every 30 seconds
refresh-off = Stop reloading

matters-title = What you should know
advice-who = Who acts
advice-next = What next
matter-alone = holds no operation
matter-dossier = see the dossier
matter-count = { $n ->
    [one] { $n } operation
   *[other] { $n } operations
}
matter-count-least = { $n ->
    [one] at least { $n } operation
   *[other] at least { $n } operations
}
quarantine-matter = { $n ->
    [one] { $n } event is in quarantine
   *[other] { $n } events are in quarantine
}
    .who = The vendor of the source's one-stop system
    .next = Open the list to see what is wrong with each, have the vendor correct and publish them again. Other events are not affected.
incident-close = Close this
incident-go = Close
incident-done = Closed. The reason is kept with your name.
incident-already = This is closed already, or closes by itself and not by hand.
quarantine-open = See the list

partners-title = Partners
partners-empty = No connector is configured.
col-partner = Partner
col-condition = Condition
col-done = Sent today
col-waiting = Waiting
col-stuck = Needs a person
col-oldest = Longest wait
partner-unassigned = No connector yet
fact-waiting = Waiting
fact-drain = Estimate
fact-cause = Cause
fact-trial = Next trial
fact-step = This step until
fact-held-by = Held by
fact-held-because = Why it is held
fact-held-until = Held until
fact-in-flight = At once, per process
fact-in-flight-total = At once, in all
fact-rate = A second, at most
held-by-calendar = The configuration's maintenance calendar
held-until-released = It is released
partner-operations = Open operations
trial-title = Try now
trial-help = Asks the partner one question without effect. If it answers, sending goes on, a little first, then more.
trial-go = Try now
release-title = Release
release-help = One operation at a time first, then more. The reason and your name are kept.
release-go = Release
hold-title = Hold
hold-help = Nothing is sent to this partner; operations wait in order and lose no attempt. The reason and your name are kept.
hold-until = Until (Vietnamese time; empty: until it is released)
hold-go = Hold
partner-held = Nothing is sent to this partner from now on.
partner-released = Released; what is sent grows step by step.
partner-tried = It is tried now. Reload the page in a few seconds.
partner-until = The moment cannot be read or is over. Please choose another.
partner-not-allowed = That cannot be done with the partner now. Reload the page to see how it stands.
partner-no-right = Holding, releasing and trying need a token with scope operate.
of-which-doubtful = { $n } with unknown outcome
outbox-waiting = { $n ->
    [one] { $n } result waits to be told to the one-stop system through RabbitMQ.
   *[other] { $n } results wait to be told to the one-stop system through RabbitMQ.
}
outbox-readable = Results are written up to number { $n }; the one-stop system reads them by GET /v1/events.

units-title = Units
units-empty = No unit has sent an event today.
unit-unknown = Unit unknown
col-unit = Unit
col-events-today = Received today
col-sent-today = Sent today

ledgers-title = Ledgers
ledgers-help = Everything that comes in has to end somewhere: both differences must always be 0.
ledger-messages = Events
ledger-operations = Operations
ledger-received = Received
ledger-admitted = Admitted
ledger-duplicate = Duplicate, known already
ledger-quarantined = Quarantined
ledger-planned = Planned
ledger-succeeded = Done
ledger-refused = Refused
ledger-superseded = Replaced by a newer one
ledger-dismissed = Dismissed
ledger-open = Open
ledger-difference = Difference

search-title = Find a dossier
search-label = Dossier code
search-go = Find
search-help = The code on the receipt, or the code of the National Public Service Portal.
dossier-title = Dossier
dossier-aliases = Other codes:
dossier-unknown = Only single events have come, not yet the dossier as a whole. Its operations are held until the one-stop system sends it in full.
dossier-calm = Nothing waits: all operations of the dossier have ended.
dossier-waiting = The dossier waits for its turn or for a partner; nobody has to act.
dossier-needs-person = { $n ->
    [one] { $n } operation of the dossier needs a person.
   *[other] { $n } operations of the dossier need a person.
}
waiting-title = Waiting
timeline-title = What happened
timeline-empty = Nothing has happened to this dossier yet.
details-json = Full content
attempts-summary = { $n ->
    [one] { $n } attempt
   *[other] { $n } attempts
}
event-happened = Happened at the source on { $what }
event-late = Came late, after events with a higher number
event-recorded = Recorded only; nothing goes to a partner
event-planned = { $n ->
    [one] Planned { $n } operation
   *[other] Planned { $n } operations
}
operation-ended = Ended on { $what }
operation-superseded-by = Replaced by operation { $what }
operation-decided-by = Decided by { $what }
payment-title = Payment of
parcel-order = Order number { $what }
parcel-item = Item code { $what }
platform-ref = transaction { $what }
paid-at = paid on { $what }
pay-page = payment page

fact-status = Status
fact-procedure = Procedure
fact-unit = Unit
fact-applicant = Applicant
fact-phone = Phone
fact-summary = Summary
fact-received = Received
fact-due = Due
fact-finished = Finished
fact-returned = Handed over
fact-lane = Lane
fact-place = Place in the lane
fact-version = Dossier version
fact-attempts = Attempts so far
fact-setbacks = Setbacks
fact-need = Missing
fact-decided = Decided by hand
fact-source = Source
fact-subject = Dossier code
fact-type = Event type
fact-event-id = Event id
fact-origin = Came by
fact-path = Where
fact-expected = Expected
fact-got = Found
facts-title = Details

filter-label = Filter operations
filter-all = All
filter-open = Only those that have not ended
filter-go = Filter
filter-clear = Clear
col-number = Number
col-action = What
col-dossier = Dossier
col-state = State
col-cause = Cause
col-attempts = Setbacks
col-created = Planned
col-attempt = Attempt
col-outcome = Outcome
col-said = Answer
col-began = Began
col-took = Took
operations-empty = No operation fits the filter.
pages-label = Pages
page-first = Back to the beginning
page-next = Next page
operation-title = Operation
operation-head = { $what }, its turn now
operation-behind = { $what }
attempts-title = Attempts
attempts-caption = Attempts of this operation
attempts-empty = It has not been sent yet.
payload-title = What the operation carries (sent in the partner's own form)
proof-title = The partner's confirmation
carried-title = The dossier as planned
masked-note = Phone, identity and account numbers are shown in part only.
retry-title = Send again
retry-help = Sends it at once, whatever the schedule says. For when the cause has been dealt with.
retry-go = Send again
dismiss-title = Dismiss
dismiss-help = Ends it without sending: the partner will not get this from this operation, and what comes after it may go on.
dismiss-sure = I understand that the partner will not get this
dismiss-go = Dismiss the operation
reason-label = Reason (kept with your name)
decide-no-right = You are here with the right to read. Sending again and dismissing need the right “operate”.

quarantine-title = Quarantine
quarantine-help = Events that could not be admitted. Each is kept as it came, its source was told, and it blocks nothing else.
quarantine-empty = No event is in quarantine.
quarantine-found = What is wrong
col-reason = Why
col-source = Source
col-received = Received
close-title = Close this entry
close-help = An entry closes by itself when its event is sent again and admitted. Close it by hand only if the correction came under another id, or nothing will come of it. The content is kept.
close-go = Close the entry
close-done = Closed. The reason is kept with your name.
close-already = This entry is closed already.
close-no-right = You are here with the right to read. Closing an entry needs the right “operate”.
closed = Closed
closed-told-again = the source sent it again and it was admitted
raw-title = As it came
raw-size = { $n } bytes, exactly as received; may contain personal data.
raw-no-right = Only those with the right “operate” see the content.

ago-now = just now
ago-minutes = { $n ->
    [one] { $n } minute ago
   *[other] { $n } minutes ago
}
ago-hours = { $n ->
    [one] { $n } hour ago
   *[other] { $n } hours ago
}
ago-days = { $n ->
    [one] { $n } day ago
   *[other] { $n } days ago
}
in-moment = now
took-seconds = { $what } s
in-minutes = { $n ->
    [one] in { $n } minute
   *[other] in { $n } minutes
}
in-hours = { $n ->
    [one] in { $n } hour
   *[other] in { $n } hours
}
in-days = { $n ->
    [one] in { $n } day
   *[other] in { $n } days
}

## Blocked lanes
lanes-title = Blocked lanes
lanes-help = A lane is one dossier, payment or parcel at one partner. While its first operation is not done, those behind it wait; other lanes go on. The longest wait comes first.
lanes-empty = No lane is blocked in this way.
lanes-blocked = { $n ->
    [one] { $n } lane is blocked: how long, why, who acts, the ways out
   *[other] { $n } lanes are blocked: how long, why, who acts, the ways out
}
lane-age = How long
lane-since = in this state since
lane-behind = { $n ->
    [one] { $n } operation waits behind
   *[other] { $n } operations wait behind
}
lane-exits = Ways out
lane-open = Open operation { $what }
lane-link = Lane { $what } alone
col-owner = Who acts

## Fix and send
edit-title = Fix and send
edit-offer = Change what this operation carries; it goes out as edited, and the original is kept.
edit-help = Change the content below, then send. The original is kept with your name and reason; it is not sent any more.
edit-content = Content (JSON)
edit-unmasked = Personal data is not masked here. That you opened this page is on record.
edit-go = Store and send the edit
edit-leave = Leave it
edit-no-json = The content is no valid JSON: { $what }
edit-fixed-title = What cannot be edited
edits-title = Edited
edit-number = Edit { $what }
operation-edited = { $n ->
    [one] Edited once before it was sent
   *[other] Edited { $n } times before it was sent
}
col-place = Place
col-before = Before
col-after = After

ledger-audited = The rows were last recounted
ledger-audit-right = they match the ledgers.
ledger-audit-wrong = they do not match; see what needs somebody above.
ledger-audit-never = The rows have not been recounted yet; that happens by itself once a day.
## After a restore
restore-title = Restore
restore-banner = The store was restored: nothing is sent.
restore-banner-waiting = { $n ->
    [one] { $n } operation waits for a decision.
   *[other] { $n } operations wait for a decision.
}
restore-banner-many = { $n } operations or more wait for the decision.
restore-banner-go = Look and decide
restore-stands = Nothing is sent until somebody decides
restore-over = Decided; everything goes out again
restore-none = The store was not restored
restore-help = The store is an older one: partners may have what it does not know. Events are still taken in; what can be asked about is being asked; the rest waits for one decision.
restore-since = Since
restore-backup = Backup of
restore-seen = Last sign of life before the restore
restore-asking = Being asked about
restore-waiting = Waiting for the decision
restore-single = For decisions of their own
restore-group = What waits for one decision
restore-nothing = No operation waits.
restore-partner = Partner
restore-action = Operation
restore-absent = Asked: not there
restore-decide = Decide to send
restore-first = First have the one-stop system publish again everything since the backup (what is known counts as a duplicate). Then: of each dossier only the newest state is sent; parcels and payments go under their old numbers, so that no second one arises.
restore-steps = Progress steps
restore-steps-before = { $n ->
    [one] { $n } step happened before the restore.
   *[other] { $n } steps happened before the restore.
}
restore-steps-after = { $n ->
    [one] { $n } step happened after it.
   *[other] { $n } steps happened after it.
}
restore-steps-help = The portal cannot be asked about steps: one that it has and that is sent again is there twice; one that it lacks and that is left out is missing.
restore-steps-restore = Take steps up to the restore as sent, and leave them out (safe: none is doubled)
restore-steps-at = Take steps up to this moment as sent
restore-steps-none = Send all (those that the portal has will be there twice)
restore-go = Send
restore-done = The decision is on record; operations go out in their order.
restore-not-now = Not now: what is open is still being looked at, or somebody has decided already. Reload the page.
restore-moment = No moment was chosen, or it cannot be read.
restore-marking = What is open is being looked at; reload the page in a few seconds to decide.
restore-no-right = Deciding needs a token with the scope “operate”.
## Replays
nav-replays = Replays
replays-help = A plan selects operations, tells what sending them again would do, then runs at its pace and stops when too much fails. Plans are made with lienthong replay plan.
replays-empty = There is no plan yet.
replay-title = Replay plan
replay-state = State
replay-counts = Operations
replay-because = By whom, why
replay-made = Made
replay-does = What it does with each group
replay-treatment = Treatment
replay-items = Operations
replay-oldest = Oldest
replay-newest = Newest
replay-failed = Failed
replay-pace = Pace
replay-rate = at most { $n } a minute
replay-left = Left
replay-minutes = about { $n } min
replay-deed = Ordered
replay-reason = Reason (if there is one to keep)
replay-start = Start: try a few, then the rest by itself
replay-pause = Pause
replay-resume = Go on
replay-cancel = Cancel the plan
replay-ordered = Done.
replay-too-late = Nothing was done: the plan is in another state by now.

## Catalogue and mappings
nav-catalogue = Catalogue
catalogue-help = The portal's catalogue is pulled every night and kept by version. What a code of ours means there is confirmed by a person; suggestions decide nothing.
catalogue-running = The catalogue is being pulled; the figures below still change.
catalogue-broken = Codes in use that the portal does not use any more
catalogue-lists = Stored lists
catalogue-empty = The catalogue was never pulled.
catalogue-list = List
catalogue-rows = Entries
catalogue-held = { $n } missing, not believed
catalogue-version = Version
catalogue-changed = Last changed
catalogue-pulled = Last pulled
catalogue-pull = Pull the catalogue
catalogue-changes = Changes of 30 days
catalogue-when = When
catalogue-kind = Change
catalogue-entry = Entry
catalogue-noted = Noted.
catalogue-failed-reason = Nothing was done: a reason is needed.
catalogue-failed-value = Nothing was done: a value cannot be used.
catalogue-failed-clash = Not confirmed: the code means another one at the same time. Withdraw that first, or give days.
catalogue-failed-unknown = Not confirmed: the portal's catalogue does not have this code, or not any more.
mapping-title = Confirmed codes
mapping-none = Nothing was confirmed yet; the tables of the configuration are in use.
mapping-new = Confirm a code
mapping-table = Table
mapping-local = Our code
mapping-national = The portal's code
mapping-from = Holds from
mapping-until = until the end of
mapping-word = Who confirmed it, and why
mapping-waiting = { $n } operations wait for this code
mapping-suggestions = Similar names
mapping-other = Another code of the portal
mapping-reason = Reason
mapping-confirm = Confirm
mapping-withdraw = Withdraw

nav-inbound = From the portal
inbound-help = What the portal sends by itself: dossiers submitted there, supplements, vouchers and notices of land tax, look-ups. Each request is stored as it came before it is read, and told to the one-stop system once.
inbound-shut = The door is shut: no connector has an inbound table in its settings.
inbound-none = Nothing has come yet.
inbound-service = Service
inbound-became = What became of it
inbound-file = File
## Reconciliation
nav-reconcile = Reconciliation
reconcile-help = Every dossier is looked up at the partner and compared with what was sent: every 15 minutes what changed, at night all that are open. What can be mended safely is mended; the rest waits here for a person.
reconcile-report-only = Repair is switched off: differences are only reported.
reconcile-open = Open discrepancies: { $n }
reconcile-none = No discrepancy is open.
reconcile-runs = Runs
reconcile-no-runs = There was no run yet.
reconcile-began = Began
reconcile-reach = About
reconcile-asked = Asked
reconcile-unanswered = { $n } not answered
reconcile-agrees = Agree
reconcile-differs = Differ
reconcile-repaired = Mended
reconcile-took = Took
reconcile-running = running
reconcile-now = Ask about all open dossiers now
reconcile-noted = Noted.
reconcile-clock = The system
reconcile-failed-reason = Nothing was done: a reason is needed.
reconcile-failed-closed = Nothing was done: the discrepancy is closed.
reconcile-failed-busy = Not now: the dossier has an operation open. Try again when it has ended.
reconcile-failed-not_so = That cannot be done about this discrepancy.
discrepancy-title = Discrepancy
discrepancy-kind = Kind
discrepancy-since = Since
discrepancy-seen = Last seen
discrepancy-history = What happened
discrepancy-when = When
discrepancy-deed = What
discrepancy-by = Who
discrepancy-matter = { $n ->
    [one] { $n } discrepancy with a partner is open
   *[other] { $n } discrepancies with partners are open
}
    .who = The province's administrator, or the unit that each one names
    .next = Open the list, see what differs, then ask again, send again, or close it with a reason. It closes by itself once a later comparison agrees.
both-title = Both sides
both-what = What
both-ours = Ours
both-theirs = Theirs
both-yes = Yes
both-no = No
