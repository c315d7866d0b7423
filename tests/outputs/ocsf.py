"""Checks files of OCSF events, one per line, against the published schema.

The class's JSON schema in version 1.9.0, as schema.ocsf.io gives it, lies beside this file.
It is that of the class without profiles, so what the cloud profile adds is added here. The compiled schema of 1.8.0, from which 1.9.0 differs by additions, knows more: patterns,
profiles, and the captions that texts beside numbers must have.
"""

import json
import pathlib
import sys

import jsonschema
import ocsf_json_schema

VERSION = "1.9.0"
PROFILES = ["cloud"]
# As https://schema.ocsf.io publishes it for the class, without profiles (Apache-2.0).
FILE = "tests/outputs/ocsf-1.9.0-detection_finding.schema.json"


def newest():
    schema = json.loads(pathlib.Path(FILE).read_text())
    assert schema["additionalProperties"] is False
    schema["properties"]["cloud"] = {"$ref": "#/$defs/cloud"}
    schema["properties"]["api"] = {"$ref": "#/$defs/api"}
    schema["required"].append("cloud")
    return jsonschema.Draft7Validator(schema)


def compiled():
    known = ocsf_json_schema.get_ocsf_schema(version="1.8.0")
    embedded = ocsf_json_schema.OcsfJsonSchemaEmbedded(known)
    schema = embedded.get_class_schema(class_name="detection_finding", profiles=PROFILES)
    return known, jsonschema.Draft202012Validator(schema)


def captions(known, attributes, value, place):
    """Texts that stand beside numbers, such as `severity` beside `severity_id`."""
    for name, inner in value.items():
        attribute = attributes.get(name, {})
        if attribute.get("type") == "object_t":
            of = known["objects"][attribute["object_type"]]["attributes"]
            for item in inner if isinstance(inner, list) else [inner]:
                yield from captions(known, of, item, f"{place}.{name}")
        entry = attribute.get("enum", {}).get(str(inner))
        beside = value.get(attribute.get("sibling"))
        if entry and beside is not None and inner != 99 and beside != entry["caption"]:
            yield f"{place}.{name}: {inner} is {entry['caption']}, not {beside}"


def faults(event, validators, known):
    for validator in validators:
        for error in validator.iter_errors(event):
            yield f"{validator.schema['title']}: {error.json_path}: {error.message[:300]}"
    attributes = known["classes"]["detection_finding"]["attributes"]
    yield from captions(known, attributes, event, "$")
    metadata = event.get("metadata", {})
    if metadata.get("version") != VERSION or metadata.get("profiles") != PROFILES:
        yield f"$.metadata: {metadata}"
    if event.get("type_uid") != event.get("class_uid") * 100 + event.get("activity_id"):
        yield f"$.type_uid: {event.get('type_uid')}"
    info = event.get("finding_info", {})
    for time in (event.get("time"), info.get("first_seen_time"), info.get("last_seen_time")):
        if not (isinstance(time, int) and 1_000_000_000_000 < time < 10_000_000_000_000):
            yield f"no milliseconds since 1970: {time}"


def main(files):
    known, older = compiled()
    validators = [newest(), older]
    seen = 0
    for file in files:
        for number, line in enumerate(open(file, encoding="utf-8"), 1):
            found = list(faults(json.loads(line), validators, known))
            assert not found, f"{file}, line {number}: " + "; ".join(found)
            seen += 1
    assert seen > 0, "no events"
    print(seen, "events keep to the schema")


main(sys.argv[1:])
