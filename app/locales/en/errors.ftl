# Errors of the API, and pages that say one thing.

error-token_missing = The request has no token. Send “Authorization: Bearer …”; make one with “lienthong token issue”.
error-token_invalid = The token is not one of this installation or was altered. Make one with “lienthong token issue” and this service's own configuration file.
error-token_expired = The token has expired. Make a new one with “lienthong token issue”.
error-scope_missing = The token lacks the right “{ $what }”.
error-store_unavailable = The store does not answer for the moment; nothing is lost. Please try again in a few seconds.
error-no_broker = This installation does not use RabbitMQ, so that nothing can be given up by it.
error-broker_unavailable = RabbitMQ's queue cannot be read; nothing is lost, and what was admitted stays admitted. Please try again. ({ $what })
error-too_slow = The request took too long. Please try again, or ask for less.
error-internal = An error inside Liên thông. See the log by the x-request-id of this answer.
error-no_such_address = There is nothing at this address.
error-wrong_method = This address does not take that method.
error-metrics_off = Metrics are switched off in the configuration.
error-no_such_dossier = No dossier with the code { $what } is known.
error-no_such_operation = There is no operation { $what }.
error-no_such_entry = There is no quarantine entry { $what }.
error-no_such_file = There is no file { $what }, or its time is over.
error-no_such_request = There is no request { $what }.
error-file_waiting = The file has not come from the portal yet; it is tried again, ask later.
error-file_not_here = The file could not be fetched or was not taken; the page "From the portal" says why.
error-closed_already = Quarantine entry { $what } is closed already.
error-unknown_state = There is no state “{ $what }”.
error-number_unreadable = “{ $what }” is not a number.
error-query_unreadable = The query cannot be read: { $what }
error-cursor_unreadable = “{ $what }” is no cursor; it should look like EPOCH-NUMBER, e.g. 1-42.
error-epoch_changed = The store was restored, so the old cursor is not valid any more. Read again from { $what } and skip what you have.
error-body_unreadable = The body cannot be read or is larger than allowed. { $what }
error-body_empty = The request has no body.
error-batch_unreadable = A batch has to be a JSON array: { $what }
error-content_type = The content type “{ $what }” is not taken; use application/cloudevents+json or application/cloudevents-batch+json.
error-reason_missing = A reason is needed.
error-not_allowed = { $what ->
    [ended] The operation has ended: there is nothing left to do.
    [running] The operation is with the partner: wait for this attempt to end, then try again.
    [reason_missing] No reason was given, so nothing was done. Give a reason and send again.
    [awaiting] The partner has this already and has not answered, so that it can no longer be edited. Wait for the answer.
    [doubtful] It is not known yet whether the partner took what was sent before. Wait until that is resolved, then try again.
    [begun] The partner may have received what was sent before, so it may only be repeated as it was. To change it, cancel it and request it under a new id.
    [snapshot] The dossier has not come in full yet. Have the one-stop system publish all of it; that state takes the place of the held one.
    [decision] The operation waits for a decision. Confirm it by “Send again” or “Dismiss” first.
    [nothing_to_edit] This operation carries nothing that could be edited.
    [unchanged] Nothing was changed, so nothing was sent.
    [recreated] This step goes out only if the partner has made the dossier anew; the system then sends it by itself. Dismiss it if it is no longer wanted.
    [no_connector] No connection here can do this yet, so it cannot be sent. Dismiss it, or wait for that connection.
    [fenced] The store was restored, and nothing is sent before the common decision (lienthong restore status). Single operations can be sent again after it.
    [not_fenced] The store does not wait for a decision after a restore, or somebody has decided already.
    [not_marked] Not everything that is open has been looked at, so nobody can decide yet. Try again in a few seconds; the service must be running.
   *[other] That cannot be done with the operation now ({ $what }).
}
error-edit_identity = { $what } cannot be edited: it says which dossier, payment or parcel this is about. Request another one instead; an element of a list keeps its id, and "deleted": true removes it.
error-edit_money = { $what } cannot be edited: it says how much money goes where. Cancel the request and make a new one under a new id.
error-edit_course = { $what } cannot be edited: events of the one-stop system decide it. Have it publish the event.
error-edit_length = { $what } cannot be edited: the list keeps its length. To drop the whole operation, dismiss it with a reason.
error-edit_misfit = The content does not fit (place – expected – got): { $what }
error-edit_stale = Somebody edited the operation, or it changed, since you opened it (it is now at { $what }). Open it again, look at it, and edit on.
error-no_such_lane = There is no lane with the number { $what }.
error-unknown_owner = There is no owner “{ $what }”. Use: unit, administrator, partner, nobody.
error-no_catalogue = No connector with a catalogue is called { $what }, or there is more than one: name it.
error-not_in_catalogue = The portal's catalogue does not have { $what }, or not any more.
error-mapping_clashes = This code is mapped to another one at the same time ({ $what }). Withdraw that first, or give days.
error-no_such_mapping = There is no mapping { $what }.
error-no_such_replay = There is no replay plan { $what }.
error-value_unknown = The value “{ $what }” cannot be used here.
error-replay_not_allowed = The plan is “{ $what }”: that cannot be done now.
error-no_such_incident = There is no open incident { $what }.
error-closes_itself = Incident { $what } closes by itself, when what is missing is supplied or the partner is back; it is not closed by hand.
error-no_such_partner = There is no connector { $what } in the configuration.
error-moment_unreadable = “{ $what }” is no moment; write it like 2026-12-01T06:00 (Vietnamese time). After a restore also: restore, none.
error-partner_not_allowed = { $what ->
    [not_held] The partner is not on hold, so there is nothing to release.
    [not_open] The partner is not taken for down, so there is nothing to try.
    [held] The partner is on hold, so it is not tried. Release it first.
    [until_past] That moment is over. Choose one that is still to come.
    [reason_missing] Without a reason nothing was done. Please give one.
   *[other] That cannot be done with the partner now ({ $what }).
}

