#!/usr/bin/python3
"""SIGKILL at chosen system calls: each place where receiver or writer may die, hit for certain.

strace kills the process as it enters its Nth call of a kind: the receiver at its send, with a batch
in hand that nobody has committed; the writer at each write, sync, link and unlink of a segment.
"""
import os
import shutil
import signal
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (Skip, after_failure, case, check_equal, children,  # noqa: E402
                     enter_network, finish, run_dir, storage_dir, wait_for)
from segments import check_exact, numbers, rejects  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import Fixed, Varying, big_buffer, drops, feed, queued, send_all, sender  # noqa: E402

GROUP = "239.1.1.1:6000"
RATE = 5000

enter_network()
run, storage = run_dir(), storage_dir()
SHAPES = {"fixed": Fixed(), "varying": Varying()}
data = compile_schemas(run, {name: shape.schema for name, shape in SHAPES.items()})
RECEIVER_CALLS = ("sendmsg", "sendmmsg")


def start(name, shape_name, sock, kill=None, when=None, **options):
    """With `kill`, under strace: every process dies as it enters its `when`th such call."""
    if kill and not shutil.which("strace"):
        raise Skip("no strace")
    prefix = [] if not kill else ["strace", "-f", "-qqq", "-o", "/dev/null", "-e", f"trace={kill}",
                                  "-e", f"inject={kill}:signal=SIGKILL:when={when}"]
    options = {"segment_bytes": 128 << 10, "sync_ms": 20, "rotate_s": 1} | options
    relay = Relay(data[shape_name], run, storage, name, prefix=prefix, full_rate=GROUP,
                  listen_fd=sock.fileno(), keep_fds=(sock.fileno(),), wait=not kill,
                  buffer_bytes=8 << 20, **options)
    return relay


def held_socket():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    after_failure.append(sock.close)
    big_buffer(sock)
    sock.bind(("127.0.0.1", 26000))
    return sock


def ended(relay):
    return relay.process.poll() is not None


def finish_with(name, shape_name, sock, sent):
    """A relay without strace takes what is left; then everything must be there once."""
    relay = start(name, shape_name, sock)
    wait_for(lambda: not queued(sock), "the rest is received")
    check_equal(drops(sock), 0, "datagrams that the held socket had no room for")
    relay.stop()
    check_exact(numbers(relay.directory, SHAPES[shape_name]), range(sent), "recorded")
    return relay


for shape_name, shape in SHAPES.items():
    with case(f"{shape_name}: the receiver dies ten times with a batch in hand: nothing lost"):
        sock, name, sent = held_socket(), f"hand-{shape_name}", 0
        to = sender("127.0.0.1:26000")
        for death in range(10):
            # All of it is queued before the relay starts, so that its batches are full.
            send_all(to, [shape.make(sent + i) for i in range(300)])
            sent += 300
            relay = start(name, shape_name, sock, ",".join(RECEIVER_CALLS), 1 + death % 4)
            wait_for(lambda: ended(relay), "the receiver is killed at its send")
        relay = finish_with(name, shape_name, sock, sent)
        print(f"# salvaged {relay.counters().salvaged} of {sent}")
        assert relay.counters().salvaged >= 10, "no batch was in hand"
        sock.close()

# The receiver makes some of these calls too, but only as it starts.
WRITER_CALLS = {"pwrite64": (2, 5), "fdatasync": (2, 5), "linkat": (1, 3), "unlinkat": (3, 5),
                "ftruncate": (4, 6), "openat": (12, 15)}
for call, places in WRITER_CALLS.items():
    with case(f"the writer dies at its {call} number {places[0]} and {places[1]}: nothing lost"):
        for when in places:
            sock, name = held_socket(), f"{call}-{when}"
            relay = start(name, "varying", sock, call, when)
            wait_for(lambda: relay.counters().starts or ended(relay), "the relay starts", 5)
            shape = SHAPES["varying"]
            sent = feed(sender("127.0.0.1:26000"), shape, RATE, 0, RATE * 2)
            deaths = max(0, relay.counters().writer_starts - 1)
            family = [relay.pid, *children(relay.pid)]
            if not ended(relay):
                for pid in reversed(family):
                    os.kill(pid, signal.SIGTERM)
                relay.process.wait(15)
            finish_with(name, "varying", sock, sent)
            print(f"# {call} {when}: the writer was killed {deaths} times or more")
            sock.close()

with case("both die at a send with rejects in hand: each is kept, and the datums are all there"):
    sock, sent, bad = held_socket(), 0, []
    shape = SHAPES["fixed"]
    to = sender("127.0.0.1:26000")
    for death in range(10):
        for _ in range(100):
            to.send(shape.make(sent))
            bad.append(b"bad %d" % sent)
            to.send(bad[-1])
            sent += 1
        relay = start("bad", "fixed", sock, ",".join(RECEIVER_CALLS), 1 + death % 3)
        wait_for(lambda: ended(relay), "the receiver is killed at its send")
    relay = finish_with("bad", "fixed", sock, sent)
    kept = [row["datagram"] for row in rejects(relay.directory)]
    check_equal(kept, bad, "rejects")

finish()
