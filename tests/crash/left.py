#!/usr/bin/python3
"""What killed relays leave behind, found by one that differs, or in pieces that do not fit.

Rings of another schema, of another version, with numbers at their end, and with a batch in hand
that is larger than the whole ring. Each datum is recorded exactly once, under its own schema.
"""
import os
import random
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import held  # noqa: E402
from held import held_socket, wait_timed  # noqa: E402
from relay import compile_schemas  # noqa: E402
from ring_file import RingFile, leave  # noqa: E402
from sdrtest import (Skip, case, check_equal, children, enter_network, finish,  # noqa: E402
                     run_dir, storage_dir, wait_for)
from segments import Segment, check_exact, numbers, sealed  # noqa: E402
from tracer import PREFIX, Traced  # noqa: E402
from udp import Fixed, Varying, drops, queued  # noqa: E402

BATCH = 64
STRIDE = int(os.environ.get("STRIDE", "9"))
SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))

enter_network()
wait_timed()
run, storage = run_dir(), storage_dir()
OLD, NEW, LARGE = Varying(), Fixed(24), Fixed(60000)
data = compile_schemas(run, {"old": OLD.schema, "new": NEW.schema, "large": LARGE.schema})


def starter(schema, name, sock, **fixed):
    return lambda **options: held.start(data[schema], run, storage, name, sock,
                                        **({"buffer_bytes": 1 << 20} | fixed | options))


def rings(name):
    return sorted(os.listdir(run / "rings" / name))


def take_all(relay, sock):
    wait_for(lambda: not queued(sock), "the queue is received")
    relay.stop()
    return relay


def check_numbers(relay, shape, count, what="recorded"):
    check_exact(numbers(relay.directory, shape), range(count), what)
    check_equal(rings(relay.name), ["lock"], "what is left of the rings")


with case("a ring of an older schema is finished under its own header"):
    sock = held_socket()
    start = starter("old", "schema", sock)
    held.send(OLD, 0, 3 * BATCH)
    leave(start, sock)
    held.send(NEW, 0, 100)
    relay = take_all(starter("new", "schema", sock)(), sock)
    by_schema = {OLD.schema: [], NEW.schema: []}
    for path in sealed(relay.directory):
        segment = Segment(path)
        by_schema[segment.schema].append(segment.data())
    check_exact(OLD.numbers(b"".join(by_schema[OLD.schema])), range(3 * BATCH), "of the old schema")
    check_exact(NEW.numbers(b"".join(by_schema[NEW.schema])), range(100), "of the new schema")
    assert relay.counters().salvaged > 0, "no batch was in hand"
    check_equal(rings("schema"), ["lock"], "what is left of the rings")
    sock.close()

with case("a ring of another version keeps its name until a relay reads it; others are finished"):
    sock = held_socket()
    start = starter("old", "version", sock)
    sent = held.send(OLD, 0, 2 * BATCH)
    leave(start, sock)
    path = run / "rings" / "version" / "current"
    ring = RingFile(path.read_bytes())
    version = ring.get("version")
    path.write_bytes(ring.set("version", version + 1).data)
    sent = held.send(OLD, sent, 2 * BATCH)
    leave(start, sock)
    sent = held.send(OLD, sent, 10)
    relay = take_all(start(), sock)
    name = f"left-{1:020}"
    check_equal(rings("version"), [name, "lock"], "rings")
    check_exact(numbers(relay.directory, OLD), range(2 * BATCH, sent), "recorded meanwhile")
    said = f"ring {name}: ring of another version; it stays until a relay takes it up"
    check_equal(relay.messages().count(said), 1, f"lines of {relay.messages()!r}")
    (run / "rings" / "version" / name).write_bytes(ring.set("version", version).data)
    relay = take_all(start(), sock)
    check_exact(sorted(numbers(relay.directory, OLD)), range(sent), "recorded in the end")
    check_equal(rings("version"), ["lock"], "what is left of the rings")
    sock.close()

with case("the largest number of a left ring is not wrapped onto another one"):
    sock = held_socket()
    start = starter("old", "numbers", sock)
    place, sent = run / "rings" / "numbers", 0
    for name in (f"left-{2**64 - 1:020}", f"left-{1:020}", None):
        sent = held.send(OLD, sent, BATCH)
        leave(start, sock)
        if name:
            os.rename(place / "current", place / name)
    (place / "left-over").write_text("not ours")
    relay = take_all(start(), sock)
    check_exact(sorted(numbers(relay.directory, OLD)), range(sent), "recorded")
    check_equal(rings("numbers"), ["left-over", "lock"], "rings")
    sock.close()

