#!/usr/bin/python3
"""Decimated streams are what a reference in plain Python says, for random schemas and data.

PAIRS schemas (300), each through a relay that makes eight streams of it at once: every method
twice, with factors and held fields of their own. SEED is printed; for a longer run PAIRS=5000.
"""
import contextlib
import json
import os
import random
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import case, check_equal, enter_network, finish, run_dir, wait_for  # noqa: E402
from decimation import METHODS, Reference, hold_in_layout  # noqa: E402
from random_numbers import Moods  # noqa: E402
from random_schema import random_datum, random_numeric_schema  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import big_buffer, drain, send_all, sender, varint  # noqa: E402

PAIRS = int(os.environ.get("PAIRS", "200"))
AT_ONCE = 6
FACTORS = (1, 2, 3, 4, 5, 7, 10, 16, 50)
DATUM_MAX, PAIR_MAX, SEND_MAX = 16000, 400000, 60000  # bytes
BUFFER = 4 << 20
HOLD_MAX, CHANNELS_MAX = 64, 1000
SOL_UDP, UDP_SEGMENT, SEGMENTS_MAX = 17, 103, 64

enter_network()
# On one CPU no datagram overtakes another.
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
print(f"SEED={seed}")
rng = random.Random(seed)
run = run_dir()
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
    small_buffers = big_buffer(probe) < BUFFER


class Stream:
    """One decimated stream: its option, and what came of it. A wait that is never over changes
    nothing."""

    def __init__(self, method, factor, hold=(), max_wait_ms=None):
        self.method, self.factor, self.hold = method, factor, hold
        self.max_wait = f",max-wait-ms={max_wait_ms}" if max_wait_ms else ""
        self.to = None
        self.found = []

    def option(self):
        hold = ",hold=" + "+".join(map(str, self.hold)) if self.hold else ""
        return f"{self.to},factor={self.factor},method={self.method}{hold}{self.max_wait}"

    def count(self, datums):
        return len(datums) // self.factor * (2 if self.method == "minmax" else 1)

    def listen(self, port):
        self.to = f"127.0.0.1:{port}"
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        big_buffer(sock)
        sock.bind(("127.0.0.1", port))
        return sock


