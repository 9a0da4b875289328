-- Dossiers {from} to {to} of {all}, from the rows of the dossier {code}: every row of the template once for each, one
-- template's row after the other, so that a dossier's rows lie as far apart as those of a fortnight's work do.
create temporary table rank as
select id, (row_number() over (order by id) - 1) as n from (
    select e.id from fill.events e join fill.dossiers d on d.id = e.dossier where d.code = '{code}'
    union select o.id from fill.operations o join fill.dossiers d on d.id = o.dossier where d.code = '{code}'
    union select id from fill.lanes where key = '{code}'
    union select id from fill.dossiers where code = '{code}'
) as rows;
create temporary table span as
    select nextval('fill.ids') as base, (select count(*) from rank) as ranks, {to} - {from} as size;
select setval('fill.ids', base + ranks * size) from span;

insert into dossiers (id, code, unit, known, version, sequences, bindings, created_at, updated_at)
select s.base + r.n * s.size + g - {from}, fill.text(d.code, '{code}', g), fill.unit(g), d.known, d.version,
    fill.text(d.sequences, '{code}', g), d.bindings,
    fill.at(({from} + (r.n * s.size + g - {from})::double precision / s.ranks) / {all}),
    fill.at(({from} + ((s.ranks - 1) * s.size + g - {from})::double precision / s.ranks) / {all})
from span s, fill.dossiers d join rank r on r.id = d.id, generate_series({from}, {to} - 1) as g;

insert into lanes (id, connector, key, next_position, acknowledged, state, due_at, need, head, claim, since)
select s.base + r.n * s.size + g - {from}, l.connector, fill.text(l.key, '{code}', g), l.next_position, l.acknowledged, l.state,
    l.due_at, l.need, null, l.claim, fill.at(({from} + (r.n * s.size + g - {from})::double precision / s.ranks) / {all})
from span s, fill.lanes l join rank r on r.id = l.id, generate_series({from}, {to} - 1) as g;

insert into events (id, source, event_id, name, subject, unit, dossier, occurred_at, received_at, sequence, late, planned,
    note, body)
select s.base + r.n * s.size + g - {from}, fill.text(e.source, '{code}', g), fill.text(e.event_id, '{code}', g), e.name,
    fill.text(e.subject, '{code}', g), fill.unit(g), s.base + d.n * s.size + g - {from}, e.occurred_at,
    fill.at(({from} + (r.n * s.size + g - {from})::double precision / s.ranks) / {all}), e.sequence, e.late, e.planned, e.note,
    fill.text(e.body, '{code}', g)
from span s, fill.events e join rank r on r.id = e.id join rank d on d.id = e.dossier, generate_series({from}, {to} - 1) as g
order by r.n, g;

insert into event_keys (source, event_id, content_hash, admitted_at)
select fill.text(k.source, '{code}', g), fill.text(k.event_id, '{code}', g), k.content_hash,
    fill.at(({from} + (r.n * s.size + g - {from})::double precision / s.ranks) / {all})
from span s, fill.events e join rank r on r.id = e.id join fill.event_keys k on k.source = e.source and k.event_id = e.event_id,
    generate_series({from}, {to} - 1) as g
where {has_keys}
order by r.n, g;

insert into dossier_versions (dossier, version, event, created_at, state)
select s.base + d.n * s.size + g - {from}, v.version, s.base + e.n * s.size + g - {from},
    fill.at(({from} + (e.n * s.size + g - {from})::double precision / s.ranks) / {all}), fill.text(v.state, '{code}', g)
from span s, fill.dossier_versions v join rank d on d.id = v.dossier join rank e on e.id = v.event,
    generate_series({from}, {to} - 1) as g
where {has_versions} or v.version = (select version from fill.dossiers where id = v.dossier)
order by v.version, g;

insert into operations (id, lane, position, connector, action, dossier, subject, version, unit, event, payload, state, due_at,
    need, attempts, begun, doubted, attempt_number, attempt_started_at, attempt_ended_at, attempt_outcome, attempt_cause,
    attempt_said, attempt_holder, cause, said, proof, superseded_by, decided_by, created_at, ended_at, edits)
select s.base + r.n * s.size + g - {from}, s.base + l.n * s.size + g - {from}, o.position, o.connector, o.action,
    s.base + d.n * s.size + g - {from}, fill.text(o.subject, '{code}', g), o.version, fill.unit(g),
    s.base + e.n * s.size + g - {from}, fill.text(o.payload, '{code}', g), o.state, o.due_at, o.need, o.attempts, o.begun,
    o.doubted, o.attempt_number, t.at, t.at + 5000, o.attempt_outcome, o.attempt_cause, o.attempt_said, o.attempt_holder,
    o.cause, o.said, fill.text(o.proof, '{code}', g), null, o.decided_by, t.at, t.at + 6000, o.edits
from span s, fill.operations o join rank r on r.id = o.id join rank l on l.id = o.lane join rank d on d.id = o.dossier
    join rank e on e.id = o.event, generate_series({from}, {to} - 1) as g,
    lateral (select fill.at(({from} + (r.n * s.size + g - {from})::double precision / s.ranks) / {all}) as at) as t
order by r.n, g;

insert into outbox (name, subject, unit, event_id, data, at)
select x.name, fill.text(x.subject, '{code}', g), fill.unit(g), x.event_id || '-' || g, fill.text(x.data, '{code}', g),
    fill.at(({from} + (g - {from})::double precision) / {all})
from fill.outbox x, generate_series({from}, {to} - 1) as g
where {has_told} and x.subject = '{code}'
order by x.number, g;

insert into index_facts (dossier, code, unit, anchor, known, at_portal, older)
select s.base + d.n * s.size + g - {from}, fill.text(f.code, '{code}', g), fill.unit(g),
    fill.at(({from} + (d.n * s.size + g - {from})::double precision / s.ranks) / {all}) / 1000000, fill.text(f.known, '{code}', g),
    f.at_portal, fill.text(f.older, '{code}', g)
from span s, fill.index_facts f join rank d on d.id = f.dossier, generate_series({from}, {to} - 1) as g;

insert into ledger_deltas (received, admitted, duplicate, quarantined, planned, succeeded, refused, superseded, dismissed)
select e.n * s.size, e.n * s.size, 0, 0, o.planned * s.size, o.succeeded * s.size, 0, o.superseded * s.size, 0
from span s, (select count(*) as n from fill.events where id in (select id from rank)) as e,
    (select count(*) as planned, count(*) filter (where state = 10) as succeeded, count(*) filter (where state = 12) as superseded
    from fill.operations where id in (select id from rank)) as o;
drop table rank, span;
