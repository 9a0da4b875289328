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
deed-no_connector = No connector of this installation can do this yet, so it cannot be sent. Dismiss it, or wait until one is installed.
deed-ended = The operation has ended; there is nothing left to do.
deed-not-allowed = That cannot be done with the operation now. Reload the page to see its state.

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
