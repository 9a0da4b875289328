-- The whole store of the adapter. Times are microseconds since 1970 (UTC) in both dialects, so that both stores hold
-- the same values and arithmetic; read them with datetime(x / 1000000, 'unixepoch'). JSON is kept as text: the adapter is its only
-- reader, and what was stored comes back byte for byte.

create table installation (
    one integer not null constraint installation_pkey primary key constraint installation_one check (one = 1),
    -- Changed by a restore; cursors of the out-event feed and partners' sessions belong to an epoch.
    epoch integer not null,
    -- The next number for rows of every kind; processes reserve blocks.
    next_id integer not null,
    created_at integer not null
) strict;
insert into installation (one, epoch, next_id, created_at)
values (1, 1, 1, cast(unixepoch('subsec') * 1000000 as integer));

-- De-duplication keys: owned by admitted events only, and kept longer than the events (400 days).
create table event_keys (
    source text not null,
    event_id text not null,
    content_hash blob not null,
    admitted_at integer not null,
    constraint event_keys_pkey primary key (source, event_id)
) strict;

create table events (
    id integer not null constraint events_pkey primary key,
    source text not null,
    event_id text not null,
    name text not null,
    subject text not null,
    unit text,
    dossier integer,
    occurred_at integer not null,
    received_at integer not null,
    sequence integer,
    late integer not null,
    planned integer not null,
    note text,
    body text not null
) strict;
create index events_dossier on events (dossier, id);
create index events_received on events (received_at);

create table quarantine (
    id integer not null constraint quarantine_pkey primary key,
    received_at integer not null,
    origin text not null,
    source text,
    event_id text,
    subject text,
    event_type text,
    reason text not null,
    path text not null,
    expected text not null,
    got text not null,
    raw blob not null,
    -- Set when a person closed it or a corrected event took its place.
    closed_at integer
) strict;
-- The front page counts open entries without touching rows that carry whole messages.
create index quarantine_open on quarantine (closed_at) where closed_at is null;
create index quarantine_told_again on quarantine (source, event_id) where closed_at is null;

create table dossiers (
    id integer not null constraint dossiers_pkey primary key,
    code text not null constraint dossiers_code_key unique,
    unit text,
    known integer not null,
    version integer not null,
    -- JSON: highest sequence applied, by source.
    sequences text not null,
    -- JSON: connector instance by kind of partner.
    bindings text not null,
    created_at integer not null,
    updated_at integer not null
) strict;

-- Other codes that resolve to a dossier (its local or its portal code).
create table aliases (
    alias text not null constraint aliases_pkey primary key,
    dossier integer not null
) strict;
create index aliases_dossier on aliases (dossier);

-- Every version of a dossier's state, stored once; operations point at (dossier, version).
create table dossier_versions (
    dossier integer not null,
    version integer not null,
    event integer not null,
    created_at integer not null,
    state text not null,
    constraint dossier_versions_pkey primary key (dossier, version)
) strict;

-- A lane: first in, first out, per connector instance and key. Its state is its head's.
create table lanes (
    id integer not null constraint lanes_pkey primary key,
    connector text not null,
    key text not null,
    next_position integer not null,
    -- The partner has acknowledged a full state of this key.
    acknowledged integer not null,
    -- 0 idle, 1 ready, 2 running, 3 doubtful, 4 awaiting, 5 held, 6 stuck
    state integer not null,
    due_at integer not null,
    need text,
    head integer,
    lease_holder text,
    lease_until integer,
    -- Grows with every claim: the fence of a settle.
    claim integer not null,
    since integer not null,
    constraint lanes_connector_key_key unique (connector, key)
) strict;
create index lanes_key on lanes (key);
create index lanes_due on lanes (connector, state, due_at) where state in (1, 3, 4);
create index lanes_leased on lanes (lease_until) where state = 2;
create index lanes_need on lanes (need) where need is not null;
create index lanes_waiting on lanes (state, connector) where state in (5, 6);

create table operations (
    id integer not null constraint operations_pkey primary key,
    lane integer not null,
    position integer not null,
    connector text not null,
    action text not null,
    dossier integer,
    subject text,
    version integer,
    unit text,
    event integer not null,
    payload text not null,
    -- 1 ready, 2 running, 3 doubtful, 4 awaiting, 5 held, 6 stuck; ended: 10 succeeded, 11 refused, 12 superseded, 13 dismissed
    state integer not null,
    due_at integer not null,
    need text,
    attempts integer not null,
    begun integer not null,
    doubted integer not null,
    -- The latest attempt; earlier ones are in attempts.
    attempt_number integer,
    attempt_started_at integer,
    attempt_ended_at integer,
    attempt_outcome text,
    attempt_cause text,
    attempt_said text,
    attempt_holder text,
    cause text,
    said text,
    proof text,
    superseded_by integer,
    decided_by text,
    created_at integer not null,
    ended_at integer
) strict;
-- Two open operations never have the same place.
create unique index operations_open on operations (lane, position) where state < 10;
create index operations_dossier on operations (dossier, id);
create index operations_waiting on operations (connector, action, state) where state < 10;
-- Who still waits for a need, and so whether its incident can close.
create index operations_need on operations (need) where state < 10 and need is not null;
create index operations_ended on operations (ended_at) where ended_at is not null;
-- The few that ended otherwise than by success are found among the many.
create index operations_unsent on operations (state, id) where state > 10;

