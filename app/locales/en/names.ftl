# What codes are called: states, actions, events, outcomes.

state-ready = Waits to be sent
state-running = Being sent
state-doubtful = Outcome unknown
state-awaiting = Waits for the partner's result
state-held = Held, something is missing
state-stuck = Stuck, needs a person
state-succeeded = Done
state-refused = Refused
state-superseded = Replaced by a newer one
state-dismissed = Dismissed
state-idle = Nothing to do

action-sync_dossier = Synchronise dossier with the portal
action-append_progress = Send progress
action-open_payment = Open payment
action-create_parcel = Order parcel
action-cancel_parcel = Cancel parcel
action-unassigned = No connector for this

status-1 = Newly registered
status-2 = Received
status-3 = Not accepted
status-4 = In process
status-5 = Supplement requested
status-6 = Financial obligation requested
status-7 = Withdrawn by the citizen
status-8 = Stopped
status-9 = Finished
status-10 = Result handed over

payment-open = To be paid
payment-failed = Failed
payment-expired = Expired
payment-cancelled = Cancelled
payment-paid_at_desk = Paid at the desk
payment-paid = Paid online
payment-needs_refund = Needs a refund
payment-refunded = Refunded
reference-1 = Not open at the platform yet
reference-2 = Open, to be paid
reference-3 = Paid
reference-4 = Closed

parcel-requested = Requested
parcel-accepted = Order taken by the post
parcel-moving = On its way
parcel-delivered = Delivered
parcel-failed = Could not be delivered
parcel-came_back = Came back
parcel-cancelled = Cancelled
parcel-refused = Refused by the post
direction-return = Result by post
direction-pickup = Collection at home

outcome-done = Done
outcome-accepted = Taken by the partner
outcome-refused = Refused
outcome-not_done = Not done
outcome-held = Held, something is missing
outcome-paused = Connection paused
outcome-unclear = Unclear
outcome-running = Being sent
finding-present = The partner has it
finding-absent = The partner does not have it
finding-in_progress = The partner is at it
finding-refused = The partner refused
finding-inconclusive = No clear answer

kind-event = Event
kind-operation = Operation
kind-payment = Payment
kind-parcel = Parcel

origin-amqp = RabbitMQ
origin-http = HTTP
origin-file = File

event-dossier-adopted = Dossier taken over from an older system
event-dossier-submitted = Dossier newly registered
event-dossier-received = Dossier received
event-dossier-rejected = Dossier not accepted
event-dossier-processing = Next step of processing
event-dossier-supplement_requested = Supplement requested
event-dossier-supplemented = Supplemented
event-dossier-supplement_expired = Supplement expired
event-dossier-fee_requested = Financial obligation requested
event-dossier-withdrawn = Withdrawn by the citizen
event-dossier-stopped = Stopped
event-dossier-refused = Refused
event-dossier-paused = Paused
event-dossier-resumed = Resumed
event-dossier-extended = Extended, with an apology
event-dossier-transferred = Transferred to another unit
event-dossier-finished = Finished
event-dossier-returned = Result handed over
event-dossier-reopened = Reopened
event-dossier-corrected = Corrected
event-dossier-voided = Voided
event-result-corrected = Result corrected
event-result-revoked = Result revoked
event-fee-requested = Payment requested
event-fee-cancelled = Payment request cancelled
event-fee-paid_at_desk = Paid at the desk
event-fee-refund_requested = Refund requested
event-fee-refunded = Refunded
event-receipt-cancelled = Receipt cancelled
event-post-return_requested = Return by post requested
event-post-pickup_requested = Collection at home requested
event-post-cancelled = Parcel cancelled
event-survey-answered = Satisfaction survey
event-question-answered = Question answered

deed-retried = It is in the queue to be sent again. The result will show among the attempts.
deed-dismissed = The operation was dismissed. The reason is kept with your name.
deed-reason = Nothing was done: a reason is missing. Please give one and try again.
deed-reason_missing = Nothing was done: a reason is missing. Please give one and try again.
deed-running = The operation is with the partner just now. Wait for this attempt to end and try again.
deed-recreated = This step goes out only if the partner has made the dossier anew; the system then sends it by itself. Dismiss it if it is no longer wanted.
deed-no_connector = No connector of this installation can do this yet, so it cannot be sent. Dismiss it, or wait until one is installed.
deed-fenced = The store was restored, and nothing is sent before the common decision. Open the page Restore.
restore-reason-older = the store is older than what was seen
restore-reason-other_store = this is another store
restore-reason-restored = restored by command
restore-reason-by_hand = marked by the administrator
deed-ended = The operation has ended; there is nothing left to do.
deed-not-allowed = That cannot be done with the operation now. Reload the page to see its state.
deed-edited = The edit is stored, and the operation goes out so. The original is kept below, under “Edited”.
deed-awaiting = The partner has this already and has not answered, so that it can no longer be edited. Wait for the answer.
deed-doubtful = It is not known yet whether the partner took what was sent before. Wait until that is resolved, then try again.
deed-begun = The partner may have received what was sent before, so it may only be repeated as it was. To change it, cancel it and request it under a new id.
deed-snapshot = The dossier has not come in full yet. Have the one-stop system publish all of it; that state takes the place of the held one.
deed-decision = The operation waits for a decision. Confirm it by “Send again” or “Dismiss” first.
deed-nothing_to_edit = This operation carries nothing that could be edited.
deed-unchanged = Nothing was changed, so nothing was sent.

owner-unit = The unit that handles the dossier
owner-administrator = The administrator
owner-partner = The partner
owner-nobody = Nobody, it goes on by itself

