-- After a restore nothing goes out until a person has decided: the fence, in the store so that every process obeys.

-- Made at random once; a restored store has the same, another store has not.
alter table installation add column id text not null default '';
update installation set id = lower(hex(randomblob(16)));
-- Out-events are numbered above this: numbers of the time that a restore lost are not given again.
alter table installation add column outbox_floor integer not null default 0;
-- The latest restore: since when nothing goes out, and what showed it (older, other_store, restored).
alter table installation add column fenced_since integer;
alter table installation add column fence_reason text;
-- When the backup was taken, and the last known sign of life of the time that is lost.
alter table installation add column fence_backup_at integer;
alter table installation add column fence_seen_at integer;
-- The decision that ended it: progress steps that happened up to release_steps_until were left out; null: none were.
alter table installation add column released_at integer;
alter table installation add column released_by text;
alter table installation add column release_steps_until integer;
