#!/usr/bin/python3
"""Ring files that are foreign, torn or hostile: refused and set aside with one line, never trusted.

Each is found as what the last receiver left. Whatever it is, the relay comes up, says one line
about it at most, keeps no more than two of what it set aside, and records on. SDR_RELAY names
another binary, with sanitizers for one.
"""
import json
import os
import random
import shutil
import signal
import socket
import stat
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import held  # noqa: E402
from held import held_socket, wait_timed  # noqa: E402
from relay import compile_schemas  # noqa: E402
from ring_file import HEAD_BYTES, JOURNAL, RingFile, leave  # noqa: E402
from sdrtest import (BIN, after_failure, case, check_equal, enter_network, finish,  # noqa: E402
                     run_dir, storage_dir, wait_for)
from segments import check_exact, numbers, rejects  # noqa: E402
from s6tree import really_root  # noqa: E402
from udp import queued, read_varint, varint  # noqa: E402

BINARY = os.environ.get("SDR_RELAY", BIN / "sdr-relay")
SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))
RANDOM = int(os.environ.get("HOSTILE", "150"))  # files with random damage
OLD, NEW = 215, range(5000, 5005)  # datums of the ring, and of the relay that finds it
KEPT = 2
# In these no other value is believed. Another one of the rest may be as good.
STRICT = ("magic", "head_bytes", "file_bytes", "descriptor_count", "reject_bytes", "data_bytes",
          "text_bytes", "layout_bytes", "channel", "finished", "committed.index",
          "committed.open.position", "committed.open.bytes", "committed.open.datums",
          "recorded.index", "recorded.bytes", "recorded.datums", "recorded.position",
          "reject_head", "rejects_recorded.position")



class Text:
    """A long and a string, so long that a few datums fill a descriptor."""
    schema = json.dumps({"type": "record", "name": "Text", "fields": [
        {"name": "sequence", "type": "long"}, {"name": "text", "type": "string"}]})

    @staticmethod
    def make(number):
        length = 400 + number % 50
        return varint(number) + varint(length) + b"x" * length

    def numbers(self, content):
        at, numbers_ = 0, []
        while at < len(content):
            numbers_.append(read_varint(content, at)[0])
            datum = self.make(numbers_[-1])
            assert content[at:at + len(datum)] == datum, f"datum {numbers_[-1]} is not as sent"
            at += len(datum)
        return numbers_


enter_network()
wait_timed()
print(f"SEED={SEED}")
rng = random.Random(SEED)
shape = Text()
run, storage = run_dir(), storage_dir()
data = compile_schemas(run, {"t": shape.schema})["t"]
place, recordings = run / "rings" / "t", storage / "channel=t"
current, log = place / "current", run / "t.log"
sock = held_socket()
after_failure.remove(sock.close)  # one serves all cases


def start(**options):
    return held.start(data, run, storage, "t", sock, binary=BINARY, buffer_bytes=256 << 10,
                      sync_ms=20, **options)


def fill():
    """Two descriptors of datums, and then some rejects among them."""
    to = held.sender(held.LISTEN)
    for number in range(OLD):
        to.send(shape.make(number))
        if number > 200 and number % 4 == 0:
            to.send(b"\xff" * 11)


leave(start, sock, fill)
GOOD = bytes(current.read_bytes())


def clear():
    for path in place.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    shutil.rmtree(recordings)


def bad_ones():
    return sorted(name for name in os.listdir(place) if name.startswith("bad-"))


