-- The catalogue that a partner publishes, as it is now and what changed when; and the mappings that persons confirmed.

create table catalogue_lists (
    connector text collate "C" not null,
    list text collate "C" not null,
    -- Grows with every pull that changed something.
    version bigint not null,
    rows bigint not null,
    -- Missing from the latest answer and kept all the same: it was not believed.
    held_back bigint not null,
    pulled_at bigint not null,
    changed_at bigint not null,
    constraint catalogue_lists_pkey primary key (connector, list)
);

create table catalogue_entries (
    connector text collate "C" not null,
    list text collate "C" not null,
    code text collate "C" not null,
    name text not null,
    in_force boolean not null,
    -- JSON, every value as text: what is no number stays what it is.
    content text not null,
    version bigint not null,
    first_at bigint not null,
    changed_at bigint not null,
    -- Never deleted: what a mapping pointed to has to be found.
    withdrawn_at bigint,
    constraint catalogue_entries_pkey primary key (connector, list, code)
);

create table catalogue_changes (
    connector text collate "C" not null,
    list text collate "C" not null,
    version bigint not null,
    code text collate "C" not null,
    name text not null,
    -- 1 new, 2 changed, 3 withdrawn, 4 returned
    kind smallint not null,
    -- JSON: path, before, after.
    differences text not null,
    at bigint not null,
    constraint catalogue_changes_pkey primary key (connector, list, version, code)
);
create index catalogue_changes_at on catalogue_changes (connector, at);

create table mappings (
    id bigint not null constraint mappings_pkey primary key,
    connector text collate "C" not null,
    kind text collate "C" not null,
    local text collate "C" not null,
    is_live boolean not null,
    -- JSON: both codes, days, who confirmed and who withdrew it.
    mapping text not null
);
create index mappings_local on mappings (connector, kind, local) where is_live;

-- Grows with every commit that changes a mapping: replicas look at it, and whoever changes one holds it.
alter table installation add column mapping_version bigint not null default 0;
