"""Runs every file of queries/ over converted and scanned logs, and holds the answers against what
Python makes of the logs themselves.

check.py EVENTS SCAN TWICE LOGS...
    EVENTS  the folder of events made of LOGS
    SCAN    the outputs of a scan of LOGS
    TWICE   a folder of events that odd.json came into twice, by two runs
"""

import collections
import gzip
import ipaddress
import json
import pathlib
import re
import sys

import duckdb

QUERIES = pathlib.Path("queries")
DELETES = ("DeleteObject", "DeleteObjects")
ADA = "arn:aws:iam::222233334444:user/ada"
ODD_KEY = "'; drop view events; --\u001b[2J\u202e\n\"=cmd|' /C calc'!A0.csv"
TYPES = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "unsigned": "UINTEGER",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
}


# The logs, without trailsift.


def load(folders):
    """Every record that is whole, with the place that it came from."""
    for folder in folders:
        for path in sorted(pathlib.Path(folder).rglob("*.json*")):
            opened = gzip.open(path) if path.suffix == ".gz" else path.open("rb")
            with opened as file:
                text = file.read()
            if path.name == "cut.json":
                continue
            # No text: trailsift takes it for U+FFFD, and the others would not be equal either.
            text = text.replace(rb"\ud800", "\ufffd".encode())
            for number, record in enumerate(json.loads(text)["Records"]):
                yield {**record, "place": (str(path), number)}


def at(record, *path):
    for name in path:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def principal(record):
    identity = record["userIdentity"]
    if identity.get("type") == "AssumedRole":
        return at(identity, "sessionContext", "sessionIssuer", "arn") or identity["arn"]
    if identity.get("arn"):
        return identity["arn"]
    if identity.get("accountId") == "anonymous":
        return "anonymous"
    if identity.get("invokedBy"):
        return identity["invokedBy"]
    account, unique = identity.get("accountId"), identity.get("principalId", "").split(":")[0]
    if account is None:
        return unique or None
    who = "account" if account == record["recipientAccountId"] else "foreign"
    return f"{who}:{account}:{unique}" if unique else f"{who}:{account}"


def caller(record):
    account = record["userIdentity"].get("accountId")
    return account if account and account.isdigit() else None


def bucket(record):
    return at(record, "requestParameters", "bucketName") if is_s3(record) else None


def key(record):
    return at(record, "requestParameters", "key") if is_s3(record) else None


def is_s3(record):
    return record["eventSource"].startswith("s3")


def denied(record):
    return bool(re.search("AccessDenied|Unauthorized|Forbidden", record.get("errorCode") or ""))


def bytes_out(record):
    return int(at(record, "additionalEventData", "bytesTransferredOut") or 0)


def time(record):
    """As DuckDB writes times in JSON."""
    return record["eventTime"].replace("T", " ").replace("Z", "+00")


def day(record):
    return record["eventTime"][:10]


# The queries.


class Case:
    def __init__(self, events, scan, logs):
        self.records = list(load(logs))
        self.connection = duckdb.connect()
        self.set(events_folder=events, scan_folder=scan)
        self.connection.execute((QUERIES / "views.sql").read_text())

    def set(self, **variables):
        for name, value in variables.items():
            self.connection.execute(f"set variable {name} = $value", {"value": value})

    def rows(self, query):
        # Through JSON: DuckDB's Python module wants another module for times with a zone.
        found = self.connection.execute(f"select to_json(row) from ({query}) as row").fetchall()
        return [json.loads(row) for (row,) in found]

    def ask(self, name, **variables):
        """The rows of a file of queries/, with these variables set."""
        self.set(**variables)
        *before, query = duckdb.extract_statements((QUERIES / f"{name}.sql").read_text())
        for statement in before:
            assert statement.type == duckdb.StatementType.SET, f"{name}: {statement.query}"
            self.connection.execute(statement)
        rows = self.rows(query.query.strip().rstrip(";"))
        for variable in variables:
            self.connection.execute(f"reset variable {variable}")
        return rows


def ids(rows):
    return sorted(row.get("event_id") or row.get("eventID") for row in rows)


