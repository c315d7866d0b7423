-- How much did each principal take out of S3, day by day?
--
-- How to run (views.sql comes first):
--   set variable bucket = 'payroll';     -- optional: all buckets
--   .read queries/bytes_out.sql
--
-- What the answer does not show: reads without data events, the bytes of copies within S3 (CopyObject
-- sends none to the caller; cross_account.sql), and where the bytes went. bytes_out is what S3 sent,
-- lists included; object_bytes is that of GetObject alone.

set variable asked_bucket = getvariable('bucket')::varchar;

select date, principal, sum(bytes_out)::bigint as bytes_out,
    coalesce(sum(bytes_out) filter (event_name = 'GetObject'), 0)::bigint as object_bytes,
    count(*) as calls, count(distinct (bucket, object_key)) filter (event_name = 'GetObject') as objects,
    list_sort(list(distinct bucket)) as buckets, count(distinct source_ip) as addresses
from events
where bytes_out > 0
    and (getvariable('asked_bucket') is null or bucket = getvariable('asked_bucket'))
group by date, principal
order by bytes_out desc, date, principal;
