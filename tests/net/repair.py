#!/usr/bin/python3
"""Start-up repair: what a power cut leaves open, damaged in every way, and sdr-cat on the same."""
import os
import re
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (alive, case, check_equal, enter_network, finish, run_dir,  # noqa: E402
                     storage_dir, wait_for)
from catlib import CAT  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from segments import Segment, avrocat, avsc, python_avro, sealed, start_time_us  # noqa: E402
from torn import Torn, corpus, make_open, told  # noqa: E402
from udp import Varying, feed, sender  # noqa: E402

SEED = int(os.environ.get("SEED", "7"))
RANDOMS = int(os.environ.get("REPAIR_RANDOMS", "400"))
STEP_US = 1000
BATCH = 800

enter_network()
run, storage = run_dir(), storage_dir()
shape = Varying()
data = compile_schemas(run, {"t": shape.schema})
made = make_open(data["t"], run, storage, "made", (5, 1, 9, 3, 30, 2, 1, 7))
torn = Torn((made / ".open").read_bytes())
START_US = start_time_us("x_" + re.sub("[-:]", "", Segment(made / ".open").metadata[
    "sdr.started"].decode()) + ".avro")


def stamp(micros):
    """As in names."""
    return (datetime(1970, 1, 1) + timedelta(microseconds=micros)).strftime("%Y%m%dT%H%M%S.%fZ")


def asides(directory, kind):
    return sorted(directory.glob(f".{kind}-*"))


def wait_repaired(relay, timeout_s=60):
    def done():
        assert alive(relay.pid), relay.messages()[-300:]
        return not asides(relay.directory, "torn") and relay.counters().disk() == "ok"
    feed(sender(relay.listen), shape, 1000, 1000000, 1)
    wait_for(done, "all torn segments are seen to", timeout_s)


def run_cat(*words):
    done = subprocess.run([CAT, *map(str, words)], capture_output=True, timeout=300, check=False,
                          env=os.environ | {"TZ": "UTC"})
    return done.returncode, done.stdout.decode(), done.stderr.decode()


# A relay repairs hundreds, on tmpfs: each variant waits as a torn segment of its own start.
variants = list(corpus(torn, SEED, RANDOMS))
expected = [torn.expect(bad) for _, bad in variants]
files = [run / f"channel=made{i // BATCH}" / f".torn-{stamp(START_US + i * STEP_US)}"
         for i in range(len(variants))]
channels = sorted({path.parent for path in files})
copies = run / "copies"
for directory in (*channels, copies):
    directory.mkdir()
for path, (_, bad) in zip(files, variants):
    path.write_bytes(bad)
    (copies / path.name).write_bytes(bad)


def label(i):
    return f"{variants[i][0]} ({files[i].name})"


with case(f"{len(variants)} damaged segments: what is sound is sealed once, in order, bit for bit"):
    messages = ""
    for directory in channels:
        relay = Relay(data["t"], run, run, directory.name.partition("=")[2], sync_ms=50)
        wait_repaired(relay)
        relay.stop()
        messages += relay.messages() + "\n"
    all_sealed = [path for directory in channels for path in sealed(directory)]
    found = {start_time_us(path): path for path in all_sealed}
    check_equal(len(found), len(all_sealed), "different starts")
    for i, want in enumerate(expected):
        path = found.pop(START_US + i * STEP_US, None)
        if want is None or not want[0]:
            assert path is None, f"{label(i)}: sealed though nothing is sound"
        else:
            assert path, f"{label(i)}: not sealed"
            check_equal(path.read_bytes(), torn.data[:torn.header_bytes] + b"".join(want[0]),
                        label(i))
    check_equal(len(found), len(channels), "other segments: what was recorded meanwhile")
with case("every lost range is told, and nothing else"):
    ranges = told(messages)
    for i, want in enumerate(expected):
        check_equal(ranges.pop(files[i].name, []), want[1] if want else [], label(i))
    check_equal(ranges, {}, "told of others")
with case("what cannot be repaired is set aside whole, one line each"):
    broken = [variants[i][1] for i, want in enumerate(expected) if want is None]
    kept = [path.read_bytes() for directory in channels for path in asides(directory, "broken")]
    check_equal(sorted(kept), sorted(broken), "set aside")
    lines = [line for line in messages.splitlines() if "set aside as .broken-" in line]
    check_equal(len(lines), len(broken), "lines")
    check_equal([path.name for directory in channels for path in directory.glob(".*")
                 if not path.name.startswith(".broken-")], [], "other hidden files")
with case("each distinct one reads cleanly in python3-avro, avrocat and avsc"):
    distinct = {path.read_bytes(): path for path in all_sealed}
    print(f"# {len(distinct)} distinct")
    for content, path in distinct.items():
        want = Segment(path).datums()
        check_equal((len(python_avro(path)), len(avrocat(path))), (want, want), path.name)
    for path, datums in avsc(list(distinct.values())).items():
        check_equal(b"".join(datums), Segment(path).data(), path)

with case("sdr-cat --check says the same of each, and touches nothing"):
    code, out, err = run_cat("--check", *(copies / path.name for path in files))
    check_equal(code, 1, "exit")
    lines = out.splitlines()
    ranges = told(err)
    for i, want in enumerate(expected):
        name = files[i].name
        if want is None:
            verdict = lines[i].rpartition(": ")[2]
            assert not verdict.startswith("ok"), f"{label(i)}: {lines[i]}"
            continue
        datums = sum(map(torn.count, want[0]))
        check_equal(lines[i].partition(": ")[2].split(", ")[:2],
                    [f"{datums} datum{'s' * (datums != 1)}",
                     f"{len(want[0])} block{'s' * (len(want[0]) != 1)}"], label(i))
        check_equal(ranges.get(name, []), want[1], label(i))
    for path, (what, bad) in zip(files, variants):
        check_equal((copies / path.name).read_bytes(), bad, what)

with case("sdr-cat --repair makes the same file of each, and keeps the damaged one"):
    code, out, err = run_cat("--repair", *(copies / path.name for path in files))
    check_equal(code, 1, "exit")
    ranges = told(err)
    for i, want in enumerate(expected):
        path = copies / files[i].name
        old = Path(f"{path}.damaged")
        if want is None or not want[0] or not want[1]:
            check_equal((path.read_bytes(), old.exists()), (variants[i][1], False), label(i))
        else:
            check_equal(path.read_bytes(), torn.data[:torn.header_bytes] + b"".join(want[0]),
                        label(i))
            check_equal(old.read_bytes(), variants[i][1], label(i))
            check_equal(ranges[path.name], want[1], label(i))
    check_equal([path.name for path in copies.iterdir() if "mending" in path.name], [], "left over")
with case("what --repair made is sound: --check exits 0, a second --repair changes nothing"):
    mended = [copies / files[i].name for i, want in enumerate(expected) if want and want[0]]
    inodes = [path.stat().st_ino for path in mended]
    for mode in ("--check", "--repair"):
        code, out, err = run_cat(mode, *mended)
        check_equal((code, err), (0, ""), mode)
    check_equal([path.stat().st_ino for path in mended], inodes, "inodes")

finish()
