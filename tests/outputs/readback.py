"""Holds findings.jsonl and findings.csv against findings.parquet, row by row, in order."""

import sys

import duckdb

parquet, jsonl, csv = sys.argv[1:]
duckdb.execute("set timezone = 'UTC'")
duckdb.execute("create table parquet as select * from read_parquet($1)", [parquet])
columns = {name: kind for name, kind, *_ in duckdb.execute("describe parquet").fetchall()}


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def jsonl_rows():
    types = ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in columns.items())
    return f"select * from read_json({quoted(jsonl)}, format = 'newline_delimited', columns = {{{types}}})"


def csv_rows():
    def value(name, kind):
        if kind == "VARCHAR":
            return f"coalesce(regexp_replace({name}, '^''', ''), '') as {name}"
        if kind.endswith("[]"):
            return f"{name}::json::{kind} as {name}"
        return f"{name}::{kind} as {name}"

    values = ", ".join(value(name, kind) for name, kind in columns.items())
    options = "header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"'"
    return f"select {values} from read_csv({quoted(csv)}, {options}, auto_detect = false, columns = {types_of_csv()})"


def types_of_csv():
    return "{" + ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in columns) + "}"


def null_is_empty():
    values = (
        f"coalesce({name}, '') as {name}" if kind == "VARCHAR" else name
        for name, kind in columns.items()
    )
    return "select " + ", ".join(values) + " from parquet"


def difference(a, b):
    numbered = [f"(select row_number() over () as line, * from ({rows}))" for rows in (a, b)]
    left, right = numbered
    query = f"(from {left} except all from {right}) union all (from {right} except all from {left})"
    return duckdb.execute(f"select count(*), any_value(line) from ({query})").fetchone()


(count,) = duckdb.execute("select count(*) from parquet").fetchone()
assert count > 50, count
heads = open(csv, encoding="utf-8", newline="").readline().strip().split(",")
assert heads == list(columns), heads
for name, rows, expected in [
    ("jsonl", jsonl_rows(), "from parquet"),
    ("csv", csv_rows(), null_is_empty()),
]:
    differing, line = difference(rows, expected)
    assert differing == 0, f"{name}: {differing} rows differ, such as {line}"
