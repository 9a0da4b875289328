-- Begins a fill: how ids and times come about, and indexes put aside, because they are made faster afterwards.
set synchronous_commit = off;
set maintenance_work_mem = '1GB';
set work_mem = '256MB';
set jit = off;
create schema fill;
create sequence fill.ids start 1000000000;
-- The templates apart, so that nobody has to look for them among what they become.
create table fill.dossiers as select * from dossiers;
create table fill.lanes as select * from lanes;
create table fill.events as select * from events;
create table fill.event_keys as select * from event_keys;
create table fill.dossier_versions as select * from dossier_versions;
create table fill.operations as select * from operations;
create table fill.outbox as select * from outbox;
create table fill.index_facts as select * from index_facts;
create table fill.indexes as
    select indexdef from pg_indexes
    where schemaname = 'public' and indexname not in (select conname from pg_constraint)
        and tablename in ('events', 'operations', 'lanes', 'dossier_versions', 'dossiers');
do $$
declare name text;
begin
    for name in select indexname from pg_indexes
        where schemaname = 'public' and indexname not in (select conname from pg_constraint)
            and tablename in ('events', 'operations', 'lanes', 'dossier_versions', 'dossiers')
    loop
        execute format('drop index %I', name);
    end loop;
end $$;
alter table event_keys drop constraint event_keys_pkey;
create function fill.unit(g bigint) returns text language sql immutable
    return '000.00.' || lpad((g % 14 + 1)::text, 2, '0') || '.H99';
-- A template's text for another dossier.
create function fill.text(said text, code text, g bigint) returns text language sql immutable
    return replace(replace(said, left(code, 13), fill.unit(g)), substr(code, 14), '-261122-' || lpad(g::text, 7, '0'));
-- 24 months, evenly, until yesterday; `place`: how much of all of them is before.
create function fill.at(place double precision) returns bigint language sql stable
    return ((extract(epoch from now()) - 86400 - 730 * 86400.0 * (1 - place)) * 1000000)::bigint;
