"""Senders and subscribers, and numbered datums to tell what was lost, doubled or out of order.

Datums come in two shapes: Fixed (a double and padding: every datum has one size) and Varying (a
long and a string). Both begin with their sequence number.
"""
import ctypes
import errno
import fcntl
import json
import os
import socket
import struct
import termios
import time

from sdrtest import Background

_libc = ctypes.CDLL(None, use_errno=True)
SO_RCVBUFFORCE, SO_MEMINFO, MEMINFO_DROPS = 33, 55, 8


class Fixed:
    def __init__(self, size=64):
        self.pad = bytes(range(32, 127)) * (size // 95 + 1)
        self.pad = self.pad[:size - 8]
        self.size = size
        self.schema = json.dumps({"type": "record", "name": "Fixed", "fields": [
            {"name": "sequence", "type": "double"},
            {"name": "pad", "type": {"type": "fixed", "name": "Pad", "size": size - 8}}]})

    def make(self, number):
        return struct.pack("<d", number) + self.pad

    def numbers(self, data):
        """The sequence numbers of datums that stand back to back; checks every byte of them."""
        if len(data) % self.size:
            raise AssertionError(f"{len(data)} bytes are not whole datums of {self.size}")
        found = []
        for at in range(0, len(data), self.size):
            if data[at + 8:at + self.size] != self.pad:
                raise AssertionError("a datum's bytes are not those that were sent")
            found.append(int(struct.unpack_from("<d", data, at)[0]))
        return found


class Varying:
    schema = json.dumps({"type": "record", "name": "Varying", "fields": [
        {"name": "sequence", "type": "long"}, {"name": "text", "type": "string"}]})

    @staticmethod
    def make(number):
        length = number * 37 % 150
        return varint(number) + varint(length) + b"x" * length

    def numbers(self, data):
        at, found = 0, []
        while at < len(data):
            number, at = read_varint(data, at)
            length, at = read_varint(data, at)
            if length != number * 37 % 150 or data[at:at + length] != b"x" * length:
                raise AssertionError(f"datum {number}'s bytes are not those that were sent")
            at += length
            found.append(number)
        return found


def varint(number):
    zigzag = (number << 1) ^ (number >> 63)
    out = bytearray()
    while zigzag > 0x7f:
        out.append(zigzag & 0x7f | 0x80)
        zigzag >>= 7
    out.append(zigzag)
    return bytes(out)


def read_varint(data, at):
    zigzag = shift = 0
    while True:
        byte = data[at]
        at += 1
        zigzag |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            return (zigzag >> 1) ^ -(zigzag & 1), at


def split_endpoint(text):
    address, _, port = text.rpartition(":")
    return address.strip("[]"), int(port)


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def is_multicast(address):
    if ":" in address:
        return address.lower().startswith("ff")
    return 224 <= int(address.split(".")[0]) < 240


def sender(to, interface=None, from_address=None):
    """A socket connected to `to` ("ADDR:PORT")."""
    address, port = split_endpoint(to)
    sock = socket.socket(family(address), socket.SOCK_DGRAM)
    index = socket.if_nametoindex(interface) if interface else 0
    if interface and ":" in address:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    elif interface:
        request = struct.pack("=4s4si", bytes(4), bytes(4), index)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, request)
    if from_address:
        sock.bind((from_address, 0))
    sock.connect((address, port))
    return sock


