"""Disks after a power cut: held against what must be on them, repaired by real relays, held again.

The relay that repairs starts as after a reboot: its ring and its counters are gone.
"""
import contextlib
import hashlib
import os
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path

from avro_value import Decoder
from relay import Relay, sdrtest
from sdrtest import wait_for
from index_file import rows_of
from segments import Segment, python_avro
from udp import read_varint

AT_ONCE = 6  # relays
NAME = "t"
UNFINISHED = (".open", ".torn-", ".mending")
ASIDE = (".damaged-", ".broken-")  # what no repair can help


@dataclass
class Due:
    """What must be there after a cut."""
    datums: int = 0
    rejects: int = 0
    sealed: dict = field(default_factory=dict)  # path: content


@dataclass
class Found:
    """What was there after the repair of one tree."""
    datums: int = 0
    rejects: int = 0
    wrong: str = ""
    aside: int = 0


def digest(tree):
    hashed, inodes = hashlib.blake2b(digest_size=16), {}
    for path, (content, inode) in sorted(tree.items()):
        number = inodes.setdefault(inode, len(inodes))
        hashed.update(f"{path}\0{number}\0{-1 if content is None else len(content)}\0".encode())
        hashed.update(content or b"")
    return hashed.digest()


def lay_out(tree, root):
    """Makes `tree` real below `root`."""
    first = {}
    Path(root).mkdir(parents=True)
    for path, (content, inode) in tree.items():
        place = Path(root, path)
        if content is None:
            place.mkdir(parents=True)
        elif inode in first:
            os.link(first[inode], place)
        else:
            place.write_bytes(content)
            first[inode] = place


def read_back(root):
    """{path: content} of the files below `root`."""
    return {str(path.relative_to(root)): path.read_bytes()
            for path in sorted(Path(root).rglob("*")) if path.is_file()}


def unfinished(root):
    """What a repair has still to do."""
    names = [path.name for path in Path(root).rglob(".*")]
    return [name for name in names if name.startswith(UNFINISHED)]


class Reader:
    """Reads whole segments strictly; each content once. `shape` knows the datums, `bad` lists the
    rejected datagrams in order."""

    def __init__(self, shape, bad, scratch):
        self.shape, self.bad = shape, bad
        self._file = Path(scratch) / "segment.avro"
        self._index = Path(scratch) / "segment.index"
        self._known = {}

    def values(self, content, rejected):
        """The numbers of its datums, or of its rejects; any byte out of place is an error."""
        key = (rejected, hashlib.blake2b(content, digest_size=16).digest())
        if key not in self._known:
            self._known[key] = self._read(content, rejected)
        return self._known[key]

    def _read(self, content, rejected):
        self._file.write_bytes(content)
        segment = Segment(self._file)
        decoder = Decoder(segment.schema)  # the schema is whole
        assert len(segment.sync) == 16, "the header ends inside its sync marker"
        for key in ("sdr.channel", "sdr.host", "sdr.started", "sdr.boot_id", "sdr.clock"):
            assert b"\0" not in segment.metadata[key], f"{key} is damaged"
        if rejected:
            rows = [row["datagram"] for row in decoder.values(segment.data())]
            numbers = [self.bad.index(row) for row in rows]
        else:
            numbers = self.shape.numbers(segment.data())
        assert len(numbers) == segment.datums(), "block counts are not true"
        return numbers

    def in_order(self, tree, rejected):
        """How many there are from 0 on without a gap in a tree's segments. Behind that there may be
        some more that had not been synced; all are there once and in order."""
        numbers = []
        for path in sorted(tree, key=lambda path: Path(path).name):
            if path.endswith(".avro") and ("/rejected/" in path) == rejected:
                numbers += self.values(tree[path], rejected)
                if not rejected:
                    self._check_index(tree, path)
        for one, following in zip(numbers, numbers[1:]):
            assert one < following, (f"{'reject' if rejected else 'datum'} {following} stands "
                                     f"behind {one}: doubled or out of order")
        return next((i for i, number in enumerate(numbers) if number != i), len(numbers))

    def _check_index(self, tree, path):
        """Each sealed segment has its index, and each block its row."""
        index = str(Path(path).with_suffix(".index"))
        assert index in tree, f"{path} has no index"
        self._file.write_bytes(tree[path])
        self._index.write_bytes(tree[index])
        rows_of(self._file, self._index)

    def python_avro(self, content, rejected):
        """Another's reader finds as many."""
        self._file.write_bytes(content)
        count = len(python_avro(self._file))
        expected = len(self.values(content, rejected))
        assert count == expected, f"python3-avro reads {count} datums, not {expected}"


    def blocks(self, content):
        """Of a segment that may end anywhere: whether it holds rejects, [(block's end, datums)]."""
        found = []
        try:
            metadata, at = Segment._metadata(content, 4)
            sync, at = content[at:at + 16], at + 16
            while at < len(content):
                count, at = read_varint(content, at)
                size, at = read_varint(content, at)
                at += size + 16
                if content[at - 16:at] != sync:
                    break
                found.append((at, count))
        except IndexError:
            pass
        return (b"RejectedDatagram" in metadata["avro.schema"]), found


