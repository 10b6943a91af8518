"""Numbered datums to many ports at once, and what became of them in the files."""
import ctypes
import mmap
import socket
import time
from pathlib import Path

import segments
from sdrtest import Background, check_equal, wait_for
from udp import Fixed

SHAPE = Fixed(40)


class Load:
    """Feeds each of `ports` at `rate` a second from a process of its own. What goes to a port is
    numbered from 0 on; a port is fed while it is switched on."""

    def __init__(self, ports, rate):
        self.ports = list(ports)
        shared = mmap.mmap(-1, 16 * len(self.ports))
        self._on = (ctypes.c_uint64 * len(self.ports)).from_buffer(shared)
        self._sent = (ctypes.c_uint64 * len(self.ports)).from_buffer(shared, 8 * len(self.ports))
        self._background = Background(self._feed, rate)

    def _feed(self, stopping, rate):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        start, rounds = time.monotonic(), 0
        while not stopping():
            due = int((time.monotonic() - start) * rate) + 1 - rounds
            for _ in range(min(due, 64)):
                for at, port in enumerate(self.ports):
                    if self._on[at]:
                        sock.sendto(SHAPE.make(self._sent[at]), ("127.0.0.1", port))
                        self._sent[at] += 1
            rounds += max(due, 0)
            time.sleep(0.001)

    def switch(self, port, on):
        self._on[self.ports.index(port)] = on

    def start(self):
        for port in self.ports:
            self.switch(port, 1)
        return self

    def sent(self, port):
        return self._sent[self.ports.index(port)]

    def flow(self, count):
        """Waits until so many more went to every port that is on."""
        goals = [(at, self._sent[at] + count) for at in range(len(self.ports)) if self._on[at]]
        wait_for(lambda: all(self._sent[at] >= goal for at, goal in goals), "datagrams flow", 60)

    def stop(self):
        """Ends the feed and waits until no datagram waits in a receive socket."""
        self._background.result()
        wait_for(lambda: not any(waiting(port) for port in self.ports), "all is received", 60)


def waiting(port):
    """Bytes that wait in the receive sockets of a port."""
    total = 0
    for line in Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:]:
        words = line.split()
        if int(words[1].rpartition(":")[2], 16) == port:
            total += int(words[4].rpartition(":")[2], 16)
    return total


def check_recorded(storage, names, count):
    """That the numbers up to `count` are in the recordings of `names` (one channel, over its
    names), each exactly once."""
    found = []
    for name in names:
        found += segments.numbers(Path(storage) / f"channel={name}", SHAPE)
    check_equal(len(found), len(set(found)), f"{names[0]}: datums recorded, and different ones")
    segments.check_exact(sorted(found), range(count), names[0])
