-- The views that the other files ask. For DuckDB 1.5 or newer; see docs/duckdb.md.
--
-- How to run, in the folder that holds `events` (trailsift convert LOGS --out events) and `out`
-- (trailsift scan events --out out):
--   duckdb -init queries/views.sql
-- Elsewhere, or from Python: set the folders first, then execute this file.
--   set variable events_folder = '/cases/17/events';
--   set variable scan_folder = '/cases/17/out';
--   .read queries/views.sql
--
-- Without a scan start `duckdb` and `.read` this file: the last statements fail, `events` is there, and
-- so is all that asks it alone. (With -init, DuckDB ends where a statement fails.)
--
-- Variables that hold for all queries of a session, until `reset variable NAME`:
--   since, until   times, UTC: `events` begins and ends there. Files of other days are not opened.

set variable events_folder = coalesce(getvariable('events_folder'), 'events');
set variable scan_folder = coalesce(getvariable('scan_folder'), 'out');
-- Times are shown, and days begin, in UTC.
set timezone = 'UTC';

-- What the log says at a path of the record; null where DuckDB takes the record for no JSON, so that
-- one odd record does not end a query.
create or replace macro logged(record, path) as try(json_extract_string(record, path));

-- Whether a call was refused for want of a permission.
create or replace macro is_denied(error_code) as
    coalesce(regexp_matches(error_code, 'AccessDenied|Unauthorized|Forbidden'), false);

-- An IPv6 address as its eight groups.
create or replace macro address_groups(head, tail) as
    head || list_transform(range(8 - len(head) - len(tail)), lambda _: '0') || tail;

-- An address as a number; IPv4 as the IPv6 addresses that stand for it (::ffff:0:0/96). Null for
-- what is none, such as the names of AWS services.
create or replace macro address_number(address) as case
    when regexp_full_match(address, '\d{1,3}(\.\d{1,3}){3}') then
        (65535::uhugeint << 32::uhugeint) + list_reduce(
            list_transform(string_split(address, '.'), lambda part: try_cast(part as uhugeint)),
            lambda number, part: number * 256 + part)
    when regexp_full_match(address, '[0-9A-Fa-f:]*:[0-9A-Fa-f:]*') then try(list_reduce(
        list_transform(
            address_groups(
                list_filter(string_split(split_part(address, '::', 1), ':'), lambda part: part <> ''),
                list_filter(string_split(split_part(address, '::', 2), ':'), lambda part: part <> '')),
            lambda part: try_cast('0x' || part as int)::uhugeint),
        lambda number, part: number * 65536 + part))
    end;

-- How many bits of an address are not those of a network, `198.51.100.0/24`.
create or replace macro host_bits(network) as case
    when not contains(network, '/') then 0::uhugeint
    else try_cast(if(contains(network, ':'), 128, 32) - try_cast(split_part(network, '/', 2) as int)
        as uhugeint) end;

-- Whether an address lies in a network, or is that address.
create or replace macro is_within(address, network) as coalesce(
    address_number(address) >> host_bits(network)
        = address_number(split_part(network, '/', 1)) >> host_bits(network),
    false);

-- Every event; docs/schema.md has the columns. Copies that came with a later run of `convert` are
-- rows of their own: copies.sql says whether there are any, and how to ask without them.
create or replace view events as
from read_parquet(
    -- What a running `convert` is not done with begins with a dot.
    getvariable('events_folder') || '/account=*/region=*/date=*/[0-9]*.parquet',
    hive_partitioning = true,
    hive_types = {'account': varchar, 'region': varchar, 'date': date})
where (getvariable('since') is null
        or date >= getvariable('since')::timestamptz::date
            and event_time >= getvariable('since')::timestamptz)
    and (getvariable('until') is null
        or date <= getvariable('until')::timestamptz::date
            and event_time < getvariable('until')::timestamptz);

-- The same with each event once: of copies, the first place by name. It sorts all that is asked, and
-- only account, region, date and event_id are looked for before: name them, or make a table of it.
create or replace view events_once as
from events
qualify event_id is null or row_number() over (
    partition by account, region, date, event_id, md5(record) order by object_uri, record_number) = 1;

-- What the scan found; docs/findings.md has the columns of this view and those below. With --state
-- it is findings_current.parquet, where withdrawn findings are left out here.
create or replace view findings as
from read_parquet(getvariable('scan_folder') || '/findings*.parquet')
where status = 'active';

-- The events behind the findings, a row each.
create or replace view evidence as
select finding_id, severity, finding_type, account, unnest(evidence, recursive := true)
from findings;

create or replace view coverage as
from read_parquet(getvariable('scan_folder') || '/coverage.parquet');

-- What could not be read, and every object: of the scan. Those of the last `convert` lie in
-- events/_trailsift.
create or replace view rejected as
from read_parquet(getvariable('scan_folder') || '/rejected.parquet');

create or replace view manifest as
from read_parquet(getvariable('scan_folder') || '/manifest.parquet');
