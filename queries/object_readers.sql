-- Who read this object?
--
-- How to run (views.sql comes first):
--   set variable bucket = 'payroll';
--   set variable object_key = '2025/06/salaries.csv';
--   .read queries/object_readers.sql
-- Without the key: the object, of that bucket or of all, that most principals read.
--
-- `content` are calls that gave or copied the object's bytes, `metadata` those that told of it
-- (HeadObject, GetObjectAcl …).
--
-- What the answer does not show: reads in hours without data events (coverage_gaps.sql), copies made
-- from copies, and what was done with the bytes. bytes_out counts what S3 sent, also of reads that
-- were cut short.

set variable asked_object = (
    select {bucket: bucket, object_key: object_key} from (
        select getvariable('bucket')::varchar as bucket, getvariable('object_key')::varchar as object_key,
            0 as readers
        where getvariable('object_key') is not null
        union all (
            select bucket, object_key, count(distinct principal) as readers from events
            where getvariable('object_key') is null and event_name = 'GetObject' and error_code is null
                and (getvariable('bucket') is null or bucket = getvariable('bucket'))
                and bucket is not null and object_key is not null
            group by bucket, object_key order by readers desc, bucket, object_key limit 1)));
set variable asked_bucket = getvariable('asked_object').bucket;
set variable asked_key = getvariable('asked_object').object_key;

with reads as (
    select *, event_name in ('GetObject', 'SelectObjectContent', 'GetObjectTorrent') as is_content
    from events
    where bucket = getvariable('asked_bucket') and object_key = getvariable('asked_key')
        and access_class = 'read'
), copies as (
    -- bucket and key of a copy are where it went; the source is a header, as it was sent.
    select *, true as is_content
    from events
    where event_name in ('CopyObject', 'UploadPartCopy')
        and try(url_decode(ltrim(split_part(
            logged(record, '$.requestParameters."x-amz-copy-source"'), '?versionId=', 1), '/')))
            = getvariable('asked_bucket') || '/' || getvariable('asked_key')
)
select principal,
    count(*) filter (is_content and error_code is null) as content,
    count(*) filter (not is_content and error_code is null) as metadata,
    count(*) filter (error_code is not null) as failed,
    coalesce(sum(bytes_out), 0)::bigint as bytes_out,
    list(distinct bucket || '/' || object_key) filter (event_name in ('CopyObject', 'UploadPartCopy'))
        as copied_to,
    min(event_time) as first_read, max(event_time) as last_read,
    list_sort(list(distinct source_ip)) as source_ips,
    list_sort(list(distinct access_key_id)) as access_key_ids,
    list_sort(list(distinct version_id)) as version_ids
from (from reads union all by name from copies)
group by principal
order by content desc, principal;