def found(what, strict):
    """A relay finds what has been put there, and records on. Was it set aside?"""
    log.write_text("", encoding="utf-8")
    relay = start()
    for number in NEW:
        held.sender(held.LISTEN).send(shape.make(number))
    wait_for(lambda: not queued(sock), "its datums are received")
    relay.stop(timeout_s=30)
    lines = relay.messages().splitlines()
    about = [line for line in lines if ": ring left-" in line or ": ring new" in line]
    strange = [line for line in lines if line not in about and "receive buffer: " not in line
               and "was left open: sealed" not in line]
    assert not strange, f"{what}: {strange[:3]}"
    check_equal(len(about), min(len(about), 1), f"{what}: lines about it, {about}")
    set_aside = any("; set aside as bad-" in line for line in about)
    old = [number for number in numbers(relay.directory, shape) if number not in NEW]
    check_equal(len(old), len(set(old)), f"{what}: datums, and different ones")
    new = [number for number in numbers(relay.directory, shape) if number in NEW]
    check_exact(new, NEW, f"{what}: recorded on")
    if strict:
        assert set_aside, f"{what}: it is not set aside: {lines}"
    check_equal(old, sorted(old), f"{what}: datums, in order")
    rejects(relay.directory)
    return set_aside


def repair_torn():
    """A relay that is stopped leaves the repair to the next one."""
    if list(recordings.glob(".torn-*")):
        relay = start()
        wait_for(lambda: not list(recordings.glob(".torn-*")), "what is torn is repaired")
        relay.stop(timeout_s=30)


def found_ring(what, content, strict=True):
    clear()
    current.write_bytes(content)
    aside = found(what, strict)
    assert not aside or len(numbers(recordings, shape)) == len(NEW), f"{what}: taken from it"
    return aside


def values(value, size):
    most = (1 << 8 * size) - 1
    return [other for other in (0, most, value - 1 & most, value + 1 & most, rng.randrange(most),
                                1 << rng.randrange(8 * size)) if other != value]


def is_believable(name, value):
    """Whether there could be as many rejects, or as many of them consumed."""
    return name in ("reject_head", "rejects_recorded.position") and value % 64 == 0 and \
        value <= RingFile(GOOD).get("reject_head")


with case("the ring as it was left is finished, to the last datum and reject"):
    assert not found_ring("good", GOOD, strict=False)
    found_old = [number for number in numbers(recordings, shape) if number not in NEW]
    check_exact(found_old, range(OLD), "datums")
    check_equal(len(rejects(recordings)), 3, "rejects")

OTHERS = [name for name in RingFile(GOOD).fields if name not in STRICT]
for group, names in (("must be true", STRICT), ("may differ", OTHERS)):
    with case(f"every field of the head that {group}: 0, the largest, off by one, random"):
        count = aside = 0
        for name in names:
            for other in values(RingFile(GOOD).get(name), RingFile(GOOD).fields[name][1]):
                ring = RingFile(GOOD).set(name, other)
                strict = name in STRICT and not is_believable(name, other)
                aside += found_ring(f"{name} = {other}", ring.data, strict)
                count += 1
        print(f"# {aside} of {count} set aside")

with case("descriptors that overlap, leave gaps or lie outside; datums and rejects that are none"):
    at = RingFile(GOOD).descriptors()
    for offset, size, what in ((0, 8, "position"), (8, 4, "bytes"), (12, 4, "datums")):
        was = int.from_bytes(GOOD[at + offset:at + offset + size], "little")
        for other in values(was, size) + [was + 64, was + (64 << 10)]:
            ring = bytearray(GOOD)
            ring[at + offset:at + offset + size] = (other & (1 << 8 * size) - 1).to_bytes(
                size, "little")
            found_ring(f"descriptor's {what} = {other}", ring)
    for area, offset, what in (("datums", 1, "a datum's length"), ("rejects", 0, "a reject's size"),
                               ("rejects", 4, "a reject's reason")):
        ring = bytearray(GOOD)
        ring[getattr(RingFile(GOOD), area)() + offset] = 0xff
        found_ring(what, ring)
    ring = bytearray(GOOD)
    ring[RingFile(GOOD).text()] = ord("?")
    found_ring("a layout that is none", ring)

