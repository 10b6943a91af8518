#!/usr/bin/python3
"""SIGKILL of the receiver, of the writer and of both under load, ten times each.

The test holds the receive socket, as the supervisor's socket holder will, so that the kernel queues
while no receiver runs: everything that was sent must be recorded exactly once.
"""
import os
import random
import signal
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (after_failure, bury_children, case, check_equal, children,  # noqa: E402
                     enter_network, finish, run_dir, storage_dir, wait_for)
from segments import check_exact, numbers  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import (Collector, Feeder, Fixed, Varying, big_buffer, drops, queued,  # noqa: E402
                 sender, subscriber)

KILLS = int(os.environ.get("KILLS", "5"))
GROUP = "239.1.1.1:6000"
BATCH_MAX = 64  # datagrams the receiver has in hand

enter_network()
seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
print(f"SEED={seed}")
random.seed(seed)
run, storage = run_dir(), storage_dir()
SHAPES = {"fixed": Fixed(), "varying": Varying()}
data = compile_schemas(run, {name: shape.schema for name, shape in SHAPES.items()})


def held_socket():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    after_failure.append(sock.close)
    granted = big_buffer(sock)
    sock.bind(("127.0.0.1", 26000))
    # A small datagram is charged 832 bytes; a restart may take 100 ms on a busy machine.
    return sock, max(1000, min(20000, granted // 832 * 5))


def kill(relay, victim):
    """Returns true where the receiver died."""
    pids = {"receiver": [relay.pid], "both": [relay.pid, *children(relay.pid)],
            "writer": children(relay.pid)}[victim]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return victim != "writer"


for name, shape in SHAPES.items():
    for victim in ("receiver", "writer", "both"):
        channel = f"{name}-{victim}"
        with case(f"{name} schema, {KILLS} kills of {victim} under load: recorded exactly once"):
            sock, rate = held_socket()
            start = lambda: Relay(data[name], run, storage, channel, full_rate=GROUP,
                                  listen_fd=sock.fileno(), keep_fds=(sock.fileno(),),
                                  buffer_bytes=16 << 20,
                                  segment_bytes=1 << 20, rotate_s=1, sync_ms=50)
            relay = start()
            seen = Collector(subscriber(GROUP))
            feeder = Feeder(sender("127.0.0.1:26000"), shape, rate)
            for _ in range(KILLS):
                time.sleep(random.uniform(0.02, 0.25))
                if victim == "writer":
                    wait_for(lambda: children(relay.pid), "there is a writer")
                if kill(relay, victim):
                    relay.process.wait()
                    relay = start()
            time.sleep(0.1)
            sent = feeder.stop()
            wait_for(lambda: not queued(sock), "the receiver catches up")
            check_equal(drops(sock), 0, "datagrams that the held socket had no room for")
            relay.stop()
            counters = relay.counters()
            print(f"# sent {sent} at {rate}/s, salvaged {counters.salvaged}, "
                  f"starts {counters.starts}, writers {counters.writer_starts}")
            check_exact(numbers(relay.directory, shape), range(sent), "recorded")
            check_equal(counters.unrecorded, 0, "unrecorded")
            live = shape.numbers(b"".join(seen.datagrams()))
            check_equal(live, sorted(set(live)), "the live stream, in order and without doubles")
            lost = sent - len(live)
            allowed = 0 if victim == "writer" else KILLS * BATCH_MAX
            assert lost <= allowed, f"the live stream lost {lost}, more than the batches in hand"
        sock.close()
        bury_children()

finish()
