#!/usr/bin/python3
"""sdr-cat --from and --to: of files and of channels, by index, by receive time, by a time field."""
import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import Skip, case, check_equal, enter_plainly, finish  # noqa: E402
from catlib import CAT, WORK, cat, check, numbers, put  # noqa: E402
from indexed import TIME, Row, Written, iso, micros  # noqa: E402
from ocf import SYNC, block, header  # noqa: E402
from udp import varint  # noqa: E402

SECOND = 1000000
START = micros("2026-11-22T20:00:00")


def record(*fields):
    return {"type": "record", "name": "N", "fields": list(fields)}


NUMBER = {"name": "n", "type": "long"}
PLAIN = record(NUMBER)
TIMED = record(NUMBER, {"name": "receive_time", "type": TIME})


def between(from_us, to_us):
    return ["--from", iso(from_us), "--to", iso(to_us)]


def write(written, path, index=True):
    """The segment at `path`.avro, its index beside it."""
    put(f"{path}.avro", written.data)
    if index:
        put(f"{path}.index", written.index() if index is True else index)
    return WORK / f"{path}.avro"


def blocks_of_ten(schema, count, started_us=START, **kwargs):
    """Datum n is received n seconds after the start; ten make a block."""
    made = Written(schema, started_us, **kwargs)
    for at in range(0, count, 10):
        times = [started_us + n * SECOND for n in range(at, at + 10)]
        made.add([varint(n) + (varint(time) if schema is TIMED else b"")
                  for n, time in zip(range(at, at + 10), times)], times)
    return made


enter_plainly()

timed = write(blocks_of_ten(TIMED, 100), "timed")
plain = write(blocks_of_ten(PLAIN, 100), "plain")

with case("with receive_time: exactly the datums from FROM on to before TO"):
    for first, last in ((0, 100), (0, 1), (15, 16), (15, 47), (9, 10), (10, 20), (99, 100)):
        for shift, moved in ((0, 0), (1, 1), (-1, 0)):
            found = numbers(cat(*between(START + first * SECOND + shift,
                                         START + last * SECOND + shift), timed)[0])
            check_equal(found, list(range(first + moved, min(100, last + moved))),
                        f"{first} to {last}, {shift} us later")
    check_equal(numbers(cat("--from", iso(START + 97 * SECOND), timed)[0]), [97, 98, 99], "from")
    check_equal(numbers(cat("--to", iso(START + 2 * SECOND), timed)[0]), [0, 1], "to")
    check_equal(cat("--count", *between(START + 5 * SECOND, START + 17 * SECOND), timed)[0],
                "12\n", "--count")
    check_equal(cat(*between(START - 9, START), timed), ("", ""), "before the first")
    check_equal(cat("--from", iso(START + 99 * SECOND + 1), timed), ("", ""), "after the last")

with case("without it: the blocks that the index has some of the time for, whole"):
    for first, last, want in ((0, 1, range(10)), (15, 16, range(10, 20)), (9, 11, range(20)),
                              (10, 20, range(10, 20)), (95, 200, range(90, 100))):
        check_equal(numbers(cat(*between(START + first * SECOND, START + last * SECOND),
                                plain)[0]), list(want), f"{first} to {last}")
    # Nothing was received between the last datum of a block and the first of the next.
    check_equal(cat(*between(START + 9 * SECOND + 1, START + 10 * SECOND), plain), ("", ""), "gap")


def reads(args):
    """What is read of each file below WORK, and which are opened: {name: bytes}."""
    if not shutil.which("strace"):
        raise Skip("no strace")
    trace = WORK / "trace"
    done = subprocess.run(["strace", "-y", "-o", trace, "-e", "trace=openat,read,pread64", CAT,
                           *map(str, args)], capture_output=True, check=False)
    if b"ptrace" in done.stderr:
        raise Skip("no ptrace")
    found = {}
    for line in trace.read_text().splitlines():
        path = re.search(rf"<{re.escape(str(WORK))}/([^>]*)>", line)
        size = re.search(r"= (\d+)(<|$)", line)
        if path and size:
            name = path.group(1).rpartition("/")[2]
            is_read = line.startswith(("read", "pread"))
            found[name] = found.get(name, 0) + (int(size.group(1)) if is_read else 0)
    return found, done.stdout.decode()


