#!/usr/bin/python3
"""The wall clock steps back, forward, or stands still: nothing is overwritten, lost or doubled."""
import ctypes
import hashlib
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (BIN, Skip, case, check_equal, enter_network, finish, run_dir,  # noqa: E402
                     storage_dir, wait_for)
from false_clock import FalseClock, supported  # noqa: E402
from segments import Segment, check_exact, numbers, sealed, start_time_us  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import Feeder, Fixed, feed, sender  # noqa: E402

RATE = 3000
HOUR = 3600

enter_network()
run, storage = run_dir(), storage_dir()
shape = Fixed()
data = compile_schemas(run, {"t": shape.schema})["t"]


def digests(directory):
    return {path: hashlib.sha256(path.read_bytes()).digest() for path in sealed(directory)}


def start(name, clock, **options):
    if not supported():
        raise Skip("the false clock does not know this processor")
    options = {"segment_bytes": 128 << 10, "sync_ms": 50} | options
    return Relay(data, run, storage, name, prefix=clock.prefix, keep_fds=(clock.fd,),
                 binary=clock.binary, **options)


def rotate(relay, times):
    for _ in range(times):
        have = relay.counters().segments
        relay.hup()
        wait_for(lambda: relay.counters().segments > have, "a segment is sealed", 5)


def check_kept(before, directory):
    now = digests(directory)
    for path, digest in before.items():
        check_equal(now.get(path), digest, f"{path.name}, sealed before the step")


def run_steps(name, steps, **options):
    clock = FalseClock(BIN / "sdr-relay", run)
    relay = start(name, clock, **options)
    feeder = Feeder(sender(relay.listen), shape, RATE)
    before = {}
    for step in steps:
        clock.shift(step)
        time.sleep(0.4)
        if "rotate_s" not in options:
            rotate(relay, 3)
        check_kept(before, relay.directory)
        before = digests(relay.directory)
    sent = feeder.stop()
    relay.wait_received(sent)
    relay.stop()
    clock.close()
    assert clock.readings > 10, "the relay did not read the false clock"
    check_kept(before, relay.directory)
    check_exact(numbers(relay.directory, shape), range(sent), "recorded, in order of names")
    return relay


with case("set back by an hour during a run: nothing overwritten, lost or out of order"):
    run_steps("back", (0, -HOUR, -HOUR, -2 * HOUR))
with case("forward by a day, back by two, forward again"):
    run_steps("forth", (0, 86400, -86400, 0))
with case("set back by an hour while rotating by time: rotation goes on"):
    relay = run_steps("timed", (0, -HOUR, -HOUR, -HOUR, -HOUR, -HOUR), rotate_s=1,
                      segment_bytes=1 << 30)
    assert len(sealed(relay.directory)) >= 3, "no rotation by time after the step"

with case("a clock that stands still: 20 rotations, 20 names"):
    clock = FalseClock(BIN / "sdr-relay", run)
    frozen_us = time.time_ns() // 1000 - 600 * 10**6
    clock.freeze(frozen_us * 1000)
    relay = start("still", clock)
    sock = sender(relay.listen)
    for number in range(20):
        feed(sock, shape, RATE, number * 10, 10)
        relay.wait_received(number * 10 + 10)
        rotate(relay, 1)
    relay.stop()
    clock.close()
    check_equal([start_time_us(path) - frozen_us for path in sealed(relay.directory)],
                list(range(20)), "names, in microseconds since the clock stopped")
    check_exact(numbers(relay.directory, shape), range(200), "recorded")

with case("started at the very microsecond of a segment that is there: it stays as it is"):
    clock = FalseClock(BIN / "sdr-relay", run)
    frozen_us = time.time_ns() // 1000 - 1200 * 10**6
    clock.freeze(frozen_us * 1000)
    for start_number in range(3):
        relay = start("again", clock)
        before = digests(relay.directory)
        feed(sender(relay.listen), shape, RATE, start_number * 100, 100)
        relay.wait_received(start_number * 100 + 100)
        relay.stop()
        check_kept(before, relay.directory)
        check_equal(len(sealed(relay.directory)), start_number + 1, "segments")
    check_equal(start_time_us(sealed(relay.directory)[0]), frozen_us, "the first name")
    clock.close()
    check_exact(sorted(numbers(relay.directory, shape)), range(300), "recorded")

with case("a segment with a later name is there: not touched, and the new ones are complete"):
    later = sealed(relay.directory)[0]
    day = relay.directory / "date=2099-12-31"
    day.mkdir()
    future = day / "again_20991231T235959.999999Z.avro"
    future.write_bytes(later.read_bytes())
    before = digests(relay.directory)
    relay = Relay(data, run, storage, "again")
    feed(sender(relay.listen), shape, RATE, 300, 100)
    relay.wait_received(400)
    relay.stop()
    check_kept(before, relay.directory)
    new = [path for path in sealed(relay.directory) if path not in before]
    check_equal([shape.numbers(Segment(path).data()) for path in new], [list(range(300, 400))],
                "the new segment")

with case("that name is a wrong clock's: others of these days confirm the one there is now"):
    assert abs(start_time_us(new[0]) - time.time_ns() // 1000) < 60 * 10**6, new[0].name
    assert relay.messages().count("names follow the clock again") == 1, relay.messages()
    assert "2099-12-31" in relay.messages(), relay.messages()


def is_synchronised():
    timex = ctypes.create_string_buffer(256)
    state = ctypes.CDLL(None).adjtimex(timex)
    return state != 5 and not struct.unpack_from("=i", timex, 40)[0] & 0x40  # STA_UNSYNC


with case("that name alone: a clock is believed only if it is synchronised"):
    day = storage / "channel=alone/date=2099-12-31"
    day.mkdir(parents=True)
    future = day / "alone_20991231T235959.999990Z.avro"
    future.write_bytes(later.read_bytes())
    relay = Relay(data, run, storage, "alone", sync_ms=50)
    for number in range(2):
        feed(sender(relay.listen), shape, RATE, number * 100, 100)
        relay.wait_received(number * 100 + 100)
        rotate(relay, 1)
    relay.stop()
    new = [start_time_us(path) for path in sealed(relay.directory) if path != future]
    if is_synchronised():
        assert all(abs(at - time.time_ns() // 1000) < 60 * 10**6 for at in new), new
    else:
        check_equal([at - start_time_us(future) for at in new], [1, 2], "behind it")
        assert relay.messages().count("not synchronised") == 1, relay.messages()

with case("forward by a hundred days for a while: only the names of that while are wrong"):
    clock = FalseClock(BIN / "sdr-relay", run)
    relay = start("while", clock)
    to = sender(relay.listen)
    for number, step in enumerate((0, 100 * 86400, -HOUR, -HOUR)):
        clock.shift(step)
        feed(to, shape, RATE, number * 100, 100)
        relay.wait_recorded(number * 100 + 100)
        rotate(relay, 1)
    relay.stop()
    clock.close()
    days = [(start_time_us(path) - time.time_ns() // 1000) // (86400 * 10**6)
            for path in sealed(relay.directory)]
    check_equal(days, [-1, -1, -1, 99], "days ahead, of names in order")
    check_exact(sorted(numbers(relay.directory, shape)), range(400), "recorded")
    check_exact(numbers(relay.directory, shape)[:100], range(100), "in the first")
    check_exact(numbers(relay.directory, shape)[300:], range(100, 200), "in the wrong one")

finish()