def same(found, expected):
    if found != expected:
        found, expected = ([*side.items()] if isinstance(side, dict) else [*side] for side in (found, expected))
        more = [row for row in found if row not in expected][:3]
        less = [row for row in expected if row not in found][:3]
        raise AssertionError(f"{len(found)} for {len(expected)} rows; only found: {more}; missing: {less}")


def check_principal_timeline(case):
    mine = [record for record in case.records if principal(record) == ADA]
    rows = case.ask("principal_timeline", principal=ADA)
    same(ids(rows), ids(mine))
    assert [row["event_time"] for row in rows] == sorted(map(time, mine))
    denials = collections.Counter(principal(record) for record in case.records if denied(record))
    busiest = max(denials, key=lambda name: (denials[name], [-ord(letter) for letter in name]))
    same(ids(case.ask("principal_timeline")), ids(r for r in case.records if principal(r) == busiest))


def check_source_address(case):
    def within(record, network):
        try:
            return ipaddress.ip_address(record["sourceIPAddress"]) in ipaddress.ip_network(network)
        except ValueError:
            return False

    for network in ("2001:db8::/32", "62.153.44.0/24", "10.0.0.0/8", "198.51.100.77", "2001:db8::8"):
        expected = [record for record in case.records if within(record, network)]
        same(ids(case.ask("source_address", address=network)), ids(expected))
        assert expected or network == "2001:db8::8"
    assert case.ask("source_address")


def check_object_readers(case):
    (row,) = case.ask("object_readers", bucket="acme-vault", object_key=ODD_KEY)
    seen = [row[name] for name in ("principal", "content", "metadata", "failed", "bytes_out")]
    assert seen == [ADA, 2, 1, 1, 4096], row
    assert row["copied_to"] == ["acme-elsewhere/copy.csv"], row
    readers = collections.defaultdict(list)
    for record in case.records:
        if record["eventName"] == "GetObject" and key(record) and "errorCode" not in record:
            readers[bucket(record), key(record)].append(record)
    rows = case.ask("object_readers")
    most = max(len(set(map(principal, records))) for records in readers.values())
    assert len([row for row in rows if row["content"]]) == most
    (row,) = case.ask("object_readers", bucket="acme-vault")
    assert row["principal"] == ADA, row
    one = min(readers)
    found = {row["principal"]: row["content"] for row in case.ask("object_readers", bucket=one[0], object_key=one[1])}
    same(found, dict(collections.Counter(map(principal, readers[one]))))


def check_deleted_keys(case):
    deletes = [r for r in case.records if r["eventName"] in DELETES and "errorCode" not in r]
    many = {r["requestID"] for r in deletes if r["eventType"] == "AwsServiceEvent"}
    expected = collections.Counter()
    for record in deletes:
        if record["eventName"] == "DeleteObject":
            how = "DeleteObjects" if record["eventType"] == "AwsServiceEvent" else "DeleteObject"
            expected[how, bucket(record), key(record)] += 1
            continue
        arns = [resource.get("ARN", "").split("/", 1) for resource in record["resources"]]
        keys = [arn[1] for arn in arns if len(arn) == 2]
        expected.update(("DeleteObjects", bucket(record), name) for name in keys)
        if not keys and record["requestID"] not in many:
            expected["keys not logged", bucket(record), None] += 1
    expected["lifecycle", "acme-vault", "aged"] += 1
    rows = case.ask("deleted_keys")
    same(collections.Counter((r["how"], r["bucket"], r["object_key"]) for r in rows), expected)
    assert {how for how, _, _ in expected} == {"DeleteObject", "DeleteObjects", "lifecycle", "keys not logged"}
    odd = {row["object_key"]: row["version_id"] for row in case.ask("deleted_keys", bucket="acme-vault")}
    assert odd == {"a/1": None, "a/2\nline": None, None: None, "versioned": "v1", "aged": None}, odd