def due_of(replay, reader):
    """What `replay` says has been promised, in datums."""
    due = Due(sealed=dict(replay.sealed))
    for node, safe in replay.promised.items():
        if safe == 0 or node.live[:4] != b"Obj\1" or b'"IndexRow"' in node.live[:100]:
            continue
        rejected, blocks = reader.blocks(bytes(node.live[:safe]))
        count = sum(datums for _, datums in blocks)
        due.rejects += count if rejected else 0
        due.datums += 0 if rejected else count
    return due


def check_before(tree, due, whole):
    """A name that ends in .avro is complete always; what was sealed is there, and is `.open` no
    more. `whole`: {path: content} of all names of segments so far."""
    for path, (content, _) in tree.items():
        if path.endswith(".avro"):
            there = "damaged" if len(content) == len(whole[path]) else f"{len(content)} bytes long"
            assert content == whole[path], f"{path} has its name and is {there}"
    for path in due.sealed:
        assert path in tree, f"{path} was sealed, and its name is gone"
    sealed = {tree[path][1] for path in due.sealed}
    for path, (_, inode) in tree.items():
        assert not (path.endswith("/.open") and inode in sealed), \
            f"{path} is still a second name of what was sealed"


class Repairer:
    """Repairs trees, several at once, and remembers what came of each."""

    def __init__(self, data, scratch, reader):
        self.data, self.scratch, self.reader = data, Path(scratch), reader
        self.outcomes = {}  # digest: Found
        self._waiting = {}  # digest: tree
        self.python_read = 0

    def add(self, tree):
        key = digest(tree)
        if key not in self.outcomes and key not in self._waiting:
            self._waiting[key] = tree
            if len(self._waiting) == AT_ONCE:
                self.flush()
        return key

    def flush(self):
        begun = []
        for at, (key, tree) in enumerate(self._waiting.items()):
            place = self.scratch / f"repair-{at}"
            shutil.rmtree(place, ignore_errors=True)
            lay_out(tree, place / "storage")
            begun.append((key, tree, place, self.start(place, at)))
        self._waiting = {}
        for _, _, place, relay in begun:
            relay.wait_ready()
            with contextlib.suppress(AssertionError):  # its outcome says so
                wait_for(lambda: not unfinished(place / "storage"), "the repair is done")
            relay.process.send_signal(signal.SIGTERM)
        for key, tree, place, relay in begun:
            self.outcomes[key] = self._outcome(tree, place / "storage", relay)

    def start(self, place, at, prefix=()):
        """A relay as after a reboot, on what is in PLACE/storage."""
        relay = Relay(self.data, place / "run", None, NAME, wait=False, prefix=prefix,
                      record=place / "storage" / f"channel={NAME}", ring=place / "run/rings" / NAME,
                      buffer_bytes=64 << 10, listen=f"127.0.0.1:{26000 + at}")
        sdrtest.after_failure.remove(relay.kill)
        return relay

    def _outcome(self, tree, storage, relay):
        found = Found()
        try:
            code = relay.process.wait(20)
            assert code == 0, f"the relay that repairs exits {code}: {relay.messages()}"
            after = read_back(storage)
            for path, (content, _) in tree.items():
                if path.endswith(".avro"):
                    assert after.get(path) == content, f"the repair has changed {path}"
            left = unfinished(storage)
            assert not left, f"{left[0]} is left after the repair"
            found.aside = sum(Path(path).name.startswith(ASIDE) for path in after)
            found.datums = self.reader.in_order(after, False)
            found.rejects = self.reader.in_order(after, True)
            self._sample_python(after)
        except Exception as error:  # pylint: disable=broad-except
            found.wrong = str(error) or type(error).__name__
        return found

    def _sample_python(self, after):
        """Of every 25th tree, what python3-avro reads."""
        if len(self.outcomes) % 25 == 0:
            for path, content in after.items():
                if path.endswith(".avro"):
                    self.reader.python_avro(content, "/rejected/" in path)
                    self.python_read += 1



def keep(tree, where):
    """The tree as it was cut, for whoever looks into it."""
    place = Path(where) / digest(tree).hex()
    shutil.rmtree(place, ignore_errors=True)
    lay_out(tree, place)
    return place
