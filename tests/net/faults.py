#!/usr/bin/python3
"""Trouble on the way out: interfaces that go and come back, no route, full queues, refusals, a
smaller MTU. It stays with its stream, is counted and said once, and ends by itself."""
import contextlib
import errno
import os
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (Peer, after_failure, case, check_equal, children, enter_network,  # noqa: E402
                     finish, run_dir, sh, storage_dir, wait_for)
from segments import check_exact, numbers  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import (Collector, Feeder, Fixed, feed, queued, sender, send_all,  # noqa: E402
                 subscriber)

LISTEN, HEALTHY, GROUP, GROUP6 = ("127.0.0.1:26000", "239.1.1.1:6000", "239.1.1.2:6001",
                                  "[ff15::12]:6001")
SYSTEM = 111
UDP_GRO = 104

enter_network()
run, storage = run_dir(), storage_dir()
small, large = Fixed(200), Fixed(1000)
data = compile_schemas(run, {"small": small.schema, "large": large.schema})
peer = Peer()
FAR = f"{Peer.FAR4}:6001"
sh(f"ip route add {GROUP.split(':')[0]} dev near")


def far_subscriber(group):
    with peer.inside():
        return subscriber(group, "far")


class Scene:
    """A relay with streams in trouble, beside one that leaves by lo and must not notice."""

    def __init__(self, name, *troubled, shape=small, rate=1000, healthy=True, **options):
        self.shape, self.seen = shape, Collector(subscriber(HEALTHY)) if healthy else None
        # Stream 0 is the healthy one, the troubled ones are 1 and up.
        if healthy:
            options["full_rate"] = HEALTHY
        self.relay = Relay(data["large" if shape is large else "small"], run, storage, name,
                           decimated=[f"{to},factor=1" for to in troubled], **options)
        self.troubled = troubled
        self.feeder = Feeder(sender(LISTEN), shape, rate) if rate else None
        after_failure.append(self.abandon)

    def abandon(self):
        if self.feeder:
            self.feeder.stop()
            self.feeder = None

    def sent(self, at=1):
        return self.relay.counters().streams[at][0]

    def errors(self, at=1):
        return self.relay.counters().streams[at][2]

    def wait_trouble(self, *wrong, at=1):
        before = self.errors(at)
        wait_for(lambda: self.errors(at) > before + 20, "datagrams fail")
        last = self.relay.counters().streams[at][3]
        assert last in wrong, f"the last error is {errno.errorcode.get(last, last)}"

    def wait_well(self, at=1):
        """The stream is itself again, and says so."""
        here = self.sent(at)
        wait_for(lambda: self.sent(at) > here + 20, "datagrams leave again", 5)
        lines = self.lines(at)
        wait_for(lambda: len(self.lines(at)) % 2 == 0, f"an end of the trouble beside {lines}")

    def lines(self, at=1):
        name = f"stream {self.troubled[at - 1]}: "
        return [line for line in self.relay.messages().splitlines() if name in line]

    def end(self, spells=1, healthy=True, exact=True):
        """Everything is recorded and on the healthy stream, and each troubled one said `spells`
        times that it began and ended."""
        sent = self.feeder.stop()
        self.feeder = None
        self.relay.wait_received(sent)
        self.relay.stop()
        counters = self.relay.counters()
        check_equal((counters.kernel_drops, counters.unrecorded), (0, 0), "dropped, unrecorded")
        check_exact(numbers(self.relay.directory, self.shape), range(sent), "recorded")
        if healthy:
            check_exact(self.shape.numbers(b"".join(self.seen.datagrams())), range(sent),
                        "healthy stream")
            check_equal(counters.streams[0][2], 0, "errors of the healthy stream")
        for at in range(1, len(self.troubled) + 1):
            lines = self.lines(at)
            said = ["unable to send" if "unable to send" in line else
                    "sending again" if "sending again" in line else line for line in lines]
            check_equal(said, ["unable to send", "sending again"] * spells, "lines")
            # A host that does not answer is told of later, for datagrams that were sent.
            both = sum(counters.streams[at][:3:2])
            assert both == sent or not exact and both > sent, f"sent and errors: {both}"
        return sent


def check_part(shape, collector, scene, at=1):
    """What came is what was sent, in order, nothing twice."""
    found = shape.numbers(b"".join(collector.datagrams()))
    assert found == sorted(set(found)), "doubled or out of order"
    check_equal(len(found), scene.sent(at), "datagrams that came, and that were counted as sent")


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

for name, options in (("name", {"interface": "near"}), ("address", {"interface": Peer.NEAR4})):
    with case(f"an interface, given by {name}, is removed and comes back: so do its streams"):
        groups = (GROUP, FAR) + ((GROUP6,) if name == "name" else ())
        scene = Scene(f"removed-{name}", *groups, healthy=False, **options)
        for _ in range(2):
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
        scene.end(spells=2, healthy=False, exact=False)
