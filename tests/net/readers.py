#!/usr/bin/python3
"""What is recorded is what other people's readers read: avrocat, python3-avro and npm's avsc."""
import math
import os
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import case, check_equal, enter_network, finish, run_dir, storage_dir  # noqa: E402
from avro_value import Decoder, difference  # noqa: E402
from every import Every  # noqa: E402
from random_schema import encode, random_datum, random_schema  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from segments import Segment, avrocat, avsc, python_avro, sealed  # noqa: E402
from udp import Fixed, sender  # noqa: E402

PAIRS = int(os.environ.get("PAIRS", "210"))
AT_ONCE = 8
DATAGRAM_MAX = 60000

enter_network()
seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
print(f"SEED={seed}")
rng = random.Random(seed)
run, storage = run_dir(), storage_dir()


class Pair:
    """A schema, datums of it as bytes, and the segment they were recorded in."""

    def __init__(self, schema, datums):
        self.schema = schema
        self.datums = datums
        self.path = None


def random_pair():
    while True:
        schema = random_schema(rng)
        datums = [encode(schema, random_datum(rng, schema)) for _ in range(rng.randint(1, 8))]
        datums = [datum for datum in datums if len(datum) <= DATAGRAM_MAX]
        if datums and all(datums):
            return Pair(schema, datums)


def record(pairs):
    """Sends every pair's datums through a relay of its own, a few relays at a time."""
    data = compile_schemas(run, {name: pair.schema for name, pair in pairs.items()})
    names = list(pairs)
    for first in range(0, len(names), AT_ONCE):
        relays = []
        for at, name in enumerate(names[first:first + AT_ONCE]):
            relay = Relay(data[name], run, storage, name, wait=False, buffer_bytes=1 << 20,
                          listen=f"127.0.0.1:{26000 + at}")
            relays.append(relay)
        for relay in relays:
            relay.wait_ready()
            sock = sender(relay.listen)
            for datum in pairs[relay.name].datums:
                sock.send(datum)
        for relay in relays:
            relay.wait_received(len(pairs[relay.name].datums))
            relay.stop()
            check_equal(relay.counters().reasons(), {}, f"{relay.name}: rejected")
            files = sealed(relay.directory)
            check_equal(len(files), 1, f"{relay.name}: segments")
            pairs[relay.name].path = files[0]


def check_same(pair, found, expected, reader):
    check_equal(len(found), len(expected), f"{pair.path.name}: datums that {reader} reads")
    for number, (one, other) in enumerate(zip(found, expected)):
        wrong = difference(one, other, "")
        assert not wrong, f"{pair.path.name}: datum {number}: {reader} reads {wrong}"


def is_finite(value):
    """avrocat prints no line for a datum with a number that JSON has no word for."""
    if isinstance(value, (list, dict)):
        return all(map(is_finite, value if isinstance(value, list) else value.values()))
    return not isinstance(value, float) or math.isfinite(value)


def has_nul_key(value):
    """libavro-c takes map keys for C strings too: two that agree up to a NUL become one."""
    if isinstance(value, dict):
        return any("\0" in key or has_nul_key(item) for key, item in value.items())
    return isinstance(value, list) and any(map(has_nul_key, value))


def as_avrocat_prints(value):
    """avrocat's JSON output takes bytes, fixed and strings for C strings: they end at a NUL."""
    if isinstance(value, str):
        return value.partition("\0")[0]
    if isinstance(value, list):
        return [as_avrocat_prints(item) for item in value]
    if isinstance(value, dict):
        return {as_avrocat_prints(key): as_avrocat_prints(item) for key, item in value.items()}
    return value


def check_avrocat(pair):
    decoder = Decoder(pair.schema, tagged=True)
    sent = [value for value in map(decoder.value, pair.datums) if is_finite(value)]
    found = avrocat(pair.path)
    check_equal(len(found), len(sent), f"{pair.path.name}: datums that avrocat reads")
    clear = [at for at, value in enumerate(sent) if not has_nul_key(value)]
    check_same(pair, [found[at] for at in clear], [as_avrocat_prints(sent[at]) for at in clear],
               "avrocat")


def check_python(pair):
    decoder = Decoder(pair.schema)
    sent = [decoder.value(datum) for datum in pair.datums]
    check_same(pair, python_avro(pair.path), sent, "python3-avro")


def check_avsc(pairs):
    read = avsc([pair.path for pair in pairs])
    for pair in pairs:
        # Values, not bytes: a JavaScript object sorts its number-like keys.
        decoder = Decoder(pair.schema)
        check_same(pair, [decoder.value(datum) for datum in read[str(pair.path)]],
                   [decoder.value(datum) for datum in pair.datums], "avsc")


def check_all(pairs, label):
    with case(f"{label}: recorded byte for byte, schema text kept"):
        for pair in pairs:
            segment = Segment(pair.path)
            check_equal(segment.data(), b"".join(pair.datums), f"{pair.path.name}: data")
            check_equal(segment.schema, pair.schema, f"{pair.path.name}: schema")
    with case(f"{label}: avrocat reads what was sent"):
        for pair in pairs:
            check_avrocat(pair)
    with case(f"{label}: python3-avro reads what was sent"):
        for pair in pairs:
            check_python(pair)
    with case(f"{label}: avsc reads what was sent"):
        check_avsc(pairs)


fixed, every = Fixed(100), Every()
known = {"fixed": Pair(fixed.schema, [fixed.make(n) for n in range(300)]),
         "every": Pair(every.schema, [every.make(n) for n in range(300)])}
record(known)
check_all([known["fixed"]], "fixed-size schema")
check_all([known["every"]], "schema of every type")

pairs = {f"random-{number:03}": random_pair() for number in range(PAIRS)}
record(pairs)
check_all(list(pairs.values()), f"{PAIRS} random schemas with random data")

finish()