create table attempts (
    operation integer not null,
    number integer not null,
    started_at integer not null,
    ended_at integer,
    outcome text,
    cause text,
    said text,
    holder text not null,
    constraint attempts_pkey primary key (operation, number)
) strict;

create table payments (
    id integer not null constraint payments_pkey primary key,
    payment_id text not null constraint payments_payment_id_key unique,
    dossier integer not null,
    subject text not null,
    unit text,
    connector text not null,
    amount integer not null,
    -- 1 open, 2 failed, 3 expired, 4 cancelled, 5 paid at the desk, 6 paid, 7 needs refund, 8 refunded
    state integer not null,
    content_hash blob not null,
    body text not null,
    -- Copied from the body: when an open payment is asked about once more and told as expired.
    expires_at integer,
    created_at integer not null,
    updated_at integer not null
) strict;
create index payments_dossier on payments (dossier);
create index payments_expiring on payments (expires_at) where state = 1;

-- Every opening of a payment; old ones stay watched.
create table payment_references (
    connector text not null,
    reference text not null,
    payment integer not null,
    -- 1 planned, 2 live, 3 paid, 4 dead
    state integer not null,
    -- The moment that the platform was told; repeated byte for byte in every question.
    sent_at text not null,
    pay_url text,
    platform_ref text,
    paid_at integer,
    paid_amount integer,
    asked_at integer,
    created_at integer not null,
    constraint payment_references_pkey primary key (connector, reference)
) strict;
create index payment_references_payment on payment_references (payment);
create index payment_references_watched on payment_references (connector, created_at) where state in (1, 2, 4);

create table parcels (
    id integer not null constraint parcels_pkey primary key,
    parcel_id text not null constraint parcels_parcel_id_key unique,
    dossier integer not null,
    subject text not null,
    unit text,
    connector text not null,
    direction text not null,
    order_number text not null,
    -- 1 requested, 2 accepted, 3 moving, 4 delivered, 5 failed, 6 came back, 7 cancelled, 8 refused
    state integer not null,
    item_code text,
    moved_at integer,
    last_move text,
    content_hash blob not null,
    body text not null,
    created_at integer not null,
    updated_at integer not null,
    constraint parcels_order_key unique (connector, order_number)
) strict;
create index parcels_dossier on parcels (dossier);

-- Tracking records as the post gave them; those that match no parcel are kept too.
create table parcel_moves (
    connector text not null,
    record text not null,
    parcel integer,
    order_number text not null,
    item_code text not null,
    status_code integer not null,
    status text not null,
    post_office text not null,
    moved_at integer not null,
    notes text not null,
    received_at integer not null,
    constraint parcel_moves_pkey primary key (connector, record)
) strict;
create index parcel_moves_parcel on parcel_moves (parcel);

-- Partners' requests, stored before they are judged.
create table callbacks (
    id integer not null constraint callbacks_pkey primary key autoincrement,
    connector text not null,
    received_at integer not null,
    path text not null,
    headers text not null,
    body blob not null,
    identity text,
    verdict text,
    judged_at integer
) strict;
-- The same tidings are applied once.
create unique index callbacks_applied on callbacks (identity) where verdict = 'applied';

-- Out-events, insert-only. One writer: numbers appear in order, so that nothing appears behind a cursor.
create table outbox (
    number integer not null constraint outbox_pkey primary key autoincrement,
    name text not null,
    subject text not null,
    unit text,
    event_id text not null,
    data text not null,
    at integer not null
) strict;

create table cursors (
    name text not null constraint cursors_pkey primary key,
    cursor text not null,
    fence integer not null,
    updated_at integer not null
) strict;

create table singletons (
    name text not null constraint singletons_pkey primary key,
    holder text,
    until integer not null,
    fence integer not null
) strict;

create table timers (
    name text not null constraint timers_pkey primary key,
    next_at integer not null,
    holder text,
    until integer not null,
    fence integer not null
) strict;

-- Partners' sessions and tokens, shared by all replicas.
create table sessions (
    connector text not null constraint sessions_pkey primary key,
    token text not null,
    acquired_at integer not null,
    expires_at integer not null
) strict;

create table connector_conditions (
    connector text not null constraint connector_conditions_pkey primary key,
    paused_since integer,
    cause text,
    said text,
    test_at integer
) strict;

create table incidents (
    id integer not null constraint incidents_pkey primary key autoincrement,
    key text not null,
    connector text,
    said text not null,
    opened_at integer not null,
    closed_at integer
) strict;
create unique index incidents_open on incidents (key) where closed_at is null;

-- Both ledgers: each transaction inserts one delta row; a singleton folds them into one.
create table ledger_deltas (
    id integer not null constraint ledger_deltas_pkey primary key autoincrement,
    received integer not null,
    admitted integer not null,
    duplicate integer not null,
    quarantined integer not null,
    planned integer not null,
    succeeded integer not null,
    refused integer not null,
    superseded integer not null,
    dismissed integer not null
) strict;

-- Who did what by hand.
create table audit (
    id integer not null constraint audit_pkey primary key autoincrement,
    at integer not null,
    actor text not null,
    deed text not null,
    subject text not null
) strict;
create index audit_subject on audit (subject);
