#!/usr/bin/python3
"""sdr-cat --check: is a recording complete, and what was lost when, by index and data together."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import case, check_equal, enter_plainly, finish, wait_for  # noqa: E402
from catlib import WORK, cat, check, put  # noqa: E402
from indexed import Row, Written, iso, micros  # noqa: E402
from ocf import block  # noqa: E402
from udp import varint  # noqa: E402

SECOND = 1000000
START = micros("2026-11-22T20:00:00")
SCHEMA = {"type": "record", "name": "N", "fields": [{"name": "n", "type": "long"}]}


def make(started_us=START, count=5, sync=bytes(range(16)), losses=None, **kwargs):
    """Block k is received in seconds 10 k to 10 k + 9; `losses`: {k: what its row tells of}."""
    made = Written(SCHEMA, started_us, sync=sync, **kwargs)
    for k in range(count):
        times = [started_us + (10 * k + n) * SECOND for n in range(10)]
        made.add([varint(10 * k + n) for n in range(10)], times, **(losses or {}).get(k, {}))
    return made


def write(made, directory="", index=True, is_open=False):
    base = f"{directory}/channel=engine"
    put(f"{base}/.open" if is_open else f"{base}/{made.name()}.avro", made.data)
    if index:
        put(f"{base}/{made.name()}.index", made.index() if index is True else index)
    return WORK / directory / "channel=engine"


def checked(*words, code=0):
    """(lines of files, lines of losses below them, verdict, complaints)"""
    out, err = cat("--check", "--utc", *words, code=code)
    *lines, verdict = out.splitlines()
    told = [line.strip() for line in lines if line.startswith("  ")]
    return [line for line in lines if not line.startswith("  ")], told, verdict, err


def between(first, last):
    first, last = iso(START + first * SECOND), iso(START + last * SECOND)
    return f"between {first} and {last[11:-1]}"


enter_plainly()

with case("nothing lost: complete, by the copied files alone"):
    made = make(losses={0: {"restarts": 1}})
    where = write(made, "whole")
    files, told, verdict, err = checked(where)
    check(len(files) == 1 and files[0].endswith(": ok"), files)
    check_equal((told, verdict, err), ([f"1 start of the relay until {iso(START + 9 * SECOND)}"],
                                       "complete", ""), "what is said")
    copy = WORK / "copied"
    copy.mkdir()
    for path in where.glob("date=*/*"):
        shutil.copy(path, copy)
    lonely = ["--run", "/nowhere", "--config", "/nowhere"]
    for words in ([copy], sorted(copy.glob("*.avro"))):
        check_equal(checked(*words, *lonely)[2], "complete", "of copies")

with case("what was lost when, and the sums over a channel"):
    write(make(losses={0: {"restarts": 1}, 2: {"lost": 12, "gaps": 3, "kernel_drops": 11},
                       3: {"lost": 1, "gaps": 1}, 4: {"duplicates": 2, "reordered": 5}}), "lossy")
    second = make(START + 3600 * SECOND, sync=bytes(16),
                  losses={0: {"unrecorded": 7}, 2: {"rejected": 4, "clock_steps": 1}})
    second.close(START + 3700 * SECOND, kernel_drops=1, resets=1, damaged_bytes=120)
    where = write(second, "lossy")
    files, told, verdict, err = checked(where, code=1)
    check(all(line.endswith(": ok") for line in files) and err == "", files)
    check_equal(told, [
        f"1 start of the relay until {iso(START + 9 * SECOND)}",
        f"13 lost in 4 gaps, 11 dropped by the kernel {between(19, 39)}",
        "2 duplicates, 5 out of order",
        f"7 unrecorded {between(49, 3609)}",
        f"4 rejected, 1 clock step {between(3619, 3629)}",
        "1 dropped by the kernel, 120 bytes damaged, 1 reset of the sequence "
        f"{between(3649, 3700)}"], "when")
    check_equal(verdict, "not complete: 13 lost in 4 gaps, 12 dropped by the kernel, 7 unrecorded, "
                "4 rejected, 120 bytes damaged", "verdict")
    berlin = dict(os.environ, TZ="CET-1")
    out, _ = cat("--check", where, code=1, env=berlin)
    check("between 2026-11-22T21:00:19.000000+0100 and 21:00:39.000000\n" in out, out)

with case("events alone leave a recording complete"):
    where = write(make(losses={1: {"restarts": 1, "duplicates": 3, "reordered": 1, "resets": 1,
                                   "clock_steps": 2}}), "events")
    check_equal(checked(where)[2], "complete", "verdict")

with case("no index, or rows without times: not known, and that is no error"):
    where = write(make(), "bare", index=False)
    files, _, verdict, _ = checked(where)
    check(files[0].endswith(": ok, no index"), files)
    check_equal(verdict, "not known to be complete: 1 file without an index", "verdict")
    made = make(losses={4: {"lost": 2, "gaps": 1}})
    for k in (1, 2):
        made.rows[k].times = None
    made.started_us += SECOND
    files, told, verdict, _ = checked(write(made, "bare"), code=1)
    check(files[1].endswith(": ok, 2 rows of the index without times"), files)
    check_equal(told, [f"2 lost in 1 gap {between(39, 49)}"], "told")
    check_equal(verdict, "not complete: 2 lost in 1 gap; not known: 1 file without an index, "
                "2 places where it is not known what was lost", "verdict")
    made.rows[4].losses = {}
    made.rows[3].times = None
    made.rows[3].losses = {"kernel_drops": 1}
    _, told, _, _ = checked(write(made, "timeless"), code=1)
    check_equal(told, ["1 dropped by the kernel at a time not known"], "told")

with case("an index that does not fit its segment is told"):
    made = make()
    rows = made.rows
    for what, index, want, lacks in (
            ("another's", made.index(sync=b"x" * 16), "its index is another segment's",
             "not known to be complete: 1 file with a bad index"),
            ("none", b"text", "its index cannot be read: not an Avro file",
             "not known to be complete: 1 file with a bad index"),
            ("other rows", made.data[:-1], "its index cannot be read: its schema is not that",
             "not known to be complete: 1 file with a bad index"),
            ("torn", made.index()[:-5], "1 block is not in the index, the index is damaged: bytes ",
             "not known to be complete: 1 file with a bad index, 1 place where it is not known"),
            ("a row less", made.index(rows=rows[:2] + rows[3:]), "1 block is not in the index",
             "not known to be complete: 1 place where it is not known what was lost"),
            ("a row more", made.index(rows=[*rows, Row(len(made.data), 7, (1, 2))]),
             "7 datums are only in the index", "not complete: 7 datums are only in the index"),
            ("another offset", made.index(rows=[*rows[:4], Row(rows[4].offset + 1, 10, (1, 2))]),
             "10 datums are only in the index, 1 block is not in the index", "not complete: 10 "),
            ("another count", made.index(rows=[*rows[:4], Row(rows[4].offset, 9, (1, 2))]),
             "1 block is of another size in the index", "not complete: 1 file is damaged"),
            ("order", made.index(rows=[*rows[:4], rows[3], rows[4]]),
             "1 block is not in the index, the index is damaged: its rows are out of order",
             "not known to be complete: ")):
        files, _, verdict, _ = checked(write(made, "unfit", index=index), code=1)
        check(f": ok, {want}" in files[0], f"{what}: {files}")
        check(verdict.startswith(lacks), f"{what}: {verdict}")

with case("damage: the index knows how many datums are gone"):
    made = make()
    bad = bytearray(made.data)
    bad[made.rows[2].offset - 3] ^= 1
    where = write(made, "hurt")
    path = next(where.glob("date=*/*.avro"))
    path.write_bytes(bytes(bad))
    files, _, verdict, err = checked(where, code=1)
    check("damaged in 1 place" in files[0] and "10 datums are only in the index" in files[0], files)
    check(len(err.splitlines()) == 1, err)
    check_equal(verdict, "not complete: 10 datums are only in the index, 1 file is damaged", "")
    path.write_bytes(made.data[:made.rows[4].offset])
    files, _, verdict, err = checked(where, code=1)
    check_equal((files[0].partition(": ok, ")[2], err), ("10 datums are only in the index", ""),
                "cut behind a block, which only the index tells")

with case("the open segment, whose index may be a moment ahead or behind"):
    made = make(START + 7200 * SECOND)
    for what, index in (("level", made.index()), ("behind", made.index(rows=made.rows[:4])),
                        ("torn", made.index()[:-30]),
                        ("ahead", made.index(rows=[*made.rows, Row(len(made.data), 7, (1, 2),
                                                                   lost=3)]))):
        files, told, verdict, _ = checked(write(made, "open", index=index, is_open=True))
        check(files[0].endswith(": ok, open"), f"{what}: {files}")
        check_equal((told, verdict), ([], "complete"), what)
    write(made, "open", index=made.index(rows=made.rows[:2]), is_open=True)
    _, _, verdict, _ = checked(WORK / "open/channel=engine", code=1)
    check_equal(verdict, "not known to be complete: 2 places where it is not known what was "
                "lost", "far behind")

with case("the open segment as it grows, checked again and again"):
    made = make(count=3000)
    base = WORK / "grow/channel=engine"
    write(make(count=0), "grow", is_open=True)
    head = len(make(count=0).data)
    ends = [row.offset for row in made.rows[1:]] + [len(made.data)]
    index, head_index = made.index(), len(make(count=0).index())
    sizes = [len(block([row.encoded()])) for row in made.rows]
    script = ("import sys, json\n"
              "blocks, rows, ends, sizes = json.load(sys.stdin)\n"
              "blocks, rows = bytes.fromhex(blocks), bytes.fromhex(rows)\n"
              "data, index = open(sys.argv[1], 'ab', 0), open(sys.argv[2], 'ab', 0)\n"
              "at = row = 0\n"
              "for end, size in zip(ends, sizes):\n"
              "    data.write(blocks[at:end]); index.write(rows[row:row + size])\n"
              "    at, row = end, row + size\n")
    writer = subprocess.Popen([sys.executable, "-c", script, base / ".open",
                               base / f"{made.name()}.index"], stdin=subprocess.PIPE, text=True)
    hexed = (made.data[head:].hex(), index[head_index:].hex())
    relative = [end - head for end in ends]
    writer.stdin.write(f'["{hexed[0]}", "{hexed[1]}", {relative}, {sizes}]')
    writer.stdin.close()

    def grown():
        files, told, verdict, _ = checked(base)
        check_equal((told, verdict), ([], "complete"), files)
        return writer.poll() is not None
    wait_for(grown, "the end", 60)
    check("30000 datums, 3000 blocks" in checked(base)[0][0], "all of it")

with case("rejected datagrams have no index, and no verdict"):
    put("rej/channel=engine/rejected/engine_20261122T200000.000000Z.avro", make().data)
    for words in ([WORK / "rej/channel=engine", "--rejected"],
                  [WORK / "rej/channel=engine/rejected", "--rejected"]):
        out, _ = cat("--check", *words)
        check(len(out.splitlines()) == 1 and out.endswith(": ok\n"), out)
    check_equal(checked(WORK / "whole/channel=engine", WORK / "rej/channel=engine/rejected")[2],
                "complete", "beside data")

with case("rejected datagrams that came back make up for it"):
    lossy = make(losses={3: {"rejected": 10}})
    where = write(lossy, "back")
    again = make(START + 5 * SECOND, count=1, sync=b"r" * 16,
                 extra={"sdr.recovered": iso(START + 9000 * SECOND)})
    write(again, "back")
    files, told, verdict, _ = checked(where)
    check(files[1].endswith(": ok, recovered") and len(told) == 1, files)
    check_equal(verdict, "complete", "all")
    lossy.rows[3].losses = {"rejected": 15}
    write(lossy, "back")
    check_equal(checked(where, code=1)[2], "not complete: 5 rejected (10 came back)", "some")

with case("many losses are summed up, and the list is bounded"):
    made = make(count=500, losses={k: {"lost": 1, "gaps": 1} for k in range(0, 500, 2)})
    _, told, verdict, _ = checked(write(made, "long"), code=1)
    check_equal((len(told), told[-1]), (101, "more at 150 other times"), "lines")
    check_equal(verdict, "not complete: 250 lost in 250 gaps", "sum")

with case("the end of what a repair made is not known"):
    made = make()
    made.rows.append(Row(len(made.data), 0, None, damaged_bytes=7))
    files, told, verdict, _ = checked(write(made, "ended"), code=1)
    check(files[0].endswith(": ok, 1 row of the index without times"), files)
    check_equal((told, verdict), (
        [f"7 bytes damaged after {iso(START + 49 * SECOND)}"],
        "not complete: 7 bytes damaged; not known: 1 place where it is not known what was lost"),
        "told")

with case("--repair keeps the rows that still fit, and what the others tell of"):
    made = make(losses={1: {"lost": 2, "gaps": 1}, 2: {"kernel_drops": 5}, 4: {"restarts": 1}})
    bad = bytearray(made.data)
    bad[made.rows[2].offset - 3] ^= 1  # ends block 1
    where = write(made, "mended")
    path = next(where.glob("date=*/*.avro"))
    index = path.with_suffix(".index")
    index.chmod(0o640)
    path.write_bytes(bytes(bad))
    lost = made.rows[2].offset - made.rows[1].offset
    out, _ = cat("--repair", path, code=1)
    check("repaired" in out, out)
    files, told, verdict, _ = checked(where, code=1)
    check(files[0].endswith(f"40 datums, 4 blocks, {len(bad) - lost} bytes, started {iso(START)}: "
                            "ok, 1 row of the index without times"), files)
    check_equal((told[0], verdict), (
        f"2 lost in 1 gap, 5 dropped by the kernel, {lost} bytes damaged {between(9, 29)}",
        f"not complete: 2 lost in 1 gap, 5 dropped by the kernel, {lost} bytes damaged; "
        "not known: 1 place where it is not known what was lost"), "what is told")
    check_equal(index.stat().st_mode & 0o777, 0o640, "mode")
    check_equal(sorted(entry.name for entry in path.parent.iterdir()),
                sorted([path.name, index.name, f"{path.name}.damaged"]), "files")
    bare = write(make(), "mended-bare", index=False)
    path = next(bare.glob("date=*/*.avro"))
    path.write_bytes(bytes(bad))
    cat("--repair", path, code=1)
    check(not path.with_suffix(".index").exists(), "none of its own, none made")

with case("nothing recorded"):
    (WORK / "fresh/channel=engine").mkdir(parents=True)
    check_equal(cat("--check", WORK / "fresh/channel=engine")[0],
                "not known to be complete: nothing is recorded\n", "verdict")

finish()
