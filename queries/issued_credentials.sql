-- Which credentials were issued, by whom, and were they used?
--
-- How to run (views.sql comes first):
--   set variable issued_to = 'arn:aws:iam::111122223333:role/cloud-admin';   -- optional: a principal
--   .read queries/issued_credentials.sql
--
-- `issued_key` is the access key that the answer held; the use of it is counted beside it, so that one
-- can go from key to key: assumed from what, with what key, used where.
--
-- What the answer does not show: keys that AWS issues without a record here (roles of EC2 instances
-- and Lambda are assumed by the service, whose records lie in that account), use in other accounts'
-- logs, and secrets: CloudTrail logs none.

set variable asked_issued_to = getvariable('issued_to')::varchar;

with issued as (
    select event_time, event_name, principal as issued_to, access_key_id as with_key, source_ip,
        coalesce(logged(record, '$.responseElements.credentials.accessKeyId'),
            logged(record, '$.responseElements.accessKey.accessKeyId')) as issued_key,
        coalesce(logged(record, '$.responseElements.assumedRoleUser.arn'),
            logged(record, '$.responseElements.federatedUser.arn'),
            logged(record, '$.responseElements.accessKey.userName')) as acts_as,
        logged(record, '$.responseElements.credentials.expiration') as expires,
        recipient_account, event_id
    from events
    where event_name in ('AssumeRole', 'AssumeRoleWithSAML', 'AssumeRoleWithWebIdentity', 'AssumeRoot',
            'GetSessionToken', 'GetFederationToken', 'CreateAccessKey')
        and error_code is null
        and (getvariable('asked_issued_to') is null or principal = getvariable('asked_issued_to'))
), used as (
    select access_key_id as issued_key, count(*) as calls, min(event_time) as first_used,
        max(event_time) as last_used, list_sort(list(distinct source_ip)) as used_from
    from events
    where access_key_id in (select issued_key from issued)
    group by access_key_id
)
select issued.event_time, event_name, issued_to, with_key, source_ip, issued_key, acts_as, expires,
    coalesce(calls, 0) as calls, first_used, last_used, used_from, recipient_account, event_id
from issued left join used using (issued_key)
order by issued.event_time, event_id;
