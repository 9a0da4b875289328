-- Replays: plans to send operations again in bulk (or to dismiss them), and the operations in them.

create table replays (
    id integer not null constraint replays_pkey primary key,
    -- 1 planning, 2 planned, 3 canary, 4 running, 5 paused, 6 stopped; ended: 10 finished, 11 cancelled
    state integer not null,
    -- Something is to be done: to plan, to send, or to learn what came of what was sent.
    is_active integer not null,
    -- JSON: what was asked for, by whom and why. Never changes.
    plan text not null,
    -- JSON: cursor, counts, pace, who ordered what and when.
    progress text not null,
    created_at integer not null
) strict;
-- Every process asks for these every few seconds.
create index replays_active on replays (id) where is_active;

create table replay_items (
    replay integer not null,
    operation integer not null,
    lane integer not null,
    subject text,
    unit text,
    -- When the operation was planned.
    since integer not null,
    -- The number of its latest attempt when the plan was made: another one since means that it was tried.
    tried integer not null,
    treatment text not null,
    -- 1 waiting, 2 sent; ended: 10 done, 11 failed, 12 skipped, 13 left
    state integer not null,
    -- The operation that was sent: itself, or a new one.
    sent_as integer,
    at integer not null,
    constraint replay_items_pkey primary key (replay, operation)
) strict;
create index replay_items_state on replay_items (replay, state, operation);
-- A plan sends a dossier's state once.
create index replay_items_state_sent on replay_items (lane, replay) where treatment = 'resend_state';
-- Whose place an operation took.
create index replay_items_sent_as on replay_items (sent_as) where sent_as is not null;
