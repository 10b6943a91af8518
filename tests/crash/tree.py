#!/usr/bin/python3
"""SIGKILL of anything in a real tree under load: receiver, writer, both, s6-supervise, s6-svscan,
and the holders of the receive sockets. Every datagram is recorded exactly once.

KILLS of them, more than a second apart, for the receive buffer holds what comes meanwhile. The
neighbours on the same tree lose nothing and keep their processes. SEED=N repeats the kills.
"""
import os
import random
import signal
import socket
import time

import load
from killed_fleet import KilledFleet, program
from relay import Counters
from s6tree import as_ordinary_user
from sdrtest import case, check_equal, enter_network, finish, wait_for
from segments import check_exact, numbers
from udp import Feeder, Fixed, big_buffer, sender

KILLS = int(os.environ.get("KILLS", "20"))
SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))
WHAT = ("receiver", "writer", "both", "supervise", "svscan", "fdholder", "fdholder2")
PORTS = {"engine": 26001, "left": 26002, "right": 26003}
BUFFER = 32 << 20
SHAPE = Fixed(16)


def rate():
    """What the buffer holds for two seconds; a small datagram is charged 832 bytes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return min(20000, big_buffer(sock, BUFFER) // 832 // 2)


def prepare(fleet):
    (fleet.config.parent / "schemas" / "s.avsc").write_text(SHAPE.schema, encoding="utf-8")
    for name, port in PORTS.items():
        fleet.set(name, port=port, receive_buffer=f'"{BUFFER >> 20}MiB"',
                  record='{ sync = "200ms", size = "1MiB", rotate = "5s", buffer = "4MiB" }')
    fleet.apply()


def kills(prefix):
    rng = random.Random(SEED)
    with KilledFleet() as fleet:
        prepare(fleet)
        before = fleet.pids("left", "right")
        rates = {name: rate() if name == "engine" else 500 for name in PORTS}
        feeders = {name: Feeder(sender(f"127.0.0.1:{port}"), SHAPE, rates[name])
                   for name, port in PORTS.items()}
        tally = dict.fromkeys(WHAT, 0)
        with case(f"{prefix}{KILLS} kills under {rates['engine']} datagrams a second"):
            for number in range(KILLS):
                time.sleep(rng.uniform(1.02, 1.3))
                what = WHAT[number] if number < len(WHAT) else rng.choice(WHAT)
                fleet.kill(what, "engine")
                tally[what] += 1
            wait_for(lambda: fleet.ready("engine"), "the channel is back", 20)
            fleet.check_kept(before, "left", "right")
        sent = {name: feeder.stop() for name, feeder in feeders.items()}
        wait_for(lambda: not any(map(load.waiting, PORTS.values())), "all is received", 60)
        print(f"# SEED={SEED} {tally} sent {sent}", flush=True)
        counters = {name: Counters(fleet.run / "counters" / name) for name in PORTS}
        fleet.stop()
        for name in PORTS:
            with case(f"{prefix}every datagram to {name} is recorded exactly once"):
                check_equal(counters[name].kernel_drops, 0, "what the receive buffer did not hold")
                check_exact(numbers(fleet.storage / f"channel={name}", SHAPE), range(sent[name]),
                            "recorded")
                check_equal(os.listdir(fleet.run / "rings" / name), ["lock"], "rings that are left")


def starts(count):
    """A relay whose s6-supervise dies while it starts must not live on beside its successor."""
    rng = random.Random(SEED)
    with KilledFleet() as fleet:
        prepare(fleet)
        feeder = Feeder(sender(f"127.0.0.1:{PORTS['engine']}"), SHAPE, 500)
        with case(f"{count} kills of s6-supervise while its relay starts"):
            for _ in range(count):
                supervisor = fleet.victims("supervise", "engine")[0]
                fleet.svc("-r", "engine")
                time.sleep(rng.uniform(0, 0.015))
                os.kill(supervisor, signal.SIGKILL)
                wait_for(lambda: program(supervisor) != "s6-supervise", "it is dead")
                wait_for(lambda: fleet.ready("engine") and
                         fleet.victims("supervise", "engine")[0] != supervisor,
                         "its successor's relay is ready", 20)
                time.sleep(1.02)  # then s6 starts the next one at once
        sent = feeder.stop()
        wait_for(lambda: not load.waiting(PORTS["engine"]), "all is received", 20)
        fleet.stop()
        with case("meanwhile every datagram is recorded exactly once"):
            check_exact(numbers(fleet.storage / "channel=engine", SHAPE), range(sent), "recorded")


if __name__ == "__main__":
    enter_network()
    kills("")
    starts(max(3, KILLS // 6))
    KILLS = max(len(WHAT), KILLS // 3)
    as_ordinary_user(kills)
    finish()
