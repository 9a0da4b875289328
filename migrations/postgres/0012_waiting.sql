-- What counts open operations says `state between 1 and 6` and reads this index. Units of work go by lanes and say
-- `state < 10`: a plan that was kept from when little was open must not find an index over all that is open now.
drop index operations_waiting;
create index operations_waiting on operations (connector, action, state) where state between 1 and 6;
-- The same for who waits for a need.
drop index operations_need;
create index operations_need on operations (need) where need is not null;