with case("blocks outside of the time are not read"):
    big = Written(TIMED, START)
    for at in range(200):
        time = START + at * SECOND
        big.add([varint(n) + varint(time) for n in range(at * 10000, (at + 1) * 10000)], [time])
    path = write(big, "big")
    size = path.stat().st_size
    found, out = reads([*between(START + 150 * SECOND, START + 151 * SECOND), path])
    check_equal(len(out.splitlines()), 10000, "datums")
    check(size > 20 << 20 and found["big.avro"] < 1 << 20, f"{found} of {size}")

with case("the clock was set back: all that was received at that time, before and after it"):
    for schema in (TIMED, PLAIN):
        made, n, want = Written(schema, START), 0, []
        clock = START
        for at in range(40):
            times = [clock + k * SECOND for k in range(10)]
            steps = at == 20
            if at == 19:  # within this block
                times = times[:5] + [time - 100 * SECOND for time in times[5:]]
                clock -= 100 * SECOND
                steps = True
            made.add([varint(n + k) + (varint(times[k]) if schema is TIMED else b"")
                      for k in range(10)], times, clock_steps=int(steps))
            want += [(time, n + k) for k, time in enumerate(times)]
            n += 10
            clock += 10 * SECOND
        path = write(made, "stepped")
        for first in (0, 95, 105, 150, 195, 290):
            low, high = START + first * SECOND, START + (first + 7) * SECOND
            found = numbers(cat(*between(low, high), path)[0])
            exact = [number for time, number in want if low <= time < high]
            if schema is TIMED:
                check_equal(found, exact, f"from {first} s")
            else:
                whole = [row for row in made.rows if min(row.times) < high and
                         max(row.times) >= low]
                check_equal(len(found), 10 * len(whole), f"blocks from {first} s")

RANGE = between(START + 12 * SECOND, START + 34 * SECOND)

with case("an index that is missing, another's, damaged, ahead or behind"):
    made = blocks_of_ten(TIMED, 100)
    want = list(range(12, 34))
    check_equal(numbers(cat(*RANGE, write(made, "none", index=False))[0]), want, "none")
    other = made.index(sync=bytes(16))
    check_equal(numbers(cat(*RANGE, write(made, "other", index=other))[0]), want, "another's")
    torn = made.index()[:-90]
    out, err = cat(*RANGE, write(made, "torn", index=torn), code=1)
    check("torn.index" in err, err)
    check_equal(numbers(out), want, "torn")
    for rows in (0, 1, 2, 9):
        behind = made.index(rows=made.rows[:rows])
        check_equal(numbers(cat(*RANGE, write(made, "behind", index=behind))[0]), want, "behind")
    beyond = Row(len(made.data), 10, (START + 20 * SECOND, START + 22 * SECOND))
    ahead = made.index(rows=[*made.rows, beyond])
    check_equal(numbers(cat(*RANGE, write(made, "ahead", index=ahead))[0]), want, "ahead")
    shifted = [Row(row.offset + 1, 10, row.times) for row in made.rows]
    out, err = cat(*RANGE, write(made, "shifted", index=made.index(rows=shifted)), code=1)
    check("where no block begins" in err, err)
    check_equal(numbers(out), want, "of another file with its marker")
    made = blocks_of_ten(PLAIN, 100)
    for index, what in ((False, "there is no"), (made.index(sync=bytes(16)), "another segment's"),
                        (b"no index", "cannot be read"), (made.index(rows=[]), "has no times")):
        out, err = cat(*RANGE, write(made, "lacking", index=index), code=100)
        check(out == "" and len(err.splitlines()) == 1, err)
        for part in ("lacking.index", what, "no receive_time", "nothing says when"):
            check(part in err, f"{part}: {err}")

with case("rows without times: what stands around them decides, and it is told"):
    for gap, first, want, told in ((range(3, 6), 35, range(30, 60), 30), (range(3, 6), 0, (), 0),
                                   (range(3, 6), 65, range(60, 70), 0),
                                   (range(7, 10), 95, range(70, 100), 30)):
        made = blocks_of_ten(PLAIN, 100)
        for at in gap:
            made.rows[at].times = None
        if not want:
            want = range(10)
        out, err = cat(*between(START + first * SECOND, START + (first + 5) * SECOND),
                       write(made, "gap"))
        check_equal(numbers(out), list(want), f"{gap} {first}")
        check_equal([f"{told} datums" in err, err == ""], [told > 0, told == 0], err)
    made = blocks_of_ten(TIMED, 100)
    for at in range(2, 8):
        made.rows[at].times = None
    check_equal(cat(*RANGE, write(made, "gap")), (cat(*RANGE, timed)[0], ""), "receive times")

