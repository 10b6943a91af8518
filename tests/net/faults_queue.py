#!/usr/bin/python3
"""Trouble on the way out: full queues, refusals, a smaller MTU. It stays with its stream, is
counted and said once, and ends by itself."""
import contextlib
import errno
import os
import socket
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import trouble  # noqa: E402
from sdrtest import (Peer, case, check_equal, children, enter_network, finish,  # noqa: E402
                     run_dir, sh, storage_dir, wait_for)
from segments import check_exact, numbers  # noqa: E402
from relay import compile_schemas  # noqa: E402
from trouble import LISTEN, large, small, varying  # noqa: E402
from udp import Collector, sender, send_all, subscriber  # noqa: E402

GROUP = "239.1.1.2:6001"
UDP_GRO = 104

enter_network()
run, storage = run_dir(), storage_dir()
data = compile_schemas(run, trouble.SCHEMAS)
Scene = partial(trouble.Scene, (data, run, storage))
peer = Peer()
FAR = f"{Peer.FAR4}:6001"
sh(f"ip route add {GROUP.split(':')[0]} dev near")


def far_subscriber(group):
    with peer.inside():
        return subscriber(group, "far")


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
    # Datums of many lengths leave one by one: if each were waited for, 100 would leave a second.
    seen = far_subscriber(FAR)
    scene = Scene("slow", FAR, shape=varying, rate=2500)
    with queue("tbf rate 64kbit burst 2000 limit 100m"):
        scene.wait_trouble(errno.EAGAIN)
        before = scene.relay.counters().received
        wait_for(lambda: scene.relay.counters().received > before + 2500, "a second's worth")
    scene.wait_well()
    scene.end()



def wait_for_room(attempt):
    """Sends at once what takes 10 ms to leave, and interrupts every second wait for room. Returns
    how often it waited, and what it did not send."""
    trace = run / "trace"
    scene = Scene(f"wait{attempt}", FAR, shape=large, rate=0, healthy=False, prefix=[
        "strace", "-f", "--seccomp-bpf", "-qq", "-o", trace, "-e", "trace=poll",
        "-e", "inject=poll:error=EINTR:when=1+2"])
    with queue("tbf rate 200mbit burst 20000 limit 100m"):
        send_all(sender(LISTEN), [large.make(number) for number in range(300)])
        wait_for(lambda: scene.sent() + scene.errors() == 300, "all are dealt with")
        os.kill(children(scene.relay.pid)[0], 15)
        check_equal(scene.relay.process.wait(10), 0, "exit code")
    waits = [line for line in trace.read_text(encoding="ascii").splitlines()
             if "POLLOUT" in line and "fd=2," not in line and "EINTR" in line]
    return len(waits), scene.errors()


with case("a way out that is full for a moment is waited for, signals or not"):
    sock = far_subscriber(FAR)
    for attempt in range(200):  # on a busy machine it may not be full, or for too long
        waits, errors = wait_for_room(attempt)
        if waits and not errors:
            break
    else:
        raise AssertionError(f"the last time it waited {waits} times, and did not send {errors}")
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
