#!/usr/bin/python3
"""Super-packets (UDP_GRO) and batches: each datum is judged, relayed and recorded by itself; in
place, through windows, when the ring is full, and with a batch_wait."""
import random
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (BIN, case, check_equal, enter_network, finish, run_dir,  # noqa: E402
                     storage_dir)
from relay import Relay, compile_schemas  # noqa: E402
from segments import Segment, check_exact, numbers, rejects, sealed  # noqa: E402
from udp import Collector, Fixed, Varying, feed, sender, subscriber  # noqa: E402

SOL_UDP, UDP_SEGMENT, UDP_GRO = 17, 103, 104
FULL = "239.1.1.1:6000"
fixed, varying = Fixed(200), Varying()

enter_network()
run, storage = run_dir(), storage_dir()
schemas = compile_schemas(run, {"fixed": fixed.schema, "varying": varying.schema})
names = iter(f"t{at}" for at in range(1000))


def start(data="fixed", record=True, **options):
    options = {"full_rate": FULL, "interface": "lo", "receive_buffer_bytes": 64 << 20} | options
    return Relay(schemas[data], run, storage if record else None, next(names), **options)


def send_super(sock, datums):
    """One UDP_SEGMENT send; all but the last are of one length."""
    control = [(SOL_UDP, UDP_SEGMENT, len(datums[0]).to_bytes(2, sys.byteorder))]
    sock.sendmsg([b"".join(datums)], control)


with case("super-packets of 2 to 64 datums, recorded and relayed each once, in order"):
    seen = Collector(subscriber(FULL))
    relay = start(buffer_bytes=32 << 20)
    sock, count, rng = sender(relay.listen), 0, random.Random(1)
    for each in [64] * 40 + [rng.randint(2, 64) for _ in range(60)] + [64] * 20:
        send_super(sock, [fixed.make(count + at) for at in range(each)])
        count += each
        relay.wait_received(count)
    relay.stop()
    check_exact(fixed.numbers(b"".join(seen.datagrams())), range(count), "relayed")
    check_exact(numbers(relay.directory, fixed), range(count), "recorded")
    check_equal(sum(relay.counters().latency), count, "latencies counted")

with case("a subscriber with UDP_GRO gets them uncut, one without gets datagrams"):
    whole, plain = subscriber(FULL), subscriber(FULL)
    whole.setsockopt(SOL_UDP, UDP_GRO, 1)
    relay = start(record=False)
    send_super(sender(relay.listen), [fixed.make(at) for at in range(50)])
    relay.wait_received(50)
    for sock in (whole, plain):
        sock.settimeout(10)
    check_equal(len(whole.recv(65536)), 50 * 200, "bytes of what came at once")
    check_exact([fixed.numbers(plain.recv(65536))[0] for _ in range(50)], range(50), "plain")
    relay.stop()

with case("bad datagrams within: rejected each by itself, kept whole, the good ones recorded"):
    seen = Collector(subscriber(FULL))
    relay = start("varying")
    sock, good, bad, rng = sender(relay.listen), [], [], random.Random(2)
    for number in range(200):
        datums = []
        for at in range(rng.randint(2, 40)):
            datum = varying.make(number * 37 % 150 * 150 * 40 + 11 + 150 * at)
            if rng.random() < 0.2:
                datum = b"\xff" * (len(datum) - 1) + bytes([at])
                bad.append(datum)
            else:
                good.append(datum)
            if datums and len(datum) != len(datums[0]):
                (bad if datum[0] == 255 else good).pop()
                break
            datums.append(datum)
        send_super(sock, datums)
        relay.wait_received(len(good) + len(bad))
    relay.stop()
    check_equal(relay.counters().rejected, len(bad), "rejected")
    assert bad and good, "the test sends both"
    check_equal([record["datagram"] for record in rejects(relay.directory)], bad, "kept")
    check_equal(seen.datagrams(), good, "relayed")
    check_equal(b"".join(Segment(path).data() for path in sealed(relay.directory)),
                b"".join(good), "recorded")

with case("a ring too small for them: what has no room is relayed all the same, and counted"):
    seen = Collector(subscriber(FULL))
    relay = start(buffer_bytes=65536, sync_ms=3600000)
    sock = sender(relay.listen)
    for number in range(100):
        send_super(sock, [fixed.make(number * 64 + at) for at in range(64)])
    relay.wait_received(6400)
    relay.stop()
    check_exact(fixed.numbers(b"".join(seen.datagrams())), range(6400), "relayed")
    page = relay.counters()
    found = numbers(relay.directory, fixed)
    check_equal(len(found) + page.unrecorded, 6400, "recorded and unrecorded")
    check_exact(found, sorted(set(found)), "recorded, in order")

with case("with receive_time each has it, behind its own bytes"):
    relay = start(receive_time=True)
    send_super(sender(relay.listen), [fixed.make(at) for at in range(40)])
    relay.wait_recorded(40)
    relay.stop()
    page = relay.counters()
    check_equal((page.recorded, page.unrecorded), (40, 0), "recorded")

for wait_us in (0, 200, 10000):
    with case(f"--batch-wait-us {wait_us}: all is relayed and recorded, in order"):
        seen = Collector(subscriber(FULL))
        relay = start(batch_wait_us=wait_us)
        feed(sender(relay.listen), fixed, 5000, 0, 3000)
        relay.wait_received(3000)
        relay.stop()
        check_exact(fixed.numbers(b"".join(seen.datagrams())), range(3000), "relayed")
        check_exact(numbers(relay.directory, fixed), range(3000), "recorded")

with case("--batch-wait-us: a lone datum is not kept waiting; more than 10 ms are refused"):
    relay = start(record=False, batch_wait_us=10000)
    sock = sender(relay.listen)
    for number in range(20):
        sock.send(fixed.make(number))
        relay.wait_received(number + 1)
    relay.stop()
    done = subprocess.run([BIN / "sdr-relay", "--batch-wait-us", "10001"], capture_output=True,
                          text=True, check=False)
    check_equal(done.returncode, 100, "exit code")
    assert "--batch-wait-us: invalid value '10001'" in done.stderr, done.stderr

finish()
