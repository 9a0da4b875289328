-- What we believe a partner has of each dossier beside what it answered, the differences that a person has to see, and the
-- runs that asked. Each row is JSON beside the columns by which it is found.

create table expectations (
    connector text collate "C" not null,
    key text collate "C" not null,
    -- To be asked about every night: the dossier is not at its end, and no operation is open.
    is_open boolean not null,
    is_fresh boolean not null,
    risk smallint not null,
    -- 0: never.
    asked_at bigint not null,
    again_at bigint,
    is_repairing boolean not null,
    expectation text not null,
    constraint expectations_pkey primary key (connector, key)
) with (fillfactor = 80);
create index expectations_fresh on expectations (connector, risk desc, key) where is_fresh;
create index expectations_again on expectations (connector, again_at, key) where again_at is not null;
create index expectations_nightly on expectations (connector, risk, asked_at, key) where is_open;
create index expectations_repairing on expectations (connector, key) where is_repairing;

create table discrepancies (
    id bigint not null constraint discrepancies_pkey primary key,
    connector text collate "C" not null,
    kind text collate "C" not null,
    key text collate "C" not null,
    is_open boolean not null,
    discrepancy text not null
);
create unique index discrepancies_open on discrepancies (connector, kind, key) where is_open;
create index discrepancies_key on discrepancies (connector, key);
create index discrepancies_oldest on discrepancies (id) where is_open;

create table reconciliations (
    id bigint not null constraint reconciliations_pkey primary key,
    connector text collate "C" not null,
    is_open boolean not null,
    run text not null
);
create index reconciliations_going on reconciliations (id) where is_open;