with case("without an index: by a field that is a timestamp, the first, where it is"):
    for unit, per_s in (("millis", 1000), ("micros", SECOND), ("nanos", 1000000000)):
        long = {"type": "long", "logicalType": f"timestamp-{unit}"}
        beside = {"name": "t", "type": "long", "logicalType": f"timestamp-{unit}"}
        inner = {"name": "head", "type": record({"name": "x", "type": "float"},
                                                {"name": "t", "type": long}) | {"name": "H"}}
        for schema, at in ((record(NUMBER, {"name": "t", "type": long}), b"%s"),
                           (record(beside, NUMBER), b""), (record(inner, NUMBER), b"\0" * 4)):
            datums = []
            for n in range(40):
                time = varint((START // SECOND + n) * per_s)
                datums.append(varint(n) + time if at == b"%s" else at + time + varint(n))
            path = put("field.avro", header(schema) + block(datums))
            check_equal(numbers(cat(*RANGE, path)[0]), list(range(12, 34)), f"{unit} {schema}")
    two = record(NUMBER, {"name": "t", "type": TIME}, {"name": "receive_time", "type": TIME})
    datums = [varint(n) + varint(0) + varint(START + n * SECOND) for n in range(40)]
    path = put("two.avro", header(two) + block(datums))
    check_equal(numbers(cat(*RANGE, path)[0]), list(range(12, 34)), "receive_time first")
    for fields in ([NUMBER, {"name": "t", "type": "long"}],
                   [NUMBER, {"name": "t", "type": ["null", TIME]}],
                   [NUMBER, {"name": "t", "type": {"type": "long",
                                                   "logicalType": "local-timestamp-micros"}}]):
        _, err = cat(*RANGE, put("untold.avro", header(record(*fields))), code=100)
        check("no other field that is a timestamp" in err, err)

with case("from a pipe, by the field"):
    data = (WORK / "timed.avro").read_bytes()
    check_equal(numbers(cat(*RANGE, "-", input=data)[0]), list(range(12, 34)), "pipe")

with case("damage within the time is told, damage outside is not met"):
    made = blocks_of_ten(TIMED, 100)
    rows = made.rows
    for at, code in ((2, 1), (7, 0)):
        bad = bytearray(made.data)
        bad[rows[at].offset + 40] ^= 0xff
        bad[rows[at + 1].offset - 3] ^= 0xff
        put("damaged.avro", bytes(bad))
        put("damaged.index", made.index())
        out, err = cat(*RANGE, WORK / "damaged.avro", code=code)
        want = [n for n in range(12, 34) if code == 0 or not 20 <= n < 30]
        check_equal((numbers(out), len(err.splitlines())), (want, code), "datums")


def make_channel(name, count, schema=TIMED, seconds=60, **kwargs):
    """`count` segments of `seconds` datums each, the last one open."""
    total = 0
    for at in range(count):
        start = START + at * seconds * SECOND
        made = Written(schema, start, sync=bytes([at % 250 + 1]) * 16, **kwargs)
        for k in range(0, seconds, 10):
            times = [start + n * SECOND for n in range(k, k + 10)]
            made.add([varint(total + n) + varint(times[n]) for n in range(10)], times)
            total += 10
        base = f"{name}/channel=engine/"
        put(base + (".open" if at == count - 1 else made.name() + ".avro"), made.data)
        put(base + made.name() + ".index", made.index())
    return WORK / name / "channel=engine"


channel = make_channel("many", 50)

with case("a channel: the segments are found by name, the others are not opened"):
    for first, last in ((0, 1), (59, 61), (60, 120), (1000, 1500), (2900, 2999), (2999, 4000)):
        found = numbers(cat(*between(START + first * SECOND, START + last * SECOND), channel)[0])
        check_equal(found, list(range(first, min(last, 3000))), f"{first} to {last}")
    found, out = reads([*between(START + 1210 * SECOND, START + 1211 * SECOND), channel])
    check_equal(numbers(out), [1210], "one datum")
    opened = {name for name in found if name.endswith(".avro")}
    check_equal(len(opened), 1, f"opened: {sorted(opened)}")

with case("a channel by name, and its open segment with its index"):
    put("many/relay.toml", f'[storage]\npath = "{WORK}/many"\n'.encode())
    where = ["--config", WORK / "many/relay.toml"]
    out, _ = cat("engine", *where, *between(START + 2945 * SECOND, START + 2947 * SECOND))
    check_equal(numbers(out), [2945, 2946], "in the open segment")
    found, _ = reads(["engine", *where, *between(START + 2945 * SECOND, START + 2946 * SECOND)])
    check("engine_20261122T204900.000000Z.index" in found, f"{found}")

with case("names after the clock was set back say nothing: those segments are looked into"):
    back = WORK / "back/channel=engine"
    for at, (named, begun) in enumerate(((0, 0), (600, 600), (600, 300), (1200, 1200))):
        start = START + begun * SECOND
        made = blocks_of_ten(TIMED, 300, started_us=start, sync=bytes([at + 1]) * 16)
        made.started_us = START + named * SECOND + (at == 2)
        put(f"back/channel=engine/{made.name()}.avro", made.data)
        put(f"back/channel=engine/{made.name()}.index", made.index())
    for first, count in ((310, 1), (620, 1), (610, 1), (250, 1), (590, 1), (1250, 1), (880, 1)):
        low = START + first * SECOND
        check_equal(cat("--count", *between(low, low + SECOND), back)[0], f"{count}\n", f"{first}")

with case("random ranges of random segments equal a plain filter"):
    seed = int(os.environ.get("SEED", "11"))
    rng = random.Random(seed)
    for turn in range(40):
        made, time, all_datums = Written(TIMED, START), START, []
        for _ in range(rng.randint(1, 30)):
            size, times = rng.choice((1, 2, 50)), []
            for _ in range(size):
                time += rng.choice((0, 1, 1000, SECOND))
                times.append(time - rng.choice((0, 0, 300)))  # some overtake each other
            datums = [(t, len(all_datums) + k) for k, t in enumerate(times)]
            all_datums += datums
            made.add([varint(n) + varint(t) for t, n in datums],
                     None if rng.random() < 0.1 else times)
        path = write(made, f"random{turn}", index=turn % 5 > 0)
        for _ in range(8):
            low = rng.randint(START - 10, time + 10)
            high = rng.randint(low + 1, time + 20)
            want = [n for t, n in all_datums if low <= t < high]
            check_equal(numbers(cat(*between(low, high), path)[0]), want, f"seed {seed} {turn}")

with case("times as people write them"):
    berlin = dict(os.environ, TZ="CET-1")
    at = lambda *words: numbers(cat(*words, timed, env=berlin)[0])
    for word in ("2026-11-22T21:00:12", "2026-11-22 21:00:12", "2026-11-22T20:00:12Z",
                 "2026-11-22 20:00:12 UTC", "2026-11-22T21:00:12+01:00", "@1795377612",
                 "20261122T200012.000000Z", "2026-11-22T15:30:12-0430"):
        check_equal(at("--from", word), list(range(12, 100)), word)
    check_equal(at("--from", "2026-11-22T21:01", "--to", "2026-11-23"), list(range(60, 100)),
                "minutes, a day")
    check_equal(at("--from", "2026-11-22T21:00:11.0000001", "--to", "2026-11-22T21:00:12.000000"),
                [], "finer than a microsecond")
    for word in ("-1h", "now", "today", "yesterday", "1h ago", "-2d 3h", "20:15"):
        cat("--from", word, timed)
    for words in (["--from", "soon"], ["--from", "2026-02-30"], ["--to", "25:00"],
                  ["--from", "1h"], ["--from", "-1"], ["--from", "2026-11-22", "--to",
                                                       "2026-11-22"],
                  ["--check", "--from", "now"], ["--repair", "--to", "now"]):
        out, err = cat(*words, timed, code=100)
        check(out == "" and len(err.splitlines()) == 1 and err.startswith("sdr-cat: fatal: "), err)

with case("rejected datagrams by their time"):
    rejected = record({"name": "receive_time", "type": TIME}, {"name": "n", "type": "int"})
    for at in range(3):
        start = START + at * 100 * SECOND
        name = f"engine_{iso(start, '%Y%m%dT%H%M%S.%fZ')}.avro"
        put(f"rej/channel=engine/rejected/{name}", header(rejected) + block(
            [varint(start + k * SECOND) + varint(at * 100 + k) for k in range(100)]))
    out, _ = cat("--rejected", WORK / "rej/channel=engine",
                 *between(START + 95 * SECOND, START + 105 * SECOND))
    check_equal(numbers(out), list(range(95, 105)), "rejected")

with case("--limit counts what is printed"):
    check_equal(numbers(cat(*RANGE, "--limit", "3", timed)[0]), [12, 13, 14], "limit")
    check(json.loads(cat(*RANGE, "--limit", "1", timed)[0])["receive_time"]
          == START + 12 * SECOND and SYNC, "as it was recorded")

finish()
