-- Retention: what is kept for a time only goes row by row, and what the ledgers count of it stays here.
create table retention (
    kind text not null constraint retention_pkey primary key,
    -- Rows up to this moment have been looked at; some of them may have had to stay.
    looked_until bigint not null default 0,
    -- When the present walk from the oldest row on began.
    walk_since bigint not null default 0,
    -- Rows that have gone, and when the last did.
    gone bigint not null default 0,
    last_at bigint,
    -- What the ledgers count of them.
    admitted bigint not null default 0,
    quarantined bigint not null default 0,
    planned bigint not null default 0,
    refused bigint not null default 0,
    superseded bigint not null default 0,
    dismissed bigint not null default 0
);
insert into retention (kind)
values ('versions'), ('events'), ('operations'), ('keys'), ('outbox'), ('callbacks'), ('quarantine'), ('audit');

-- The oldest first. Keys are many, and come in the order of this index.
create index event_keys_admitted on event_keys (admitted_at);
create index callbacks_judged on callbacks (received_at) where verdict <> 'applied';
create index quarantine_closed on quarantine (closed_at) where closed_at is not null;

-- What ended or waits for a cause, among all that ever were: few, and no entry for what succeeds.
create index operations_cause on operations (cause, id) where cause is not null;

-- Tables that grow for years: a fifth of them, the default, is months of dead rows between two vacuums, and of new ones between
-- two looks at what is in them. What changes rows often is vacuumed by a fixed number of dead ones.
alter table lanes set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.02);
alter table operations set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table dossiers set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
alter table events set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
alter table event_keys set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
alter table dossier_versions set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
alter table outbox set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
-- A handful of rows that change with every unit: emptied out all the time.
alter table ledger_deltas set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
