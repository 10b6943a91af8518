"""Segments that were left open, damaged in every way, and what must come of each.

The file is a real relay's, killed with its ring gone; what must come of it is found here by a
second, simple implementation of the rule: a block is sound if its head, its marker and all its
datums are, and is found behind a marker or where the head of a block that was found says.
"""
import heapq
import os
import random
import re
import shutil
import signal

from relay import Relay
from sdrtest import alive, children, wait_for
from segments import Segment
from udp import Varying, read_varint, sender

BLOCK_MAX = 1 << 20
SECTOR = 512


def make_open(data, run, storage, name, blocks, first=0, **options):
    """Records `blocks` (counts of datums) and kills the relay; its directory, with the .open."""
    shape = Varying()
    relay = Relay(data, run, storage, name, sync_ms=20, **options)
    sock, sent, writer = sender(relay.listen), first, relay.writer()
    for count in blocks:
        os.kill(writer, signal.SIGSTOP)  # or a sync might come in between and make two of it
        for _ in range(count):
            sock.send(shape.make(sent))
            sent += 1
        relay.wait_received(sent - first)
        os.kill(writer, signal.SIGCONT)
        relay.wait_recorded(sent - first)
    pids = (*children(relay.pid), relay.pid)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    relay.process.wait()
    wait_for(lambda: not any(map(alive, pids)), "they are gone")
    shutil.rmtree(run / "rings" / name)
    shutil.rmtree(run / "counters")
    return relay.directory


class Torn:
    """An undamaged file, and what must come of damaged ones."""

    def __init__(self, data):
        self.data = data
        self.header_bytes = Segment.header_size(data)
        self.sync = data[self.header_bytes - 16:self.header_bytes]
        self.starts, at = [], self.header_bytes
        while at < len(data):
            self.starts.append(at)
            at = self._sound(data, at)
            assert at, "the undamaged file is damaged"
        self.starts.append(at)

    def expect(self, data):
        """(sound blocks as bytes, lost ranges), or None where it must be set aside."""
        header = data[:self.header_bytes]
        if header != self.data[:self.header_bytes]:
            return None
        found, lost, at = [], [], self.header_bytes
        while at < len(data):
            end = self._sound(data, at)
            if end:
                found.append(data[at:end])
            else:
                end = self._next(data, at)
                lost.append((at, end))
            at = end
        if not found and any(any(data[a:b]) for a, b in lost):
            return None
        return found, merged(lost)

    @staticmethod
    def count(block):
        """Datums in a block."""
        return read_varint(block, 0)[0]

    def _stated_end(self, data, at):
        try:
            count, at = read_varint(data[:at + 20], at)
            size, at = read_varint(data[:at + 20], at)
        except IndexError:
            return None
        return at + size + 16 if count > 0 and 0 <= size <= BLOCK_MAX else None

    def _sound(self, data, at):
        end = self._stated_end(data, at)
        if not end or end > len(data) or data[end - 16:end] != self.sync:
            return None
        count, at = read_varint(data, at)
        size, at = read_varint(data, at)
        body, at = data[at:at + size], 0
        try:
            for _ in range(count):
                _, at = read_varint(body, at)
                length, at = read_varint(body, at)
                if not 0 <= length <= size - at:
                    return None
                body[at:at + length].decode()
                at += length
        except (IndexError, UnicodeDecodeError):
            return None
        return end if at == size else None

    def _next(self, data, at):
        """Where sound blocks go on behind `at`, or the end."""
        places = [self._stated_end(data, at) or len(data)]
        marker_from = at
        while places:
            marker = data.find(self.sync, marker_from)
            if 0 <= marker and marker + 16 <= places[0]:
                at = marker_from = marker + 16
            else:
                at = heapq.heappop(places)
            if at >= len(data) or self._sound(data, at):
                return min(at, len(data))
            heapq.heappush(places, self._stated_end(data, at) or len(data))
        return len(data)


def merged(ranges):
    """Ranges that touch, as one."""
    found = []
    for begin, end in ranges:
        if found and found[-1][1] == begin:
            begin = found.pop()[0]
        found.append((begin, end))
    return found


def told(lines):
    """The lost ranges in lines of a relay or of sdr-cat: {file name: ranges}."""
    found = {}
    for name, begin, end, size in re.findall(
            r"([^/\s]+): bytes (\d+) to (\d+) (?:are|is) lost \((\d+) byte", lines):
        assert int(end) - int(begin) == int(size), f"{begin} to {end} are not {size} bytes"
        found.setdefault(name, []).append((int(begin), int(end)))
    return {name: merged(ranges) for name, ranges in found.items()}


def _patched(data, at, new):
    return data[:at] + new + data[at + len(new):]


def corpus(torn, seed, randoms):
    """(what was done, damaged bytes)"""
    rng, data = random.Random(seed), torn.data
    for size in range(1, len(data)):
        yield f"cut at {size}", data[:size]
    sectors = range(0, len(data), SECTOR)
    for at in sectors:
        old = data[at:at + SECTOR]
        other = data[(at + SECTOR) % len(data):][:len(old)]
        for what, new in (("zeros", bytes(len(old))), ("ones", b"\xff" * len(old)),
                          ("inverse", bytes(byte ^ 0xFF for byte in old)),
                          ("a bit", bytes([old[0] ^ 1]) + old[1:]), ("another sector", other),
                          ("random", rng.randbytes(len(old)))):
            yield f"sector at {at}: {what}", _patched(data, at, new)
        for second in sectors:
            if second > at:
                both = _patched(_patched(data, at, bytes(len(old))), second,
                                bytes(min(SECTOR, len(data) - second)))
                yield f"sectors at {at} and {second}: zeros", both
    for i, end in enumerate(torn.starts[1:]):
        for byte in range(end - 16, end):
            one = _patched(data, byte, bytes([data[byte] ^ 0x10]))
            yield f"marker of block {i}, byte {byte}", one
            for other in torn.starts[i + 2:]:
                yield (f"markers at {byte} and {other}",
                       _patched(one, other - 1, bytes([data[other - 1] ^ 1])))
    for at in torn.starts[:-1]:
        for byte in range(4):
            for value in (0, 1, 2, 0x7F, 0x80, 0xFF):
                yield f"head at {at}, byte {byte}: {value}", _patched(data, at + byte,
                                                                      bytes([value]))
    for size in (1, 15, 16, 18, 512, 70000):
        yield f"{size} zeros behind", data + bytes(size)
        yield f"{size} random bytes behind", data + rng.randbytes(size)
    for number in range(randoms):
        bad = bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 5))):
            at, size = rng.randrange(len(bad)), rng.choice((1, 1, 8, 100))
            bad[at:at + size] = rng.randbytes(len(bad[at:at + size]))
        yield f"random {number}", bytes(bad)
