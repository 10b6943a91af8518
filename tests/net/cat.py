#!/usr/bin/python3
"""sdr-cat: channels, pipes, large files, the open segment as it grows, the command line."""
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import case, enter_plainly, finish  # noqa: E402
from catlib import CAT, WORK, cat, check, numbers, put  # noqa: E402
from every import text  # noqa: E402
from ocf import block, header  # noqa: E402
from udp import varint  # noqa: E402

LONG = {"type": "record", "name": "N", "fields": [{"name": "n", "type": "long"}]}
HEAD = header(LONG)
FEW = HEAD + block([varint(n) for n in range(3)])
MANY = HEAD + b"".join(block([varint(n) for n in range(at, at + 100)])
                       for at in range(0, 200000, 100))

enter_plainly()

with case("large blocks, by file and by pipe"):
    sizes = [(3 << 20) + i for i in range(5)]
    data = header("string") + b"".join(block([text("x" * size)]) for size in sizes)
    for out, _ in (cat("-", input=data), cat(put("large.avro", data))):
        check([len(line) - 2 for line in out.splitlines()] == sizes, "large strings")

with case("many datums; a limit"):
    many = put("many.avro", MANY)
    check(numbers(cat(many)[0]) == list(range(200000)), "many")
    check(numbers(cat("--limit", "150", many)[0]) == list(range(150)), "limit 150")
    check(numbers(cat("--limit", "200100", many, many)[0])[-1] == 99, "limit over two files")
    check(cat("--limit", "0", many)[0] == "", "limit 0")

