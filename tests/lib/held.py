"""A receive socket held by the test, as by the supervisor's socket holder, and relays on it."""
import os
import signal
import socket
import struct
import time

from relay import Relay
from sdrtest import after_failure, bury_children, children, wait_for
from udp import big_buffer, send_all, sender

LISTEN, GROUP = "127.0.0.1:26000", "239.1.1.1:6000"
SO_TIMESTAMPNS = 35
_timed = []


def receive_time(control):
    """Of a datagram's control data, in seconds."""
    seconds, ns = struct.unpack("=qq", control[0][2])
    return seconds + ns / 1e9


def wait_timed():
    """The kernel notes receive times from some milliseconds after the first socket wants them,
    until the last one is closed; so here is one that stays."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.bind(("127.0.0.1", 0))
    _timed.append(sock)

    def is_timed():
        sock.sendto(b"", sock.getsockname())
        asked = time.time()
        return receive_time(sock.recvmsg(1, 64)[1]) < asked

    wait_for(is_timed, "the kernel notes receive times")
    after_failure.append(bury_children)  # helpers have the held socket too


def held_socket(buffer_bytes=None):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    after_failure.append(sock.close)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)  # as sdr-confine does
    if buffer_bytes:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    else:
        big_buffer(sock)
    sock.bind(("127.0.0.1", 26000))
    return sock


def room(charge=832):
    """How many datagrams a held socket takes, with some to spare; `charge` is what the kernel
    reckons for one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return big_buffer(sock) // charge * 9 // 10


def start(data, run, storage, name, sock, **options):
    return Relay(data, run, storage, name, listen_fd=sock.fileno(), keep_fds=(sock.fileno(),),
                 **{"listen": LISTEN, "full_rate": GROUP} | options)


def send(shape, first, count):
    """At once; returns the number after the last one."""
    send_all(sender(LISTEN), [shape.make(number) for number in range(first, first + count)])
    return first + count


def kill_both(relay):
    for pid in (relay.pid, *children(relay.pid)):
        os.kill(pid, signal.SIGKILL)
    relay.process.wait()
