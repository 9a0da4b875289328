-- What partners send by themselves comes through another door than callbacks; what was stored before were callbacks.
alter table callbacks add column door text collate "C" not null default 'callback';
create index callbacks_inbound on callbacks (id) where door = 'inbound';

-- What was told because of it, once by what makes it one. Never deleted: the partner may say it again at any time.
create table inbound (
    connector text collate "C" not null,
    identity text collate "C" not null,
    content_hash bytea not null,
    -- The stored request; it goes before this.
    request bigint not null,
    name text not null,
    subject text not null,
    told_at bigint not null,
    constraint inbound_pkey primary key (connector, identity)
);
create index inbound_request on inbound (request);

create table files (
    id bigint not null constraint files_pkey primary key,
    connector text collate "C" not null,
    request bigint not null,
    subject text not null,
    name text not null,
    -- stored, waiting, failed, refused
    state text collate "C" not null,
    media_type text,
    size bigint,
    -- Where it is fetched, how often that was tried, when it is tried next, and what was said last.
    address text,
    tries integer not null,
    next_at bigint,
    said text not null,
    created_at bigint not null,
    content bytea
);
create index files_request on files (request);
create index files_waiting on files (connector, next_at) where state = 'waiting';
create index files_created on files (created_at);

insert into retention (kind) values ('files');
