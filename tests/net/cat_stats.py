#!/usr/bin/python3
"""sdr-cat --stats: every number against a calculation of the test's own."""
import json
import math
import os
import random
import struct
import sys
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import case, check_equal, enter_plainly, finish  # noqa: E402
from catlib import WORK, cat, check, put  # noqa: E402
from indexed import TIME, Written, iso, micros, stamp  # noqa: E402
from udp import varint  # noqa: E402

SECOND = 1000000
START = micros("2026-11-22T20:00:00")
UTC = os.environ | {"TZ": "UTC"}
SCHEMA = {"type": "record", "name": "R", "fields": [
    {"name": "big", "type": "long"},
    {"name": "speed", "type": "double"},
    {"name": "label", "type": "string"},
    {"name": "either", "type": ["null", "int", "string", "double"]},
    {"name": "cells", "type": {"type": "array", "items": "float"}},
    {"name": "pose", "type": {"type": "record", "name": "P", "fields": [
        {"name": "on", "type": "boolean"}, {"name": "x", "type": ["float", "null"]}]}},
    {"name": "tags", "type": {"type": "map", "values": "int"}}]}
TIMED = SCHEMA | {"fields": [*SCHEMA["fields"], {"name": "receive_time", "type": TIME}]}


def single(value):
    """As a float has it."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


class Made:
    """Random datums: their bytes, and the values of each field."""

    def __init__(self, seed):
        self.random, self.values, self.left_out = random.Random(seed), {}, {}

    def note(self, name, value):
        kind = None
        if value is None:
            kind = "nulls"
        elif isinstance(value, str):
            kind = "others"
        elif isinstance(value, float) and not math.isfinite(value):
            kind = "nan" if math.isnan(value) else "infinite"
        if kind:
            self.left_out[name, kind] = self.left_out.get((name, kind), 0) + 1
        else:
            self.values.setdefault(name, []).append(value)

    def real(self):
        return self.random.choice([math.nan, math.inf, -math.inf] + 9 * [
            self.random.gauss(1e6, 3), self.random.uniform(-1, 1)])

    def datum(self, time_us=None):
        roll = self.random
        big, speed = roll.randint(-2**63, 2**63 - 1), self.real()
        either = roll.choice([None, roll.randint(-2**31, 2**31 - 1), "text", roll.random() * 1e10])
        cells = [single(self.real()) for _ in range(roll.randrange(4))]
        on, x = roll.random() < 0.3, roll.choice([None, single(roll.random())])
        tags = {key: roll.randint(-9, 9) for key in "abc"[:roll.randrange(4)]}
        for name, value in (("big", big), ("speed", speed), ("either", either),
                            ("pose.on", int(on)), ("pose.x", x),
                            *(("cells[*]", cell) for cell in cells),
                            *(("tags.*", tag) for tag in tags.values())):
            self.note(name, value)
        branch = {type(None): lambda v: varint(0), int: lambda v: varint(1) + varint(v),
                  str: lambda v: varint(2) + varint(len(v)) + v.encode(),
                  float: lambda v: varint(3) + struct.pack("<d", v)}[type(either)](either)
        data = varint(big) + struct.pack("<d", speed) + varint(3) + b"abc" + branch
        if cells:
            data += varint(len(cells)) + b"".join(struct.pack("<f", cell) for cell in cells)
        data += varint(0) + bytes([on])
        data += varint(1) if x is None else varint(0) + struct.pack("<f", x)
        if tags:
            data += varint(len(tags)) + b"".join(varint(1) + key.encode() + varint(tag)
                                                 for key, tag in tags.items())
        data += varint(0)
        if time_us is not None:
            data += varint(time_us)
            self.note("receive_time", time_us)
        return data


def write(name, made, schema, times, a_block=50, started_us=None, losses=None, index=True):
    written = Written(schema, times[0] if started_us is None else started_us)
    for at in range(0, len(times), a_block):
        some = times[at:at + a_block]
        written.add([made.datum(time if schema is TIMED else None) for time in some], some,
                    **(losses or {}).get(at // a_block, {}))
    put(f"{name}.avro", written.data)
    if index:
        put(f"{name}.index", written.index())
    return WORK / f"{name}.avro"


def stats(*args, code=0):
    return json.loads(cat("--stats", "--format", "json", "--utc", *args, code=code)[0])


def close(value, want, what, part=1e-12):
    check(math.isclose(value, want, rel_tol=part, abs_tol=part), f"{what}: {value}, not {want}")


def check_fields(found, made):
    fields = {field["name"]: field for field in found["fields"]}
    check_equal(sorted(fields), sorted({*made.values, *(n for n, _ in made.left_out)}), "fields")
    for name, field in fields.items():
        values = made.values[name]
        check_equal(field["count"], len(values), f"{name}: count")
        for kind in ("nulls", "others", "nan", "infinite"):
            check_equal(field[kind], made.left_out.get((name, kind), 0), f"{name}: {kind}")
        check_equal([field["min"], field["max"]], [min(values), max(values)], f"{name}: ends")
        exact = [Fraction(value) for value in values]
        mean = sum(exact) / len(exact)
        close(field["mean"], float(mean), f"{name}: mean")
        squares = sum((value - mean) ** 2 for value in exact) / len(exact)
        close(field["stddev"], math.sqrt(squares), f"{name}: stddev", 1e-9)


enter_plainly()

with case("every number of random recordings, to the last digit of whole ones"):
    for seed in range(6):
        made = Made(seed)
        times = [START + i * 10000 for i in range(600)]
        path = write("random", made, TIMED if seed % 2 else SCHEMA, times)
        check_fields(stats(path), made)

with case("counts, times, the rate and the longest silence"):
    made = Made(9)
    times = [START + i * SECOND // 10 + (7 * SECOND if i >= 300 else 0) for i in range(500)]
    found = stats(write("times", made, TIMED, times))
    check_equal([found[key] for key in ("files", "blocks", "datums", "unreadable", "first_time",
                                        "last_time", "times_of_blocks")],
                [1, 10, 500, 0, "2026-11-22T20:00:00.000000Z", iso(times[-1]), False], "counts")
    close(found["seconds"], (times[-1] - times[0]) / SECOND, "seconds")
    close(found["datums_per_second"], 499 / found["seconds"], "rate")
    close(found["longest_silence"]["seconds"], 7.1, "silence")
    check_equal(found["longest_silence"]["from"], iso(times[299]), "silence from")
    data = Made(9)
    check_equal(found["bytes"], sum(len(data.datum(time)) for time in times), "bytes")

with case("without receive times, those of the blocks by the index"):
    found = stats(write("blocks", Made(3), SCHEMA, times, a_block=100))
    check_equal([found["first_time"], found["last_time"], found["times_of_blocks"]],
                [iso(times[0]), iso(times[-1]), True], "times")
    close(found["longest_silence"]["seconds"], 7.1, "silence", 1e-3)
    found = stats(write("timeless", Made(3), SCHEMA, times, index=False))
    check_equal([found[key] for key in ("first_time", "datums_per_second", "files_without_times",
                                        "files_without_index")], [None, None, 1, 1], "no times")
    out = cat("--stats", write("timeless", Made(3), SCHEMA, times, index=False))[0]
    check("nothing says when they were received" in out and "lost: not known" in out, out)

with case("what was lost is what the index says, of the range that is asked for"):
    losses = {2: {"gaps": 1, "lost": 12}, 5: {"kernel_drops": 3}, 7: {"gaps": 2, "lost": 30,
                                                                     "duplicates": 1}}
    path = write("lossy", Made(4), TIMED, times, losses=losses)
    lost = stats(path)["lost"]
    check_equal([lost[key] for key in ("sequence_gaps", "sequence_lost", "kernel_drops",
                                       "duplicates", "unrecorded")], [3, 42, 3, 1, 0], "all")
    part = ["--from", iso(times[0]), "--to", iso(times[160])]
    found = stats(*part, path)
    check_equal([found["lost"]["sequence_lost"], found["datums"]], [12, 160], "a part")
    check("42 lost in 3 gaps" in cat("--stats", path)[0], "words")

with case("several files, and a range over them"):
    made = Made(5)
    paths = [write(f"part{i}", made, TIMED, times[i * 100:i * 100 + 100]) for i in range(5)]
    found = stats(*paths)
    check_fields(found, made)
    check_equal([found["files"], found["datums"], found["longest_silence"]["from"]],
                [5, 500, iso(times[299])], "all")
    part = stats("--from", iso(times[150]), "--to", iso(times[350]), *paths)
    check_equal([part["datums"], part["first_time"], part["last_time"]],
                [200, iso(times[150]), iso(times[349])], "a range")
    none = stats("--from", iso(times[0] - 9 * SECOND), "--to", iso(times[0] - 5 * SECOND), *paths)
    check_equal([none["datums"], none["first_time"]], [0, None], "nothing")

with case("the table: 80 columns, local times"):
    out = cat("--stats", *paths, env=UTC)[0]
    check(all(len(line) <= 80 for line in out.splitlines()), out)
    check("longest silence 7.1 s, from 2026-11-22T20:00:29.900000+0000" in out, out)
    row = out.partition("pose.on")[2].split()
    check_equal(row[:2], ["500", "0"], "a row")
    check(f"from {iso(times[0])[:-1]}+0000 to {iso(times[-1])[:-1]}+0000\n" in out, out)

with case("a channel's directory, with the segment that is being written"):
    made = Made(6)
    write(f"channel=engine/date=2026-11-22/engine_{stamp(times[0])}", made, TIMED, times[:200])
    live = Written(TIMED, times[200])
    for at in range(200, 500, 50):
        live.add([made.datum(time) for time in times[at:at + 50]], times[at:at + 50])
    # Its last row is still to come, and so is the end of a block.
    put(f"channel=engine/{live.name()}.index", live.index(rows=live.rows[:-1]))
    live.add([Made(8).datum(times[-1])] * 50, times[-50:])
    put("channel=engine/.open", live.data[:-20])
    found = stats(WORK / "channel=engine")
    check_fields(found, made)
    check_equal([found["files"], found["datums"], found["last_time"]], [2, 500, iso(times[-1])],
                "all")
    plain, made = Written(SCHEMA, times[0], channel="plain"), Made(7)
    for at in range(0, 500, 50):
        plain.add([made.datum() for _ in range(50)], times[at:at + 50])
    put(f"channel=plain/{plain.name()}.index", plain.index(rows=plain.rows[:-1]))
    put("channel=plain/.open", plain.data)
    found = stats(WORK / "channel=plain")
    check(abs(micros(found["last_time"][:-1]) - times[-1]) < SECOND, found["last_time"])

with case("a damaged file: what is sound of it, and exit 1"):
    data = bytearray(paths[0].read_bytes())
    data[-30] ^= 0xff
    put("damaged.avro", bytes(data[:-5]))
    found = stats(WORK / "damaged.avro", code=1)
    check(0 < found["datums"] < 100, str(found["datums"]))

with case("a schema that changed: its fields are told apart by their names"):
    narrow = {"type": "record", "name": "R", "fields": [{"name": "speed", "type": "int"},
                                                        {"name": "new", "type": "int"}]}
    other = Written(narrow, START)
    other.add([varint(5) + varint(6)], [START])
    found = stats(paths[0], put("narrow.avro", other.data))
    fields = {field["name"]: field for field in found["fields"]}
    check_equal([fields["new"]["count"], fields["big"]["count"]], [1, 100], "counts")
finish()