with case("a ring is seen on a kernel before 5.8, which has no faccessat2"):
    if not shutil.which("strace"):
        raise Skip("no strace")
    sock = held_socket()
    start = starter("old", "kernel", sock)
    sent = held.send(OLD, 0, BATCH)
    leave(start, sock)
    relay = start(prefix=["strace", "-f", "-qqq", "-o", "/dev/null", "-e", "trace=faccessat2",
                          "-e", "inject=faccessat2:error=ENOSYS"])
    os.kill(children(relay.pid)[0], held.signal.SIGTERM)  # strace would keep it to itself
    relay.process.wait(15)
    check_numbers(relay, OLD, sent)
    sock.close()

with case("a segment that has its name, and its old one still, with the ring lost: counted once"):
    sock = held_socket()
    start = starter("old", "linked", sock)
    sent = held.send(OLD, 0, BATCH)
    relay = take_all(start(), sock)
    os.link(sealed(relay.directory)[0], relay.directory / ".open")
    relay = take_all(start(), sock)
    check_numbers(relay, OLD, sent)
    assert not (relay.directory / ".open").exists()
    sock.close()


def finish_killed_at(start, number):
    """Starts a relay whose writer is killed at its `number`th stop; whether it came so far."""
    relay = start(wait=False, prefix=PREFIX)
    traced, end, killed, was_left = Traced(relay.pid), time.monotonic() + 20, False, False
    while not killed:
        pid = traced.step()
        if pid and pid != relay.pid and traced.stops[pid] == number:
            traced.kill(traced.order)
            killed = True
        elif pid:
            traced.go_on(pid)
        is_left = any(name.startswith("left-") for name in rings(relay.name))
        if was_left and not is_left:
            break
        was_left = is_left
        assert time.monotonic() < end, f"it does not end: {relay.messages()}"
    traced.kill(traced.order)
    traced.let_go()
    os.close(relay._ready)  # pylint: disable=protected-access
    relay.process.returncode = -9
    return killed


with case(f"a batch in hand larger than the ring is taken in parts, killed at each {STRIDE}. stop"):
    sock = held_socket()
    start = starter("large", "large", sock, buffer_bytes=64 << 10)
    sent = min(20, held.room(80000))
    relay = leave(start, sock, lambda: held.send(LARGE, 0, sent) and None)
    copies = {place: place.with_name(place.name + ".kept")
              for place in (run / "rings" / "large", relay.directory)}
    for place, copy in copies.items():
        shutil.copytree(place, copy)
    kills, number = 0, 1 + random.Random(SEED).randrange(STRIDE)
    while True:
        killed = finish_killed_at(start, number)
        relay = take_all(start(), sock)
        try:
            check_numbers(relay, LARGE, sent)
        except AssertionError as error:
            raise AssertionError(f"SEED={SEED}, killed at stop {number}: {error}") from error
        if not killed:
            break
        kills, number = kills + 1, number + STRIDE
        for place, copy in copies.items():
            shutil.rmtree(place)
            shutil.copytree(copy, place)
    print(f"# {kills} kills")
    assert kills * STRIDE > 50
    check_equal(drops(sock), 0, "datagrams that the held socket had no room for")
    sock.close()

with case("the writer of a relay of another version does not count into a page begun anew"):
    sock = held_socket()
    start = starter("old", "page", sock)
    relay = start()
    writer = relay.writer()
    held.send(OLD, 0, 10)
    relay.wait_recorded(10)
    os.kill(writer, held.signal.SIGSTOP)
    held.send(OLD, 10, 10)
    relay.wait_received(20)
    os.kill(relay.pid, held.signal.SIGKILL)
    relay.process.wait()
    # As the next receiver would: the page is this version's and empty.
    page = bytearray(relay.counters_file.read_bytes())
    page[8] += 1
    page[128:] = bytes(len(page) - 128)
    with open(relay.counters_file, "r+b") as file:
        file.write(page)
    os.kill(writer, held.signal.SIGCONT)
    wait_for(lambda: numbers(relay.directory, OLD) == list(range(20)), "the writer finishes")
    wait_for(lambda: writer not in children(os.getpid()) or
             os.waitpid(writer, os.WNOHANG)[0], "and ends")
    check_equal(relay.counters_file.read_bytes(), bytes(page), "the new page")
    sock.close()

finish()
