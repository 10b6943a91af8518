#!/usr/bin/python3
"""sdr-cat --recover: rejected datagrams that fit another schema become a segment of the channel."""
import json
import os
import random
import resource
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import Skip, case, check_equal, enter_plainly, finish  # noqa: E402
from avro_value import Decoder  # noqa: E402
from catlib import CAT, WORK, cat, check, numbers, put  # noqa: E402
from every import text  # noqa: E402
from indexed import INDEX_SCHEMA, REJECT_SCHEMA, Written, iso, micros, reject, stamp  # noqa: E402
from segments import Segment, avsc, python_avro  # noqa: E402
from udp import varint  # noqa: E402

SECOND = 1000000
START = micros("2026-11-22T20:00:00")
OLD = {"type": "record", "name": "N", "fields": [{"name": "n", "type": "long"}]}
NEW = {"type": "record", "name": "N", "doc": "as the source sends it now", "fields": [
    {"name": "n", "type": "long"}, {"name": "name", "type": "string"}]}
NEW_TEXT = json.dumps(NEW, indent=2)
HOST = {"sdr.host": "stand7", "sdr.boot_id": "0f3c", "sdr.clock": "synchronised"}


def datum(n):
    return varint(n) + text(f"datum {n}")


def rejects(name, rows, start_us=None, sync=bytes(range(16)), blocks=10, file=None):
    """A file of (time, reason, datagram) in the channel's rejected/."""
    made = Written(REJECT_SCHEMA, start_us or rows[0][0], sync=sync, extra=HOST)
    for at in range(0, len(rows), blocks):
        part = rows[at:at + blocks]
        made.add([reject(*row) for row in part], [row[0] for row in part])
    file = file or f"engine_{stamp(made.started_us)}.avro"
    return put(f"{name}/channel=engine/rejected/{file}", made.data)


