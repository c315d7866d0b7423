-- What does the record of an event say, word for word?
--
-- How to run (views.sql comes first):
--   set variable event_id = 'ae2c7a64-1a25-4289-a09e-a1bd21b4bad3';
--   .read queries/record.sql
-- Without the variable: the newest event. `.mode line` shows the record whole. An id may have several
-- rows: copies, or the same action in the trails of two accounts.
--
-- What the answer does not show: nothing of the record is left out. Where it was damaged, it is here as
-- trailsift understood it; the object itself has it as it was.

set variable asked_event = coalesce(getvariable('event_id'), (
    select arg_max(event_id, (event_time, event_id)) from events
    where getvariable('event_id') is null and event_id is not null));

select event_time, event_id, recipient_account, object_uri, record_number, record
from events
where event_id = getvariable('asked_event')
order by recipient_account, object_uri, record_number;
