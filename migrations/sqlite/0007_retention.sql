-- Retention: what is kept for a time only goes row by row, and what the ledgers count of it stays here.
create table retention (
    kind text not null constraint retention_pkey primary key,
    -- Rows up to this moment have been looked at; some of them may have had to stay.
    looked_until integer not null default 0,
    -- When the present walk from the oldest row on began.
    walk_since integer not null default 0,
    -- Rows that have gone, and when the last did.
    gone integer not null default 0,
    last_at integer,
    -- What the ledgers count of them.
    admitted integer not null default 0,
    quarantined integer not null default 0,
    planned integer not null default 0,
    refused integer not null default 0,
    superseded integer not null default 0,
    dismissed integer not null default 0
) strict;
insert into retention (kind)
values ('versions'), ('events'), ('operations'), ('keys'), ('outbox'), ('callbacks'), ('quarantine'), ('audit');

-- The oldest first. Keys are many, and come in the order of this index.
create index event_keys_admitted on event_keys (admitted_at);
create index callbacks_judged on callbacks (received_at) where verdict <> 'applied';
create index quarantine_closed on quarantine (closed_at) where closed_at is not null;
