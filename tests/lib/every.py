"""A schema that has every Avro type, and its datums, whole or with chosen fields broken."""
import json
import struct

from udp import read_varint, varint


def text(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return varint(len(raw)) + raw


class Every:
    schema = json.dumps({
        "type": "record", "name": "Every", "namespace": "test.types", "doc": "all of them",
        "fields": [
            {"name": "sequence", "type": "long"},
            {"name": "nothing", "type": "null"},
            {"name": "flag", "type": "boolean"},
            {"name": "small", "type": "int"},
            {"name": "large", "type": "long"},
            {"name": "ratio", "type": "float"},
            {"name": "exact", "type": "double"},
            {"name": "text", "type": "string"},
            {"name": "raw", "type": "bytes"},
            {"name": "mode", "type": {"type": "enum", "name": "Mode",
                                      "symbols": ["OFF", "IDLE", "RUN"]}},
            {"name": "id", "type": {"type": "fixed", "name": "Id", "size": 4}},
            {"name": "list", "type": {"type": "array", "items": "int"}},
            {"name": "table", "type": {"type": "map", "values": "long"}},
            {"name": "maybe", "type": ["null", "string", "Mode", {"type": "array", "items": "Id"}]},
            {"name": "inner", "type": {"type": "record", "name": "Inner", "fields": [
                {"name": "time", "type": {"type": "long", "logicalType": "timestamp-micros"}},
                {"name": "mode", "type": "Mode"}]}},
            {"name": "last", "type": "boolean"}]})
    FIELDS = ("sequence", "flag", "small", "large", "ratio", "exact", "text", "raw", "mode", "id",
              "list", "table", "maybe", "inner", "last")

    def make(self, number, **broken):
        """Datum `number`; a keyword gives a field other bytes."""
        maybe = (varint(0), varint(1) + text(f"yes {number}"), varint(2) + varint(number % 3),
                 varint(3) + varint(2) + b"abcdwxyz" + varint(0))[number % 4]
        fields = {
            "sequence": varint(number), "flag": bytes([number & 1]),
            "small": varint((number * 7919) % 2**31 - 2**30),
            "large": varint((number * 0x9E3779B97F4A7C15) % 2**64 - 2**63),
            "ratio": struct.pack("<f", number / 8), "exact": struct.pack("<d", -number / 3),
            "text": text("grüße 日本 🚀 " + "x" * (number % 40)),
            "raw": text(bytes(range(number % 256))),
            "mode": varint(number % 3), "id": struct.pack(">I", number & 0xffffffff),
            "list": self._list(number % 5), "table": self._table(number % 4), "maybe": maybe,
            "inner": varint(1790000000000000 + number) + varint(2 - number % 3), "last": b"\x01"}
        fields |= broken
        return b"".join(fields[name] for name in self.FIELDS)

    @staticmethod
    def _list(count):
        items = b"".join(varint(-i * 1000) for i in range(count))
        return (varint(count) + items if count else b"") + varint(0)

    @staticmethod
    def _table(count):
        items = b"".join(text(f"key{i}") + varint(i << 40) for i in range(count))
        return (varint(count) + items if count else b"") + varint(0)

    @staticmethod
    def number(datum):
        return read_varint(datum, 0)[0]


def bad_datagrams(every, number, rng):
    """(what it is, the reason it must be rejected for, bytes): one of each kind."""
    make = lambda **broken: every.make(number, **broken)
    good = make()
    return [
        ("too short by a byte", "short", good[:-1]),
        ("one byte only", "short", good[:1]),
        ("too long by a byte", "long", good + b"\0"),
        ("two datums", "long", good + good),
        ("empty", "short", b""),
        ("boolean 2", "boolean", make(flag=b"\x02")),
        ("boolean 255 at the end", "boolean", make(last=b"\xff")),
        ("enum index 3 of 3", "enum", make(mode=varint(3))),
        ("enum index -1", "enum", make(mode=varint(-1))),
        ("enum index 2^30", "enum", make(mode=varint(2**30))),
        ("union branch 4 of 4", "union", make(maybe=varint(4))),
        ("union branch -1", "union", make(maybe=varint(-1))),
        ("string of negative length", "length", make(text=varint(-1))),
        ("bytes of negative length", "length", make(raw=varint(-2**63))),
        ("string past the end", "length", make(text=varint(100000) + b"abc")),
        ("bytes of 2^62", "length", make(raw=varint(2**62))),
        ("int of 6 bytes", "varint", make(small=b"\x80" * 5 + b"\x00")),
        ("int of more than 32 bits", "varint", make(small=b"\xff\xff\xff\xff\x1f")),
        ("long of 11 bytes", "varint", make(large=b"\x80" * 10 + b"\x00")),
        ("long of more than 64 bits", "varint", make(large=b"\xff" * 9 + b"\x02")),
        ("string with byte ff", "utf8", make(text=text(b"ab\xffcd"))),
        ("string with a surrogate", "utf8", make(text=text(b"\xed\xa0\x80"))),
        ("string with an overlong form", "utf8", make(text=text(b"\xc0\x80"))),
        ("string cut in a character", "utf8", make(text=text(b"\xe2\x82"))),
        ("string past U+10FFFF", "utf8", make(text=text(b"\xf4\x90\x80\x80"))),
        ("map key that is not UTF-8", "utf8",
         make(table=varint(1) + text(b"\xfe") + varint(1) + varint(0))),
        ("string branch that is not UTF-8", "utf8", make(maybe=varint(1) + text(b"\x80"))),
        ("array block whose size is not true", "length",
         make(list=varint(-2) + varint(9) + varint(1) * 2 + varint(0))),
        ("array block of negative size", "length",
         make(list=varint(-2) + varint(-2) + varint(1) * 2 + varint(0))),
        ("65,507 random bytes", None, rng.randbytes(65507)),
    ]
