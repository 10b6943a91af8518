"""Segments with their indexes, written byte by byte by the tests themselves."""
import json
import zlib
from datetime import datetime, timedelta, timezone

from every import text
from ocf import SYNC, block, header
from udp import varint

TIME = {"type": "long", "logicalType": "timestamp-micros"}
LOSSES = ("kernel_drops", "gaps", "lost", "duplicates", "reordered", "resets", "unrecorded",
          "rejected", "restarts", "clock_steps", "damaged_bytes")
INDEX_SCHEMA = json.dumps(
    {"type": "record", "name": "IndexRow", "namespace": "speeddata", "fields": [
        {"name": "offset", "type": "long"}, {"name": "datums", "type": "long"},
        {"name": "first_time", "type": ["null", TIME]},
        {"name": "last_time", "type": ["null", TIME]},
        *({"name": name, "type": "long"} for name in LOSSES)]}, separators=(",", ":"))
REJECT_SCHEMA = json.dumps(
    {"type": "record", "name": "RejectedDatagram", "namespace": "speeddata", "fields": [
        {"name": "receive_time", "type": TIME}, {"name": "source", "type": "string"},
        {"name": "reason", "type": "string"}, {"name": "datagram", "type": "bytes"}]},
    separators=(",", ":"))


def micros(when):
    """Of "2026-11-22T20:15:00.5", which is UTC."""
    time = datetime.fromisoformat(when).replace(tzinfo=timezone.utc)
    return round(time.timestamp() * 1000000)


def iso(time_us, pattern="%Y-%m-%dT%H:%M:%S.%fZ"):
    return (datetime(1970, 1, 1) + timedelta(microseconds=time_us)).strftime(pattern)


def stamp(time_us):
    return iso(time_us, "%Y%m%dT%H%M%S.%fZ")


class Row:
    """Of an index; `times`: the first and the last, or None."""

    def __init__(self, offset, datums, times, **losses):
        self.offset, self.datums, self.times, self.losses = offset, datums, times, losses

    def encoded(self):
        times = b"".join(varint(1) + varint(time) for time in self.times) if self.times else \
            varint(0) * 2
        return varint(self.offset) + varint(self.datums) + times + \
            b"".join(varint(self.losses.get(name, 0)) for name in LOSSES)


class Written:
    """A segment and its index. Blocks are added with the times of their datums."""

    def __init__(self, schema, started_us, channel="engine", sync=SYNC, extra=None):
        self.started_us, self.channel, self.sync = started_us, channel, sync
        pairs = {"sdr.channel": channel, "sdr.started": iso(started_us)} | (extra or {})
        pairs["sdr.check"] = sync.hex() + "0" * 8
        data = header(schema, extra=pairs, raw=isinstance(schema, str))
        checked = data[:-17 - 8]  # behind the digits: the map's end and the marker
        self.data = checked + b"%08x" % zlib.crc32(checked) + varint(0) + sync
        self.rows = []

    def add(self, datums, times, **losses):
        """`datums` encoded, `times` their receive times, or None for a row without."""
        ends = (times[0], times[-1]) if times else None
        self.rows.append(Row(len(self.data), len(datums), ends, **losses))
        self.data += block(datums)[:-16] + self.sync

    def close(self, time_us, **losses):
        self.rows.append(Row(len(self.data), 0, (time_us, time_us), **losses))

    def index(self, rows=None, sync=None):
        sync = sync or self.sync
        head = header(INDEX_SCHEMA, raw=True)[:-16] + sync
        return head + b"".join(block([row.encoded()])[:-16] + sync
                               for row in (self.rows if rows is None else rows))

    def name(self):
        """Below the channel's directory, without its suffix."""
        return f"date={iso(self.started_us)[:10]}/{self.channel}_{stamp(self.started_us)}"


def reject(time_us, reason, datagram, source="10.0.0.7:4000"):
    return varint(time_us) + text(source) + text(reason) + text(datagram)
