#!/usr/bin/python3
"""A second recorder on another host: it joins the full-rate group of the first one's relay, or both
join the group that the source sends to, and one of them is lost."""
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import Peer, case, enter_network, finish, run_dir, storage_dir  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from segments import check_exact, numbers  # noqa: E402
from udp import Collector, Feeder, Fixed, Varying, sender, steady_rate, subscriber  # noqa: E402

RATE = steady_rate(10000)
enter_network()
run, place = run_dir(), storage_dir()
SHAPES = {"fixed": Fixed(400), "varying": Varying()}
data = compile_schemas(run, {name: shape.schema for name, shape in SHAPES.items()})
peer = Peer()


def host(name, shape, **options):
    """A relay of channel engine with a storage and a run directory of its own."""
    for directory in (run / name, place / name):
        directory.mkdir()
    return Relay(data[shape], run / name, place / name, "engine", **options)


GROUPS = (("IPv4", "239.1.1.1:6000", Peer.NEAR4), ("IPv6", "[ff15::11]:6000", Peer.NEAR6))
for kind, group, address in GROUPS:
    for name, shape in SHAPES.items():
        with case(f"{kind}, {name}: the second host records the first one's full-rate group and "
                  "relays it: every datum is in both recordings, and beyond"):
            both = f"{kind}-{name}"
            with peer.inside():
                onward = Collector(subscriber("239.1.1.9:6000", "lo"))
                standby = host(f"standby-{both}", name, listen=group, listen_interface="far",
                               source=address, full_rate="239.1.1.9:6000", interface="lo")
            first = host(f"first-{both}", name, listen="127.0.0.1:26000", full_rate=group,
                         interface="near", ttl=1)
            sent = Feeder(sender(first.listen), shape, RATE, count=RATE).wait()
            for relay in (first, standby):
                relay.wait_received(sent)
                relay.stop()
                check_exact(numbers(relay.directory, shape), range(sent), relay.log.parent.name)
            check_exact(shape.numbers(b"".join(onward.datagrams())), range(sent), "beyond")

with case("the source sends to a group that both hosts join: one is killed halfway and its disk is "
          "lost, and the other one has every datum"):
    group, shape = "239.2.2.2:26000", SHAPES["varying"]
    with peer.inside():
        other = host("other", "varying", listen=group, listen_interface="far")
    one = host("one", "varying", listen=group, listen_interface="near")
    feeder = Feeder(sender(group, "near"), shape, RATE)
    one.wait_received(RATE // 4)
    one.kill()
    shutil.rmtree(one.directory)
    other.wait_received(RATE // 2)
    sent = feeder.stop()
    other.wait_received(sent)
    other.stop()
    check_exact(numbers(other.directory, shape), range(sent), "the other one's recording")

with case("each of two hosts misses what the other one has: together they have every datum"):
    shape = SHAPES["fixed"]
    with peer.inside():
        other = host("other-2", "fixed", listen=group, listen_interface="far")
    one = host("one-2", "fixed", listen=group, listen_interface="near")
    feeder = Feeder(sender(group, "near"), shape, RATE)
    one.wait_received(RATE // 4)
    one.stop()
    other.wait_received(RATE // 2)
    one = Relay(data["fixed"], run / "one-2", place / "one-2", "engine", listen=group,
                listen_interface="near")
    before = one.counters().received
    one.wait_received(before + RATE // 10)
    other.stop()
    before = one.counters().received
    one.wait_received(before + RATE // 10)
    sent = feeder.stop()
    one.stop()
    parts = [numbers(relay.directory, shape) for relay in (one, other)]
    assert max(map(len, parts)) < sent, "one of them has all"
    check_exact(sorted(set(parts[0]) | set(parts[1])), range(sent), "of both")

finish()
