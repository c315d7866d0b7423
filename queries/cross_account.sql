-- Who came from another account?
--
-- How to run (views.sql comes first):
--   set variable own_accounts = ['111122223333', '444455556666'];    -- optional: callers of these
--                                                                    -- are left out
--   .read queries/cross_account.sql
--
-- A row per caller's account, principal, account that logged it, and bucket; also where the bucket
-- belongs to another account than the caller.
--
-- What the answer does not show: anonymous callers (they have no account; principal = 'anonymous'),
-- strangers inside a role of one's own (issued_credentials.sql says who assumed it), and copies that
-- went to a bucket of another account: that account's logs have the other half.

set variable asked_own = coalesce(getvariable('own_accounts')::varchar[], []::varchar[]);

select caller_account, principal, recipient_account, bucket, bucket_owner_account,
    count(*) as calls, count(*) filter (is_denied(error_code)) as denied,
    list_sort(list(distinct event_name)) as event_names,
    coalesce(sum(bytes_in), 0)::bigint as bytes_in, coalesce(sum(bytes_out), 0)::bigint as bytes_out,
    min(event_time) as first_call, max(event_time) as last_call,
    count(distinct source_ip) as addresses
from events
where caller_account is not null
    and (cross_account = 'true' or bucket_owner_account <> caller_account)
    and not list_contains(getvariable('asked_own')::varchar[], caller_account)
group by caller_account, principal, recipient_account, bucket, bucket_owner_account
order by calls desc, caller_account, principal, bucket;
