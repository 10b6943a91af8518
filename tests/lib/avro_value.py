"""A small Avro decoder of the tests' own, to say what a datum must look like in other readers.

Decoder(schema).value(bytes) gives plain Python values (as python3-avro does); Decoder(schema,
tagged=True) gives what Avro's JSON encoding has: unions as {"branch": value} (by the branch's short
name, as libavro-c prints it), bytes as text.
"""
import json
import math
import struct

from udp import read_varint

PRIMITIVES = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}


class Decoder:
    def __init__(self, schema_text, tagged=False):
        self._tagged = tagged
        self._named = {}
        self._read = self._compile(json.loads(schema_text), "")

    def value(self, data):
        value, at = self._read(data, 0)
        if at != len(data):
            raise AssertionError(f"{len(data) - at} bytes are left over behind the datum")
        return value

    def values(self, data):
        """Datums that stand back to back."""
        found, at = [], 0
        while at < len(data):
            value, at = self._read(data, at)
            found.append(value)
        return found

    def _compile(self, schema, namespace):
        if isinstance(schema, list):
            return self._union(schema, namespace)
        if isinstance(schema, str):
            return self._primitive(schema) if schema in PRIMITIVES else \
                self._named[full_name(schema, namespace)]
        kind = schema["type"]
        if kind in ("record", "error", "enum", "fixed"):
            name = full_name(schema["name"], schema.get("namespace", namespace))
            return self._name(kind, schema, name)
        if kind == "array":
            return self._blocks(self._compile(schema["items"], namespace), list)
        if kind == "map":
            return self._blocks(self._compile(schema["values"], namespace), dict)
        return self._compile(kind, namespace)

    def _primitive(self, kind):
        if kind == "null":
            return lambda data, at: (None, at)
        if kind == "boolean":
            return lambda data, at: (data[at] == 1, at + 1)
        if kind in ("int", "long"):
            return read_varint
        if kind in ("float", "double"):
            code, size = ("<f", 4) if kind == "float" else ("<d", 8)
            return lambda data, at: (struct.unpack_from(code, data, at)[0], at + size)
        decode = self._bytes if kind == "bytes" else lambda raw: raw.decode("utf-8")

        def read(data, at):
            size, at = read_varint(data, at)
            return decode(data[at:at + size]), at + size
        return read

    def _bytes(self, raw):
        return raw.decode("latin-1") if self._tagged else bytes(raw)

    def _name(self, kind, schema, name):
        namespace = name.rpartition(".")[0]
        if kind == "fixed":
            size = schema["size"]
            read = lambda data, at: (self._bytes(data[at:at + size]), at + size)
        elif kind == "enum":
            symbols = schema["symbols"]

            def read(data, at):
                index, at = read_varint(data, at)
                return symbols[index], at
        else:
            fields = []

            def read(data, at):
                value = {}
                for field, read_field in fields:
                    value[field], at = read_field(data, at)
                return value, at
            fields += [(f["name"], self._compile(f["type"], namespace)) for f in schema["fields"]]
        self._named[name] = read
        return read

    def _union(self, branches, namespace):
        reads = [(self._branch_name(b), self._compile(b, namespace)) for b in branches]

        def read(data, at):
            index, at = read_varint(data, at)
            name, read_branch = reads[index]
            value, at = read_branch(data, at)
            return ({name: value} if self._tagged and name != "null" else value), at
        return read

    @staticmethod
    def _branch_name(branch):
        while isinstance(branch, dict) and isinstance(branch["type"], dict):
            branch = branch["type"]
        if isinstance(branch, str):
            return branch.rpartition(".")[2]
        return branch.get("name", branch["type"]).rpartition(".")[2]

    @staticmethod
    def _blocks(read_item, kind):
        def read(data, at):
            value = kind()
            while True:
                count, at = read_varint(data, at)
                if count == 0:
                    return value, at
                if count < 0:
                    count = -count
                    _, at = read_varint(data, at)
                for _ in range(count):
                    if kind is dict:
                        size, at = read_varint(data, at)
                        key = data[at:at + size].decode("utf-8")
                        value[key], at = read_item(data, at + size)
                    else:
                        item, at = read_item(data, at)
                        value.append(item)
        return read


def full_name(name, namespace):
    return name if "." in name or not namespace else f"{namespace}.{name}"


def difference(a, b, path="it"):
    """None where two values are the same, else where and how they first differ.

    Not-a-number equals itself, and -0.0 differs from 0.0."""
    if isinstance(a, float) and isinstance(b, float):
        if a != a and b != b or a == b and math.copysign(1, a) == math.copysign(1, b):
            return None
    elif isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        found = (difference(a[key], b[key], f"{path}.{key}") for key in a)
        return next(filter(None, found), None)
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        found = (difference(one, other, f"{path}[{at}]") for at, (one, other) in
                 enumerate(zip(a, b)))
        return next(filter(None, found), None)
    elif type(a) is type(b) and a == b:
        return None
    return f"{path}: {a!r:.100}, not {b!r:.100}"
