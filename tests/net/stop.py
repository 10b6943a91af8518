#!/usr/bin/python3
"""Stopping the feed and the relay in any order leaves complete files and loses nothing."""
import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (case, check_equal, enter_network, finish, run_dir,  # noqa: E402
                     storage_dir, wait_for)
from segments import check_exact, numbers, sealed  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import (Collector, Feeder, Varying, feed, sender, steady_rate,  # noqa: E402
                 subscriber)

RATE = steady_rate()
GROUP = "239.1.1.1:6000"

enter_network()
run, storage = run_dir(), storage_dir()
shape = Varying()
data = compile_schemas(run, {"t": shape.schema})["t"]


def begin(name, **options):
    seen = Collector(subscriber(GROUP))
    relay = Relay(data, run, storage, name, full_rate=GROUP, **options)
    feeder = Feeder(sender(relay.listen), shape, RATE)
    wait_for(lambda: relay.counters().received > 2000, "datagrams come")
    return seen, relay, feeder


def check(relay, seen, sent):
    """What came in, came out and is recorded: everything from 0 up to some number, no gap."""
    received = relay.counters().received
    assert received <= sent
    check_exact(numbers(relay.directory, shape), range(received), "recorded")
    check_exact(shape.numbers(b"".join(seen.datagrams())), range(received), "relayed")
    assert not (relay.directory / ".open").exists(), ".open is still there"
    return received


with case("the feed first, then the relay: all that was sent"):
    seen, relay, feeder = begin("feed")
    sent = feeder.stop()
    relay.stop()
    check_equal(check(relay, seen, sent), sent, "received: what was queued at TERM is drained")
for signal_name in ("SIGTERM", "SIGINT"):
    with case(f"the relay first ({signal_name}), under load: complete, without a gap"):
        seen, relay, feeder = begin(signal_name.lower())
        relay.process.send_signal(getattr(signal, signal_name))
        check_equal(relay.process.wait(10), 0, "exit code")
        sent = feeder.stop()
        check(relay, seen, sent)
with case("TERM, ten times in a row, is one TERM"):
    seen, relay, feeder = begin("often")
    for _ in range(10):
        relay.process.terminate()
        time.sleep(0.001)
    check_equal(relay.process.wait(10), 0, "exit code")
    check(relay, seen, feeder.stop())
with case("TERM before anything came: no file, exit 0"):
    relay = Relay(data, run, storage, "nothing")
    relay.stop()
    check_equal(sealed(relay.directory), [], "segments")
with case("TERM while nothing comes: ends at once"):
    relay = Relay(data, run, storage, "idle", sync_ms=3600000)
    sender(relay.listen).send(shape.make(0))
    relay.wait_received(1)
    start = time.monotonic()
    relay.stop()
    took_s = time.monotonic() - start
    assert took_s < 2, f"took {took_s:.1f} s"
    check_exact(numbers(relay.directory, shape), range(1), "recorded")
with case("the writer is killed just as the relay is told to stop: another one seals"):
    relay = Relay(data, run, storage, "successor", sync_ms=3600000)
    feed(sender(relay.listen), shape, RATE, 0, 500)
    relay.wait_received(500)
    relay.process.send_signal(signal.SIGSTOP)
    os.kill(relay.writer(), signal.SIGKILL)
    relay.process.terminate()
    relay.process.send_signal(signal.SIGCONT)
    check_equal(relay.process.wait(10), 0, "exit code")
    check_exact(numbers(relay.directory, shape), range(500), "recorded")
with case("restarted ten times under load: complete files, nothing doubled, in order"):
    seen = Collector(subscriber(GROUP))
    feeder = None
    for _ in range(10):
        relay = Relay(data, run, storage, "again", full_rate=GROUP)
        feeder = feeder or Feeder(sender(relay.listen), shape, RATE)
        have = relay.counters().received
        wait_for(lambda: relay.counters().received > have + 500, "datagrams come")
        relay.stop()
    feeder.stop()
    live = shape.numbers(b"".join(seen.datagrams()))
    check_equal(len(live), relay.counters().received, "relayed: all that was received")
    check_equal(live, sorted(set(live)), "the live stream, in order and without doubles")
    check_equal(numbers(relay.directory, shape), live, "recorded")

finish()
