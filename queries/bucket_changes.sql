-- Who changed the configuration of buckets, and to what?
--
-- How to run (views.sql comes first):
--   set variable bucket = 'payroll';     -- optional: all buckets, and changes of none (account-wide)
--   .read queries/bucket_changes.sql
--
-- Policies, ACLs, Block Public Access, versioning, lifecycle, encryption, logging, replication,
-- notifications, access points, and buckets made and deleted; refused tries too (error_code).
-- CloudTrail's names are not those of the API: PutBucketLifecycle, PutBucketPublicAccessBlock.
--
-- What the answer does not show: how it was before (the change before says it, if it is logged), and
-- ACLs of objects, which are data events (PutObjectAcl).

set variable asked_bucket = getvariable('bucket')::varchar;

select event_time, event_name, error_code, bucket, principal, source_ip, access_key_id, mfa, user_agent,
    logged(record, '$.requestParameters') as requested, recipient_account, aws_region, event_id
from events
where event_source in ('s3.amazonaws.com', 's3express.amazonaws.com', 's3-outposts.amazonaws.com')
    and access_class = 'management'
    and not coalesce(read_only, regexp_matches(event_name, '^(Get|List|Head|Describe)'))
    and (getvariable('asked_bucket') is null or bucket = getvariable('asked_bucket'))
order by event_time, event_id;
