#!/usr/bin/python3
"""sdr-cat --fields and --format csv and avro: what others read of it is what was recorded."""
import csv
import io
import json
import os
import random
import re
import struct
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import case, check_equal, enter_plainly, finish  # noqa: E402
from avro_value import Decoder, difference  # noqa: E402
from catlib import CAT, WORK, cat, check, put  # noqa: E402
from ocf import block, header  # noqa: E402
from playing import SECOND, START, micros  # noqa: E402,F401
from random_schema import encode, random_datum, random_schema  # noqa: E402
from segments import Segment, avsc, python_avro  # noqa: E402
from udp import varint  # noqa: E402

enter_plainly()
NULLABLE = {"type": "record", "name": "Pose", "namespace": "lab", "fields": [
    {"name": "x", "type": "double"}, {"name": "y", "type": ["null", "float"]}]}
SCHEMA = json.dumps({"type": "record", "name": "Sample", "namespace": "lab", "fields": [
    {"name": "n", "type": "long"},
    {"name": "when", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "pose", "type": NULLABLE}, {"name": "last", "type": ["null", "Pose"]},
    {"name": "note", "type": "string"}, {"name": "raw", "type": "bytes"},
    {"name": "mode", "type": {"type": "enum", "name": "Mode", "symbols": ["idle", "run"]}},
    {"name": "cells", "type": {"type": "array", "items": "int"}},
    {"name": "tags", "type": {"type": "map", "values": "Mode"}},
    {"name": "either", "type": ["int", "string"]}, {"name": "on", "type": "boolean"}]})
NOTES = ("plain", "", "a,b", 'say "so"', "two\nlines", " spaces ", "=1+1", "ü ∞")


def text(word):
    raw = word.encode()
    return varint(len(raw)) + raw


def sample(n):
    """A datum, and its cells as CSV is to have them."""
    note, x = NOTES[n % len(NOTES)], [n / 4, float("nan"), float("inf"), -1e300][n % 4]
    y = struct.pack("<f", 0.5) if n % 2 else None
    pose = struct.pack("<d", x) + (varint(1) + y if y else varint(0))
    last = n % 3 == 0
    cells, raw = [n, -n][:n % 3], bytes([n % 256, 0xff])[:n % 3]
    data = varint(n) + varint(START + n) + pose + (varint(1) + pose if last else varint(0)) + \
        text(note) + varint(len(raw)) + raw + varint(n % 2) + \
        (varint(len(cells)) + b"".join(map(varint, cells)) if cells else b"") + varint(0) + \
        varint(1) + text("k") + varint(1) + varint(0) + \
        (varint(0) + varint(n) if n % 2 else varint(1) + text("s")) + bytes([n % 2])
    shown = {"nan": "NaN", "inf": "Infinity", "-1e+300": "-1e+300"}.get(repr(x), repr(x))
    xy = [shown, "0.5" if y else ""]
    when = f"2026-11-22T20:00:00.{n:06}Z"
    return data, [str(n), when, *xy, *(xy if last else ["", ""]), note, raw.hex(),
                  ["idle", "run"][n % 2], json.dumps(cells, separators=(",", ":")), '{"k":"run"}',
                  str(n) if n % 2 else "s", ["false", "true"][n % 2]]


HEAD = ["n", "when", "pose.x", "pose.y", "last.x", "last.y", "note", "raw", "mode", "cells", "tags",
        "either", "on"]
samples = [sample(n) for n in range(50)]
path = put("samples.avro", header(json.loads(SCHEMA)) +
           b"".join(block([data for data, _ in samples[at:at + 7]]) for at in range(0, 50, 7)))


def rows(out):
    return list(csv.reader(io.StringIO(out, newline="")))


def lines(*args):
    return [json.loads(line) for line in cat(*args)[0].splitlines()]


with case("CSV: every field in a column of its own, as Python's reader reads it"):
    found = rows(cat("--format", "csv", "--utc", path)[0])
    check_equal(found[0], HEAD, "head")
    for number, (found_row, (_, wanted)) in enumerate(zip(found[1:], samples, strict=True)):
        check_equal(found_row, wanted, f"row {number}")
    # Null and the empty string are not the same.
    out = cat("--format", "csv", "--fields", "last.x,note", path)[0]
    check_equal(out.splitlines()[2], ',""', "null, and an empty string")

