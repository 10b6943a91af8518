"""Counting numbered datums as they come, in constant memory: missing, doubled, misplaced."""
import subprocess

import sdrtest
from udp import big_buffer, read_varint, subscriber


class Tally:
    """Expects first, first + step, first + 2 * step, …"""

    def __init__(self, first=0, step=1):
        self.count = 0      # as expected, gaps or not
        self.strange = 0    # doubled, out of order, or of another's number
        self._expected = first
        self._step = step

    def take(self, number):
        if number < self._expected or (number - self._expected) % self._step:
            self.strange += 1
            return
        self.count += 1
        self._expected = number + self._step

    def lost(self, due):
        return max(0, due - self.count)


class Subscriber:
    """A plain socket on a stream, and a process that reads it."""

    def __init__(self, group, first, step):
        sock = subscriber(group)
        big_buffer(sock, 4 << 20)
        self._background = sdrtest.Background(self._read, sock, Tally(first, step))
        sock.close()

    @staticmethod
    def _read(stopping, sock, tally):
        sock.settimeout(0.1)
        while True:
            last = stopping()
            try:
                while True:
                    tally.take(read_varint(sock.recv(65536), 0)[0])
            except TimeoutError:
                if last:
                    return tally

    def result(self):
        return self._background.result()


def tally_files(fleet, name):
    """Every datum of a channel's segments, as sdr-cat decodes them."""
    tally = Tally()
    with subprocess.Popen(fleet.cat_command(name), stdout=subprocess.PIPE) as cat:
        for line in cat.stdout:
            # {"sequence":N, … is how each of the demo's datums begins.
            number = line[line.index(b":") + 1:line.index(b",")]
            tally.take(int(number))
    if cat.returncode:
        raise AssertionError(f"sdr-cat {name}: exit {cat.returncode}")
    return tally
