-- Partners' health. A connector's condition was paused or not; it is closed, open, half-open or on a ramp now, may be held
-- by a person or by planned maintenance, and carries what holds across replicas: the rate's arrival time. Rows of before
-- read as open (paused_since is there) or closed.

alter table connector_conditions add column phase integer not null default 0;
alter table connector_conditions add column trials integer not null default 0;
-- The ramp's step; its end is in test_at, as an open connector's next trial is.
alter table connector_conditions add column step integer not null default 0;
alter table connector_conditions add column held_by text;
alter table connector_conditions add column held_because text;
alter table connector_conditions add column held_since integer;
alter table connector_conditions add column held_until integer;
-- The end of the last planned window that became a hold: a window that a person ended early is not begun again.
alter table connector_conditions add column planned_until integer;
alter table connector_conditions add column tat integer;
-- For the estimate of how long what waits will take.
alter table connector_conditions add column mean_us integer;

update connector_conditions set phase = 1 where paused_since is not null;
