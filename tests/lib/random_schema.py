"""Random Avro schemas of every type, random data for them, and an encoder that is not ours.

The encoder is python3-avro's BinaryEncoder driven by its DatumWriter, except that unions are
encoded by hand: DatumWriter picks the first branch that a value fits, and a test must be able to
mean another one. A union's datum is therefore a pair (branch index, value) here.
"""
import functools
import io
import json
import math
import struct
import warnings

import avro.io
import avro.schema

INT = (-2**31, 2**31 - 1)
LONG = (-2**63, 2**63 - 1)
KEYS = ["", "a", "plain", "h\u00e9llo", "\u6e29\u5ea6", "\U0001f680", "x" * 200, "tab\tnew\nline"]
TEXTS = KEYS + ["\u0000nul"]  # libavro-c cuts map keys at a NUL, so no key has one
PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "string", "bytes"]
LOGICAL = [("int", "date"), ("int", "time-millis"), ("long", "time-micros"),
           ("long", "timestamp-millis"), ("long", "timestamp-micros")]
NUMBERS = ["int", "long", "float", "double"]
TIMES = ["date", "time-millis", "timestamp-micros", "timestamp-nanos", "local-timestamp-millis"]
DEPTH_MAX = 4


class _Names:
    """Named types made so far, so that later ones can refer to them."""

    def __init__(self):
        self.count = 0
        self.made = []  # (full name, branch kind)

    def new(self, kind):
        self.count += 1
        space = [None, "telemetry", "telemetry.deep"][self.count % 3]
        name = f"{kind}{self.count}"
        self.made.append((f"{space}.{name}" if space else name, kind))
        return {"type": kind, "name": name, **({"namespace": space} if space else {})}


def random_schema(rng):
    """The text of a schema whose root is a record of 1 to 6 fields, never of zero bytes."""
    names = _Names()
    root = {"type": "record", "name": "Root", "namespace": "telemetry", "fields": [
        {"name": "sequence", "type": "long"}]}
    for i in range(rng.randint(1, 6)):
        root["fields"].append(_field(rng, names, f"field_{i}", 0))
    return json.dumps(root, indent=rng.choice([None, 2]), ensure_ascii=rng.random() < 0.5)


def random_numeric_schema(rng):
    """The same, mostly of numbers, also in records within records. Some are times: their
    logicalType stands in their type, beside it, or in both places."""
    names = _Names()
    fields = [_numeric_field(rng, names, f"field_{i}", 0) for i in range(rng.randint(2, 9))]
    fields.insert(rng.randint(0, len(fields)), {"name": "any", "type": rng.choice(NUMBERS)})
    return json.dumps({"type": "record", "name": "Root", "namespace": "telemetry",
                       "fields": fields})


def _numeric_field(rng, names, name, depth):
    kind = rng.random()
    if kind < 0.25:
        return _field(rng, names, name, depth)
    if kind < 0.45 and depth < DEPTH_MAX:
        record = names.new("record")
        mine = names.made.pop()
        record["fields"] = [_numeric_field(rng, names, f"inner_{i}", depth + 1)
                            for i in range(rng.randint(1, 5))]
        names.made.append(mine)
        return {"name": name, "type": record}
    number = rng.choice(NUMBERS)
    # Most are none, and one that is no time changes nothing.
    logical = rng.choice(TIMES + ["celsius"]) if rng.random() < 0.3 else None
    where = rng.choice(["inside", "beside", "both"]) if logical else None
    inside = {"type": number, "logicalType": logical}
    beside = {"logicalType": logical} if where in ("beside", "both") else {}
    return {"name": name, "type": inside if where in ("inside", "both") else number, **beside}


def _field(rng, names, name, depth):
    field = {"name": name, "type": _type(rng, names, depth)}
    if rng.random() < 0.2:
        field["doc"] = "what \u201cit\u201d is"
    return field


def _type(rng, names, depth, in_union=False):
    kinds = ["primitive"] * 4 + ["logical", "fixed", "enum"]
    if names.made and not in_union:
        kinds.append("reference")
    if depth < DEPTH_MAX:
        kinds += ["record", "array", "map"] + ([] if in_union else ["union", "union"])
    kind = rng.choice(kinds)
    if kind == "primitive":
        return rng.choice(PRIMITIVES)
    if kind == "logical":
        base, logical = rng.choice(LOGICAL)
        return {"type": base, "logicalType": logical}
    if kind == "reference":
        # Written in full; a name without a dot would be looked for in the enclosing namespace.
        full = [name for name, _ in names.made if "." in name]
        return rng.choice(full) if full else "double"
    if kind == "fixed":
        return {**names.new("fixed"), "size": rng.choice([1, 2, 16, 100])}
    if kind == "enum":
        return {**names.new("enum"), "symbols": [f"S{i}" for i in range(rng.choice([1, 2, 3, 70]))]}
    if kind == "array":
        return {"type": "array", "items": _type(rng, names, depth + 1)}
    if kind == "map":
        return {"type": "map", "values": _type(rng, names, depth + 1)}
    if kind == "union":
        return _union(rng, names, depth)
    record = names.new("record")
    # Not to be referred to from within itself: that would be recursion.
    mine = names.made.pop()
    record["fields"] = [_field(rng, names, f"inner_{i}", depth + 1)
                        for i in range(rng.randint(1, 4))]
    names.made.append(mine)
    return record