def check_access_keys(case):
    uses = collections.defaultdict(list)
    for record in case.records:
        uses[record["userIdentity"].get("accessKeyId")].append(time(record))
    uses.pop(None)
    rows = case.ask("access_keys")
    found = {row["access_key_id"]: (row["first_used"], row["last_used"], row["calls"]) for row in rows}
    same(found, {name: (min(times), max(times), len(times)) for name, times in uses.items()})
    (row,) = case.ask("access_keys", access_key="AKIAQUERYEXAMPLE0002")
    assert (row["kind"], row["principals"], row["calls"]) == ("long-term", [ADA], 1)


def check_top_talkers(case):
    calls = collections.Counter((principal(r), r["sourceIPAddress"]) for r in case.records)
    rows = case.ask("top_talkers")
    assert [row["calls"] for row in rows] == sorted(calls.values(), reverse=True)[:50]
    assert all(calls[row["principal"], row["source_ip"]] == row["calls"] for row in rows)
    sent = collections.Counter()
    for record in case.records:
        sent[principal(record), record["sourceIPAddress"]] += bytes_out(record)
    assert all(sent[row["principal"], row["source_ip"]] == row["bytes_out"] for row in rows)


def check_denied_then_allowed(case):
    by = collections.defaultdict(list)
    for record in case.records:
        if principal(record) and ("errorCode" not in record or denied(record)):
            name = (principal(record), record["eventSource"], record["eventName"], bucket(record))
            by[name].append((time(record), not denied(record), record["eventID"]))
    expected = {}
    for name, calls in by.items():
        last, allowed = None, []
        for when, works, _ in sorted(calls):
            if works and last and duckdb_hours(last, when) <= 24:
                allowed.append(when)
            last = last if works else when
        if allowed:
            expected[name] = (sum(not works for _, works, _ in calls), allowed[0], len(allowed))
    rows = case.ask("denied_then_allowed")
    names = ("principal", "event_source", "event_name", "bucket")
    found = {tuple(r[n] for n in names): (r["denials"], r["first_allowed"], r["allowed"]) for r in rows}
    same(found, expected)
    assert (ADA, "s3.amazonaws.com", "GetObject", "acme-vault") in found


def duckdb_hours(first, second):
    import datetime

    first, second = (datetime.datetime.fromisoformat(text + ":00") for text in (first, second))
    return (second - first).total_seconds() / 3600


def check_bytes_out(case):
    expected = collections.Counter()
    for record in case.records:
        expected[day(record), principal(record)] += bytes_out(record)
    rows = case.ask("bytes_out")
    same({(row["date"], row["principal"]): row["bytes_out"] for row in rows}, dict(+expected))
    (row,) = case.ask("bytes_out", bucket="acme-vault")
    assert (row["bytes_out"], row["objects"]) == (4096 + 11 + 1, 3), row


def check_new_principals(case):
    first = {}
    for record in case.records:
        if bucket(record) and principal(record):
            pair = (bucket(record), principal(record))
            first[pair] = min(first.get(pair, "9"), time(record))
    rows = case.ask("new_principals", new_since="2025-06-10")
    found = {(row["bucket"], row["principal"]): row["first_call"] for row in rows}
    same(found, {pair: when for pair, when in first.items() if when >= "2025-06-10"})
    assert all(row["known_days"] == 0 for row in rows if row["bucket"] == "acme-vault")
    last = max(map(day, case.records))
    assert len(case.ask("new_principals")) == sum(when >= f"{last[:8]}{int(last[8:]) - 6:02}" for when in first.values())


def check_coverage_gaps(case):
    import datetime

    hours, ends = collections.defaultdict(set), {}
    for record in case.records:
        hour = datetime.datetime.fromisoformat(record["eventTime"][:13] + ":00:00")
        is_management = record.get("eventCategory", "Management") == "Management"
        where = (record["recipientAccountId"], record["awsRegion"], None if is_management else bucket(record))
        hours[where].add(hour)
        ends[where[0]] = max(ends.get(where[0], hour), hour)
    expected = {}
    for where, seen in hours.items():
        seen = sorted(seen)
        for one, next_one in zip(seen, [*seen[1:], ends[where[0]] + datetime.timedelta(hours=1)]):
            start = one + datetime.timedelta(hours=1)
            length = (next_one - start).total_seconds() / 3600
            if length >= 24:
                expected[(*where, f"{start}+00")] = length
    rows = case.ask("coverage_gaps")
    found = {(row["account"], row["region"], row["bucket"], row["from"]): row["hours"] for row in rows}
    same(found, expected)


