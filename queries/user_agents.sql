-- With which programs does each principal call?
--
-- How to run (views.sql comes first):
--   set variable principal = 'arn:aws:iam::111122223333:role/archive-service';   -- optional: all
--   .read queries/user_agents.sql
--
-- What the answer does not show: the truth. The caller writes the user agent, and may write anything,
-- also what misleads a terminal or a spreadsheet. A program that a principal never used before is a
-- lead all the same.

set variable asked_principal = getvariable('principal')::varchar;

select principal, user_agent, count(*) as calls, count(*) filter (is_denied(error_code)) as denied,
    min(event_time) as first_call, max(event_time) as last_call,
    count(distinct source_ip) as addresses, list_sort(list(distinct event_source)) as services
from events
where getvariable('asked_principal') is null or principal = getvariable('asked_principal')
group by principal, user_agent
order by principal, first_call, user_agent;
