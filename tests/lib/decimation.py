"""What a decimated stream must be, worked out from its definition and in the plainest way.

A Reference knows a schema and decodes its datums with python3-avro's BinaryDecoder; unions are
decoded by hand into pairs (branch index, value), as random_schema encodes them. Numbers are the
ints, longs, floats and doubles whose path from the root passes through records only; a path is a
tuple of field names.
"""
import ctypes
import io
import math
import struct
from fractions import Fraction

import avro.io
import avro.schema

from random_schema import encode_parsed, parsed

METHODS = ("downsample", "average", "minmax", "rms")
LARGEST = {"int": 2**31 - 1, "long": 2**63 - 1}
TIMES = ("time-", "timestamp-", "local-timestamp-")


class Number:
    """A number of a schema; its ordinal is its place in Reference.numbers."""

    def __init__(self, path, kind, is_time):
        self.path = path
        self.kind = kind
        self.is_time = is_time  # by its logical type: always carried

    def get(self, tree):
        for name in self.path:
            tree = tree[name]
        return tree

    def set(self, tree, value):
        for name in self.path[:-1]:
            tree = tree[name]
        tree[self.path[-1]] = value


class Reference:
    def __init__(self, schema):
        self.schema = parsed(schema)
        self.numbers = list(_numbers(self.schema, ()))

    def decode(self, data):
        source = io.BytesIO(data)
        tree = _read(self.schema, avro.io.BinaryDecoder(source))
        assert source.tell() == len(data), f"{len(data) - source.tell()} bytes are left over"
        return tree

    def encode(self, tree):
        return encode_parsed(self.schema, tree)

    def held(self, hold, sequence=None):
        """The ordinals that a stream carries: its own, times, and the sequence field."""
        times = {at for at, number in enumerate(self.numbers) if number.is_time}
        return set(hold) | times | ({sequence} - {None})

    def windows(self, datums, factor, method, held):
        """What each window of `factor` datums (as bytes) must give: lists of expected trees."""
        return [self.window(datums[at:at + factor], method, held)
                for at in range(0, len(datums) - factor + 1, factor)]

    def window(self, datums, method, held):
        if method == "downsample":
            return [self.decode(datums[-1])]
        trees = [self.decode(datum) for datum in datums]
        found = [self.decode(datums[-1]) for _ in range(2 if method == "minmax" else 1)]
        for at, number in enumerate(self.numbers):
            if at in held:
                continue
            samples = [number.get(tree) for tree in trees]
            for tree, value in zip(found, combine(method, number.kind, samples)):
                number.set(tree, value)
        return found

    def check(self, data, expected, held):
        """That a datagram is the datum expected: floats to the last place, all else exactly, and
        the bytes those that python3-avro makes of it."""
        tree = self.decode(data)
        assert self.encode(tree) == data, f"{data.hex()[:80]}: not as python3-avro encodes it"
        for at, number in enumerate(self.numbers):
            found, wanted = number.get(tree), number.get(expected)
            if at in held or number.kind in LARGEST:
                assert same(found, wanted), f"{place(at, number)}: {found}, expected {wanted}"
            else:
                apart = ulps(number.kind, found, wanted)
                assert apart <= 1, f"{place(at, number)}: {found}, expected {wanted}: {apart} ulp"
                number.set(tree, wanted)
        assert self.encode(tree) == self.encode(expected), "what is no number is not carried"


def hold_in_layout(layout, ordinal):
    """The text of a layout in which number `ordinal` is held by every stream."""
    depth = count = 0
    for at, letter in enumerate(layout):
        depth += (letter in "[{<") - (letter in "]}>")
        if depth == 0 and letter in "ilfd":
            if count == ordinal:
                held = layout[at + 1:at + 2] == "!"
                return layout if held else f"{layout[:at + 1]}!{layout[at + 1:]}"
            count += 1
    raise AssertionError(f"no number {ordinal} in {layout}")


def place(at, number):
    return f"number {at}, {'.'.join(number.path)} ({number.kind})"


def same(a, b):
    """Bit for bit."""
    return struct.pack("<d", a) == struct.pack("<d", b) if isinstance(a, float) else a == b


def combine(method, kind, samples):
    """What stands for the samples: a list of one, or of the least and the most."""
    whole = kind in LARGEST
    if method == "minmax":
        real = [x for x in samples if not math.isnan(x)]
        return [min(real), max(real)] if real else [math.nan] * 2
    if whole and method == "average":
        return [round(Fraction(sum(samples), len(samples)))]  # ties to even
    if whole:
        return [min(root_mean(sum(x * x for x in samples), len(samples)), LARGEST[kind])]
    total = 0.0
    for x in samples:
        total += x if method == "average" else x * x
    mean = total / len(samples)
    value = mean if method == "average" else math.sqrt(mean)
    return [ctypes.c_float(value).value if kind == "float" else value]


def root_mean(squares, count):
    """The integer nearest to sqrt(squares / count), ties to even."""
    root = math.isqrt(squares // count)
    # Against (root + 1/2)^2, in whole numbers.
    twice = 4 * squares - count * (2 * root + 1)**2
    return root + (1 if twice > 0 or twice == 0 and root % 2 else 0)


def ulps(kind, a, b):
    """How many numbers of that kind two of them are apart; any NaN is any other."""
    if math.isnan(a) or math.isnan(b):
        return 0 if math.isnan(a) and math.isnan(b) else math.inf
    return abs(_step(kind, a) - _step(kind, b))


def _step(kind, x):
    """Numbers in order, counted from zero."""
    code = ("<f", "<i") if kind == "float" else ("<d", "<q")
    bits = struct.unpack(code[1], struct.pack(code[0], abs(x)))[0]
    return -bits if x < 0 else bits


def _numbers(schema, path):
    for field in schema.fields:
        kind = field.type.type
        if kind == "record":
            yield from _numbers(field.type, path + (field.name,))
        elif kind in ("int", "long", "float", "double"):
            # Where a type has a logical type of its own, one beside it is not looked at.
            logical = (field.type.props.get("logicalType") or
                       field.other_props.get("logicalType") or "")
            yield Number(path + (field.name,), kind,
                         logical == "date" or logical.startswith(TIMES))


def _read(schema, source):
    kind = schema.type
    if kind == "record":
        return {field.name: _read(field.type, source) for field in schema.fields}
    if kind == "union":
        branch = source.read_long()
        return (branch, _read(schema.schemas[branch], source))
    if kind == "array":
        return [_read(schema.items, source) for _ in _items(source)]
    if kind == "map":
        return {source.read_utf8(): _read(schema.values, source) for _ in _items(source)}
    if kind == "enum":
        return schema.symbols[source.read_int()]
    if kind == "fixed":
        return source.read(schema.size)
    return getattr(source, {"string": "read_utf8"}.get(kind, f"read_{kind}"))()


def _items(source):
    while True:
        count = source.read_long()
        if count == 0:
            return
        if count < 0:
            source.read_long()
        yield from range(abs(count))