with case("fields: those asked for, in that order, in JSON and in CSV"):
    whole = lines(path)
    asked = 'cells[1],pose.x,last,tags["k"],tags.none,either,n'
    found = lines("--fields", asked, path)
    for one, all_of in zip(found, whole, strict=True):
        wanted = {"cells[1]": (all_of["cells"] + [None, None])[1], "pose.x": all_of["pose"]["x"],
                  "last": all_of["last"], 'tags["k"]': all_of["tags"]["k"], "tags.none": None,
                  "either": all_of["either"], "n": all_of["n"]}
        check_equal(one, wanted, "line")
        check_equal(list(one), list(wanted), "order")
    found = rows(cat("--format", "csv", "--fields", "n,cells[1]", path)[0])
    check_equal(found[:6], [["n", "cells[1]"], ["0", ""], ["1", ""], ["2", "-2"], ["3", ""],
                            ["4", ""]], "CSV")
    check_equal(cat("--format", "csv", "--limit", 0, path)[0], ",".join(HEAD) + "\n", "none of it")

with case("Avro: the same datums under the same schema, to the byte"):
    copy = put("copy.avro", subprocess.run([CAT, "--format", "avro", path], check=True,
                                           capture_output=True).stdout)
    check_equal(Segment(copy).schema, Segment(path).schema, "schema")
    check_equal(Segment(copy).data(), Segment(path).data(), "data")
    part = put("part.avro", subprocess.run([CAT, "--format", "avro", "--limit", "9", path],
                                           check=True, capture_output=True).stdout)
    check_equal(Segment(part).data(), b"".join(data for data, _ in samples[:9]), "part")
    none = put("none.avro", subprocess.run([CAT, "--format", "avro", "--limit", "0", path],
                                           check=True, capture_output=True).stdout)
    check_equal((Segment(none).schema, Segment(none).datums()),
                (Segment(path).schema, 0), "none of them")


def check_foreign(files):
    """{path: [values]}: what python3-avro and avsc read of them, as datums of their schema."""
    read = avsc(list(files))
    for file, values in files.items():
        decoder = Decoder(Segment(file).schema)
        for found, name in ((python_avro(file), "python3-avro"),
                            ([decoder.value(datum) for datum in read[str(file)]], "avsc")):
            check_equal(len(found), len(values), f"{name}: datums of {file}")
            for one, other in zip(found, values):
                wrong = difference(one, other, "")
                check(not wrong, f"{file}: {name} reads {wrong}")


with case("Avro of some fields: others read them, with what a datum may lack as null"):
    asked = ["n", "when", "pose", "last.x", "cells[1]", "tags.k", "either", "last", "mode"]
    out = put("some.avro", subprocess.run(
        [CAT, "--format", "avro", "--fields", ",".join(asked), path], check=True,
        capture_output=True).stdout)
    schema = json.loads(Segment(out).schema)
    check_equal([field["name"] for field in schema["fields"]],
                ["n", "when", "pose", "last_x", "cells_1", "tags_k", "either", "last", "mode"],
                "names")
    check_equal(schema["fields"][1]["type"]["logicalType"], "timestamp-micros", "logical type")
    check_equal([schema["fields"][at]["type"] for at in (3, 4, 7)],
                [["null", "double"], ["null", "int"], ["null", "lab.Pose"]], "what may lack")
    whole = Decoder(SCHEMA).values(Segment(path).data())
    own = Decoder(Segment(out).schema).values(Segment(out).data())
    for one, all_of in zip(own, whole, strict=True):
        wanted = [all_of["n"], all_of["when"], all_of["pose"], all_of["either"], all_of["last"]]
        got = [one[name] for name in ("n", "when", "pose", "either", "last")]
        wrong = difference(got, wanted, "")
        check(not wrong, f"{wrong}")
    check_foreign({Path(out): own})