with case("a reader that goes is no error, a full disk is"):
    process = subprocess.Popen([CAT, many], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    check(process.stdout.readline() == b'{"n":0}\n', "the first line")
    process.stdout.close()
    check(process.stderr.read() == b"" and process.wait() == 0, "it ends quietly")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([CAT, many], stdout=full, stderr=subprocess.PIPE, check=False)
    check(done.returncode == 111 and b"No space left" in done.stderr, done.stderr)

with case("a block from a pipe is printed as it comes"):
    process = subprocess.Popen([CAT, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(FEW)
    process.stdin.flush()
    check([process.stdout.readline() for _ in range(3)][2] == b'{"n":2}\n', "the first block")
    process.stdin.close()
    check(process.stdout.read() == b"" and process.wait() == 0, "the end")


def make_storage():
    channel = "store/data/channel=engine"
    stamps = ("20261122T235959.999999Z", "20261123T000000.000000Z", "20261123T000000.000001Z")
    for at, stamp in enumerate(stamps):
        day = f"date={stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}"
        put(f"{channel}/{day}/engine_{stamp}.avro", HEAD + block([varint(at)]))
    put(channel + "/.open", HEAD + block([varint(3)]) + b"\x02")
    put(channel + "/date=2026-11-23/foreign.avro", HEAD + block([varint(99)]))
    put(channel + "/date=2026-11-23/engine_20261123T000000.000000Z.index", b"no data")
    put(channel + "/rejected/engine_20261123T000000.000000Z.avro", HEAD + block([varint(7)]))
    (WORK / "store/data/channel=fresh").mkdir()
    put("store/relay.toml", f'[storage]\npath = "{WORK}/store/data"\n'.encode())
    return WORK / channel


engine = make_storage()
where = ["--config", WORK / "store/relay.toml", "--run", WORK / "store/run"]

with case("a channel by name and by directory: sealed segments in order, then the open one"):
    for args in (["engine", *where], [engine], [f"{engine}/"]):
        out, err = cat(*args)
        check(numbers(out) == [0, 1, 2, 3] and err == "", f"{args}: {out}{err}")
    check(numbers(cat(engine / "date=2026-11-22")[0]) == [0], "a date directory")
    lines = cat("--check", "engine", *where, code=1)[0].splitlines()  # one's index is none
    check(len(lines) == 5 and lines[4].startswith("not known to be complete: "), lines)
    check(": ok, open, 1 byte of a block not finished yet" in lines[3], lines)
    done = subprocess.run([CAT, "."], cwd=engine, capture_output=True, check=True)
    check(numbers(done.stdout.decode()) == [0, 1, 2, 3], "from within")

with case("a channel's rejects"):
    check(numbers(cat("engine", "--rejected", *where)[0]) == [7], "by name")
    check(numbers(cat(engine, "--rejected")[0]) == [7], "by the channel's directory")
    check(numbers(cat(engine / "rejected")[0]) == [7], "by directory")
    check(cat("fresh", "--rejected", *where) == ("", ""), "none")

with case("counts"):
    check(cat("--count", "engine", *where)[0] == "4\n", "one")
    check(cat("--count", "engine", engine, *where)[0] == f"4 engine\n4 {engine}\n8 total\n", "two")
    check(cat("fresh", *where) == ("", "") and cat("--count", "fresh", *where)[0] == "0\n", "none")

with case("which config is in force"):
    _, err = cat("nosuch", *where, code=100)
    check(len(err.splitlines()) == 1 and "nosuch" in err, err)
    put("store/run/applied/relay.toml", b'[storage]\npath = "/nowhere"\n')
    check("/nowhere" in cat("engine", *where, code=100)[1], "the applied one")
    check(numbers(cat("engine", *where[:2])[0]) == [0, 1, 2, 3], "one that is named alone")
    broken = put("store/broken.toml", b"[storage\n")
    check("broken.toml:1" in cat("engine", "--config", broken, code=100)[1], "a broken one")

with case("one bad file does not stop the others"):
    few, bad = put("few.avro", FEW), put("bad.avro", b"no avro file at all")
    out, err = cat(few, WORK / "missing.avro", bad, few, code=100)
    check(numbers(out) == [0, 1, 2] * 2, out)
    check(len(err.splitlines()) == 2, err)
    check("missing.avro: No such file" in err and "not an Avro file" in err, err)
    put("void/x.txt", b"")
    check("no segments" in cat(WORK / "void", code=100)[1], "an empty directory")

with case("an open segment as it grows: always the front of what is written"):
    path = put("grow/.open", HEAD)
    data = b"".join(block([varint(n)]) for n in range(20000))
    writer = subprocess.Popen(
        [sys.executable, "-c", "import sys\ndata = sys.stdin.buffer.read()\n"
         "file = open(sys.argv[1], 'ab', 0)\n"
         "for at in range(0, len(data), 777): file.write(data[at:at + 777])", path],
        stdin=subprocess.PIPE)
    writer.stdin.write(data)
    writer.stdin.close()
    last = -1
    while writer.poll() is None or last < 19999:
        got = numbers(cat(path)[0])
        check(got == list(range(len(got))), "not the front")
        check(len(got) - 1 >= last, "it shrank")
        last = len(got) - 1

with case("the command line"):
    check("Usage: sdr-cat" in cat("--help")[0], "--help")
    check(cat("--version")[0].startswith("sdr-cat "), "--version")
    for args in ([], ["--from", "noon", few], ["--format", "xml", few], ["--limit", "x", few],
                 ["--limit", "-1", few], ["--follow", few], ["--check", "--count", few],
                 ["--limit", "1", "--check", few], ["--rejected", few], [few, "--limit"], ["-x"]):
        out, err = cat(*args, code=100)
        check(out == "" and len(err.splitlines()) == 1 and err.startswith("sdr-cat: "),
              f"{args}: {err}")

with case("times are local, and UTC where asked for"):
    path = put("times.avro", header(LONG, extra={"sdr.started": "2026-11-22T20:15:00.000000Z"}))
    berlin = dict(os.environ, TZ="CET-1")
    out, _ = cat("--check", path, env=berlin)
    check("started 2026-11-22T21:15:00.000000+0100: ok" in out, out)
    out, _ = cat("--check", "--utc", path, env=berlin)
    check("started 2026-11-22T20:15:00.000000Z: ok" in out, out)

finish()
