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
    [no_connector] No connection here can do this yet, so it cannot be sent. Dismiss it, or wait for that connection.
   *[other] That cannot be done with the operation now ({ $what }).
}
error-no_such_replay = There is no replay plan { $what }.
error-value_unknown = The value “{ $what }” cannot be used here.
error-replay_not_allowed = The plan is “{ $what }”: that cannot be done now.
error-no_such_incident = There is no open incident { $what }.
error-closes_itself = Incident { $what } closes by itself, when what is missing is supplied or the partner is back; it is not closed by hand.

notice-dossier = No dossier with the code { $what } is known
    .next = Check the code on the receipt. If it is right, the one-stop system has not published any event of it, or the event is in quarantine.
notice-operation = There is no operation { $what }
    .next = The number may be mistyped. Look for it among the operations.
notice-entry = There is no quarantine entry { $what }
    .next = The number may be mistyped. Look for it in the quarantine.
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