def fitting(first, count, step_us=SECOND // 10, at_us=None):
    at_us = START if at_us is None else at_us
    return [(at_us + k * step_us, "long", datum(first + k)) for k in range(count)]


def recover(name, *more, code=0):
    return cat("--recover", "--schema", NEW_FILE, "--utc", *more,
               *([WORK / name / "channel=engine"] if name else []), code=code)


def segments(name):
    return sorted((WORK / name / "channel=engine").glob("date=*/*.avro"))


def rows_of(path):
    index = Segment(Path(path).with_suffix(".index"))
    check_equal(index.schema, INDEX_SCHEMA, "schema of the index")
    check_equal(index.sync, Segment(path).sync, "marker of the index")
    return Decoder(index.schema).values(index.data())


def nothing_else(name):
    files = [path for path in (WORK / name).rglob("*") if path.is_file()
             and path.parent.name != "rejected"]
    return sorted(path.suffix for path in files)


enter_plainly()
NEW_FILE = put("new.avsc", NEW_TEXT.encode())

with case("a minute of a changed schema comes back, whole and in order, with its index"):
    rejects("minute", fitting(0, 300))
    rejects("minute", fitting(300, 300, at_us=START + 30 * SECOND), sync=b"2" * 16, file=".open")
    out, err = recover("minute")
    path, = segments("minute")
    check_equal(path.name, "engine_20261122T200000.000000Z.avro", "name")
    check_equal(path.parent.name, "date=2026-11-22", "directory")
    check_equal((out.splitlines(), err), ([
        f"{path}: 600 datums, received from {iso(START)} to {iso(START + 599 * SECOND // 10)}",
        "600 of 600 rejected datagrams came back"], ""), "what is said")
    segment = Segment(path)
    check_equal(segment.data(), b"".join(datum(n) for n in range(600)), "data")
    check_equal(segment.schema, NEW_TEXT, "schema, byte for byte")
    meta = {key: value.decode() for key, value in segment.metadata.items()}
    check_equal({key: meta[key] for key in HOST}, HOST, "of the relay that received them")
    check_equal((meta["sdr.channel"], meta["sdr.started"], meta["avro.codec"]),
                ("engine", iso(START), "null"), "metadata")
    check("sdr.recovered" in meta and list(meta)[-1] == "sdr.check", meta)
    rows = rows_of(path)
    check_equal([row["datums"] for row in rows], [count for count, _ in segment.blocks], "rows")
    check_equal((rows[0]["first_time"], rows[-1]["last_time"]),
                (START, START + 599 * SECOND // 10), "receive times")
    check(len(rows) > 5 and all(a["last_time"] < b["first_time"] for a, b in
                                zip(rows, rows[1:])), "rows that tell times apart")
    check_equal(sum(value for row in rows for key, value in row.items()
                    if key not in ("offset", "datums", "first_time", "last_time")), 0, "losses")
    out, err = cat("--check", path)
    check(": ok, recovered\ncomplete\n" in out, out)
    check_equal([row["n"] for row in python_avro(path)], list(range(600)), "python3-avro")
    check_equal(nothing_else("minute"), [".avro", ".index"], "files")
    out, _ = cat("--from", iso(START + 29 * SECOND), "--to", iso(START + 31 * SECOND), path)
    check(set(range(290, 310)) <= set(numbers(out)) and len(numbers(out)) < 150, out)
with case("avsc reads it"):
    check_equal(b"".join(avsc([segments("minute")[0]])[str(segments("minute")[0])]),
                Segment(segments("minute")[0]).data(), "avsc")

with case("a second run makes no second copy"):
    before = [(path.name, path.read_bytes()) for path in segments("minute")]
    out, err = recover("minute", code=1)
    check("engine_20261122T200000.000000Z.avro" in err and len(err.splitlines()) == 1, err)
    check_equal((out, [(path.name, path.read_bytes()) for path in segments("minute")]),
                ("", before), "untouched")
    # The relay may have dropped the oldest rejects since.
    (WORK / "minute/channel=engine/rejected/engine_20261122T200000.000000Z.avro").unlink()
    _, err = recover("minute", code=1)
    check("have come back before" in err, err)
    # What came in later comes back all the same.
    rejects("minute", fitting(600, 10, at_us=START + 60 * SECOND), sync=b"3" * 16)
    recover("minute", "--from", iso(START + 60 * SECOND))
    found, _ = cat(WORK / "minute/channel=engine")
    check_equal(numbers(found), list(range(610)), "both")

with case("never over a file that is there"):
    rejects("there", fitting(0, 5))
    base = "there/channel=engine/date=2026-11-22/engine_20261122T200000.000000Z"
    for suffix in (".avro", ".index"):
        path = put(base + suffix, b"mine")
        _, err = recover("there", code=1)
        check("exists already" in err and Path(path).read_bytes() == b"mine", err)
        check_equal(nothing_else("there"), [suffix], "files")
        os.unlink(path)
    path = put("out.avro", b"mine")
    _, err = recover("there", "--output", path, code=1)
    check(Path(path).read_bytes() == b"mine" and "exists already" in err, err)

with case("what does not fit is told by reason; sender and truncated never come back"):
    good = fitting(0, 10)
    bad = [(START, "long", datum(1)[:-1]), (START, "utf8", datum(1) + b"\0"),
           (START, "union", varint(1) + text(b"\xff")), (START, "short", b""),
           (START, "truncated", datum(50)), (START, "sender", datum(51)),
           (START, "truncated", datum(52)), (START, "long", varint(1) + varint(-4))]
    rows = good + bad
    random.Random(3).shuffle(rows)
    rejects("mixed", rows, start_us=START)
    out, err = recover("mixed")
    path, = segments("mixed")
    check_equal(out.splitlines()[-1], "10 of 18 rejected datagrams came back; not: 2 length, "
                "1 long, 1 sender, 1 short, 2 truncated, 1 utf8", "summary")
    check_equal([row["n"] for row in python_avro(path)], list(range(10)), "in order")
    rejects("unfit", bad)
    out, err = recover("unfit", code=1)
    check_equal((out.splitlines(), segments("unfit")), (
        ["0 of 8 rejected datagrams came back; not: 2 length, 1 long, 1 sender, 1 short, "
         "2 truncated, 1 utf8"], []), "nothing")
    (WORK / "none/channel=engine").mkdir(parents=True)
    check_equal(recover("none")[0], "there are no rejected datagrams\n", "none")

with case("out of order, over many files: by receive time, equal ones as they came"):
    rng = random.Random(5)
    rows = [(START + rng.randrange(400) * SECOND, "long", datum(n)) for n in range(3000)]
    for at in range(0, 3000, 250):
        rejects("chaos", rows[at:at + 250], start_us=START + at, sync=bytes([at // 250 + 1]) * 16)
    recover("chaos")
    found = numbers(cat(WORK / "chaos/channel=engine")[0])
    check_equal(found, sorted(range(3000), key=lambda n: rows[n][0]), "order")

with case("no recovered segment spans the begin of another: all are found by name"):
    for at in range(4):
        made = Written(OLD, START + at * 20 * SECOND, sync=bytes([at + 1]) * 16)
        for second in range(20):
            made.add([varint(10000 + at * 20 + second)], [made.started_us + second * SECOND])
        put(f"span/channel=engine/{made.name()}.avro" if at < 3 else "span/channel=engine/.open",
            made.data)
        put(f"span/channel=engine/{made.name()}.index", made.index())
    rejects("span", fitting(0, 900, at_us=START + SECOND))
    out, _ = recover("span")
    names = [path.name for path in segments("span") if Segment(path).schema == NEW_TEXT]
    check_equal([name[16:22] for name in names], ["200001", "200020", "200040", "200100"], "names")
    check_equal(len(out.splitlines()), 5, out)
    for second in range(2, 91, 4):
        low = START + second * SECOND
        out, _ = cat("--from", iso(low), "--to", iso(low + SECOND), WORK / "span/channel=engine")
        want = {second * 10 - 10} | ({10000 + second} if second < 80 else set())
        check(want <= set(numbers(out)) and len(numbers(out)) <= 101, f"{second}: {out}")
    check_equal(cat("--count", WORK / "span/channel=engine")[0], "980\n", "all")
    _, err = recover("span", code=1)
    check("exists already" in err or "before" in err, err)

with case("files, to a file that is named"):
    one = rejects("files", fitting(0, 50))
    two = rejects("files", fitting(50, 50, at_us=START + 5 * SECOND), sync=b"x" * 16)
    out, _ = recover("", "--output", WORK / "into.avro", two, one)
    check_equal(Segment(WORK / "into.avro").data(), b"".join(map(datum, range(100))), "data")
    check_equal(len(rows_of(WORK / "into.avro")), 2, "rows")
    _, err = recover("", one, code=100)
    check("--output" in err, err)
    _, err = recover("", "--output", WORK / "into.txt", one, code=100)
    check(".avro" in err, err)
    _, err = recover("", "--output", WORK / "no/such/into.avro", one, code=111)
    check("no/such" in err, err)

with case("a range of time"):
    rejects("ranged", fitting(0, 100))
    out, _ = recover("ranged", "--from", iso(START + 2 * SECOND), "--to", iso(START + 4 * SECOND))
    check_equal(out.splitlines()[-1], "20 of 20 rejected datagrams came back", "some")
    check_equal(segments("ranged")[0].name, "engine_20261122T200002.000000Z.avro", "name")

with case("by the channel's name; owner and mode are those of the rejects"):
    path = rejects("named", fitting(0, 3))
    os.chmod(path, 0o640)
    put("named/relay.toml", f'[storage]\npath = "{WORK}/named"\n'.encode())
    if os.geteuid() == 0:
        os.chown(path, 1234, 4321)
    cat("--recover", "--schema", NEW_FILE, "--config", WORK / "named/relay.toml", "engine")
    for made in (segments("named")[0], segments("named")[0].with_suffix(".index")):
        got = made.stat()
        check_equal((got.st_mode & 0o777, got.st_uid, got.st_gid),
                    (0o640, os.stat(path).st_uid, os.stat(path).st_gid), made.name)

with case("damaged rejects: the rest comes back, and the damage is told"):
    path = rejects("hurt", fitting(0, 100))
    data = bytearray(Path(path).read_bytes())
    data[len(data) // 2] ^= 0xff
    data[len(data) // 2 + 400] ^= 0xff
    Path(path).write_bytes(bytes(data))
    out, err = recover("hurt", code=1)
    check("bytes " in err and "rejected datagrams came back" in out, out + err)
    check(70 <= Segment(segments("hurt")[0]).datums() <= 90, out)

with case("what is wrong is said in one line"):
    good = rejects("wrong", fitting(0, 3))
    made = Written(OLD, START)
    made.add([varint(1)], [START])
    plain = put("wrong.avro", made.data)
    channel = WORK / "wrong/channel=engine"
    broken = put("broken.avsc", b'{"type":\n "record"')
    for code, part, words in (
            (100, "--schema", ["--recover", channel]),
            (100, "No such file", ["--recover", "--schema", WORK / "no.avsc", channel]),
            (100, "broken.avsc:", ["--recover", "--schema", broken, channel]),
            (100, "go with --recover", ["--schema", NEW_FILE, channel]),
            (100, "do not go together", ["--recover", "--check", "--schema", NEW_FILE, channel]),
            (100, "not a file of rejected", ["--recover", "--schema", NEW_FILE, "--output",
                                             WORK / "w.avro", plain]),
            (100, "No such file", ["--recover", "--schema", NEW_FILE, "--output",
                                   WORK / "w.avro", WORK / "nothing.avro"])):
        _, err = cat(*words, code=code)
        check(part in err and len(err.splitlines()) == 1, f"{words}: {err}")
    check(not (WORK / "w.avro").exists() and Path(good).exists(), "nothing is written")

with case("a run that was killed leaves nothing in the way of the next"):
    rejects("killed", fitting(0, 20))
    left = put("killed/channel=engine/date=2026-11-22/.engine_20261122T200000.000000Z.avro"
               ".recovering", b"rest of a run" * 1000)
    recover("killed")
    check_equal(Segment(segments("killed")[0]).data(), b"".join(map(datum, range(20))), "data")
    check(not Path(left).exists(), "the rest is gone")

with case("256 MiB of rejects take little memory"):
    big = b"\0" * 50000
    body = {"type": "record", "name": "B", "fields": [{"name": "b", "type": "bytes"}]}
    schema = put("bytes.avsc", json.dumps(body).encode())
    size = int(os.environ.get("SDR_REJECT_MIB", "48"))
    for at in range(size // 16):
        time = START + at * 1000 * SECOND
        rejects("large", [(time + k * 1000, "short", varint(50000) + big) for k in range(330)],
                sync=bytes([at + 1]) * 16)
    limit = 64 << 20

    def limited():
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    done = subprocess.run([CAT, "--recover", "--schema", schema, WORK / "large/channel=engine"],
                          preexec_fn=limited, capture_output=True, text=True, check=False)
    if "Sanitizer" in done.stderr:
        raise Skip("with sanitizers there is no bound")
    check_equal((done.returncode, done.stderr), (0, ""), "exit and complaints")
    check_equal(sum(Segment(path).datums() for path in segments("large")), size // 16 * 330,
                "datums")

finish()