with case("random schemas and datums: as Avro, and one field of each"):
    rng = random.Random(20261123)
    files = {}
    for at in range(60):
        while True:
            one = random_schema(rng)
            datums = [encode(one, random_datum(rng, one)) for _ in range(rng.randint(1, 6))]
            if all(datums):
                break
        file = put(f"random{at}.avro", header(json.loads(one)) + block(datums))
        copy = Path(put(f"copy{at}.avro", subprocess.run(
            [CAT, "--format", "avro", file], check=True, capture_output=True).stdout))
        check_equal(Segment(copy).data(), b"".join(datums), f"{at}: data")
        head = rows(cat("--format", "csv", file, code=(0, 1))[0])[0]
        path_of = rng.choice(head)
        if path_of == "datum":
            continue
        some = subprocess.run([CAT, "--format", "avro", "--fields", path_of, file], check=False,
                              capture_output=True)
        check(some.returncode in (0, 1), f"{at}: {path_of}: {some.stderr.decode()}")
        out = Path(put(f"some{at}.avro", some.stdout))
        if some.stdout.endswith(varint(len(datums)) + varint(0) + some.stdout[-16:]):
            continue  # a field of no bytes, such as null
        segment = Segment(out)
        values = Decoder(segment.schema).values(segment.data())
        check_equal(len(values), len(datums), f"{at}: {path_of}: datums")
        files[out] = values
    check_foreign(files)