def big_buffer(sock, size=8 << 20):
    """As large a receive buffer as this user gets; returns it in bytes."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, size)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def steady_rate(wished=20000, size=150):
    """What this user's receive buffers bear for 100 ms of a busy machine, in datagrams a second.

    A datagram is charged by what the kernel allocates for it, not by its length."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        charge = 832 if size < 500 else 2304 if size < 1600 else 2 * size
        return min(wished, big_buffer(sock) // charge * 10)


def subscriber(group, interface="lo"):
    """A socket that receives what is sent to `group` ("ADDR:PORT", unicast or multicast)."""
    address, port = split_endpoint(group)
    sock = socket.socket(family(address), socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    big_buffer(sock)
    sock.bind((address, port))
    if not is_multicast(address):
        return sock
    index = socket.if_nametoindex(interface)
    packed = socket.inet_pton(family(address), address)
    if sock.family == socket.AF_INET6:
        request = packed + struct.pack("=i", index)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
    else:
        request = packed + struct.pack("=4si", bytes(4), index)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
    return sock


def drops(sock):
    """Datagrams that the kernel dropped because this socket's buffer was full."""
    info = sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36)
    return struct.unpack("=9I", info)[MEMINFO_DROPS]


def queued(sock):
    """Bytes of the first datagram that waits in the socket; 0: none does."""
    return struct.unpack("i", fcntl.ioctl(sock, termios.FIONREAD, bytes(4)))[0]


def drain(sock):
    found = []
    sock.setblocking(False)
    while True:
        try:
            found.append(sock.recv(65536))
        except BlockingIOError:
            return found


class Collector:
    """Receives from a socket in a process of its own until asked for what came."""

    def __init__(self, sock):
        def collect(stopping):
            found = []
            sock.settimeout(0.05)
            while not stopping():
                try:
                    while True:
                        found.append(sock.recv(65536))
                        if len(found) % 1024 == 0 and stopping():
                            break
                except TimeoutError:
                    pass
            return found + drain(sock), drops(sock)
        self._background = Background(collect)
        sock.close()

    def datagrams(self):
        """All that came, in order. Ask when nothing more is under way."""
        found, lost = self._background.result()
        if lost:
            raise AssertionError(f"the test's own subscriber was too slow and lost {lost}")
        return found


class _Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class _Header(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint32),
                ("iov", ctypes.c_void_p), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int)]


class _Message(ctypes.Structure):
    _fields_ = [("header", _Header), ("length", ctypes.c_uint)]


def send_all(sock, datagrams):
    """sendmmsg on a connected socket; waits where the socket has no room."""
    count = len(datagrams)
    blob = ctypes.create_string_buffer(b"".join(datagrams))
    base, at = ctypes.addressof(blob), 0
    iovecs, messages = (_Iovec * count)(), (_Message * count)()
    first, size = ctypes.addressof(iovecs), ctypes.sizeof(_Message)
    for i, datagram in enumerate(datagrams):
        iovecs[i].base, iovecs[i].len = base + at, len(datagram)
        messages[i].header.iov = first + i * ctypes.sizeof(_Iovec)
        messages[i].header.iovlen = 1
        at += len(datagram)
    done = 0
    while done < count:
        sent = _libc.sendmmsg(sock.fileno(), ctypes.byref(messages, done * size),
                              min(count - done, 1024), 0)
        if sent < 0:
            error = ctypes.get_errno()
            if error == errno.ECONNREFUSED:  # an answer to an earlier datagram
                continue
            raise OSError(error, os.strerror(error))
        done += sent


def feed(sock, shape, rate, first=0, count=None, stopping=lambda: False):
    """Sends datums first, first+1, … at `rate` a second; returns the number after the last one."""
    start, sent = time.monotonic(), 0
    while not stopping() and (count is None or sent < count):
        due = int((time.monotonic() - start) * rate) + 1 - sent
        due = min(due, 256, due if count is None else count - sent)
        if due > 0:
            send_all(sock, [shape.make(first + sent + i) for i in range(due)])
            sent += due
        time.sleep(0.001)
    return first + sent


class Feeder:
    """feed() in a process of its own; stop() returns the number after the last one sent."""

    def __init__(self, sock, shape, rate, first=0, count=None):
        self._background = Background(
            lambda stopping: feed(sock, shape, rate, first, count, stopping))

    def wait(self):
        return self._background.result(stop=False)

    def stop(self):
        return self._background.result()


def send_paced(sock, datums, counters):
    """Sends as fast as it is received: never more ahead of what `counters()` says than its receive
    buffer holds."""
    first = counters()
    step = max(32, min(2000, first.receive_buffer_granted // 2048))
    for at in range(0, len(datums), step):
        deadline = time.monotonic() + 20
        while counters().received - first.received < at:
            if time.monotonic() > deadline:
                raise AssertionError(f"not received within 20 s: datagram {at}")
            time.sleep(0.0002)
        for datum in datums[at:at + step]:
            sock.send(datum)