sh(f"ip route add {GROUP.split(':')[0]} dev near")

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
sh(f"ip route add {GROUP.split(':')[0]} dev near")

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
sh(f"ip route add {GROUP.split(':')[0]} dev near")

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
        lines = relay.messages().splitlines()
        relay.log.unlink()
        check_equal(len(lines), 1, f"lines of {lines}")
        for word in ("fatal:", "No such device", *words):
            assert word in lines[0], f"'{lines[0]}' does not say '{word}'"


@contextlib.contextmanager
def queue(words):
    """A queueing discipline at the near end."""
    sh(f"tc qdisc replace dev near root {words}")
    try:
        yield
    finally:
        sh("tc qdisc del dev near root")


with case("a queue that drops (ENOBUFS): counted on that stream"):
    seen = far_subscriber(FAR)
    scene = Scene("queue", FAR, GROUP)
    with queue("tbf rate 64kbit burst 2000 limit 3000"):
        scene.wait_trouble(errno.ENOBUFS)
        scene.wait_trouble(errno.ENOBUFS, at=2)
    scene.wait_well()
    scene.wait_well(at=2)
    scene.end()

with case("a way out that is too slow (EAGAIN): the others are not held up"):
    # 20 Mbit/s where 1 Mbit/s leaves; waited for, it would take 20 times as long.
    seen = far_subscriber(FAR)
    scene = Scene("slow", FAR, shape=large, rate=2500, receive_buffer_bytes=256 << 10)
    with queue("tbf rate 1mbit burst 20000 limit 100m"):
        scene.wait_trouble(errno.EAGAIN)
        before = scene.relay.counters().received
        wait_for(lambda: scene.relay.counters().received > before + 2500, "a second's worth")
    scene.wait_well()
    scene.end()

with case("a way out that is full for a moment is waited for, signals or not"):
    trace = run / "trace"
    sock = far_subscriber(FAR)
    scene = Scene("wait", FAR, shape=large, rate=0, healthy=False, prefix=[
        "strace", "-qq", "-o", trace, "-e", "trace=poll", "-e", "inject=poll:error=EINTR:when=1+2"])
    with queue("tbf rate 200mbit burst 100000 limit 100m"):
        send_all(sender(LISTEN), [large.make(number) for number in range(800)])
        scene.relay.wait_received(800)
        wait_for(lambda: scene.sent() + scene.errors() == 800, "all are dealt with")
        os.kill(children(scene.relay.pid)[0], 15)
        check_equal(scene.relay.process.wait(10), 0, "exit code")
    text = trace.read_text(encoding="ascii")
    assert text.count("EINTR") > 2 and "POLLOUT" in text, "it never waited"
    check_equal(scene.errors(), 0, "errors")
    sock.close()

for address in ("127.0.0.1:6001", "[::1]:6001"):
    with case(f"{address} refuses: each refusal is counted, nothing else fails for it"):
        scene = Scene(f"refused{len(address)}", address)
        scene.wait_trouble(errno.ECONNREFUSED)
        refused = subscriber(address)
        scene.wait_well()
        sent = scene.end(exact=False)
        sock = Collector(refused)
        found = small.numbers(b"".join(sock.datagrams()))
        check_exact(found, range(sent - len(found), sent), "what came once somebody listened")
        # Every datagram was sent, and those that nobody heard were refused, several of one long
        # send at once.
        check_equal(scene.sent(), sent, "sent")
        assert scene.errors() <= sent - len(found), f"{scene.errors()} refusals"

with case("the MTU is lowered and raised: no datum is lost, and long sends come back"):
    with peer.inside():
        sock = subscriber(FAR)
        sock.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
    scene = Scene("mtu", FAR, shape=large, rate=0)
    has_segments = "UDP_SEGMENT" not in scene.relay.messages()
    first = 0
    expected = []

    def burst():
        """Sends one, returns the lengths in which it came."""
        global first
        send_all(sender(LISTEN), [large.make(first + number) for number in range(40)])
        expected.extend(range(first, first + 40))
        first += 40
        lengths, bytes_got = [], 0
        sock.settimeout(5)
        while bytes_got < 40 * large.size:
            datagram = sock.recv(65536)
            found.extend(large.numbers(datagram))
            lengths.append(len(datagram))
            bytes_got += len(datagram)
        return lengths

    found = []
    segmented = lambda: any(length > large.size for length in burst())
    if has_segments:
        wait_for(segmented, "long sends")
    for mtu in (600, 1500, 900, 1500):
        sh(f"ip link set near mtu {mtu}")
        if mtu < large.size:
            assert not any(segmented() for _ in range(5)), "longer than the MTU"
        elif has_segments:
            wait_for(segmented, "long sends come back", 5)
    scene.relay.stop()
    check_equal(found, expected, "came")
    check_equal(scene.errors(), 0, "errors")
    check_exact(numbers(scene.relay.directory, large), expected, "recorded")
    check_exact(large.numbers(b"".join(scene.seen.datagrams())), expected, "healthy stream")
    sock.close()

finish()
