-- Which records stand behind a finding?
--
-- How to run (views.sql comes first; asks a scan's findings and the events):
--   set variable finding_id = '…';       -- optional: all findings of high and critical severity
--   .read queries/finding_records.sql
--
-- `record` is null where the event is not in this folder of events.
--
-- What the answer does not show: all events of a finding. A finding names four at most, the earliest;
-- principal_timeline.sql with `since` and `until` around first_seen and last_seen shows the rest.

set variable asked_finding = getvariable('finding_id')::varchar;

with wanted as (
    from evidence
    where (getvariable('asked_finding') is null and severity >= 7)
        or finding_id = getvariable('asked_finding')
), found as materialized (
    select wanted.finding_id, wanted.event_time, wanted.event_id, wanted.object_uri,
        wanted.record_number, events.principal, events.event_name, events.bucket, events.object_key,
        events.source_ip, events.record
    from wanted join events
        on events.event_id = wanted.event_id and events.event_time = wanted.event_time
    union all
    -- Records of version 1.0 have no id: by place, which holds where both read the same objects.
    select wanted.finding_id, wanted.event_time, wanted.event_id, wanted.object_uri,
        wanted.record_number, events.principal, events.event_name, events.bucket, events.object_key,
        events.source_ip, events.record
    from wanted join events
        on events.event_time = wanted.event_time and events.object_uri = wanted.object_uri
            and events.record_number = wanted.record_number
    where wanted.event_id is null
)
select wanted.severity, wanted.finding_type, wanted.finding_id, wanted.event_time, found.principal,
    found.event_name, found.bucket, found.object_key, found.source_ip, wanted.event_id,
    wanted.object_uri, wanted.record_number, found.record
from wanted left join found
    on found.finding_id = wanted.finding_id and found.object_uri = wanted.object_uri
        and found.record_number = wanted.record_number
order by wanted.severity desc, wanted.finding_id, wanted.event_time, wanted.event_id;
