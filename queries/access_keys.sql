-- When was each access key used first and last, by whom and from where?
--
-- How to run (views.sql comes first):
--   set variable access_key = 'AKIAIOSFODNN7EXAMPLE';    -- optional: all keys
--   .read queries/access_keys.sql
--
-- AKIA… are keys of users and root, valid until somebody ends them; ASIA… are temporary, and
-- issued_credentials.sql says who got them.
--
-- What the answer does not show: keys that were never used, use that was not logged, and use before
-- the logs begin: a key whose first use is on the first day may be much older.

set variable asked_access_key = getvariable('access_key')::varchar;

select access_key_id,
    case left(access_key_id, 4) when 'AKIA' then 'long-term' when 'ASIA' then 'temporary' end as kind,
    list_sort(list(distinct principal)) as principals,
    min(event_time) as first_used, max(event_time) as last_used,
    count(*) as calls, count(*) filter (is_denied(error_code)) as denied,
    count(distinct event_name) as apis, count(distinct bucket) as buckets,
    count(distinct source_ip) as addresses, arg_min(source_ip, event_time) as first_address,
    arg_max(source_ip, event_time) as last_address,
    list_sort(list(distinct aws_region)) as regions
from events
where access_key_id is not null
    and (getvariable('asked_access_key') is null or access_key_id = getvariable('asked_access_key'))
group by access_key_id
order by first_used, access_key_id;
