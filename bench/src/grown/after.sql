-- Ends a fill: indexes as they were, and numbers go on behind those that were given.
alter table event_keys add constraint event_keys_pkey primary key (source, event_id);
do $$
declare definition text;
begin
    for definition in select indexdef from fill.indexes loop
        execute definition;
    end loop;
end $$;
update installation set next_id = greatest(next_id, (select last_value + 1 from fill.ids));
drop schema fill cascade;
