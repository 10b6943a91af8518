"""Avro container files byte by byte, without any Avro library, so that tests can damage them."""
import json

from every import text
from udp import varint

SYNC = bytes(range(0xA0, 0xB0))


def header(schema, codec="null", extra=None, raw=False):
    """`raw`: the schema is the text itself."""
    pairs = {"avro.schema": schema if raw else json.dumps(schema)}
    if codec is not None:
        pairs["avro.codec"] = codec
    pairs.update(extra or {})
    body = b"".join(text(k) + text(v) for k, v in pairs.items())
    return b"Obj\x01" + varint(len(pairs)) + body + varint(0) + SYNC


def block(datums, count=None):
    """`datums`: encoded ones; `count` overrides what the head says."""
    data = b"".join(datums)
    return varint(len(datums) if count is None else count) + varint(len(data)) + data + SYNC
