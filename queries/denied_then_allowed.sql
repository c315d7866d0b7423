-- What was refused to a principal first and worked afterwards? It may be a repaired policy, or
-- somebody who got more rights, or tried until it worked.
--
-- How to run (views.sql comes first):
--   set variable within_hours = 24;      -- the longest between a refusal and the success; 24
--   .read queries/denied_then_allowed.sql
--
-- A row per principal, API and bucket. `allowed_before`: the call had worked before the first
-- refusal, so that the refusal is what is new.
--
-- What the answer does not show: what changed in between (bucket_changes.sql, and changes of IAM in
-- the principal's account), and whether refusal and success meant the same object.

set variable asked_hours = coalesce(getvariable('within_hours'), 24);

with calls as (
    select principal, event_source, event_name, coalesce(bucket, '') as bucket, event_time, source_ip,
        event_id, is_denied(error_code) as denied
    from events
    where principal is not null and (error_code is null or is_denied(error_code))
), refused as (
    select principal, event_source, event_name, bucket, count(*) as denials,
        min(event_time) as first_denied
    from calls
    where denied
    group by all
), paired as (
    select calls.*, last_value(case when denied then event_time end ignore nulls) over (
        partition by principal, event_source, event_name, bucket order by event_time, denied desc, event_id
        rows unbounded preceding) as denied_at
    from calls
    where (principal, event_source, event_name, bucket) in (
        select (principal, event_source, event_name, bucket) from refused)
)
select refused.principal, refused.event_source, refused.event_name,
    nullif(refused.bucket, '') as bucket, any_value(denials) as denials,
    any_value(first_denied) as first_denied, min(event_time) as first_allowed,
    arg_min(event_time - denied_at, event_time) as after, count(*) as allowed,
    arg_min(source_ip, event_time) as source_ip, arg_min(event_id, (event_time, event_id)) as event_id,
    exists (from calls as before
        where not before.denied and before.principal = refused.principal
            and before.event_source = refused.event_source and before.event_name = refused.event_name
            and before.bucket = refused.bucket and before.event_time < refused.first_denied)
        as allowed_before
from paired join refused using (principal, event_source, event_name, bucket)
where not denied and event_time - denied_at <= to_hours(getvariable('asked_hours')::int)
group by refused.principal, refused.event_source, refused.event_name, refused.bucket,
    refused.first_denied
order by first_allowed, principal, event_name;
