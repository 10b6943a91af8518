#!/usr/bin/python3
"""Every way in and out: IPv4 and IPv6, unicast, joined and source-specific groups, interfaces, ttl,
dscp, loopback; over loopback and over a veth pair of MTU 1500."""
import socket
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (Peer, case, check_equal, enter_network, finish, run_dir,  # noqa: E402
                     sh, storage_dir)
from segments import check_exact, numbers  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import (Collector, Fixed, Varying, drain, feed, sender, split_endpoint,  # noqa: E402
                 steady_rate, subscriber)

IP_RECVTTL, IP_RECVTOS = 12, 13
enter_network()
run, storage = run_dir(), storage_dir()
SIZES = (40, 1400, 1472, 1473, 8000)
SHAPES = {f"fixed{size}": Fixed(size) for size in SIZES} | {"varying": Varying()}
data = compile_schemas(run, {name: shape.schema for name, shape in SHAPES.items()})
fixed = SHAPES["fixed40"]
peer = Peer()
NEAR, FAR = Peer.NEAR4, Peer.FAR4
NEAR6, FAR6 = Peer.NEAR6, Peer.FAR6
count = 0


def start(shape="fixed40", record=False, **options):
    global count
    count += 1
    return Relay(data[shape], run, storage if record else None, f"c{count}", **options)


def far_subscriber(group):
    with peer.inside():
        return subscriber(group, "far")


def far_sender(to, from_address=None):
    with peer.inside():
        address = split_endpoint(to)[0]
        multicast6 = address.startswith("ff")
        return sender(to, "far" if multicast6 else None, from_address)


# In and out over loopback.
INPUTS = {"IPv4 unicast": ("127.0.0.1:26000", {}),
          "IPv4 wildcard": ("0.0.0.0:26000", {}),
          "IPv6 unicast": ("[::1]:26000", {}),
          "IPv4 group": ("239.2.2.2:26000", {"listen_interface": "lo"}),
          "IPv6 group": ("[ff15::22]:26000", {"listen_interface": "lo"})}
OUTPUTS = {"IPv4 group": "239.1.1.1:6000", "IPv6 group": "[ff15::11]:6000",
           "IPv4 unicast": "127.0.0.1:6000", "IPv6 unicast": "[::1]:6000"}
for way_in, (listen, options) in INPUTS.items():
    with case(f"loopback: {way_in} in; IPv4 and IPv6, group and unicast out"):
        seen = {to: Collector(subscriber(to)) for to in OUTPUTS.values()}
        full, *others = OUTPUTS.values()
        relay = start(record=True, listen=listen, full_rate=full, interface="lo",
                      decimated=[f"{to},factor=1" for to in others], **options)
        to = listen.replace("0.0.0.0", "127.0.0.1")
        feed(sender(to, "lo"), fixed, 10000, 0, 1000)
        relay.wait_received(1000)
        relay.stop()
        for to, collector in seen.items():
            found = fixed.numbers(b"".join(collector.datagrams()))
            check_exact(found, range(1000), f"at {to}")
        check_exact(numbers(relay.directory, fixed), range(1000), "recorded")

# Over the veth pair.
for name in SHAPES:
    shape = SHAPES[name]
    rate = steady_rate(20000 if name in ("fixed40", "varying") else 5000,
                       getattr(shape, "size", 150))
    with case(f"veth of MTU 1500: {name}, {rate}/s there and back, recorded"):
        seen = [Collector(far_subscriber(to)) for to in ("239.1.1.1:6000", f"{FAR}:6001")]
        relay = start(name, record=True, listen=f"{NEAR}:26000", full_rate="239.1.1.1:6000",
                      decimated=[f"{FAR}:6001,factor=1"], interface="near", buffer_bytes=32 << 20)
        feed(far_sender(relay.listen), shape, rate, 0, rate)
        relay.wait_received(rate)
        relay.stop()
        check_equal(relay.counters().kernel_drops, 0, "kernel drops")
        check_exact(numbers(relay.directory, shape), range(rate), "recorded")
        for collector in seen:
            check_exact(shape.numbers(b"".join(collector.datagrams())), range(rate), "far side")

with case("veth: IPv6 group in, IPv6 group out"):
    seen = Collector(far_subscriber("[ff15::11]:6000"))
    relay = start(listen="[ff15::22]:26000", listen_interface="near", interface="near",
                  full_rate="[ff15::11]:6000")
    feed(far_sender(relay.listen), fixed, 10000, 0, 2000)
    relay.wait_received(2000)
    relay.stop()
    check_exact(fixed.numbers(b"".join(seen.datagrams())), range(2000), "far side")

with peer.inside():
    sh("ip addr add 10.77.0.3/24 dev far")
    sh("ip -6 addr add fd77::3/64 dev far nodad")
for listen, one, other in (("239.2.2.3:26000", FAR, "10.77.0.3"),
                           ("[ff35::23]:26000", FAR6, "fd77::3")):
    with case(f"veth: source-specific join of {listen}: only the source is heard"):
        relay = start(record=True, listen=listen, listen_interface="near", source=one)
        wanted, unwanted = (far_sender(listen, address) for address in (one, other))
        for number in range(0, 100, 2):
            unwanted.send(fixed.make(number))
            wanted.send(fixed.make(number + 1))
        relay.wait_received(50)
        relay.stop()
        check_exact(numbers(relay.directory, fixed), range(1, 100, 2), "recorded")