def check_unread_objects(case):
    rows = {pathlib.Path(row["object_uri"]).name: row for row in case.ask("unread_objects")}
    cut = rows.pop("cut.json")
    assert (cut["outcome"], cut["given_up"], cut["first_reason"] is not None) == ("partial", 1, True), cut
    assert rows and all(row["outcome"] == "skipped" for row in rows.values())


def check_finding_records(case):
    places = {record["place"]: record for record in case.records}
    findings = {row["finding_id"] for row in case.rows("from findings where severity >= 7")}
    rows = case.ask("finding_records")
    same({row["finding_id"] for row in rows}, findings)
    for row in rows:
        expected = places[row["object_uri"], row["record_number"]]
        assert json.loads(row["record"]) == {n: v for n, v in expected.items() if n != "place"}, row
        assert row["principal"] == principal(expected)
    (least,) = case.rows("select arg_min(finding_id, (severity, finding_id)) as least from findings")
    rows = case.ask("finding_records", finding_id=least["least"])
    assert {row["finding_id"] for row in rows} == {least["least"]}


def check_issued_credentials(case):
    uses = collections.Counter(record["userIdentity"].get("accessKeyId") for record in case.records)
    expected = {}
    for record in case.records:
        answer = record.get("responseElements") or {}
        issued = at(answer, "credentials", "accessKeyId") or at(answer, "accessKey", "accessKeyId")
        if issued:
            expected[record["eventID"]] = (issued, principal(record), uses[issued])
    rows = case.ask("issued_credentials")
    same({row["event_id"]: (row["issued_key"], row["issued_to"], row["calls"]) for row in rows}, expected)
    mine = {row["issued_key"]: row["calls"] for row in case.ask("issued_credentials", issued_to=ADA)}
    assert mine == {"AKIAQUERYEXAMPLE0002": 1, "ASIAQUERYEXAMPLE0003": 0}, mine


def check_bucket_changes(case):
    def changes(record):
        management = record.get("eventCategory", "Management") == "Management"
        return is_s3(record) and management and not record["readOnly"]

    rows = case.ask("bucket_changes")
    same(ids(rows), ids(filter(changes, case.records)))
    mine = {row["event_name"]: row for row in case.ask("bucket_changes", bucket="acme-vault")}
    assert set(mine) == {"PutBucketPolicy", "PutBucketVersioning"}, mine
    assert mine["PutBucketVersioning"]["error_code"] == "AccessDenied"
    assert json.loads(mine["PutBucketPolicy"]["requested"])["bucketPolicy"], mine


def check_presigned_requests(case):
    rows = case.ask("presigned_requests")
    seen = [(row["object_key"], row["bytes_out"], row["valid_for"], row["age"]) for row in rows]
    assert seen == [(ODD_KEY, 4096, 604800, 120), ("old link.txt", 11, None, None)], seen


def check_user_agents(case):
    calls = collections.Counter(principal(record) for record in case.records)
    found = collections.Counter()
    for row in case.ask("user_agents"):
        found[row["principal"]] += row["calls"]
    same(found, calls)
    mine = {row["user_agent"]: row["calls"] for row in case.ask("user_agents", principal=ADA)}
    assert sorted(mine.values()) == [1, 12] and mine["[aws-cli/2.27.22]"] == 12, mine


def check_cross_account(case):
    expected = collections.Counter()
    for record in case.records:
        owners = [resource.get("accountId") for resource in record.get("resources") or [] if is_s3(record)]
        owner = next(filter(None, owners), None)
        here = record["recipientAccountId"]
        if caller(record) and (caller(record) != here or owner not in (None, caller(record))):
            expected[caller(record), principal(record), here, bucket(record)] += 1
    rows = case.ask("cross_account")
    found = {(r["caller_account"], r["principal"], r["recipient_account"], r["bucket"]): r["calls"] for r in rows}
    same(found, dict(expected))
    callers = sorted({row["caller_account"] for row in rows})
    assert not case.ask("cross_account", own_accounts=callers)


