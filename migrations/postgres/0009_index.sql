-- What the index of Decision 766 looks at, one row a dossier: made from versions and operations by a timer, beside the
-- way of events, so that a month of a million dossiers can be scored without reading their states. Can be made anew from
-- the other tables at any time, as far back as their operations are kept.

create table index_facts (
    dossier bigint not null constraint index_facts_pkey primary key,
    -- A dossier that went into another one is found by it and leaves.
    code text not null constraint index_facts_code_key unique,
    unit text,
    -- Received, or handed in: seconds since 1970, by what is known here. Null: it counts in no period.
    anchor bigint,
    -- JSON: as it is known here.
    known text not null,
    -- What the portal has acknowledged: 0 nothing, 1 the same, 2 what `older` says.
    at_portal smallint not null,
    older text
);
create index index_facts_anchor on index_facts (anchor, dossier) where anchor is not null;
