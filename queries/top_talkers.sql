-- Who calls most, and from where? The 50 busiest pairs of principal and address.
--
-- How to run (views.sql comes first):
--   set variable bucket = 'payroll';     -- optional: all buckets
--   .read queries/top_talkers.sql
--
-- What the answer does not show: whether that is usual (the scan's findings say what is not), and
-- volume without data events: bytes are those of calls that log them.

set variable asked_bucket = getvariable('bucket')::varchar;

select principal, source_ip, count(*) as calls,
    count(*) filter (error_code is not null) as failed,
    count(*) filter (is_denied(error_code)) as denied,
    coalesce(sum(bytes_in), 0)::bigint as bytes_in, coalesce(sum(bytes_out), 0)::bigint as bytes_out,
    count(distinct bucket) as buckets, count(distinct (bucket, object_key)) filter (object_key is not null)
        as objects,
    min(event_time) as first_call, max(event_time) as last_call
from events
where getvariable('asked_bucket') is null or bucket = getvariable('asked_bucket')
group by principal, source_ip
order by calls desc, principal, source_ip
limit 50;
