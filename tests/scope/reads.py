"""Which objects an actor read, asked of the raw JSON with DuckDB, against what trailsift listed.

Arguments: the folder of a scope's outputs, the folder with the logs, and the seed: `key`, `principal`
or `ip`, and its value.
"""

import gzip
import json
import pathlib
import sys
import tempfile

import duckdb

out, logs, kind, value = sys.argv[1:5]


def records(text):
    """Records of a log file, an array, lines, or `{"_raw": "…"}`; whatever is no event is left."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        found, at = decoder.raw_decode(text, at)
        while at < len(text) and text[at].isspace():
            at += 1
        pending = [found]
        while pending:
            item = pending.pop()
            if isinstance(item, list):
                pending.extend(item)
            elif isinstance(item, dict) and isinstance(item.get("Records"), list):
                pending.extend(item["Records"])
            elif isinstance(item, dict) and isinstance(item.get("_raw"), str):
                pending.append(json.loads(item["_raw"]))
            elif isinstance(item, dict) and isinstance(item.get("detail"), dict):
                pending.append(item["detail"])
            elif isinstance(item, dict) and "eventName" in item:
                yield item


folder = tempfile.TemporaryDirectory()
lines = pathlib.Path(folder.name) / "events.ndjson"
number = 0
with lines.open("w") as to:
    for path in sorted(pathlib.Path(logs).rglob("*")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        try:
            found = list(records(data.decode()))
        except ValueError:
            continue
        for record in found:
            number += 1
            to.write(json.dumps({"r": record, "n": f"record {number}"}) + "\n")

sql = duckdb.sql
sql(f"""
create table events as
select distinct on (account, event_id) * from (
    select
        r->>'$.recipientAccountId' as account,
        coalesce(r->>'$.eventID', n) as event_id,
        coalesce(r->>'$.sharedEventID', account || '/' || event_id) as request,
        (r->>'$.eventTime')::timestamptz as time,
        r->>'$.eventName' as name,
        r->>'$.errorCode' as error,
        nullif(r->>'$.userIdentity.accessKeyId', '') as access_key,
        coalesce(r->>'$.userIdentity.sessionContext.sessionIssuer.arn', r->>'$.userIdentity.arn')
            as principal,
        r->>'$.sourceIPAddress' as ip,
        r->>'$.requestParameters.bucketName' as bucket,
        r->>'$.requestParameters.key' as key,
        r->>'$.requestParameters.versionId' as version,
        r->>'$.requestParameters."x-amz-copy-source"' as source,
        (r->>'$.additionalEventData.bytesTransferredOut')::double::bigint as bytes,
        coalesce(
            r->>'$.responseElements.credentials.accessKeyId',
            r->>'$.responseElements.accessKey.accessKeyId'
        ) as issued
    from read_json('{lines}', columns={{'r': 'JSON', 'n': 'VARCHAR'}}, format='newline_delimited',
                   maximum_object_size=100000000)
)
order by account, event_id
""")
seed = {
    "key": "access_key = $v",
    "principal": "principal = $v",
    "ip": "ip = $v",
}[kind]
duckdb.execute(
    f"""
create table followed as
with recursive
    -- The caller's key may be in one copy of a call, the issued key in another.
    calls as (
        select request, max(access_key) as parent, max(issued) as child, bool_or({seed}) as seeded
        from events group by request
    ),
    followed as (
        select child as key from calls where seeded and child is not null
        union
        select $v where '{kind}' = 'key'
        union
        select child from calls join followed on parent = followed.key where child is not null
    )
select distinct key from followed
""",
    {"v": value},
)
duckdb.execute(
    f"""
create table reads as
with mine as (
    select * from events where {seed} or access_key in (select key from followed)
),
touched as (
    select *, bucket as b, key as k, version as v2 from mine
    where name in ('GetObject', 'GetObjectTorrent', 'SelectObjectContent')
    union all
    select * replace (null::bigint as bytes),
        split_part(ltrim(url_decode(split_part(source, '?versionId=', 1)), '/'), '/', 1),
        regexp_replace(ltrim(url_decode(split_part(source, '?versionId=', 1)), '/'), '^[^/]*/', ''),
        nullif(url_decode(split_part(source, '?versionId=', 2)), '')
    from mine where name in ('CopyObject', 'UploadPartCopy') and source is not null
),
requests as (
    select
        request, b, k, v2, max(access_key) as access_key, max(principal) as principal,
        min(time) as time, max(error) as error, max(bytes) as bytes
    from touched group by request, name, b, k, v2
)
select
    coalesce(access_key, principal, '-') as actor, b as bucket, k as key, v2 as version,
    count(*) filter (error is null) as reads_ok,
    coalesce(sum(bytes) filter (error is null), 0)::bigint as bytes_out,
    count(*) filter (error is null and bytes is null) as bytes_unknown,
    min(time) filter (error is null) as first_read,
    max(time) filter (error is null) as last_read
from requests group by all
having reads_ok > 0
""",
    {"v": value},
)
sql(f"""
create table listed as
select
    -- Who has no key is named by address or principal; that is compared elsewhere.
    case when regexp_matches(actor, '^A[KS]IA') then actor else '-' end as actor,
    bucket, key, version, reads_ok, bytes_out, bytes_unknown, first_read, last_read
from '{out}/objects.parquet' where reads_ok > 0
""")
sql("update reads set actor = '-' where not regexp_matches(actor, '^A[KS]IA')")
sql("""
create view expected as
select actor, bucket, key, version, sum(reads_ok) n, sum(bytes_out) b, sum(bytes_unknown) u,
    min(first_read) f, max(last_read) l from reads group by all
""")
sql("""
create view found as
select actor, bucket, key, version, sum(reads_ok) n, sum(bytes_out) b, sum(bytes_unknown) u,
    min(first_read) f, max(last_read) l from listed group by all
""")
missing = sql("from expected except all from found").fetchall()
wrong = sql("from found except all from expected").fetchall()
if missing or wrong:
    sys.exit(f"missing: {missing[:5]} ({len(missing)}); wrong: {wrong[:5]} ({len(wrong)})")
listed = {key for (key,) in sql(
    f"select child_key from '{out}/actors.parquet' where relation = 'issued'").fetchall()}
followed = {key for (key,) in sql("from followed").fetchall()} - {value}
if listed != followed:
    sys.exit(f"keys issued: {sorted(listed)} instead of {sorted(followed)}")
(count,), = sql("select count(*) from expected").fetchall()
print(f"{kind} {value}: {count} objects, {len(followed)} keys issued")
