#!/usr/bin/python3
"""A wall clock of one's own for a static program: no library to preload, no privilege, no effect on
the machine.

CLOCK_REALTIME has no namespace, and a static binary reads it without a system call, from the vDSO.
So the program runs as a copy in which the vDSO function's name is misspelt, which makes its C
library fall back to the system call; a seccomp filter hands exactly that call, for CLOCK_REALTIME
only, to the test, which answers it. The filter also makes the kernel's receive times
(SO_TIMESTAMPNS) look switched on when they are not, so that the false clock is all there is.

As a program: false_clock.py FD PROG... installs the filter, sends its listener over socket FD and
becomes PROG.
"""
import array
import contextlib
import ctypes
import fcntl
import os
import platform
import select
import socket
import struct
import sys
import threading
import time
from pathlib import Path

# Audit name, and the numbers of seccomp, clock_gettime and setsockopt.
_ARCH = {"x86_64": (0xC000003E, 317, 228, 54), "aarch64": (0xC00000B7, 277, 113, 208)}
SO_TIMESTAMPNS, SO_TIMESTAMPNS_NEW = 35, 64
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_SET_MODE_FILTER, NEW_LISTENER = 1, 1 << 3
RET_ALLOW, RET_USER_NOTIF, RET_NOTHING = 0x7FFF0000, 0x7FC00000, 0x00050000
NOTIF_RECV, NOTIF_SEND = 0xC0502100, 0xC0182101
LD_WORD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06


def supported():
    return platform.machine() in _ARCH


class FalseClock:
    """now_ns is called for each reading of the wall clock; change it at any time."""

    def __init__(self, program, directory):
        self.now_ns = time.time_ns
        self.readings = 0
        self.binary = Path(directory) / "relay-without-vdso"
        image = Path(program).read_bytes()
        self.binary.write_bytes(image.replace(b"__vdso_clock_gettime", b"__vdso_clock_gettimX"))
        self.binary.chmod(0o755)
        self._socket, self._theirs = socket.socketpair()
        self.fd = self._theirs.fileno()
        self.prefix = [sys.executable, __file__, self.fd]
        self._ended = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def freeze(self, at_ns):
        self.now_ns = lambda: at_ns

    def shift(self, by_s):
        self.now_ns = lambda: time.time_ns() + int(by_s * 1e9)

    def close(self):
        """After the program has ended."""
        self._ended = True
        self._thread.join()
        self._socket.close()
        self._theirs.close()

    def _serve(self):
        listeners = {}
        while not self._ended:
            poll = select.poll()
            for fd in (self._socket.fileno(), *listeners):
                poll.register(fd, select.POLLIN)
            for fd, events in poll.poll(50):
                if fd == self._socket.fileno():
                    _, fds, _, _ = socket.recv_fds(self._socket, 1, 1)
                    listeners |= dict.fromkeys(fds)
                elif events & select.POLLIN:
                    with contextlib.suppress(OSError):
                        self._answer(fd)
                else:  # the last process with this filter is gone
                    os.close(fd)
                    del listeners[fd]
        for fd in listeners:
            os.close(fd)

    def _answer(self, listener):
        request = bytearray(80)
        fcntl.ioctl(listener, NOTIF_RECV, request)
        identity, pid = struct.unpack_from("=QI", request)
        place = struct.unpack_from("=Q", request, 40)[0]  # the call's second argument
        now_ns = self.now_ns()
        with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
            memory.seek(place)
            memory.write(struct.pack("=qq", now_ns // 10**9, now_ns % 10**9))
        self.readings += 1
        fcntl.ioctl(listener, NOTIF_SEND, bytearray(struct.pack("=QqiI", identity, 0, 0, 0)))


class _Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def _install():
    arch, seccomp, clock_gettime, setsockopt = _ARCH[platform.machine()]
    number, first, third = 0, 16, 32  # offsets in struct seccomp_data
    code = [(LD_WORD, 0, 0, 4), (JUMP_EQUAL, 0, 10, arch),
            (LD_WORD, 0, 0, number), (JUMP_EQUAL, 0, 3, clock_gettime),
            (LD_WORD, 0, 0, first), (JUMP_EQUAL, 0, 6, time.CLOCK_REALTIME),
            (RETURN, 0, 0, RET_USER_NOTIF),
            (JUMP_EQUAL, 0, 4, setsockopt),
            (LD_WORD, 0, 0, third), (JUMP_EQUAL, 1, 0, SO_TIMESTAMPNS),
            (JUMP_EQUAL, 0, 1, SO_TIMESTAMPNS_NEW),
            (RETURN, 0, 0, RET_NOTHING), (RETURN, 0, 0, RET_ALLOW)]
    packed = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in code))
    program = _Program(len(code), ctypes.addressof(packed))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    listener = libc.syscall(seccomp, SECCOMP_SET_MODE_FILTER, NEW_LISTENER, ctypes.byref(program))
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return listener


def main():
    with socket.socket(fileno=int(sys.argv[1])) as supervisor:
        listener = _install()
        supervisor.sendmsg([b"l"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                     array.array("i", [listener]))])
    os.close(listener)
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
