-- Does the folder of events hold copies, that would count twice?
--
-- How to run (views.sql comes first):
--   .read queries/copies.sql
--
-- One run of `convert` writes an event once. What a later run brings again, in another object (a second
-- trail, or CloudTrail's own repetition), is a row of its own. To ask without them, for the days in
-- question:
--   set variable since = '2025-06-01'; set variable until = '2025-06-16';
--   create table once as from events_once;
--   create or replace view events as from once;
--
-- What the answer does not show: records without an id (version 1.0), and the same action in the trails
-- of two accounts: those are two events, with one shared_event_id.

select account, region, date, count(*) as events, sum(places - 1)::bigint as copies,
    min(event_id) as example
from (
    select account, region, date, event_id, md5(record) as text, count(*) as places
    from events
    where event_id is not null
    group by all
    having count(*) > 1)
group by account, region, date
order by date, account, region;
