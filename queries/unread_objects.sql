-- What could the scan not read?
--
-- How to run (views.sql comes first; asks what a scan wrote):
--   .read queries/unread_objects.sql
--
-- Objects that failed or are damaged, and those that were skipped, each with the records that were
-- given up and the first reason.
--
-- What the answer does not show: objects that were never there. Deleted log files leave no trace in
-- those that remain; CloudTrail's digest files tell (aws cloudtrail validate-logs).

select object_uri, outcome, manifest.reason, bytes, records, analysed, manifest.rejected as given_up,
    min_by(rejected.reason, (record_number, byte_offset)) as first_reason,
    min_by(excerpt, (record_number, byte_offset)) as first_excerpt
from manifest left join rejected using (object_uri)
where outcome <> 'read' or manifest.rejected > 0
group by all
order by outcome, object_uri;
