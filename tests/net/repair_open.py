#!/usr/bin/python3
"""What stands as .open when a relay starts: whatever it is, the relay records on, nothing intact is
lost or doubled, and what is no segment is set aside."""
import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (Skip, alive, case, check_equal, children, enter_network,  # noqa: E402
                     finish, run_dir, sh, storage_dir, wait_for)
from catlib import cat  # noqa: E402
from ocf import block, header  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from index_file import rows_of  # noqa: E402
from segments import Segment, check_exact, numbers, python_avro, rejects, sealed  # noqa: E402
from torn import Torn, make_open, told  # noqa: E402
from udp import Fixed, Varying, feed, sender  # noqa: E402

BLOCKS = (20, 20, 20, 20, 20, 20)
FIRST_NEW = 1000

enter_network()
run, storage = run_dir(), storage_dir()
shape = Varying()
data = compile_schemas(run, {"t": shape.schema, "fixed": Fixed().schema})
torn = Torn((make_open(data["t"], run, storage, "t", BLOCKS) / ".open").read_bytes())
shutil.rmtree(storage / "channel=t")
HEAD = torn.header_bytes


def patched(at, new):
    return torn.data[:at] + new + torn.data[at + len(new):]


def asides(directory, kind="broken"):
    return [path for path in directory.iterdir() if path.name.startswith(f".{kind}-")]


def begin(make, name="t", schema="t", **options):
    """A relay in a new directory of which `make(directory / ".open")` has made the .open."""
    directory = storage / f"channel={name}"
    shutil.rmtree(directory, ignore_errors=True)
    shutil.rmtree(run / "rings" / name, ignore_errors=True)
    (run / f"{name}.log").unlink(missing_ok=True)
    directory.mkdir()
    make(directory / ".open")
    return Relay(data[schema], run, storage, name, sync_ms=50, **options)


def record(relay, made=shape):
    """It records on; waits until what was there is seen to as well."""
    have = relay.counters().recorded
    feed(sender(relay.listen), made, 5000, FIRST_NEW, 50)
    relay.wait_recorded(have + 50)
    wait_for(lambda: not asides(relay.directory, "torn"), "nothing is torn any more")
    relay.stop()


def check_index(what, path, lost):
    """Made from the segment alone, as these have no index: of what was lost only the damage is
    known."""
    rows = rows_of(path)
    if rows[-1].datums or rows[-1].first_time is not None:
        return  # the one that was recorded beside the repair
    assert all(row.first_time is None for row in rows), f"{what}: times of nowhere"
    check_equal(sum(row.losses["damaged_bytes"] for row in rows),
                sum(end - begin for begin, end in lost), f"{what}: damaged bytes")


def check_repaired(what, content, old, lost):
    """`old`: the numbers that must be there; `lost`: the ranges that must be told."""
    relay = begin(lambda path: path.write_bytes(content))
    record(relay)
    check_exact(numbers(relay.directory, shape), [*old, *range(FIRST_NEW, FIRST_NEW + 50)], what)
    ranges = told(relay.messages())
    check_equal([*ranges.values()], [lost] if lost else [], f"{what}: told")
    check_equal(asides(relay.directory), [], f"{what}: set aside")
    for path in sealed(relay.directory):
        check_equal(len(python_avro(path)), Segment(path).datums(), f"{what}: python3-avro")
        check_index(what, path, lost)


def check_set_aside(what, make, *words):
    relay = begin(make)
    record(relay)
    check_exact(numbers(relay.directory, shape), range(FIRST_NEW, FIRST_NEW + 50), what)
    found = asides(relay.directory)
    check_equal(len(found), 1, f"{what}: set aside")
    lines = [line for line in relay.messages().splitlines() if found[0].name in line]
    check_equal(len(lines), 1, f"{what}: lines in {relay.messages()}")
    for word in words:
        assert word in lines[0], f"{what}: '{lines[0]}' does not say '{word}'"
    return found[0]


at = torn.starts
with case("a sound .open, one cut inside a block, zeros or junk behind: sealed, the rest told"):
    check_repaired("sound", torn.data, range(120), [])
    check_repaired("cut", torn.data[:at[4] + 7], range(80), [(at[4], at[4] + 7)])
    check_repaired("zeros", torn.data + bytes(5000), range(120), [(at[6], at[6] + 5000)])
    check_repaired("junk", torn.data + b"junk" * 9, range(120), [(at[6], at[6] + 36)])
with case("a hole, two holes, a sync marker: the blocks behind are kept"):
    middle = [*range(20), *range(60, 120)]
    check_repaired("a hole", patched(at[1] + 30, bytes(at[2] - at[1])), middle, [(at[1], at[3])])
    two = patched(at[1] + 30, b"\xff" * 40)
    two = two[:at[4] + 30] + b"\xff" * 40 + two[at[4] + 70:]
    check_repaired("two holes", two, [*range(20), *range(40, 80), *range(100, 120)],
                   [(at[1], at[2]), (at[4], at[5])])
    check_repaired("a marker", patched(at[3] - 9, b"\0"), [*range(40), *range(60, 120)],
                   [(at[2], at[3])])
with case("nothing in it: an empty file, a header alone, a header and zeros: gone"):
    for content in (b"", torn.data[:HEAD], torn.data[:HEAD] + bytes(4096)):
        check_repaired(f"{len(content)} bytes", content, [],
                       [(HEAD, len(content))] if len(content) > HEAD else [])

