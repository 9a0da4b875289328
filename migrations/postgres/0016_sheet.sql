-- The morning sheet asks the facts of the index for what is open, by unit and due time. Rows of an earlier version have
-- stage 0 until the facts are made anew: their shape has changed, so the next refresh does that.
alter table index_facts add column stage smallint not null default 0;
-- 0 not received, 1 in work, 2 waiting for the citizen, 3 ended. Moments in seconds since 1970.
alter table index_facts add column due bigint;
alter table index_facts add column asked bigint;
alter table index_facts add column respond_by bigint;
-- The unit, empty where none is known: so that figures are counted from the index alone, those of no unit too.
alter table index_facts add column unit_key text not null default '';
create index index_facts_open on index_facts (unit_key, stage, due, respond_by) where stage in (1, 2);

-- The sheets of a day as they were, for some months: what was known that morning cannot be asked for later.
create table sheets (
    -- 2026-11-23
    day text not null,
    -- Empty: the province. It is written last, and its day is complete.
    unit text not null,
    -- JSON.
    body text not null,
    constraint sheets_pkey primary key (day, unit)
);