with case("a group joined on one interface is not heard from another"):
    relay = start(record=True, listen="239.2.2.4:26000", listen_interface="near")
    far = far_sender(relay.listen)
    near = sender(relay.listen, "lo")
    for number in range(50):
        near.send(fixed.make(1000 + number))
        far.send(fixed.make(number))
    relay.wait_received(50)
    relay.stop()
    check_exact(numbers(relay.directory, fixed), range(50), "recorded")

with case("a group that somebody else joined on the same port is not heard"):
    stranger = subscriber("239.2.2.6:26000")
    relay = start(record=True, listen="239.2.2.5:26000", listen_interface="lo")
    for number in range(50):
        sender("239.2.2.6:26000", "lo").send(fixed.make(1000 + number))
        sender("239.2.2.5:26000", "lo").send(fixed.make(number))
    relay.wait_received(50)
    relay.stop()
    check_equal(len(drain(stranger)), 50, "heard by who joined it")
    stranger.close()
    check_exact(numbers(relay.directory, fixed), range(50), "recorded")

with case("a wildcard address hears no group, whoever on the host has joined it"):
    stranger = subscriber("239.2.2.7:26001")
    relay = start(record=True, listen="0.0.0.0:26000")
    for number in range(50):
        sender("239.2.2.7:26000", "lo").send(fixed.make(1000 + number))
        sender("127.0.0.1:26000").send(fixed.make(number))
    relay.wait_received(50)
    relay.stop()
    stranger.close()
    check_exact(numbers(relay.directory, fixed), range(50), "recorded")

with case("unicast bound to an interface is not heard from another"):
    relay = start(record=True, listen="0.0.0.0:26000", listen_interface="near")
    far, near = far_sender(f"{NEAR}:26000"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for number in range(50):
        near.sendto(fixed.make(1000 + number), ("127.0.0.1", 26000))
        far.send(fixed.make(number))
    relay.wait_received(50)
    relay.stop()
    check_exact(numbers(relay.directory, fixed), range(50), "recorded")


def hops_and_class(group, **options):
    """What a far subscriber sees of the IP header: (TTL or hop limit, TOS or traffic class)."""
    sock = far_subscriber(group)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
        wanted = (socket.IPV6_HOPLIMIT, socket.IPV6_TCLASS)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVTOS, 1)
        wanted = (socket.IP_TTL, socket.IP_TOS)
    relay = start(full_rate=group, **options)
    sender(relay.listen).send(fixed.make(0))
    relay.wait_received(1)
    relay.stop()
    sock.settimeout(5)
    _, control, _, source = sock.recvmsg(65536, 256)
    values = {kind: struct.unpack("=i", raw.ljust(4, b"\0")[:4])[0] for _, kind, raw in control}
    sock.close()
    return tuple(values[kind] for kind in wanted), source[0]


for group, interface, home in (("239.1.1.1:6000", "near", NEAR), ("239.1.1.1:6000", NEAR, NEAR),
                               ("[ff15::11]:6000", "near", None),
                               ("[ff15::11]:6000", NEAR6, NEAR6)):
    with case(f"{group} leaves by {interface} with ttl 7 and dscp 46"):
        seen, source = hops_and_class(group, interface=interface, ttl=7, dscp=46)
        check_equal(seen, (7, 46 << 2), "TTL and TOS at the far side")
        assert home in (None, source), f"the source is {source}, not {home}"
with case("without an interface the route decides, not the source address that it brings"):
    # The route to groups is lo's; the other interface has the only address that may leave.
    here, there = subscriber("239.1.1.1:6000", "lo"), far_subscriber("239.1.1.1:6000")
    relay = start(full_rate="239.1.1.1:6000")
    feed(sender(relay.listen), fixed, 1000, 0, 20)
    relay.wait_received(20)
    relay.stop()
    check_exact(fixed.numbers(b"".join(drain(here))), range(20), "on lo")
    check_equal(len(drain(there)), 0, "heard beyond")
    here.close()
    there.close()
with case("ttl is 1 and dscp 0 where nothing is said"):
    check_equal(hops_and_class("239.1.1.1:6000", interface="near")[0], (1, 0), "TTL and TOS")
with case("a unicast stream carries dscp too"):
    check_equal(hops_and_class(f"{FAR}:6000", dscp=10)[0][1], 10 << 2, "TOS")

for group in ("239.1.1.1:6000", "[ff15::11]:6000"):
    with case(f"{group}: loopback 1 is heard on this host, loopback 0 only beyond"):
        for loopback, heard in ((1, 20), (0, 0)):
            here, there = subscriber(group, "near"), far_subscriber(group)
            relay = start(full_rate=group, interface="near", loopback=loopback)
            feed(sender(relay.listen), fixed, 1000, 0, 20)
            relay.wait_received(20)
            relay.stop()
            time.sleep(0.05)
            check_equal(len(drain(there)), 20, "heard beyond")
            check_equal(len(drain(here)), heard, f"heard here with loopback {loopback}")
            here.close()
            there.close()

finish()
