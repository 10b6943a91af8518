#!/usr/bin/python3
"""Trouble on the way out: interfaces that go and come back, no route. It stays with its stream, is
counted and said once, and ends by itself."""
import errno
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import trouble  # noqa: E402
from sdrtest import (Peer, case, check_equal, enter_network, finish, run_dir,  # noqa: E402
                     sh, storage_dir, wait_for)
from relay import Relay, compile_schemas  # noqa: E402
from trouble import LISTEN, check_part, small  # noqa: E402
from udp import Collector, feed, queued, sender, subscriber  # noqa: E402

GROUP, GROUP6 = "239.1.1.2:6001", "[ff15::12]:6001"
SYSTEM = 111

enter_network()
run, storage = run_dir(), storage_dir()
data = compile_schemas(run, trouble.SCHEMAS)
Scene = partial(trouble.Scene, (data, run, storage))
peer = Peer()
FAR = f"{Peer.FAR4}:6001"


def far_subscriber(group):
    with peer.inside():
        return subscriber(group, "far")


with case("an interface goes down and up: its streams fail meanwhile, the others do not notice"):
    seen = Collector(far_subscriber(FAR))
    scene = Scene("down", FAR)
    wait_for(lambda: scene.sent() > 50, "datagrams leave")
    for _ in range(2):
        sh("ip link set near down")
        scene.wait_trouble(errno.ENETUNREACH, errno.ENETDOWN)
        sh("ip link set near up")
        scene.wait_well()
    scene.end(spells=2)
    check_part(small, seen, scene)

for name, spells, options in (("name", 2, {"interface": "near"}),
                              ("address", 1, {"interface": Peer.NEAR4})):
    with case(f"an interface, given by {name}, is removed and comes back: so do its streams"):
        groups = (GROUP, FAR) + ((GROUP6,) if name == "name" else ())
        scene = Scene(f"removed-{name}", *groups, healthy=False, **options)
        for _ in range(spells):
            wait_for(lambda: scene.sent() > 50, "datagrams leave")
            peer.disconnect()
            for at in range(1, len(groups) + 1):
                scene.wait_trouble(errno.ENODEV, errno.EINVAL, errno.ENETUNREACH,
                                   errno.EADDRNOTAVAIL, at=at)
            peer.connect()
            seen = [far_subscriber(group) for group in groups]
            for at in range(1, len(groups) + 1):
                scene.wait_well(at)
            for sock in seen:
                assert queued(sock), "nothing comes"
                sock.close()
        scene.end(spells, healthy=False, exact=False)

with case("an interface that came back while nothing was sent: the next datum leaves by it"):
    scene = Scene("idle", GROUP, rate=0, healthy=False, interface="near")
    feed(sender(LISTEN), small, 1000, 0, 10)
    wait_for(lambda: scene.sent() == 10, "datagrams leave")
    peer.disconnect()
    peer.connect()
    for first in (10, 20):
        feed(sender(LISTEN), small, 1000, first, 10)
        wait_for(lambda: scene.sent() == first + 10, "datagrams leave")
    check_equal(scene.errors(), 0, "errors")
    scene.relay.stop()
    check_equal(scene.relay.messages().count("unable"), 0, "lines")

with case("an interface is renamed: its streams stay, until another one has its name"):
    scene = Scene("renamed", GROUP, healthy=False, interface="near")
    wait_for(lambda: scene.sent() > 50, "datagrams leave")
    sh("ip link set near down")
    sh("ip link set near name away")
    sh("ip link set away up")
    scene.wait_well()
    sh(f"ip link add near type veth peer name other netns {peer.pid}")
    sh("ip addr add 10.78.0.1/24 dev near")
    with peer.inside():
        sh("ip link set other up")
        seen = subscriber(GROUP, "other")
    sh("ip link set near up")
    wait_for(lambda: queued(seen), "the stream leaves by the new one")
    seen.close()
    scene.abandon()
    scene.relay.stop()
    sh("ip link del near")
    sh("ip link set away down")
    sh("ip link set away name near")
    sh("ip link set near up")

with case("no route at start: ready all the same, and it sends as soon as there is one"):
    scene = Scene("route", "10.99.0.1:6001")
    scene.wait_trouble(errno.ENETUNREACH)
    sh(f"ip route add 10.99.0.0/24 via {Peer.FAR4}")
    scene.wait_well()
    scene.end()

with case("no interface at start: one line that names it and the stream, exit 111, tried again"):
    for words in (("stream", GROUP, "none0", "interface"), ("239.2.2.2:26000", "none0")):
        options = {"listen": "239.2.2.2:26000", "listen_interface": "none0"}
        if words[0] == "stream":
            options = {"interface": "none0"}
        relay = Relay(data["small"], run, storage, "none", wait=False, full_rate=GROUP, **options)
        check_equal(relay.process.wait(10), SYSTEM, "exit code")
        lines = [line for line in relay.messages().splitlines() if "receive buffer: " not in line]
        relay.log.unlink()
        check_equal(len(lines), 1, f"lines of {lines}")
        for word in ("fatal:", "No such device", *words):
            assert word in lines[0], f"'{lines[0]}' does not say '{word}'"

finish()
