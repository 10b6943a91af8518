#!/usr/bin/python3
"""What decimation costs the receiver: CPU per datagram with a decimated stream of 100 doubles, by
50, as a ratio to the same relay without one. Medians of ROUNDS (5) alternating runs of 4 s each."""
import json
import os
import statistics
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import enter_network, run_dir, wait_for  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import feed, sender  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "5"))
RATE, COUNT, PER_SEND, BUDGET = 10000, 40000, 50, 1.10
SOL_UDP, UDP_SEGMENT = 17, 103
SCHEMA = json.dumps({"type": "record", "name": "Wide", "fields": [
    {"name": f"d{i}", "type": "double"} for i in range(100)]})
FULL, DECIMATED = "239.1.1.1:6000", "239.1.1.2:6001"


class Shape:
    @staticmethod
    def make(number):
        return struct.pack("<100d", *([number * 0.5] * 100))


def cpu_ns(pid):
    """On-CPU time of a process, in nanoseconds."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0])


enter_network()
run = run_dir()
data = compile_schemas(run, {"wide": SCHEMA})["wide"]
WAYS = {"without": None, **{method: [f"{DECIMATED},factor=50,method={method}"]
                            for method in ("downsample", "average", "rms", "minmax")}}


def measure(way, batches):
    """Nanoseconds of the receiver for each datagram, sent one by one or in batches."""
    relay = Relay(data, run, None, way, full_rate=FULL, decimated=WAYS[way])
    sock = sender(relay.listen)
    feed(sock, Shape, RATE, 0, 2000)
    relay.wait_received(2000)
    before = relay.counters().received, cpu_ns(relay.pid)
    if batches:
        sock.setsockopt(SOL_UDP, UDP_SEGMENT, len(Shape.make(0)))
        batch = Shape.make(0) * PER_SEND
        started = time.monotonic()
        for number in range(COUNT * 8 // PER_SEND):
            sock.send(batch)
            while time.monotonic() - started < number * PER_SEND / (RATE * 8):
                pass
        wait_for(lambda: not queued_for(relay), "all is received")
    else:
        feed(sock, Shape, RATE, 0, COUNT)
        relay.wait_received(2000 + COUNT)
    spent = cpu_ns(relay.pid) - before[1]
    received = relay.counters().received - before[0]
    relay.stop()
    return spent / received


def queued_for(relay):
    """Whether it has received something since the last look."""
    seen = relay.counters().received
    time.sleep(0.02)
    return relay.counters().received > seen


for batches in (False, True):
    found = {way: [] for way in WAYS}
    for round_ in range(ROUNDS):
        for way in WAYS:
            found[way].append(measure(way, batches))
    base = statistics.median(found["without"])
    noise = [each / base for each in found["without"]]
    how = f"{RATE * 8}/s in batches of 50" if batches else f"{RATE}/s one by one"
    print(f"100 doubles at {how}: "
          f"{base / 1000:.2f} us of the receiver's CPU a datagram without decimation "
          f"({min(noise):.2f} to {max(noise):.2f} of its median)")
    print("by 50         ratio  budget")
    for way in list(WAYS)[1:]:
        pairs = [one / other for one, other in zip(found[way], found["without"])]
        print(f"{way:12} {statistics.median(pairs):6.3f}  {BUDGET:.2f}")
