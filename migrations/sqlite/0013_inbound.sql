-- What partners send by themselves comes through another door than callbacks; what was stored before were callbacks.
alter table callbacks add column door text not null default 'callback';
create index callbacks_inbound on callbacks (id) where door = 'inbound';

-- What was told because of it, once by what makes it one. Never deleted: the partner may say it again at any time.
create table inbound (
    connector text not null,
    identity text not null,
    content_hash blob not null,
    -- The stored request; it goes before this.
    request integer not null,
    name text not null,
    subject text not null,
    told_at integer not null,
    constraint inbound_pkey primary key (connector, identity)
) strict;
create index inbound_request on inbound (request);

create table files (
    id integer not null constraint files_pkey primary key,
    connector text not null,
    request integer not null,
    subject text not null,
    name text not null,
    -- stored, waiting, failed, refused
    state text not null,
    media_type text,
    size integer,
    -- Where it is fetched, how often that was tried, when it is tried next, and what was said last.
    address text,
    tries integer not null,
    next_at integer,
    said text not null,
    created_at integer not null,
    content blob
) strict;
create index files_request on files (request);
create index files_waiting on files (connector, next_at) where state = 'waiting';
create index files_created on files (created_at);

insert into retention (kind) values ('files');
