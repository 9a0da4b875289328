-- PostgreSQL finds lanes by one index instead of two from here on. SQLite cannot drop a constraint without writing the whole
-- table anew, and has the place: both indexes stay.
select 1;
