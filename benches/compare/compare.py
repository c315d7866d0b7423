"""How long DuckDB and chDB take for one answer, and trailsift for all of its own.

    cargo build --release
    pip install duckdb chdb
    python benches/compare/compare.py FOLDER [--trailsift PATH] [--rounds 3]

FOLDER holds CloudTrail objects (*.json.gz). The answer is how many events there are per bucket that
the request names, and how many of them failed: one group-by over two fields. trailsift gives it
beside everything else, as coverage.parquet, and the three answers are compared. A peer that is not
installed is left out, with a word. Out comes a Markdown table of the best of the rounds, in seconds.
"""

import argparse
import importlib.util
import pathlib
import subprocess
import sys
import tempfile
import time


def of_duckdb(folder: pathlib.Path) -> dict:
    import duckdb

    # Without columns DuckDB looks for the type of every nested field of every event.
    rows = duckdb.execute(
        """
        with events as (
            select unnest(Records) as event
            from read_json($1, columns = {Records: 'JSON[]'}, maximum_object_size = 1 << 27)
        )
        select event->>'$.requestParameters.bucketName' as bucket, count(*),
               count(event->>'$.errorCode')
        from events where bucket <> '' group by bucket
        """,
        [f"{folder}/**/*.json.gz"],
    ).fetchall()
    return {bucket: (count, failed) for bucket, count, failed in rows}


def of_chdb(folder: pathlib.Path) -> dict:
    import chdb

    rows = chdb.query(
        f"""
        select JSONExtractString(event, 'requestParameters', 'bucketName') as bucket, count(),
               countIf(JSONExtractString(event, 'errorCode') <> '')
        from (
            select arrayJoin(JSONExtractArrayRaw(json, 'Records')) as event
            from file('{folder}/**/*.json.gz', 'JSONAsString')
        )
        where bucket <> '' group by bucket
        """,
        "CSV",
    )
    lines = (line.split(",") for line in str(rows).splitlines() if line)
    return {bucket.strip('"'): (int(count), int(failed)) for bucket, count, failed in lines}


def of_trailsift(program: pathlib.Path, folder: pathlib.Path, out: pathlib.Path) -> float:
    started = time.perf_counter()
    # 1: there are findings.
    status = subprocess.run([program, "scan", folder, "--out", out], capture_output=True).returncode
    if status not in (0, 1):
        sys.exit(f"{program} scan ended with status {status}")
    return time.perf_counter() - started


def buckets_of(out: pathlib.Path) -> dict:
    import duckdb

    rows = duckdb.execute(
        "select bucket, sum(event_count), sum(error_count) from read_parquet($1) "
        "where bucket <> '' group by bucket",
        [str(out / "coverage.parquet")],
    ).fetchall()
    return {bucket: (int(count), int(failed)) for bucket, count, failed in rows}


def best(rounds: int, work) -> tuple[float, dict]:
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        answer = work()
        times.append(time.perf_counter() - started)
    return min(times), answer


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--trailsift", type=pathlib.Path, default="target/release/trailsift")
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    print("| program | what | seconds |\n| --- | --- | ---: |")
    answers = {}
    for name, work in (("duckdb", of_duckdb), ("chdb", of_chdb)):
        if importlib.util.find_spec(name) is None:
            print(f"| {name} | not installed | |")
            continue
        seconds, answers[name] = best(given.rounds, lambda work=work: work(given.folder))
        print(f"| {name} | one group-by | {seconds:.2f} |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out"
        runs = [of_trailsift(given.trailsift, given.folder, out) for _ in range(given.rounds)]
        print(f"| trailsift | all shipped detectors | {min(runs):.2f} |")
        if "duckdb" in answers:
            answers["trailsift"] = buckets_of(out)
    if len(answers) < 2:
        sys.exit("nothing to compare with: install duckdb, and chdb")
    (first, answer), *others = answers.items()
    differ = [name for name, other in others if other != answer]
    if differ:
        sys.exit(f"the answers of {', '.join(differ)} differ from that of {first}")
    print(f"\nThe answers of {', '.join(answers)} agree: {len(answer)} buckets.")


main()
