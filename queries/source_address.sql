-- What came from an address, or from a network?
--
-- How to run (views.sql comes first):
--   set variable address = '198.51.100.0/24';    -- or 198.51.100.7, or 2001:db8::/32
--   .read queries/source_address.sql
-- Without the variable: the address with the most refused calls.
--
-- What the answer does not show: who used the address (many may, behind one gateway), calls that an
-- AWS service made for somebody (the service's name stands in place of the address), and calls
-- through a VPC endpoint by their public address: they have private ones.

set variable asked_address = coalesce(getvariable('address'), (
    select source_ip from events
    where getvariable('address') is null and is_denied(error_code)
        and address_number(source_ip) is not null
    group by source_ip order by count(*) desc, source_ip limit 1));

select event_time, source_ip, principal, access_key_id, event_source, event_name, error_code, bucket,
    object_key, user_agent, vpc_endpoint, recipient_account, aws_region, event_id
from events
-- The addresses first, by one column; then only the files that may have them.
where source_ip in (
    select source_ip from (select distinct source_ip from events)
    where is_within(source_ip, getvariable('asked_address')))
order by event_time, event_id;
