-- One index less for every lane that comes or moves: a lane is found by its key, with or without the connector.
alter table lanes add constraint lanes_key_connector_key unique (key, connector);
alter table lanes drop constraint lanes_connector_key_key;
drop index lanes_key;
