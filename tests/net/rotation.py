#!/usr/bin/python3
"""Rotation under load at the smallest sizes, and what a reader sees meanwhile."""
import ctypes
import os
import signal
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (Background, alive, case, check_equal, enter_network,  # noqa: E402
                     finish, run_dir, storage_dir, wait_for)
from segments import (Segment, avrocat, check_exact, numbers, sealed,  # noqa: E402
                      start_time_us)
from relay import Relay, compile_schemas  # noqa: E402
from udp import Feeder, Fixed, Varying, feed, sender, steady_rate  # noqa: E402

RATE = steady_rate()
SMALLEST = 128 << 10
IN_CREATE, IN_MOVED_TO = 0x100, 0x80

enter_network()
run, storage = run_dir(), storage_dir()
SHAPES = {"fixed": Fixed(), "varying": Varying()}
data = compile_schemas(run, {name: shape.schema for name, shape in SHAPES.items()})


def watch(stopping, directory):
    """Reads every .avro file whole the moment its name appears: [(name, bytes, datums)]."""
    libc = ctypes.CDLL(None, use_errno=True)
    notify = libc.inotify_init1(os.O_NONBLOCK)
    watched, seen = set(), {}
    while True:
        last = stopping()
        for day in [directory, *directory.glob("date=*")]:
            if day not in watched:
                libc.inotify_add_watch(notify, os.fsencode(day), IN_CREATE | IN_MOVED_TO)
                watched.add(day)
        for path in directory.glob("date=*/*.avro"):
            if path.name not in seen:
                size = path.stat().st_size
                seen[path.name] = (path.name, size, Segment(path).datums())
        if last:
            return sorted(seen.values())
        try:
            os.read(notify, 65536)
        except BlockingIOError:
            time.sleep(0.0005)


def start(name, shape_name, **options):
    relay = Relay(data[shape_name], run, storage, name, **options)
    relay.shape = SHAPES[shape_name]
    return relay


def load(relay, seconds):
    sent = feed(sender(relay.listen), relay.shape, RATE, 0, int(RATE * seconds))
    relay.wait_received(sent)
    return sent


def finish_load(relay, sent):
    relay.stop()
    check_equal(relay.counters().kernel_drops, 0, "kernel drops")
    check_exact(numbers(relay.directory, relay.shape), range(sent), "recorded")
    check_equal(relay.counters().segments, len(sealed(relay.directory)), "segments counted")
    assert not (relay.directory / ".open").exists(), ".open is still there"


for shape in SHAPES:
    with case(f"{shape}: by size, 128 KiB and 1 s, at {RATE}/s: nothing lost or doubled"):
        relay = start(f"size-{shape}", shape, segment_bytes=SMALLEST, rotate_s=1, sync_ms=50)
        watcher = Background(watch, relay.directory)
        finish_load(relay, load(relay, 4))
        files = sealed(relay.directory)
        all_bytes = sum(path.stat().st_size for path in files)
        assert len(files) > all_bytes / SMALLEST, f"only {len(files)} segments"
        assert all_bytes > 10 * SMALLEST or RATE < 20000, f"only {all_bytes} bytes"
        too_large = [path.name for path in files if path.stat().st_size > SMALLEST]
        assert not too_large, f"larger than {SMALLEST}: {too_large[:5]}"
    with case(f"{shape}: each .avro was complete the moment its name appeared"):
        at_first_sight = watcher.result()
        at_the_end = [(path.name, path.stat().st_size, Segment(path).datums()) for path in files]
        check_equal(at_first_sight, at_the_end, "name, size and datums at first sight")
    with case(f"{shape}: names are start times, sort by time, and say what sdr.started says"):
        times = [start_time_us(path) for path in files]
        check_equal(times, sorted(set(times)), "times of the names")
        for path, micros in zip(files, times):
            said = datetime.fromtimestamp(micros / 1e6, timezone.utc)
            metadata = Segment(path).metadata["sdr.started"].decode()
            check_equal(metadata[:19], said.strftime("%Y-%m-%dT%H:%M:%S"), "sdr.started")
            check_equal(path.parent.name, said.strftime("date=%Y-%m-%d"), "directory")

with case("by time: each segment but the first begins on the second"):
    relay = start("second", "fixed", rotate_s=1, sync_ms=50)
    finish_load(relay, load(relay, 3.5))
    times = [start_time_us(path) for path in sealed(relay.directory)]
    assert 4 <= len(times) <= 5, f"{len(times)} segments in 3.5 s"
    # What waits in the ring when the second is over goes into the new one.
    off = [micros % 1000000 for micros in times[1:] if 300000 < micros % 1000000 < 900000]
    assert not off, f"begun {off} µs after the second"

with case("HUP rotates at once, 20 times under load"):
    relay = start("hup", "varying")
    feeder = Feeder(sender(relay.listen), relay.shape, RATE)
    wait_for(lambda: relay.counters().received > 1000, "datagrams come")
    for number in range(1, 21):
        relay.hup()
        wait_for(lambda: relay.counters().segments >= number, f"segment {number} is sealed", 3)
    sent = feeder.stop()
    relay.wait_received(sent)
    finish_load(relay, sent)
    check_equal(len(sealed(relay.directory)), 21, "segments")

with case("HUP while there is no writer: the next one rotates"):
    relay = start("hup-between", "fixed", sync_ms=50)
    sent = load(relay, 0.02)
    relay.wait_recorded(sent)
    writer = relay.writer()
    os.kill(writer, signal.SIGKILL)
    wait_for(lambda: not alive(writer), "the writer is gone")
    relay.hup()
    wait_for(lambda: relay.counters().segments == 1, "a segment is sealed")
    relay.stop()
    check_exact(numbers(relay.directory, relay.shape), range(sent), "recorded")
with case("HUP without data makes no empty segment"):
    relay = start("idle", "fixed")
    for _ in range(3):
        relay.hup()
        time.sleep(0.05)
    relay.stop()
    check_equal(sealed(relay.directory), [], "segments")

with case(".open is a valid file after a sync, and holds all that came before"):
    relay = start("open", "varying", sync_ms=100)
    opened = relay.directory / ".open"
    for sent in (1000, 2000, 3000):
        syncs = relay.counters().syncs
        feed(sender(relay.listen), relay.shape, RATE, sent - 1000, 1000)
        relay.wait_recorded(sent)
        wait_for(lambda: relay.counters().syncs > syncs, "a sync")
        check_exact(relay.shape.numbers(Segment(opened).data()), range(sent), ".open")
        check_equal(len(avrocat(opened)), sent, "datums that avrocat reads in .open")

with case(".open under load: a reader meets at most an unfinished last block, never damage"):
    feeder = Feeder(sender(relay.listen), relay.shape, RATE, first=3000)
    reads, end = 0, time.monotonic() + 3
    while time.monotonic() < end:
        try:
            segment = Segment(opened, open_ended=True)
            found = relay.shape.numbers(segment.data())
        except (AssertionError, IndexError):  # caught in a write: the next look must be good
            segment = Segment(opened, open_ended=True)
            found = relay.shape.numbers(segment.data())
        assert found == list(range(len(found))), "numbers in .open"
        reads += 1
    sent = feeder.stop()
    relay.wait_received(sent)
    finish_load(relay, sent)
    print(f"# {reads} reads of .open")

finish()
