-- What did a principal do, call by call?
--
-- How to run (views.sql comes first):
--   set variable principal = 'arn:aws:iam::111122223333:role/archive-service';
--   .read queries/principal_timeline.sql
-- Without the variable: the principal with the most refused calls. A role is named by its own ARN,
-- not by that of a session; `select distinct principal from events where principal like '%NAME%'`
-- finds it.
--
-- What the answer does not show: what was not logged (data events are off unless somebody turned
-- them on), what the principal did through a role that it assumed (issued_credentials.sql), and who
-- sat behind it.

set variable asked_principal = coalesce(getvariable('principal'), (
    select principal from events
    where getvariable('principal') is null and is_denied(error_code) and principal is not null
    group by principal order by count(*) desc, principal limit 1));

select event_time, event_source, event_name, error_code, bucket, object_key, version_id, source_ip,
    access_key_id, session_name, user_agent, recipient_account, aws_region, event_id
from events
where principal = getvariable('asked_principal')
order by event_time, event_id;
