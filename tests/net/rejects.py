#!/usr/bin/python3
"""Datagrams that are not exactly one datum: never relayed or recorded as data, counted by reason,
kept whole; and the datagrams around them are all there, in order."""
import random
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (Peer, case, check_equal, enter_network, finish, run_dir,  # noqa: E402
                     storage_dir)
from segments import Segment, python_avro, rejects, sealed  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from every import Every, bad_datagrams  # noqa: E402
from udp import Collector, Fixed, sender, subscriber  # noqa: E402

enter_network()
run, storage = run_dir(), storage_dir()
every, fixed = Every(), Fixed(40)
data = compile_schemas(run, {"every": every.schema, "fixed": fixed.schema})
peer = Peer()
GROUP = "239.1.1.1:6000"


def recorded(relay):
    return b"".join(Segment(path).data() for path in sealed(relay.directory))


def exchange(name, schema, listen, good, bad, from_far=False, **options):
    """Sends a good one, a bad one, a good one …: the relay, stopped, and what it relayed."""
    seen = Collector(subscriber(GROUP))
    relay = Relay(data[schema], run, storage, name, listen=listen, full_rate=GROUP,
                  interface="lo", **options)
    with peer.inside():
        far = sender(listen)
    sock = far if from_far else sender(listen)
    relay.sent_from = "%s:%d" % sock.getsockname()[:2]
    if ":" in sock.getsockname()[0]:
        relay.sent_from = "[%s]:%d" % sock.getsockname()[:2]
    relay.sent_at = time.time()
    for i in range(max(len(good), len(bad))):
        for datagram in good[i:i + 1] + bad[i:i + 1]:
            sock.send(datagram)
        if i % 8 == 7:
            time.sleep(0.01)
    sock.send(good[0])
    relay.wait_received(len(good) + len(bad) + 1)
    relay.stop()
    return relay, seen.datagrams()


PATHS = (("IPv4 loopback", "127.0.0.1:26000", False), ("IPv6 loopback", "[::1]:26000", False),
         ("IPv4 over a veth of MTU 1500", f"{Peer.NEAR4}:26000", True),
         ("IPv6 over a veth of MTU 1500", f"[{Peer.NEAR6}]:26000", True))

for at, (path, listen, from_far) in enumerate(PATHS):
    kinds = bad_datagrams(every, 77, random.Random(at))
    bad = [datagram for _, _, datagram in kinds]
    good = [every.make(number) for number in range(len(bad))]
    relay = kept = None
    with case(f"{path}: {len(bad)} kinds of bad datagrams among good ones: only the good relayed"):
        relay, live = exchange(f"every{at}", "every", listen, good, bad, from_far)
        check_equal(live, good + good[:1], "relayed")
    if not relay:
        continue
    with case(f"{path}: only the good ones are recorded, in order"):
        check_equal(recorded(relay), b"".join(good + good[:1]), "recorded")
    with case(f"{path}: the rejects hold every bad datagram whole, with time, source and reason"):
        kept = rejects(relay.directory)
        check_equal([row["datagram"] for row in kept], bad, "kept")
        check_equal({row["source"] for row in kept}, {relay.sent_from}, "source")
        for row in kept:
            age_s = row["receive_time"] / 1e6 - relay.sent_at
            assert -0.1 < age_s < 30, f"receive time is {age_s} s after the first was sent"
    with case(f"{path}: each kind is rejected for its reason, and counted so"):
        for (what, reason, _), row in zip(kinds, kept, strict=True):
            assert reason in (None, row["reason"]), f"{what}: '{row['reason']}', not '{reason}'"
        counters = relay.counters()
        check_equal(counters.reasons(), dict(Counter(row["reason"] for row in kept)), "by reason")
        check_equal((counters.received, counters.rejected, counters.rejects_kept,
                     counters.rejects_not_kept, counters.recorded),
                    (len(bad) + len(good) + 1, len(bad), len(bad), 0, len(good) + 1),
                    "received, rejected, kept, not kept, recorded")

with case("other people's readers read the rejects"):
    path = next((storage / "channel=every0" / "rejected").glob("*.avro"))
    check_equal([row["datagram"] for row in python_avro(path)],
                [datagram for _, _, datagram in bad_datagrams(every, 77, random.Random(0))],
                "python3-avro")

with case("fixed-size schema: every other size is rejected, 0 to 65,507 bytes"):
    rng = random.Random(5)
    sizes = [0, 1, 39, 41, 80, 1472, 1473, 9000, 65506, 65507]
    bad = [rng.randbytes(size) for size in sizes]
    good = [fixed.make(number) for number in range(len(bad))]
    relay, live = exchange("fixed", "fixed", "127.0.0.1:26000", good, bad)
    check_equal(live, good + good[:1], "relayed")
    check_equal(recorded(relay), b"".join(good + good[:1]), "recorded")
    kept = rejects(relay.directory)
    check_equal([row["datagram"] for row in kept], bad, "kept")
    check_equal([row["reason"] for row in kept], ["short"] * 3 + ["long"] * 7, "reasons")

with case("invalid = relay: bad datagrams are relayed, but never recorded as data"):
    relay, live = exchange("relayed", "fixed", "127.0.0.1:26000", good, bad, invalid="relay")
    check_equal(sorted(live), sorted(good + good[:1] + bad), "relayed")
    check_equal([x for x in live if len(x) == 40], good + good[:1], "the good ones in order")
    check_equal(recorded(relay), b"".join(good + good[:1]), "recorded")
    check_equal([row["datagram"] for row in rejects(relay.directory)], bad, "kept")

with case("a sender that is not allowed: counted, neither relayed, nor recorded, nor kept"):
    seen = Collector(subscriber(GROUP))
    relay = Relay(data["fixed"], run, storage, "allowed", full_rate=GROUP, interface="lo",
                  allow=["127.0.0.8/32", "10.0.0.0/8"])
    friend = sender(relay.listen, from_address="127.0.0.8")
    stranger = sender(relay.listen, from_address="127.0.0.9")
    for number in range(20):
        (stranger if number % 2 else friend).send(fixed.make(number))
    relay.wait_received(20)
    relay.stop()
    check_equal(fixed.numbers(b"".join(seen.datagrams())), list(range(0, 20, 2)), "relayed")
    check_equal(fixed.numbers(recorded(relay)), list(range(0, 20, 2)), "recorded")
    check_equal(relay.counters().reasons(), {"sender": 10}, "by reason")
    check_equal(rejects(relay.directory), [], "what a stranger sends fills no disk: kept")

finish()