def check_record(case):
    for record in case.records[:: len(case.records) // 20] + case.records[-15:]:
        (row,) = case.ask("record", event_id=record["eventID"])
        assert json.loads(row["record"]) == {n: v for n, v in record.items() if n != "place"}
        assert (row["object_uri"], row["record_number"]) == record["place"]
    (row,) = case.ask("record")
    assert row["event_time"] == max(map(time, case.records))


def check_copies(case):
    assert not case.ask("copies")
    (before,) = case.rows("select getvariable('events_folder') as events")
    case.set(events_folder=case.twice)
    rows = case.ask("copies")
    assert sum(row["copies"] for row in rows) == 15, rows
    counts = case.rows("select (select count(*) from events) as a, (select count(*) from events_once) as b")
    assert counts == [{"a": 30, "b": 15}], counts
    case.set(events_folder=before["events"])


# What holds of them all.


def check_the_window(case):
    """`since` and `until` confine all views, and no other days are opened."""
    case.set(since="2025-06-10T12:00:00Z", until="2025-06-12")
    within = [r for r in case.records if "2025-06-10T12:00:00Z" <= r["eventTime"] < "2025-06-12"]
    assert case.rows("select count(*) as events from events") == [{"events": len(within)}]
    case.set(since=None, until=None)
    assert case.rows("select count(*) as events from events") == [{"events": len(case.records)}]


def check_the_filters(case):
    """Look-ups of one value leave out most files, by their Bloom filters."""
    files = f"{case.events}/account=*/region=*/date=*/*.parquet"
    for column in ("event_id", "access_key_id", "principal", "bucket", "object_key", "source_ip"):
        probe = f"select avg(bloom_filter_excludes::int) as share from parquet_bloom_probe('{files}', '{column}', 'nobody has this')"
        (row,) = case.rows(probe)
        assert row["share"] > 0.8, (column, row)


def check_the_schema(case):
    """docs/schema.md names the columns that are there, in their order, with their types."""
    text = pathlib.Path("docs/schema.md").read_text()
    table = text.split("\n## Columns\n")[1].split("\n## ")[0]
    documented = re.findall(r"^\| `(\w+)` \| (\w+)", table, re.MULTILINE)
    files = f"{case.events}/account=*/region=*/date=*/*.parquet"
    described = case.rows(f"select column_name, column_type from (describe from read_parquet('{files}', hive_partitioning = false))")
    same([(name, TYPES[kind]) for name, kind in documented], [(row["column_name"], row["column_type"]) for row in described])
    hive = [row["column_name"] for row in case.rows("select column_name from (describe events)")]
    assert sorted(hive[len(described):]) == ["account", "date", "region"], hive


def check_the_page(_):
    """docs/duckdb.md lists every file, and every file says what it is for."""
    listed = re.findall(r"^\| \[`(\w+)\.sql`\]", pathlib.Path("docs/duckdb.md").read_text(), re.MULTILINE)
    files = sorted(path.stem for path in QUERIES.glob("*.sql") if path.stem != "views")
    same(sorted(listed), files)
    for file in files:
        text = (QUERIES / f"{file}.sql").read_text()
        assert "-- How to run" in text and "does not show" in text, file


def main():
    events, scan, twice, *logs = sys.argv[1:]
    case = Case(events, scan, logs)
    case.events, case.twice = events, twice
    checks = {name.removeprefix("check_"): check for name, check in globals().items() if name.startswith("check_")}
    files = {path.stem for path in QUERIES.glob("*.sql")} - {"views"}
    failed = [f"queries/{name}.sql has no check" for name in files - set(checks)]
    for name, check in checks.items():
        try:
            check(case)
        except Exception as error:  # noqa: BLE001: all are told
            failed.append(f"{name}: {type(error).__name__}: {error}")
    sys.exit("\n".join(failed) if failed else 0)


main()
