#!/usr/bin/python3
"""sdr-cat prints what python3-avro wrote: every type, random schemas, the edges of numbers."""
import datetime
import io
import json
import math
import os
import random
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import case, enter_plainly, finish  # noqa: E402
from catlib import cat, check, put  # noqa: E402

try:
    import avro.datafile
    import avro.io
    import avro.schema
except ImportError:
    print("skip - what python3-avro wrote: no python3-avro")
    sys.exit(0)

SEEDS = int(os.environ.get("CAT_SEEDS", "60"))
SIMPLE = ["boolean", "int", "long", "float", "double", "string", "bytes", "enum", "fixed", "null"]
COMPLEX = ["record", "array", "map", "union"]
LETTERS = ['"', "\\", "/", "\n", "\x01", "\x7f", "a", " ", "ß", "€", "𝄞", "\u2028", "\ufffd",
           "\ud7ff"]
DOUBLES = [-0.0, 1.0, 1e5, 0.1, 1e22, 5e-324, math.inf, -math.inf, math.nan]
# Within a union python3-avro takes the last branch that fits, so no two may fit the same value.
BRANCHES = [["null"], ["int", "long", "double"], ["boolean"], ["string"], ["bytes", "fixed"],
            ["array"], ["map", "record"]]

enter_plainly()


class Float(float):
    """A value of Avro's float: the same if it is the same in 32 bits."""


def same(got, want):
    if isinstance(want, float):
        form = "<f" if isinstance(want, Float) else "<d"
        return type(got) is float and struct.pack(form, got) == struct.pack(form, want)
    if isinstance(want, list):
        return type(got) is list and len(got) == len(want) and all(map(same, got, want))
    if isinstance(want, dict):
        return (type(got) is dict and got.keys() == want.keys() and
                all(same(got[key], want[key]) for key in want))
    return type(got) is type(want) and got == want


def json_float(x, kind):
    if math.isnan(x):
        return "NaN"
    if math.isinf(x):
        return "Infinity" if x > 0 else "-Infinity"
    return kind(x)


