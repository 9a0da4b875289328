-- The catalogue that a partner publishes, as it is now and what changed when; and the mappings that persons confirmed.

create table catalogue_lists (
    connector text not null,
    list text not null,
    -- Grows with every pull that changed something.
    version integer not null,
    rows integer not null,
    -- Missing from the latest answer and kept all the same: it was not believed.
    held_back integer not null,
    pulled_at integer not null,
    changed_at integer not null,
    constraint catalogue_lists_pkey primary key (connector, list)
) strict;

create table catalogue_entries (
    connector text not null,
    list text not null,
    code text not null,
    name text not null,
    in_force integer not null,
    -- JSON, every value as text: what is no number stays what it is.
    content text not null,
    version integer not null,
    first_at integer not null,
    changed_at integer not null,
    -- Never deleted: what a mapping pointed to has to be found.
    withdrawn_at integer,
    constraint catalogue_entries_pkey primary key (connector, list, code)
) strict;

create table catalogue_changes (
    connector text not null,
    list text not null,
    version integer not null,
    code text not null,
    name text not null,
    -- 1 new, 2 changed, 3 withdrawn, 4 returned
    kind integer not null,
    -- JSON: path, before, after.
    differences text not null,
    at integer not null,
    constraint catalogue_changes_pkey primary key (connector, list, version, code)
) strict;
create index catalogue_changes_at on catalogue_changes (connector, at);

create table mappings (
    id integer not null constraint mappings_pkey primary key,
    connector text not null,
    kind text not null,
    local text not null,
    is_live integer not null,
    -- JSON: both codes, days, who confirmed and who withdrew it.
    mapping text not null
) strict;
create index mappings_local on mappings (connector, kind, local) where is_live;

-- Grows with every commit that changes a mapping: replicas look at it, and whoever changes one holds it.
alter table installation add column mapping_version integer not null default 0;
