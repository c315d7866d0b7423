-- Which principals came to a bucket for the first time?
--
-- How to run (views.sql comes first):
--   set variable new_since = '2025-06-10';   -- their first call is on this day or later; the last
--                                            -- seven days of the logs
--   .read queries/new_principals.sql
--
-- `known_days` is how long the bucket was logged before: with few, everybody is new. Without `since`,
-- which would cut off what was before.
--
-- What the answer does not show: who was there before the logs began, and who is new in the account
-- but uses a role that is not.

set variable asked_new_since =
    coalesce(getvariable('new_since')::date, (select max(date) - 6 from events));

select bucket, principal, min(event_time) as first_call,
    date_diff('day', any_value(bucket_first), min(date)) as known_days,
    arg_min(event_name, (event_time, event_id)) as first_api,
    arg_min(source_ip, (event_time, event_id)) as first_address,
    count(*) as calls, count(*) filter (is_denied(error_code)) as denied,
    count(*) filter (access_class = 'read') as reads, count(*) filter (access_class = 'write') as writes,
    count(*) filter (access_class = 'delete') as deletes,
    coalesce(sum(bytes_out), 0)::bigint as bytes_out
from (select *, min(date) over (partition by bucket) as bucket_first from events
    where bucket is not null and principal is not null)
group by bucket, principal
having min(date) >= getvariable('asked_new_since')
order by first_call, bucket, principal;
