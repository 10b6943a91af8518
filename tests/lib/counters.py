"""Counters pages (relay/format/counters.h) made by hand."""
import struct
import time

from relay import Counters

HEAD = struct.Struct("=QII64sIIQ32s")
MAGIC = struct.unpack("=Q", b"SDRCUNTS")[0]
VERSION = 4
KEPT_BYTES = 512


def words(fields, values, start):
    found = []
    for at, field in enumerate(fields):
        name, count = field if isinstance(field, tuple) else (field, 1)
        value = values.get(name, [start + 1000 * at + i for i in range(count)])
        found += value if isinstance(value, (list, tuple)) else [value]
    return struct.pack(f"={len(found)}Q", *found)


def page(name, streams=4, full_rate=1, receiver=None, writer=None, marks=(), **head):
    """Every word differs from every other where it is not given. `marks`: of (age in seconds,
    receiver, writer), the newer one first; what they do not give is as it is in the page."""
    fields = {"magic": MAGIC, "version": VERSION, "bytes": Counters.BYTES,
              "page_time_ns": 777} | head
    data = HEAD.pack(fields["magic"], fields["version"], fields["bytes"], name.encode(), streams,
                     full_rate, fields["page_time_ns"], b"")
    data += words(Counters._RECEIVER, receiver or {}, 1000000)
    data = data.ljust(-(-len(data) // 128) * 128, b"\0")
    at_ease = {"disk_state": 1, "disk_busy_since_ns": 0}
    at_ease |= writer or {}
    data += words(Counters._WRITER, at_ease, 2000000)
    data = data.ljust(-(-len(data) // 128) * 128 + KEPT_BYTES, b"\0")
    for age_s, then, written in marks:
        data += struct.pack("=Q", time.clock_gettime_ns(time.CLOCK_BOOTTIME) - int(age_s * 10**9))
        data += words(Counters._RECEIVER[:-1], (receiver or {}) | then, 1000000)
        data += words(Counters._WRITER, at_ease | written, 2000000)
    return data.ljust(Counters.BYTES, b"\0")


def put(run, name, data):
    path = run / "counters" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
