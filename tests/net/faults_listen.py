#!/usr/bin/python3
"""Trouble on the way in: the interface of a group, or the one that a socket is bound to, goes and
comes back. What comes in meanwhile by another way is not touched."""
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (Peer, Skip, after_failure, case, check_equal, enter_network,  # noqa: E402
                     finish, run_dir, sh, storage_dir, wait_for)
from segments import check_exact, numbers  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import Collector, Fixed, big_buffer, sender, split_endpoint, subscriber  # noqa: E402

GROUP, GROUP_OF = "239.2.2.2:26000", "239.2.2.3:26000"
GROUP6, GROUP6_OF, LINK_LOCAL6 = "[ff15::22]:26000", "[ff15::23]:26000", "[ff12::22]:26000"
SYSTEM = 111
UNPRIVILEGED = ["setpriv", "--bounding-set=-net_raw,-net_admin", "--inh-caps=-net_raw,-net_admin"]

enter_network()
run, storage = run_dir(), storage_dir()
shape = Fixed()
data = compile_schemas(run, {"t": shape.schema})["t"]
peer = Peer()
count = 0
after_failure.append(lambda: "near" in dict(socket.if_nameindex()).values() or peer.connect())


class Scene:
    """A relay that hears the far side, which sends numbered datums for as long as it is asked."""

    def __init__(self, listen, source=None, **options):
        global count
        count += 1
        self.listen, self.source, self.number = listen, source, 0
        live = f"239.1.1.1:{6000 + count}"
        self.seen = Collector(subscriber(live))
        self.relay = Relay(data, run, storage, f"c{count}", full_rate=live, listen=listen,
                           **({"source": source} if source else {}), **options)
        self.wait_heard()

    def heard(self):
        return self.relay.counters().received

    def send(self):
        """One more, from a far interface that may have come back a moment ago."""
        with peer.inside():
            address, _ = split_endpoint(self.listen)
            multicast6 = address.startswith("ff")
            to = f"{Peer.NEAR4}:26000" if address == "0.0.0.0" else self.listen
            sock = sender(to, "far" if multicast6 else None, self.source)
        sock.send(shape.make(self.number))
        sock.close()
        self.number += 1

    def wait_heard(self):
        here = self.heard()

        def more():
            self.send()
            return self.heard() > here + 10
        wait_for(more, "datagrams are heard", 8)

    def said(self):
        lines = self.relay.messages().splitlines()
        found = (next((word for word in ("not receiving", "receiving at", "fatal")
                       if word in line), None) for line in lines)
        return [word for word in found if word]

    def end(self, *said):
        received = self.heard()
        self.relay.wait_recorded(received)
        received = self.heard()
        self.relay.stop()
        found = numbers(self.relay.directory, shape)
        check_equal(found, sorted(set(found)), "recorded, nothing twice and in order")
        check_exact(shape.numbers(b"".join(self.seen.datagrams())), found, "relayed")
        check_equal(self.said(), list(said), "said")


def groups(interface="near"):
    return {listen for listen, line in ((GROUP, "239.2.2.2"), (GROUP6, "ff15::22"))
            if line in sh(f"ip maddr show dev {interface}")}


with case("groups, of any or of one source: their interface goes down and up, and comes back"):
    scenes = [Scene(listen, listen_interface="near", **options) for listen, options in
              ((GROUP, {}), (GROUP_OF, {"source": Peer.FAR4}), (GROUP6, {}),
               (GROUP6_OF, {"source": Peer.FAR6}), (LINK_LOCAL6, {}))]

    def all_heard():
        for scene in scenes:
            scene.wait_heard()
    sh("ip link set near down")
    sh("ip link set near up")
    sh(f"ip -6 addr replace {Peer.NEAR6}/64 dev near nodad")  # it went with the link
    all_heard()
    for same in (False, True):
        index = socket.if_nametoindex("near")
        peer.disconnect()
        for scene in scenes:
            wait_for(lambda s=scene: s.said()[-1:] == ["not receiving"], "it says so")
        peer.connect(index=index if same else None)
        check_equal(socket.if_nametoindex("near") == index, same, "the same index")
        all_heard()
    for scene in scenes:
        scene.end("not receiving", "receiving at", "not receiving", "receiving at")

