-- What was fetched or sent with URLs that were signed in advance?
--
-- How to run (views.sql comes first):
--   set variable bucket = 'payroll';     -- optional: all buckets
--   .read queries/presigned_requests.sql
--
-- The principal is who signed; the address is who used the URL. `valid_for` and `age` (how long after
-- the signature) are in seconds, and null where the record does not say (signature version 2).
--
-- What the answer does not show: that a URL was made (signing is no call, and leaves no record), to
-- whom it went, and what was fetched again from a cache. The S3 console's downloads are such URLs
-- too.

set variable asked_bucket = getvariable('bucket')::varchar;

select event_time, event_name, error_code, principal, access_key_id, source_ip, user_agent, bucket,
    object_key, bytes_out,
    try_cast(logged(record, '$.requestParameters."X-Amz-Expires"') as bigint) as valid_for,
    date_diff('second',
        try_strptime(logged(record, '$.requestParameters."X-Amz-Date"'), '%Y%m%dT%H%M%SZ')
            at time zone 'UTC',
        event_time) as age,
    signature_version, event_id
from events
where auth_method = 'QueryString'
    and (getvariable('asked_bucket') is null or bucket = getvariable('asked_bucket'))
order by event_time, event_id;
