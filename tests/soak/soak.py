#!/usr/bin/python3
"""Four relays under load for SOAK_S seconds, by default half an hour: memory, descriptors and ring
stay as they are after the first fifth of it, and every datum is recorded exactly once.

Segments are read as they are sealed, and then removed.
"""
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (case, check_equal, enter_network, finish, run_dir,  # noqa: E402
                     storage_dir, wait_for)
from relay import Relay, compile_schemas  # noqa: E402
from segments import Segment, check_exact, sealed  # noqa: E402
from udp import Feeder, Fixed, Varying, sender  # noqa: E402

SOAK_S = int(os.environ.get("SOAK_S", "1800"))
EVERY_S = min(10, SOAK_S / 30)
SLACK_BYTES = 64 << 10
BAD_EACH = 50  # of the channel with rejects


class Mixed(Fixed):
    """Each BAD_EACHth datagram is one byte too long."""

    def make(self, number):
        return super().make(number) + (b"x" if number % BAD_EACH == 0 else b"")


class Channel:
    def __init__(self, at, name, shape, rate, **options):
        self.shape, self.next, self.kept = shape, 0, 0
        listen = f"127.0.0.1:{26000 + at}"
        self.relay = Relay(data[name], run, storage, name, listen=listen, interface="lo",
                           full_rate=f"239.1.1.{at + 1}:6000",
                           decimated=f"239.1.2.{at + 1}:6000,factor=100",
                           **{"buffer_bytes": 1 << 20, "rotate_s": 20} | options)
        self.feed = Feeder(sender(listen), shape, rate)
        self.samples = []  # (Pss of each process, descriptors of each, ring)

    def sample(self):
        pids = (self.relay.pid, self.relay.writer())
        self.samples.append((*(pss(pid) for pid in pids),
                             *(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids),
                             self.relay.counters().ring_used))

    def read_sealed(self):
        for path in sealed(self.relay.directory):
            segment = Segment(path)
            found = self.shape.numbers(segment.data())
            expected = []
            while len(expected) < len(found):
                if not (isinstance(self.shape, Mixed) and self.next % BAD_EACH == 0):
                    expected.append(self.next)
                self.next += 1
            check_exact(found, expected, f"{self.relay.name}: {path.name}")
            self.kept += len(found)
            path.unlink()


def pss(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return sum(int(line.split()[1]) << 10 for line in file if line.startswith("Pss:"))


enter_network()
run, storage = run_dir(), storage_dir()
SHAPES = {"fixed": Fixed(200), "varying": Varying(), "each": Fixed(100), "mixed": Mixed(300)}
data = compile_schemas(run, {name: shape.schema for name, shape in SHAPES.items()})
channels = [Channel(0, "fixed", SHAPES["fixed"], 2000, segment_bytes=4 << 20),
            Channel(1, "varying", SHAPES["varying"], 2000),
            Channel(2, "each", SHAPES["each"], 200, sync_ms=0, buffer_bytes=64 << 10),
            Channel(3, "mixed", SHAPES["mixed"], 500, rotate_s=2)]

with case(f"{SOAK_S} s under load"):
    start = time.monotonic()
    while time.monotonic() - start < SOAK_S:
        time.sleep(EVERY_S)
        for channel in channels:
            channel.sample()
            channel.read_sealed()
    starts = [channel.relay.counters().writer_starts for channel in channels]
    check_equal(starts, [1] * len(channels), "starts of writers")

KINDS = ("receiver's memory", "writer's memory", "receiver's descriptors", "writer's descriptors",
         "ring")
for at, kind in enumerate(KINDS):
    with case(f"{kind}: flat"):
        for channel in channels:
            seen = [sample[at] for sample in channel.samples]
            seen = seen[len(seen) // 5:]
            early, late = seen[:len(seen) // 2], seen[len(seen) // 2:]
            early, late = (statistics.median(early), statistics.median(late))
            print(f"# {channel.relay.name}: {kind} {early:.0f}, then {late:.0f}; at most "
                  f"{max(seen)}")
            slack = 0 if "descriptors" in kind else SLACK_BYTES
            assert late <= early + slack, f"{channel.relay.name}: {early:.0f}, then {late:.0f}"

with case("sent = received = relayed = recorded, each datum once, in order; rejects counted"):
    for channel in channels:
        sent = channel.feed.stop()
        relay = channel.relay
        wait_for(lambda: relay.counters().received >= sent, f"{relay.name} has received {sent}")
        relay.stop()
        channel.read_sealed()
        counters = relay.counters()
        bad = -(-sent // BAD_EACH) if isinstance(channel.shape, Mixed) else 0
        found = (counters.received, counters.rejected, counters.recorded, channel.kept,
                 counters.unrecorded, counters.kernel_drops, counters.streams[0][0],
                 counters.streams[1][0])
        check_equal(found, (sent, bad, sent - bad, sent - bad, 0, 0, sent - bad,
                            (sent - bad) // 100), f"{relay.name}: counts")
        print(f"# {relay.name}: {sent} sent")

finish()
