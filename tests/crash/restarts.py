#!/usr/bin/python3
"""Restarts under load, by s6-svc -r and by applies that change a key: sent = recorded = relayed.

RESTARTS of them. A restart loses no datagram on any path: what comes meanwhile waits in the held
socket and is relayed and recorded afterwards, once and in order.
"""
import itertools
import os
import socket

import load
from load import SHAPE
from relay import Counters
from s6tree import Fleet, as_ordinary_user
from sdrtest import case, check_equal, enter_network, finish, wait_for
from segments import check_exact, numbers
from udp import Collector, Feeder, big_buffer, sender, subscriber

RESTARTS = int(os.environ.get("RESTARTS", "10"))
PORT, GROUP, BUFFER = 26001, "239.1.1.1:6000", 32 << 20
# Each round changes one of them to its next value.
CHANGES = {
    "ttl": itertools.cycle(("5", "6", "7")),
    "record": itertools.cycle(f'{{ sync = "{ms}ms", size = "{mib}MiB" }}'
                              for ms, mib in ((100, 1), (300, 2), (200, 64))),
    "catch_up": itertools.cycle(('"9s"', '"8s"', '"7s"')),
    "dscp": itertools.cycle(("10", "20", "30")),
    "receive_buffer": itertools.cycle(('"31MiB"', '"30MiB"', '"32MiB"')),
    "invalid": itertools.cycle(('"relay"', '"drop"')),
}


def rate():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return min(5000, big_buffer(sock, BUFFER) // 832 // 2)


def restart(fleet, number, keys):
    pid = fleet.state("engine")["pid"]
    if number % 2 == 0:
        fleet.svc("-r", "engine")
        wait_for(lambda: fleet.ready("engine") and fleet.state("engine")["pid"] != pid,
                 "it is back", 20)
        return
    key = next(keys)
    fleet.set("engine", **{key: next(CHANGES[key])}).apply()
    state = fleet.state("engine")
    assert state["ready"] and state["pid"] != pid, f"{key}: {state}"


def restarts(prefix):
    with Fleet() as fleet:
        (fleet.config.parent / "schemas" / "s.avsc").write_text(SHAPE.schema, encoding="utf-8")
        fleet.set("engine", port=PORT, full_rate=f'"{GROUP}"', receive_buffer=f'"{BUFFER}B"',
                  record='{ sync = "200ms" }').apply()
        seen = Collector(subscriber(GROUP))
        feeder = Feeder(sender(f"127.0.0.1:{PORT}"), SHAPE, rate())
        with case(f"{prefix}{RESTARTS} restarts under load, each ready again"):
            keys = itertools.cycle(CHANGES)
            for number in range(RESTARTS):
                restart(fleet, number, keys)
                # The backlog is paced, so restarts at any rate could fill any buffer.
                wait_for(lambda: not load.waiting(PORT), "it has caught up", 20)
        sent = feeder.stop()
        wait_for(lambda: not load.waiting(PORT), "all is received", 30)
        fleet.stop()
        count = Counters(fleet.run / "counters" / "engine")
        with case(f"{prefix}sent = received = relayed = recorded"):
            print(f"# sent {sent}, receive buffer {count.receive_buffer_granted}")
            check_equal((count.kernel_drops, count.received, count.stale, count.unrecorded),
                        (0, sent, 0, 0), "kernel drops, received, stale, unrecorded")
            check_equal(count.streams[0][0], sent, "relayed, by its counter")
            check_exact(numbers(fleet.storage / "channel=engine", SHAPE), range(sent), "recorded")
            check_exact(SHAPE.numbers(b"".join(seen.datagrams())), range(sent), "relayed")


if __name__ == "__main__":
    enter_network()
    restarts("")
    RESTARTS = max(4, RESTARTS // 3)
    as_ordinary_user(restarts)
    finish()