with case("@time: when it was received, by the index or the datum itself"):
    from playing import TIMED, numbered, write
    times = [START + n * SECOND // 4 for n in range(40)]
    write(numbered(TIMED, times, 10), "timed")
    found = lines("--fields", "@time,n", "--utc", WORK / "timed.avro")
    check_equal(len(found), 40, "lines")
    check_equal([re.sub("[TZ:.-]", "", one["@time"])[:14] for one in found[::4]],
                [f"202611222000{second:02}" for second in range(10)], "seconds")
    check(found[1]["@time"] == "2026-11-22T20:00:00.250000Z", found[1])
    out = put("time.avro", subprocess.run(
        [CAT, "--format", "avro", "--fields", "@time", WORK / "timed.avro"], check=True,
        capture_output=True).stdout)
    check_equal([one["time"] for one in Decoder(Segment(out).schema).values(Segment(out).data())],
                times, "as Avro")

with case("CSV: timestamps are written with their zone; what is another time stays a number"):
    def timestamp(unit):
        return {"type": "long", "logicalType": f"timestamp-{unit}"}

    stamped = header({"type": "record", "name": "T", "fields": [
        {"name": "ms", "type": timestamp("millis")}, {"name": "us", "type": timestamp("micros")},
        {"name": "ns", "type": "long", "logicalType": "timestamp-nanos"},
        {"name": "maybe", "type": ["null", timestamp("micros")]},
        {"name": "local", "type": {"type": "long", "logicalType": "local-timestamp-micros"}},
        {"name": "odd", "type": {"type": "string", "logicalType": "timestamp-micros"}}]})
    first, last = -62135510400 * SECOND, 253402214400 * SECOND  # a day within the years 1 to 9999
    stamps = [START, 0, -1, -SECOND, first, first - 1, last - 1, last, 2**63 - 1, -2**63]
    times = put("times.avro", stamped + b"".join(block([
        varint(us // 1000) + varint(us) + varint(us * 1000 + 789 if abs(us) <= START else us) +
        (varint(1) + varint(us) if us != START else varint(0)) + varint(us) + text("x")])
        for us in stamps))
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    # Two zones, of which one had another offset in 1969.
    for zone in ("UTC", "Europe/London", "Asia/Kolkata"):
        env = dict(os.environ, TZ=zone)
        found = rows(cat("--format", "csv", times, env=env)[0])
        for us, row in zip(stamps, found[1:], strict=True):
            good = first <= us < last
            moments = [epoch + timedelta(milliseconds=us // 1000),
                       epoch + timedelta(microseconds=us)] if good else []
            for cell, moment, number in zip(row, moments or (0, 0), (us // 1000, us)):
                if good and abs(us) <= START:
                    check_equal(datetime.strptime(cell, "%Y-%m-%dT%H:%M:%S.%f%z"), moment, zone)
                elif not good and not first <= number * SECOND // 1000 < last:
                    check_equal(cell, str(number), "a number")
            if abs(us) <= START:
                check(row[2][26:29] == "789" and row[2][:26] == row[1][:26], row)
            check_equal(row[3], "" if us == START else row[1], "a union")
            check_equal(row[4:], [str(us), "x"], "no timestamps")
    check_equal(rows(cat("--format", "csv", "--utc", times)[0])[1][:3],
                ["2026-11-22T20:00:00.000000Z", "2026-11-22T20:00:00.000000Z",
                 "2026-11-22T20:00:00.000000789Z"], "in UTC")
    check_equal(rows(cat("--format", "csv", "--fields", "ns", "--utc", times)[0])[3],
                ["1969-12-31T23:59:59.999999789Z"], "before the epoch")
    check_equal(rows(cat("--format", "csv", "--utc", times)[0])[5][1],
                "0001-01-02T00:00:00.000000Z", "long ago")

with case("Avro of some fields: names that are taken, and logical types beside the type"):
    inner = {"type": "record", "name": "Fields", "fields": [{"name": "x", "type": "long"}]}
    taken = put("taken.avro", header({"type": "record", "name": "Fields_", "fields": [
        {"name": "a", "type": inner}, {"name": "b", "type": "long",
                                       "logicalType": "timestamp-millis"},
        {"name": "c", "type": ["null", "Fields"]}]}) +
        block([varint(1) + varint(2) + varint(1) + varint(3)]))
    out = put("untaken.avro", subprocess.run(
        [CAT, "--format", "avro", "--fields", "c,a,b", taken], check=True,
        capture_output=True).stdout)
    schema = json.loads(Segment(out).schema)
    check_equal(schema["name"], "Fields__", "its own name")
    check_equal(schema["fields"][2],
                {"name": "b", "type": "long", "logicalType": "timestamp-millis"}, "b")
    check_foreign({Path(out): [{"c": {"x": 3}, "a": {"x": 1}, "b": 2}]})
    check_equal(lines(out), [{"c": {"x": 3}, "a": {"x": 1}, "b": 2}], "ours")

with case("two schemas in one: told, and what fits is printed"):
    other = put("other.avro", header({"type": "record", "name": "O", "fields": [
        {"name": "n", "type": "long"}]}) + block([varint(7)]))
    out, err = cat("--format", "csv", path, other, code=100)
    check(len(rows(out)) == 51 and "other columns" in err and "--fields" in err, err)
    check_equal(rows(cat("--format", "csv", "--fields", "n", path, other)[0])[-1], ["7"], "n")
    done = subprocess.run([CAT, "--format", "avro", path, other], check=False, capture_output=True)
    check(done.returncode == 100 and b"its schema is another" in done.stderr, done.stderr)

with case("a field of one of a union's records is not taken from another one"):
    two = {"type": "record", "name": "T", "fields": [{"name": "u", "type": [
        {"type": "record", "name": "A", "fields": [{"name": "x", "type": "long"}]},
        {"type": "record", "name": "B", "fields": [{"name": "y", "type": "long"}]}]}]}
    union = put("union.avro", header(two) + block([varint(0) + varint(5), varint(1) + varint(6)]))
    check_equal(lines("--fields", "u.x,u.y", union),
                [{"u.x": 5, "u.y": None}, {"u.x": None, "u.y": 6}], "lines")

with case("wrong fields and what does not go together"):
    for words, why in ((["--fields", "pose.z"], "no field 'pose.z'"),
                       (["--fields", "n,,on"], "commas between"),
                       (["--fields", "n,on,n"], "named twice"),
                       (["--format", "xml"], "json, csv or avro"),
                       (["--format", "csv", "--typed"], "--typed"),
                       (["--format", "avro", "--fields", "cells[0],cells.0"], ""),
                       (["--format", "avro", "--fields", "pose.x,pose[\"x\"]"], ""),
                       (["--count", "--fields", "n"], "--fields"),
                       (["--check", "--format", "csv"], "--format"),
                       (["--follow"], "--follow takes a channel"),
                       (["--follow", "--to", "now"], "--to")):
        out, err = cat(*words, path, code=100)
        check(why in err and len(err.splitlines()) == 1, f"{words}: {err}")
    out, err = cat("--fields", "nn", path, code=100)
    check("did you mean" in err or "there are" in err, err)

finish()
