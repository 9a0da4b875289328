-- What a person made of what an operation carries ("fix and retry"). The original is never lost: it is the first row's
-- `before`, and a dossier's versions stay.

-- How often an operation was edited: whoever edits says which state of it was looked at.
alter table operations add column edits integer not null default 0;

create table edits (
    operation integer not null,
    -- 1, 2, 3, …
    number integer not null,
    at integer not null,
    actor text not null,
    reason text not null,
    -- JSON: the dossier's state, or the payload.
    before text not null,
    after text not null,
    constraint edits_pkey primary key (operation, number)
) strict;
