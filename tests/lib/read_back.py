"""Records datums of given and random schemas, and holds what others read against what was sent."""
from avro_value import Decoder, difference
from every import Every
from random_schema import encode, random_datum, random_schema
from relay import Relay, compile_schemas
from sdrtest import check_equal
from segments import sealed
from udp import Fixed, sender

AT_ONCE = 8
DATAGRAM_MAX = 60000


class Pair:
    """A schema, datums of it as bytes, and the segment they were recorded in."""

    def __init__(self, schema, datums):
        self.schema = schema
        self.datums = datums
        self.path = None


def random_pair(rng):
    while True:
        schema = random_schema(rng)
        datums = [encode(schema, random_datum(rng, schema)) for _ in range(rng.randint(1, 8))]
        datums = [datum for datum in datums if len(datum) <= DATAGRAM_MAX]
        if datums and all(datums):
            return Pair(schema, datums)


def record(run, storage, pairs):
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


def check_reader(pairs, reader, name):
    """`reader` takes paths and gives what it reads of each, every datum encoded again by it."""
    read = reader([pair.path for pair in pairs])
    for pair in pairs:
        # Values, not bytes: an object of JavaScript sorts its number-like keys, a map of Java's or
        # Go's has them in any order.
        decoder = Decoder(pair.schema)
        check_same(pair, [decoder.value(datum) for datum in read[str(pair.path)]],
                   [decoder.value(datum) for datum in pair.datums], name)


def known_pairs(count=300):
    """A schema of fixed size and one of every type."""
    fixed, every = Fixed(100), Every()
    return {"fixed": Pair(fixed.schema, [fixed.make(n) for n in range(count)]),
            "every": Pair(every.schema, [every.make(n) for n in range(count)])}