notice-dossier = No dossier with the code { $what } is known
    .next = Check the code on the receipt. If it is right, the one-stop system has not published any event of it, or the event is in quarantine.
notice-operation = There is no operation { $what }
    .next = The number may be mistyped. Look for it among the operations.
notice-lane = There is no blocked lane { $what }
    .next = It may have moved on, or the number was copied wrong. Open the list of blocked lanes.
notice-entry = There is no quarantine entry { $what }
    .next = The number may be mistyped. Look for it in the quarantine.
notice-partner = There is no partner { $what }
    .next = The name may have been copied wrongly. Choose one on the front page.
notice-replay = There is no replay plan { $what }
    .next = The number may be mistyped. Look for it among the replays.
notice-address = There is no such page: { $what }
    .next = The address may be mistyped. Begin with the province today.
notice-forbidden = You do not have the right to do this
    .next = Ask the administrator for a token with that right (lienthong token issue), then log in again.
notice-form = The form is out of date or not from this site
    .next = Nothing was changed. Go back, reload the page and send the form again.
notice-question = The filter “{ $what }” is not understood
    .next = Open the list of operations again and choose from the filter.
notice-store = The store does not answer for the moment
    .next = Nothing is lost: events wait in the queue. Reload in a few seconds; if it goes on, look at the database server.

# Answers to one-stop systems that call us as the gateway they know. What is sent is the Vietnamese: clients look for its phrases.
vendor-done = { $taken } of { $all } stored by Liên thông; the national portal acknowledges later, ask TraCuuHoSo.
vendor-part = { $taken } of { $all } stored; what is stored may be sent again as it is.
vendor-stored = { $what } is stored.
vendor-repeated = { $what } was received before.
vendor-exists = The dossier { $what } exists.
vendor-refused = { $what } was not taken - { $field }: { $expected }.
vendor-empty = The request has no item: an array is needed.
vendor-unreadable = The body is no readable JSON; nothing was stored.
vendor-too-large = The body is too large; divide it. Nothing was stored.
vendor-mode = isUpdating is missing: True or False. Nothing was stored.
vendor-service = There is no service { $what } at this address.
vendor-stranger = Not let in: the token, the password or the session is wrong.
vendor-expired = The session or token has expired; log in again.
vendor-unavailable = The store does not answer for the moment; send the same again, nothing doubles.
vendor-session = Logged in.
vendor-catalogue = { $what } is not here (the catalogue was not pulled yet, or has no such code); do not take it for empty.
error-no_look_ups = No connector that can be asked about dossiers is called { $what }, or there is more than one: name it.
error-no_such_discrepancy = There is no discrepancy { $what }.
error-discrepancy_closed = The discrepancy is closed.
error-discrepancy_busy = The dossier has an operation open. Try again when it has ended.
error-discrepancy_not_so = That cannot be done about this discrepancy.
notice-discrepancy = There is no discrepancy { $what }
    .next = The number may have been mistyped. Open Reconciliation to look for it.