class Pair:
    """A schema, datums of it, and the streams that a relay is to make of them."""

    def __init__(self, schema, datums, streams, sequence=None):
        self.schema = schema
        self.reference = Reference(schema)
        self.datums = datums
        self.streams = streams
        self.sequence = sequence
        self.rejected = 0

    def sendings(self):
        """The datums in runs, each sent at once; with datagrams between that are no datums."""
        at = 0
        most = max(1, SEND_MAX // max(map(len, self.datums), default=1))
        while at < len(self.datums):
            some = self.datums[at:at + min(most, rng.choice([1, 3, 40]))]
            at += len(some)
            if rng.random() < 0.2 and most > 1:
                some.insert(rng.randint(0, len(some)), rng.choice(some) + b"\0")
                self.rejected += 1
            yield some


def random_pair():
    schema = random_numeric_schema(rng)
    reference = Reference(schema)
    ordinals = range(len(reference.numbers))
    moods = Moods(rng, reference.numbers)
    datums, room = [], PAIR_MAX
    for _ in range(rng.choice([20, 110, 250])):
        tree = random_datum(rng, schema)
        moods.fill(tree)
        datum = reference.encode(tree)
        if len(datum) <= min(DATUM_MAX, room):
            datums.append(datum)
            room -= len(datum)
    streams = []
    for method in METHODS * 2:
        hold = rng.sample(ordinals, rng.randint(0, min(len(ordinals), HOLD_MAX)))
        streams.append(Stream(method, rng.choice(FACTORS), rng.choice([[], hold]),
                              rng.choice([None, None, 3600000])))
    whole = [at for at in ordinals if reference.numbers[at].kind in ("int", "long")]
    sequence = rng.choice(whole) if whole and rng.random() < 0.3 else None
    return Pair(schema, datums, streams, sequence)


def send(sock, datagrams):
    """One by one, or all together where they have one size."""
    size = len(datagrams[0])
    if {len(one) for one in datagrams} != {size} or size > 1400 or rng.random() < 0.5:
        send_all(sock, datagrams)
        return
    sock.setsockopt(SOL_UDP, UDP_SEGMENT, size)
    at_once = min(SEGMENTS_MAX, 60000 // size)
    for at in range(0, len(datagrams), at_once):
        sock.send(b"".join(datagrams[at:at + at_once]))
    sock.setsockopt(SOL_UDP, UDP_SEGMENT, 0)


def start(name, pair, data, place, stack):
    """A relay for the pair, and the sockets that its streams go to, which `stack` closes."""
    pair.sockets = [stack.enter_context(stream.listen(30000 + 10 * place + at))
                    for at, stream in enumerate(pair.streams)]
    if pair.sequence is not None:
        layout = data / "layout"
        layout.write_text(hold_in_layout(layout.read_text(encoding="ascii"), pair.sequence))
    return Relay(data, run, name=name, wait=False, listen=f"127.0.0.1:{26000 + place}",
                 sequence=pair.sequence, decimated=[one.option() for one in pair.streams])


def feed(relay, pair):
    """Sends the datums, and gathers what comes of them."""
    def gather():
        for stream, source in zip(pair.streams, pair.sockets):
            stream.found += drain(source)
        return all(len(stream.found) >= stream.count(pair.datums) for stream in pair.streams)

    sent = 0
    with sender(relay.listen) as sock:
        for some in pair.sendings():
            send(sock, some)
            sent += len(some)
            if small_buffers:
                relay.wait_received(sent)
            gather()
    relay.wait_received(sent)
    wait_for(gather, f"{relay.name}: the datagrams of every stream")
    relay.stop()
    gather()
    counters = relay.counters()
    check_equal((counters.received, counters.rejected),
                (len(pair.datums) + pair.rejected, pair.rejected), f"{relay.name}: received")
    check_equal([row[0] for row in counters.streams[1:]][:len(pair.streams)],
                [stream.count(pair.datums) for stream in pair.streams], f"{relay.name}: decimated")


def check(name, pair):
    for stream in pair.streams:
        held = pair.reference.held(stream.hold, pair.sequence)
        windows = pair.reference.windows(pair.datums, stream.factor, stream.method, held)
        expected = [(at, tree) for at, trees in enumerate(windows) for tree in trees]
        check_equal(len(stream.found), len(expected), f"{name}: {stream.option()}: datagrams")
        for datagram, (window, tree) in zip(stream.found, expected):
            try:
                pair.reference.check(datagram, tree, held)
            except AssertionError as error:
                raise AssertionError(f"{name}: {stream.option()}: window {window}: {error}; "
                                     f"{pair.schema}") from error


def through_relays(pairs):
    names = list(pairs)
    data = {}
    for first in range(0, len(names), CHANNELS_MAX):
        some = {name: pairs[name].schema for name in names[first:first + CHANNELS_MAX]}
        directory = run / f"schemas-{names[first]}"
        directory.mkdir()
        data |= compile_schemas(directory, some)
    for first in range(0, len(names), AT_ONCE):
        with contextlib.ExitStack() as stack:
            relays = [start(name, pairs[name], data[name], place, stack)
                      for place, name in enumerate(names[first:first + AT_ONCE])]
            for relay in relays:
                relay.wait_ready()
            for relay in relays:
                feed(relay, pairs[relay.name])


def record(*fields):
    """A schema of fields (name, type, other members…)."""
    return json.dumps({"type": "record", "name": "R", "fields": [
        {"name": name, "type": kind, **dict(rest)} for name, kind, *rest in fields]})


with case("a time whose logicalType stands beside its type is the last datum's"):
    schema = record(("time", "long", ("logicalType", "timestamp-micros")), ("value", "double"))
    encode = Reference(schema).encode
    datums = [encode({"time": 10**15 + 7 * n, "value": float(n)}) for n in range(8)]
    pair = Pair(schema, datums, [Stream("average", 4), Stream("minmax", 4), Stream("rms", 2)])
    through_relays({"beside": pair})
    check_equal(pair.streams[0].found, [encode({"time": 10**15 + 7 * n, "value": mean})
                                        for n, mean in ((3, 1.5), (7, 5.5))], "average")
    check("beside", pair)

with case("numbers that were longer than need be come out as short as can be, the rest as it was"):
    schema = record(("a", "int"), ("b", "long"), ("c", ["null", "long"]),
                    ("d", {"type": "array", "items": "int"}))

    def overlong(number, size):
        short = varint(number)
        return bytes(byte | 0x80 for byte in short) + b"\x80" * (size - len(short) - 1) + b"\0"
    # Two items, of which the block says that they take three bytes.
    rest = overlong(1, 3) + overlong(9, 9) + overlong(-2, 4) + varint(3) + overlong(5, 2) + \
        varint(-3) + overlong(0, 2)
    datums = [overlong(n, 5) + overlong(100 * n, 10) + rest for n in (1, 2, 6)]
    pair = Pair(schema, datums, [Stream("average", 3), Stream("average", 3, [1]),
                                 Stream("downsample", 3)])
    through_relays({"overlong": pair})
    check_equal([stream.found for stream in pair.streams],
                [[varint(3) + varint(300) + rest], [varint(3) + overlong(600, 10) + rest],
                 [datums[2]]], "datagrams")

with case("numbers that grow from a byte to ten, near the largest datagram"):
    schema = record(*((f"n{at}", "long") for at in range(5000)), ("rest", "bytes"))
    size = 65507 - 5000 * 10 - 3
    datums = [(varint(-2**63) if n == 0 else b"\0") * 5000 + varint(size) + b"r" * size
              for n in range(4)]
    streams = [Stream("minmax", 4), Stream("average", 1), Stream("rms", 2)]
    pair = Pair(schema, datums, streams)
    through_relays({"growing": pair})
    check("growing", pair)

pairs = {f"random-{number:04}": random_pair() for number in range(PAIRS)}
with case(f"{PAIRS} random schemas with random data: as many datagrams as windows"):
    through_relays(pairs)
with case("what is in them is what the reference says"):
    for name, pair in pairs.items():
        check(name, pair)

finish()
