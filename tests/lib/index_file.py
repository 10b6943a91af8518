"""The index beside a segment, read strictly with the tests' own reader and compared with it."""
from pathlib import Path

from segments import Segment, sealed
from udp import read_varint

LOSSES = ("kernel_drops", "gaps", "lost", "duplicates", "reordered", "resets", "unrecorded",
          "rejected", "restarts", "clock_steps", "damaged_bytes")


class Row:
    def __init__(self, data, at):
        self.offset, at = read_varint(data, at)
        self.datums, at = read_varint(data, at)
        self.first_time = self.last_time = None
        for name in ("first_time", "last_time"):
            branch, at = read_varint(data, at)
            assert branch in (0, 1), f"branch {branch}"
            if branch:
                value, at = read_varint(data, at)
                setattr(self, name, value)
        self.losses = {}
        for name in LOSSES:
            self.losses[name], at = read_varint(data, at)
        self.end = at


def index_path(segment_path):
    return Path(segment_path).with_suffix(".index")


def rows_of(segment_path, index_at=None):
    """The rows of a sealed segment's index, held against the segment: each block has its own."""
    segment = Segment(segment_path)
    index = Segment(index_at or index_path(segment_path))
    assert index.sync == segment.sync, f"{segment.path.name}: its index has another sync marker"
    rows = []
    for count, body in index.blocks:
        at = 0
        for _ in range(count):
            rows.append(Row(body, at))
            at = rows[-1].end
        assert at == len(body), "bytes behind the rows of a block"
    data = segment.path.read_bytes()
    at = Segment.header_size(data)
    blocks = []
    for count, body in segment.blocks:
        blocks.append((at, count))
        for _ in range(2):
            _, at = read_varint(data, at)
        at += len(body) + 16
    with_datums = [row for row in rows if row.datums]
    assert [(row.offset, row.datums) for row in with_datums] == blocks, \
        f"{segment.path.name}: rows {[(r.offset, r.datums) for r in rows][:5]} for {blocks[:5]}"
    return rows


def ledger(directory):
    """The sum of what the indexes of all sealed segments tell."""
    total = dict.fromkeys(LOSSES, 0)
    for path in sealed(directory):
        for row in rows_of(path):
            for name, count in row.losses.items():
                total[name] += count
    return total