with case("a torn header: cut, zeros, a flipped bit anywhere: set aside whole, told, never sealed"):
    for what, content in (("cut", torn.data[:HEAD - 1]), ("zeros", patched(0, bytes(512))),
                          ("a bit of the schema", patched(40, bytes([torn.data[40] ^ 1]))),
                          ("a bit of the check", patched(HEAD - 20, b"?")),
                          ("the marker, zeros", patched(HEAD - 16, bytes(16))),
                          ("all but the magic", b"Obj\x01" + bytes(len(torn.data) - 4))):
        aside = check_set_aside(what, lambda path, content=content: path.write_bytes(content))
        check_equal(aside.read_bytes(), content, what)
        _, err = cat("--check", aside, code=1)
        _, err = cat("--repair", aside, code=1)
        check_equal((aside.read_bytes(), "error" in err), (content, True), f"{what}: --repair")
with case("a header without any sound block, but not empty: set aside"):
    content = patched(HEAD, os.urandom(len(torn.data) - HEAD))
    check_set_aside("random", lambda path: path.write_bytes(content), "no sound block")
with case("a foreign file, a foreign Avro file, another channel's: set aside"):
    check_set_aside("text", lambda path: path.write_text("not mine\n"), "not an Avro file")
    foreign = header(shape.schema, raw=True) + block([shape.make(0)])
    check_set_aside("Avro", lambda path: path.write_bytes(foreign), "header")
    relay = begin(lambda path: path.write_bytes(torn.data), "fixed", "fixed")
    record(relay, Fixed())
    check_equal([path.read_bytes() for path in asides(relay.directory)], [torn.data], "another's")
    assert "another channel's" in relay.messages(), relay.messages()
with case("a symbolic link, one that leads nowhere, a directory, a pipe: set aside, not followed"):
    target = storage / "target"
    target.write_bytes(torn.data)
    check_set_aside("link", lambda path: path.symlink_to(target), "regular")
    check_equal(target.read_bytes(), torn.data, "what the link leads to")
    check_set_aside("dangling", lambda path: path.symlink_to(storage / "nowhere"), "regular")
    check_set_aside("directory", lambda path: path.mkdir(), "regular")
    check_set_aside("pipe", os.mkfifo, "regular")

with case("of an older schema, framing is what can be verified: sealed, the hole left out"):
    newer = json.loads(shape.schema)
    newer["fields"].append({"name": "more", "type": "long", "default": 0})
    (run / "later").mkdir()
    later = compile_schemas(run / "later", {"t": json.dumps(newer)})["t"]
    directory = storage / "channel=t"
    shutil.rmtree(directory)
    directory.mkdir()
    (directory / ".open").write_bytes(patched(at[2], bytes(5)))
    relay = Relay(later, run, storage, "t", sync_ms=50)
    wait_for(lambda: sealed(directory), "it is sealed")
    relay.stop()
    check_exact(numbers(directory, shape), [*range(40), *range(60, 120)], "older schema")


class Linked:
    """A relay with an open segment of 500 datums, killed with its writer; the ring is there."""

    def __init__(self, name):
        self.relay = Relay(data["t"], run, storage, name, sync_ms=50)
        feed(sender(self.relay.listen), shape, 5000, 0, 500)
        self.relay.wait_recorded(500)
        pids = (self.relay.pid, *children(self.relay.pid))
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self.relay.process.wait()
        wait_for(lambda: not any(map(alive, pids)), "they are gone")
        self.open = self.relay.directory / ".open"

    def final_name(self):
        started = Segment(self.open).metadata["sdr.started"].decode()
        day = self.relay.directory / f"date={started[:10]}"
        day.mkdir(exist_ok=True)
        return day / f"{self.relay.name}_{re.sub('[-:]', '', started)}.avro"

    def finish(self, ring):
        if not ring:
            shutil.rmtree(run / "rings" / self.relay.name)
        relay = Relay(data["t"], run, storage, self.relay.name, sync_ms=50)
        feed(sender(relay.listen), shape, 5000, 500, 50)
        relay.wait_recorded(550 if ring else 50)
        wait_for(lambda: not asides(relay.directory, "torn"), "nothing is torn any more")
        relay.stop()
        check_exact(numbers(relay.directory, shape), range(550), "recorded")
        check_equal(self.open.exists(), False, ".open")


for ring in (True, False):
    label = "its ring there" if ring else "its ring lost"
    with case(f"{label}: hard-linked for somebody's backup: not taken for sealed"):
        linked = Linked(f"backup-{ring}".lower())
        os.link(linked.open, storage / f"backup-{ring}")
        linked.finish(ring)
    with case(f"{label}: linked to its final name, killed before the unlink: once"):
        linked = Linked(f"linked-{ring}".lower())
        os.link(linked.open, linked.final_name())
        linked.finish(ring)
    with case(f"{label}: its first name was taken, it has the second: once"):
        linked = Linked(f"second-{ring}".lower())
        final = linked.final_name()
        os.link(linked.open, final.with_name(final.name[:-6 - 5] +
                                             f"{int(final.name[-6 - 5:-6]) + 1:05}Z.avro"))
        linked.finish(ring)

finish()
