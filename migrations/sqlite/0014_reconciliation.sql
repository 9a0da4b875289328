-- What we believe a partner has of each dossier beside what it answered, the differences that a person has to see, and the
-- runs that asked. Each row is JSON beside the columns by which it is found.

create table expectations (
    connector text not null,
    key text not null,
    -- To be asked about every night: the dossier is not at its end, and no operation is open.
    is_open integer not null,
    is_fresh integer not null,
    risk integer not null,
    -- 0: never.
    asked_at integer not null,
    again_at integer,
    is_repairing integer not null,
    expectation text not null,
    constraint expectations_pkey primary key (connector, key)
) strict;
create index expectations_fresh on expectations (connector, risk desc, key) where is_fresh;
create index expectations_again on expectations (connector, again_at, key) where again_at is not null;
create index expectations_nightly on expectations (connector, risk, asked_at, key) where is_open;
create index expectations_repairing on expectations (connector, key) where is_repairing;

create table discrepancies (
    id integer not null constraint discrepancies_pkey primary key,
    connector text not null,
    kind text not null,
    key text not null,
    is_open integer not null,
    discrepancy text not null
) strict;
create unique index discrepancies_open on discrepancies (connector, kind, key) where is_open;
create index discrepancies_key on discrepancies (connector, key);
create index discrepancies_oldest on discrepancies (id) where is_open;

create table reconciliations (
    id integer not null constraint reconciliations_pkey primary key,
    connector text not null,
    is_open integer not null,
    run text not null
) strict;
create index reconciliations_going on reconciliations (id) where is_open;