class Maker:
    """Random schemas, and values of them as (for Python, as JSON, as JSON with typed unions)."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.names = 0
        self.full_names = {}  # id of a named schema → full name

    def schema(self, depth=0, space=""):
        kinds = SIMPLE + (COMPLEX * 2 if depth < 4 else [])
        return self.of_kind(self.random.choice(kinds), depth, space)

    def of_kind(self, kind, depth, space=""):
        if kind in ("record", "enum", "fixed"):
            return self.named(kind, depth, space)
        if kind == "array":
            return {"type": "array", "items": self.schema(depth + 1, space)}
        if kind == "map":
            return {"type": "map", "values": self.schema(depth + 1, space)}
        if kind == "union":
            chosen = self.random.sample(BRANCHES, self.random.randrange(1, 5))
            return [self.of_kind(self.random.choice(group), depth + 1, space)
                    for group in sorted(chosen, key=BRANCHES.index)]
        return kind

    def named(self, kind, depth, space):
        pick = self.random
        self.names += 1
        schema = {"type": kind, "name": f"T{self.names}"}
        if pick.random() < 0.5:
            schema["namespace"] = space = f"a.b{pick.randrange(3)}"
        if kind == "fixed":
            schema["size"] = pick.randrange(1, 20)
        elif kind == "enum":
            schema["symbols"] = [f"S{i}" for i in range(pick.randrange(1, 9))]
        else:
            schema["fields"] = [{"name": f"f{i}", "type": self.schema(depth + 1, space)}
                                for i in range(pick.randrange(1, 6))]
        self.full_names[id(schema)] = f"{space}.{schema['name']}" if space else schema["name"]
        return schema

    def text(self):
        return "".join(self.random.choices(LETTERS, k=self.random.choice([0, 1, 5, 40])))

    def value(self, schema):
        if isinstance(schema, list):
            branch = self.random.choice(schema)
            value, bare, typed = self.value(branch)
            kind = branch if isinstance(branch, str) else branch["type"]
            name = self.full_names.get(id(branch), kind)
            return value, bare, None if kind == "null" else {name: typed}
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind in COMPLEX:
            return self.complex_value(kind, schema)
        value = self.simple_value(kind, schema)
        shown = value
        if kind in ("float", "double"):
            shown = json_float(value, Float if kind == "float" else float)
        elif kind in ("bytes", "fixed"):
            shown = value.decode("latin-1")
        return value, shown, shown

    def simple_value(self, kind, schema):
        pick = self.random
        if kind == "null":
            return None
        if kind == "boolean":
            return pick.random() < 0.5
        if kind in ("int", "long"):
            limit = 1 << pick.randrange(1, 32 if kind == "int" else 64)
            return pick.randrange(-limit, limit)
        if kind == "float":
            return struct.unpack("<f", pick.randbytes(4))[0]
        if kind == "double":
            return pick.choice([struct.unpack("<d", pick.randbytes(8))[0], *DOUBLES])
        if kind == "string":
            return self.text()
        if kind == "enum":
            return pick.choice(schema["symbols"])
        return pick.randbytes(schema["size"] if kind == "fixed" else pick.choice([0, 1, 7, 300]))

    def complex_value(self, kind, schema):
        if kind == "array":
            items = [self.value(schema["items"]) for _ in range(self.random.choice([0, 1, 3, 20]))]
            return tuple([item[form] for item in items] for form in range(3))
        if kind == "record":
            types = {field["name"]: field["type"] for field in schema["fields"]}
        else:
            types = {self.text(): schema["values"] for _ in range(self.random.randrange(4))}
        items = {name: self.value(one) for name, one in types.items()}
        return tuple({name: item[form] for name, item in items.items()} for form in range(3))


def written_by_python(schema, values, per_block=7):
    out = io.BytesIO()
    parsed = avro.schema.parse(json.dumps(schema))
    writer = avro.datafile.DataFileWriter(out, avro.io.DatumWriter(), parsed)
    for at, value in enumerate(values):
        writer.append(value)
        if at % per_block == per_block - 1:
            writer.sync()
    writer.flush()
    return out.getvalue()


def compare(schema, values):
    """`values`: as Maker makes them."""
    path = put("values.avro", written_by_python(schema, [value[0] for value in values]))
    for options, form in ((["--format", "json"], 1), (["--typed"], 2)):
        lines = cat(path, *options)[0].split("\n")[:-1]
        check(len(lines) == len(values), f"{len(lines)} lines of {len(values)} for {schema}")
        for line, value in zip(lines, values):
            check(same(json.loads(line), value[form]), f"{line} is not {value[form]!r}: {schema}")
    check(cat("--count", path)[0] == f"{len(values)}\n", "--count")
    check(": ok" in cat("--check", path)[0], "--check")


with case("every type"):
    maker = Maker(1)
    every = {"type": "record", "name": "All", "namespace": "x.y",
             "fields": [{"name": "f_" + kind, "type": maker.of_kind(kind, 3, "x.y")}
                        for kind in SIMPLE + COMPLEX]}
    compare(every, [maker.value(every) for _ in range(100)])

with case(f"{SEEDS} random schemas, random values"):
    for seed in range(2, SEEDS + 2):
        maker = Maker(seed)
        root = maker.schema()
        compare(root, [maker.value(root) for _ in range(maker.random.choice([1, 5, 20]))])

with case("the edges of numbers"):
    edges = {"type": "record", "name": "R", "fields": [
        {"name": "i", "type": "int"}, {"name": "l", "type": "long"},
        {"name": "d", "type": "double"}]}
    rows = [{"i": -2**31, "l": -2**63, "d": -0.0}, {"i": 0, "l": 0, "d": 5e-324},
            {"i": 2**31 - 1, "l": 2**63 - 1, "d": 1.7976931348623157e308}]
    compare(edges, [(row, row, row) for row in rows])

with case("a time is its number"):
    stamp = {"type": "record", "name": "L", "fields": [
        {"name": "t", "type": {"type": "long", "logicalType": "timestamp-micros"}}]}
    when = datetime.datetime(2026, 11, 22, 20, 15, 0, 123456, tzinfo=datetime.timezone.utc)
    micros = int(when.timestamp()) * 1000000 + 123456
    compare(stamp, [({"t": when}, {"t": micros}, {"t": micros})])

with case("a schema that holds itself"):
    chain = {"type": "record", "name": "List", "namespace": "q", "fields": [
        {"name": "v", "type": "int"}, {"name": "next", "type": ["null", "List"]}]}
    bare = typed = None
    for v in range(100):
        typed = {"v": v, "next": typed and {"q.List": typed}}
        bare = {"v": v, "next": bare}
    compare(chain, [(bare, bare, typed)])

with case("roots that are no record"):
    for root, it in (("long", 5), ("string", "x"), ({"type": "array", "items": "int"}, [1, 2])):
        compare(root, [(it, it, it)] * 20)

finish()
