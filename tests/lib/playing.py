"""Recordings to play again, and what arrives of them when."""
import contextlib
import json
import os
import socket
import struct
import subprocess
from pathlib import Path

from catlib import put
from indexed import TIME, Written, micros
from sdrtest import BIN, Background, check_equal
from udp import big_buffer, drops, split_endpoint, varint

SDR_FEED = Path(os.environ.get("SDR_BIN", BIN)).resolve() / "sdr-feed"
SO_TIMESTAMPNS = 35
SECOND = 1000000
START = micros("2026-11-22T20:00:00")
DEADLINE_S = 120


def record(*fields, name="N"):
    return {"type": "record", "name": name, "fields": list(fields)}


NUMBER = {"name": "n", "type": "long"}
PLAIN = record(NUMBER)
TIMED = record(NUMBER, {"name": "receive_time", "type": TIME})


def numbered(schema, times, per_block=10, first=0, started_us=None, **kwargs):
    """A segment of the datums `first`, `first` + 1 …, received at `times`."""
    made = Written(schema, times[0] if started_us is None else started_us, **kwargs)
    for at in range(0, len(times), per_block):
        block = times[at:at + per_block]
        made.add([varint(first + at + i) + (varint(time) if schema is TIMED else b"")
                  for i, time in enumerate(block)], block)
    return made


def write(made, path, index=True):
    """The segment at `path`.avro, its index beside it. Returns the segment's path."""
    if index:
        put(f"{path}.index", made.index())
    return put(f"{path}.avro", made.data)


def feed(*args, code=0, **kwargs):
    """Runs sdr-feed; returns its summary, where it was asked for, and what it said."""
    done = subprocess.run([SDR_FEED, *map(str, args)], capture_output=True, text=True, check=False,
                          timeout=DEADLINE_S, **{"stdin": subprocess.DEVNULL} | kwargs)
    check_equal((done.returncode, done.stderr), (code, done.stderr), f"exit of {args}")
    return json.loads(done.stdout) if done.stdout else None, done.stderr


class Listener:
    """Receives on one port in a process of its own, with the kernel's receive times."""

    def __init__(self, to):
        address, port = split_endpoint(to)
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        big_buffer(sock, 32 << 20)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.bind((address, port))
        self._background = Background(self._collect, sock)
        sock.close()

    @staticmethod
    def _collect(stopping, sock):
        found = []
        sock.settimeout(0.02)
        while True:
            last_look = stopping()
            with contextlib.suppress(TimeoutError):
                while True:
                    data, controls, _, _ = sock.recvmsg(65536, 64)
                    seconds, ns = struct.unpack("=qq", controls[0][2][:16])
                    found.append((seconds * 1000000000 + ns, data))
            if last_look:
                return found, drops(sock)

    def stamped(self):
        """[(receive time in ns, datagram)], in order. Ask when nothing more is under way."""
        found, lost = self._background.result()
        check_equal(lost, 0, "datagrams that this test was too slow for")
        return found

    def datagrams(self):
        return [data for _, data in self.stamped()]


def play(*args, to="127.0.0.1:26000", code=0, **kwargs):
    """What arrives at `to` of one replay, its summary, and what it said."""
    listener = Listener(to)
    try:
        summary, said = feed(*args, "--json", code=code, **kwargs)
    finally:
        found = listener.stamped()
    check_equal(len(found), summary["datagrams"] if summary else 0, "datagrams, and the summary's")
    return found, summary, said


def played_numbers(*args, **kwargs):
    """The numbers of the datums that arrive, which are nothing but that; and what was said."""
    from udp import read_varint
    found, _, said = play(*args, **kwargs)
    numbers = [read_varint(data, 0) for _, data in found]
    check_equal([end for _, end in numbers], [len(data) for _, data in found], "sizes")
    return [number for number, _ in numbers], said