with case("files of any other length"):
    for size in (0, 1, 100, HEAD_BYTES - 1, HEAD_BYTES, len(GOOD) // 2, len(GOOD) - 1):
        found_ring(f"cut to {size} bytes", GOOD[:size])
    found_ring("longer", GOOD + b"\0")
    found_ring("of zeros", bytes(len(GOOD)))
    found_ring("of noise", rng.randbytes(len(GOOD)))
    for what, size in (("sparse and huge", 1 << 40), ("sparse where its datums were", len(GOOD))):
        clear()
        current.write_bytes(GOOD[:HEAD_BYTES])
        os.truncate(current, size)
        found(what, True)

with case("what is no file: a FIFO, a socket, links, directories, another's file"):
    elsewhere = run / "elsewhere"
    elsewhere.write_bytes(GOOD)

    def bind(path):
        held_open = socket.socket(socket.AF_UNIX)
        held_open.bind(str(path))
        held_open.close()

    kinds = {"a FIFO": os.mkfifo, "a socket": bind, "an empty directory": os.mkdir,
             "a link to a ring": lambda path: os.symlink(elsewhere, path),
             "a link to itself": lambda path: os.symlink(path, path),
             "a link to nothing": lambda path: os.symlink("nothing", path),
             "a file that may not be read": lambda path: (path.write_bytes(GOOD), path.chmod(0)),
             "a full directory": lambda path: (path.mkdir(), (path / "file").write_text("x"))}
    if os.geteuid() == 0:
        del kinds["a file that may not be read"]  # root may
    if really_root():
        kinds["another's file"] = lambda path: (path.write_bytes(GOOD), os.chown(path, 1, 1))
    for what, make in kinds.items():
        clear()
        make(current)
        found(what, True)
    for what, make in kinds.items():
        clear()
        make(place / "new")
        assert found(f"new: {what}", False) == what.endswith("directory") or what.startswith("an e")
    check_equal(elsewhere.read_bytes(), GOOD, "what a link led to")
    assert stat.S_ISREG(elsewhere.stat().st_mode)

with case("what is not true of the open segment is not believed: it is repaired, nothing doubled"):
    clear()
    relay = start()
    before = relay.counters()
    held.send(shape, 0, 100)
    relay.wait_recorded(before.recorded + 100)
    os.kill(relay.writer(), signal.SIGSTOP)
    held.send(shape, 100, OLD - 100)
    relay.wait_received(before.received + OLD)
    held.kill_both(relay)
    kept = (current.read_bytes(), (recordings / ".open").read_bytes())
    names = [name for name in RingFile(kept[0]).fields if name.startswith("recorded.file") or
             name in ("recorded.start_us", "recorded.opened_us", "recorded.sync")]
    for name in names:
        field = RingFile(kept[0]).fields[name]
        for other in values(RingFile(kept[0]).get(name), field[1]):
            clear()
            recordings.mkdir()
            current.write_bytes(RingFile(kept[0]).set(name, other).data)
            (recordings / ".open").write_bytes(kept[1])
            aside = found(f"{name} = {other}", False)
            repair_torn()
            left = [number for number in numbers(recordings, shape) if number not in NEW]
            check_exact(left, range(100 if aside else OLD), f"{name} = {other}: what was recorded")

with case(f"{RANDOM} heads with random damage"):
    aside = 0
    for number in range(RANDOM):
        ring = bytearray(GOOD)
        for _ in range(rng.randrange(1, 5)):
            at = rng.randrange(rng.choice((JOURNAL, HEAD_BYTES)))
            end = min(HEAD_BYTES, at + rng.choice((1, 4, 8, 200)))
            ring[at:end] = rng.randbytes(end - at)
        aside += found_ring(f"random damage {number}", ring, False)
    print(f"# {aside} set aside")

with case("of what was set aside the last two stay"):
    clear()
    for number in range(5):
        before = bad_ones()
        shutil.rmtree(recordings, ignore_errors=True)
        current.write_bytes(rng.randbytes(1000))
        found(f"number {number}", True)
        after = bad_ones()
        check_equal(len(after), min(number + 1, KEPT), "kept")
        check_equal(after[:-1], before[-KEPT + 1:], "those of before")
    shutil.rmtree(recordings)
    os.mkdir(current)
    found("a directory", True)
    check_equal(len(bad_ones()), KEPT, "kept")

sock.close()
finish()
