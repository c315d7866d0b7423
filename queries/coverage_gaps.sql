-- When do the logs show nothing?
--
-- How to run (views.sql comes first; asks what a scan wrote):
--   set variable gap_hours = 24;         -- the shortest gap; 24
--   .read queries/coverage_gaps.sql
--
-- A row per gap: of the management events of an account and region (bucket is null) or of the data
-- events of a bucket. `until` is null where the gap lasts to the end of the account's logs.
--
-- What the answer does not show: why. Nothing may have happened, logging may have been off, or objects
-- are missing here (unread_objects.sql). Of a bucket without any data event there is no row at all.

set variable asked_gap_hours = coalesce(getvariable('gap_hours'), 24);

with hours as (
    select account, region, case when class <> 'management' then bucket end as bucket,
        if(class = 'management', 'management', 'data') as events, hour
    from coverage
    where class <> 'other'
    group by all
), gaps as (
    select account, region, bucket, events, hour + interval 1 hour as "from",
        lead(hour) over (partition by account, region, bucket, events order by hour) as "until",
        max(hour) over (partition by account) + interval 1 hour as end_of_logs
    from hours
)
select account, region, bucket, events, "from", "until",
    date_diff('hour', "from", coalesce("until", end_of_logs)) as hours
from gaps
where date_diff('hour', "from", coalesce("until", end_of_logs)) >= getvariable('asked_gap_hours')
order by hours desc, account, region, bucket, "from";