exit-name-retry = Send again
exit-name-edit = Fix and send
exit-name-correction = Correct at the source
exit-name-dismiss = Dismiss
exit-name-wait = Wait
exit-retry = the same content once more, when the cause is gone.
exit-edit = change the content here, on record; the original is kept.
exit-correction-dossier = the one-stop system corrects the dossier and publishes { $what } (or any event with a newer state); it takes the place of this one.
exit-correction-snapshot = the one-stop system publishes the whole dossier (snapshot: full), e.g. { $what }; what is held goes on by itself.
exit-correction-anew = the one-stop system cancels this request and makes a new one under a new id: { $what }.
exit-dismiss = end it without sending, on record; what waits behind goes on.
exit-wait = nothing to do, it goes on by itself.
exit-wait-until = nothing to do, it goes on by itself at { $until }.
exit-wait-paused = the connector is paused; when the partner is back everything goes out in order.

edit-fixed-identity = says which dossier, payment or parcel this is; request another one instead
edit-fixed-money = how much money goes where; cancel it and request it under a new id
edit-fixed-course = events of the one-stop system decide it
edit-fixed-length = the list keeps its length

phase-closed = Works
phase-open = Paused
phase-half_open = Tried one by one
phase-ramp = Growing step by step
phase-held = On hold
drain-unknown = unknown how long until empty
drain-soon = empty within a minute
drain-minutes = empty in about { $n ->
    [one] { $n } minute
   *[other] { $n } minutes
}
drain-hours = empty in about { $n ->
    [one] { $n } hour
   *[other] { $n } hours
}
drain-days = empty in about { $n ->
    [one] { $n } day
   *[other] { $n } days
}

## Replays
replay-planning = Being planned
replay-planned = Planned, waits to be started
replay-canary = Trying a few
replay-running = Running
replay-paused = Paused
replay-stopped = Stopped itself
replay-finished = Finished
replay-cancelled = Cancelled
stopped-canary_failed = One of the first few failed
stopped-too_many_failed = Too many failed
treatment-retry = Sent again in its place
treatment-resend_state = The dossier's newest state is sent
treatment-resend_steps = The steps are sent again
treatment-dismiss = Dismissed
treatment-wait = Left: something is missing that sending again cannot supply
treatment-moving = Left: it goes by itself
treatment-unsure = Left: the partner may have done it, once more could be a double
treatment-duplicate = Left: the partner has it or may have it
treatment-regress = Left: something older would go over something newer
treatment-covered = Left: something newer goes in its place
treatment-renew = Left: the one-stop system has to ask under a new id
treatment-changed = Left: it was sent or decided otherwise since the plan was made
item-waiting = to be sent
item-sent = without an outcome
item-done = done
item-failed = failed
item-skipped = not sent after all
item-left = left
order-plan = planned it
order-start = started it
order-pause = paused it
order-resume = resumed it
order-cancel = cancelled it

## Dossiers of a former system
adopted-found = The portal had it, not sent again
adopted-sent = The portal lacked it, sent
adopted-waiting = Waiting
adopted-held = Held, something is missing
adopted-stuck = Stuck, needs a person
adopted-ended = Ended without being sent

## Catalogue and mappings
list-procedures = Procedures
list-procedure-details = Contents of procedures
list-services = Services
list-fields = Fields
list-agencies = Agencies
table-procedure = Procedure
table-status = Status
table-unit = Unit
table-fee = Fee
change-new = New
change-changed = Changed
change-withdrawn = Withdrawn
change-returned = Back
broken-unknown = Not in the catalogue
broken-withdrawn = Withdrawn from the catalogue
broken-not_in_force = Not in force
origin-configuration = Configuration
origin-stored = Confirmed

# What partners sent by themselves, and what became of it.
inbound-told = Told to the one-stop system
inbound-repeated = Sent again, told before
inbound-partly = Taken in part
inbound-conflict = Differs from what was sent before, somebody has to look
inbound-unknown = The dossier is not known
inbound-faulty = Wrong content
inbound-unread = Unreadable
inbound-asked = A look-up
inbound-not_found = A look-up of a dossier that is not known
inbound-empty = Nothing in it
inbound-open = Not judged

file-stored = here
file-waiting = to be fetched
file-failed = could not be fetched
file-refused = not taken

told-portal-dossier_submitted = A dossier submitted on the portal
told-portal-dossier_supplemented = Supplemented or amended on the portal
told-portal-dossier_withdrawn = Withdrawn on the portal
told-portal-dossier_paid = Paid on the portal
told-tax-notice_received = A notice of land tax
told-tax-voucher_received = A voucher of land tax
## Reconciliation
discrepancy-status-missing = The partner does not have it
discrepancy-status-behind = The partner shows an earlier status
discrepancy-status-ahead = The partner has what we never sent
discrepancy-status-steps_unclear = Whether the partner has all steps is not known
discrepancy-status-unknown_here = We do not have it
reach-changed = What changed
reach-open = All open dossiers
move-ask = Ask again
move-resend = Send again
move-close = Close
move-help-ask = The next run asks about it first; it closes if both agree.
move-help-resend = Sends the dossier's full state as it is now; its steps only if the partner has to create it anew.
move-help-close = It is explained, or settled otherwise. It is not opened again as long as both sides stay as they are.
did-opened = Found
did-changed = Changed
did-ask = Asked for another question
did-resend = Sent again
did-close = Closed
did-agreed = A later comparison agreed
both-known = Has the dossier
both-status = Status
both-version = Version
both-steps = Steps accepted
both-named_by = Named when asked about