with case("an interface that is removed and back before it is noticed"):
    scene = Scene(GROUP, listen_interface="near")
    index = socket.if_nametoindex("near")
    for number in (None, index):
        peer.disconnect()
        peer.connect(index=number)
        scene.wait_heard()
    scene.relay.stop()

with case("no interface is named: the route's one is removed and comes back"):
    sh("ip route add 239.2.2.2 dev near")
    scene = Scene(GROUP)
    peer.disconnect()
    peer.connect()
    sh("ip route add 239.2.2.2 dev near")
    scene.wait_heard()
    scene.relay.stop()

with case("however often: the socket's memberships do not pile up"):
    limit = Path("/proc/sys/net/ipv4/igmp_max_memberships")
    if not os.access(limit, os.W_OK):
        raise Skip("their limit cannot be lowered here")
    limit.write_text("2", encoding="ascii")
    scene = Scene(GROUP, listen_interface="near")
    for _ in range(4):
        peer.disconnect()
        peer.connect()
        scene.wait_heard()
    scene.relay.stop()
    limit.write_text("20", encoding="ascii")

with case("an IPv6 group comes back where the MTU was too small for IPv6, or IPv6 was off"):
    scene = Scene(GROUP6, listen_interface="near")
    sh("ip link set near mtu 1000")
    check_equal(GROUP6 in groups(), False, "joined")
    sh("ip link set near mtu 1500")
    scene.wait_heard()
    switch = Path("/proc/sys/net/ipv6/conf/near/disable_ipv6")
    if os.access(switch, os.W_OK):
        switch.write_text("1", encoding="ascii")
        switch.write_text("0", encoding="ascii")
        scene.wait_heard()
    scene.relay.stop()
    sh(f"ip -6 addr replace {Peer.NEAR6}/64 dev near nodad")

with case("an interface is renamed: its group stays, until another one has its name"):
    scene = Scene(GROUP, listen_interface="near")
    sh("ip link set near down")
    sh("ip link set near name away")
    sh("ip link set away up")
    scene.wait_heard()
    sh("ip link add near type veth peer name other")
    wait_for(lambda: GROUP in groups(), "the group is joined on the new one")
    check_equal(GROUP in groups("away"), False, "and on the old one")
    scene.relay.stop()
    sh("ip link del near")
    sh("ip link set away down")
    sh("ip link set away name near")
    sh("ip link set near up")

with case("unicast, bound to an interface that is removed and comes back: bound to the new one"):
    scene = Scene("0.0.0.0:26000", listen_interface="near")
    peer.disconnect()
    wait_for(lambda: scene.said() == ["not receiving"], "it says so")
    peer.connect()
    scene.wait_heard()
    scene.end("not receiving", "receiving at")


def may_drop_privileges():
    if not shutil.which("setpriv") or subprocess.run([*UNPRIVILEGED, "true"], check=False,
                                                     capture_output=True).returncode:
        raise Skip("capabilities cannot be dropped here")


with case("the same without the privilege: sealed, one line, exit 111; bound anew, it goes on"):
    may_drop_privileges()
    for attempt in range(2):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        after_failure.append(sock.close)
        big_buffer(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"near")
        sock.bind(("0.0.0.0", 26000))
        options = {"listen_interface": "near", "listen_fd": sock.fileno(),
                   "keep_fds": (sock.fileno(),), "prefix": UNPRIVILEGED}
        scene = Scene("0.0.0.0:26000", **options)
        wait_for(lambda: scene.heard() == scene.number, "all is heard")
        peer.disconnect()
        if attempt == 1:
            # Started anew while the interface is gone, it does not listen in vain.
            scene.relay.stop()
            relay = Relay(data, run, storage, "vain", wait=False, listen="0.0.0.0:26000",
                          **options)
            check_equal(relay.process.wait(10), SYSTEM, "exit code")
            assert "No such device" in relay.messages(), relay.messages()
        peer.connect()
        if attempt == 0:
            check_equal(scene.relay.process.wait(10), SYSTEM, "exit code")
            check_equal(scene.said().count("fatal"), 1, "fatal lines")
            assert "Operation not permitted" in scene.relay.messages(), scene.relay.messages()
            check_exact(numbers(scene.relay.directory, shape), range(scene.number), "recorded")
            check_equal(scene.relay.counters().segments, 1, "sealed")
        scene.seen.datagrams()
        sock.close()

finish()
