-- Which objects were deleted, when, how and by whom?
--
-- How to run (views.sql comes first):
--   set variable bucket = 'payroll';     -- optional: all buckets
--   .read queries/deleted_keys.sql
--
-- `how`:
--   DeleteObject    a call for one key
--   DeleteObjects   one key of a call for many. CloudTrail logs them since June 2025, each as a
--                   DeleteObject event by the service, unless the trail leaves them out
--   lifecycle       by a rule of the bucket
--   keys not logged a DeleteObjects call whose keys are nowhere in these logs: up to 1,000 objects
--
-- What the answer does not show: whether an object can be had back. Without version_id a bucket with
-- versioning keeps the object under a delete marker; with one, that version is gone. S3 says success
-- also for keys that were not there. Objects that were overwritten are not here, and of lifecycle
-- only what CloudTrail logs as an event.

set variable asked_bucket = getvariable('bucket')::varchar;

with deletes as (
    select *, logged(record, '$.requestID') as request_id
    from events
    where (event_name in ('DeleteObject', 'DeleteObjects') or event_source = 's3lifecycle.amazonaws.com')
        and error_code is null
        and (getvariable('asked_bucket') is null or bucket = getvariable('asked_bucket'))
), single as (
    select case
            when event_source = 's3lifecycle.amazonaws.com' then 'lifecycle'
            when event_type = 'AwsServiceEvent' then 'DeleteObjects'
            else 'DeleteObject' end as how,
        object_key as key, *
    from deletes
    where event_name <> 'DeleteObjects'
        and not (event_source = 's3lifecycle.amazonaws.com'
            and (contains(event_name, 'Transition') or contains(event_name, 'Abort')))
), many as (
    -- Keys that the call itself names, where it does, and no event of their own.
    select 'DeleteObjects' as how, unnest(list_filter(list_transform(
            try(json_extract_string(record, '$.resources[*].ARN')),
            lambda arn: nullif(regexp_extract(arn, '^arn:[a-z0-9-]+:s3:::[^/]+/(.+)$', 1, 's'), '')),
            lambda key: key is not null)) as key, *
    from deletes
    where event_name = 'DeleteObjects' and coalesce(request_id, '') not in (
        select request_id from single where how = 'DeleteObjects' and request_id is not null)
), unnamed as (
    select 'keys not logged' as how, null::varchar as key, *
    from deletes
    where event_name = 'DeleteObjects'
        and coalesce(event_id, '') not in (select event_id from many where event_id is not null)
        and coalesce(request_id, '') not in (
            select request_id from single where how = 'DeleteObjects' and request_id is not null)
)
select event_time, how, bucket, key as object_key, version_id, principal, source_ip, access_key_id,
    request_id, event_id
from (from single union all by name from many union all by name from unnamed)
order by event_time, event_id, object_key;