def _union(rng, names, depth):
    """Branches differ in type, as the specification demands; unnamed ones stand once each."""
    branches, seen = [], set()
    for _ in range(rng.randint(1, 4)):
        before = len(names.made)
        branch = _type(rng, names, depth + 1, in_union=True)
        kind = branch if isinstance(branch, str) else branch["type"]
        key = branch["name"] if isinstance(branch, dict) and "name" in branch else kind
        if key not in seen:
            seen.add(key)
            branches.append(branch)
        else:
            del names.made[before:]  # what was defined in it is defined nowhere
    return branches


@functools.lru_cache(maxsize=None)
def parsed(text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of logical types that it does not know
        return avro.schema.parse(text)


def random_datum(rng, schema):
    """A datum of a schema's text; union values are (branch index, value)."""
    return _random(rng, parsed(schema))


def _random(rng, schema):
    kind = schema.type
    if kind in ("record", "error"):
        return {field.name: _random(rng, field.type) for field in schema.fields}
    if kind == "union":
        index = rng.randrange(len(schema.schemas))
        return (index, _random(rng, schema.schemas[index]))
    if kind == "array":
        return [_random(rng, schema.items) for _ in range(rng.choice([0, 1, 3]))]
    if kind == "map":
        return {rng.choice(KEYS) + str(i): _random(rng, schema.values)
                for i in range(rng.choice([0, 1, 3]))}
    if kind == "enum":
        return rng.choice(schema.symbols)
    if kind == "fixed":
        return rng.randbytes(schema.size)
    return _random_primitive(rng, kind)


def _random_primitive(rng, kind):
    if kind == "null":
        return None
    if kind == "boolean":
        return rng.random() < 0.5
    if kind == "int":
        return rng.choice([0, -1, 1, 63, 64, -64, -65, *INT, rng.randint(*INT)])
    if kind == "long":
        return rng.choice([0, -1, 2**53, *INT, *LONG, rng.randint(*LONG)])
    if kind == "float":
        value = rng.choice([0.0, -0.0, 1.5, math.inf, -math.inf, math.nan,
                            rng.uniform(-1e30, 1e30)])
        return struct.unpack("<f", struct.pack("<f", value))[0]
    if kind == "double":
        return rng.choice([0.0, -0.0, 0.1, math.inf, -math.inf, math.nan, 5e-324,
                           rng.uniform(-1e300, 1e300)])
    if kind == "string":
        return rng.choice(TEXTS)
    return rng.randbytes(rng.choice([0, 1, 50]))


def encode(schema, datum):
    return encode_parsed(parsed(schema), datum)


def encode_parsed(schema, datum):
    """The same of what python3-avro has parsed."""
    out = io.BytesIO()
    _write(schema, datum, avro.io.BinaryEncoder(out))
    return out.getvalue()


def _write(schema, datum, to):
    kind = schema.type
    if kind in ("record", "error"):
        for field in schema.fields:
            _write(field.type, datum[field.name], to)
    elif kind == "union":
        to.write_long(datum[0])
        _write(schema.schemas[datum[0]], datum[1], to)
    elif kind == "array":
        if datum:
            to.write_long(len(datum))
            for item in datum:
                _write(schema.items, item, to)
        to.write_long(0)
    elif kind == "map":
        if datum:
            to.write_long(len(datum))
            for key, value in datum.items():
                to.write_utf8(key)
                _write(schema.values, value, to)
        to.write_long(0)
    elif kind == "enum":
        to.write_int(schema.symbols.index(datum))
    elif kind == "fixed":
        to.write(datum)
    elif kind != "null":
        getattr(to, {"string": "write_utf8"}.get(kind, f"write_{kind}"))(datum)


def decode(schema, data):
    """What python3-avro makes of the bytes; unions bare. Asserts that nothing is left over."""
    source = io.BytesIO(data)
    value = avro.io.DatumReader(parsed(schema)).read(avro.io.BinaryDecoder(source))
    assert source.tell() == len(data), "bytes are left over"
    return value
