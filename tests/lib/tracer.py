"""Runs a program and its children stop by stop, by ptrace, to kill them at a chosen one.

A stop is the entry into a system call, or the return from it; a process killed at its entry never
makes the call. What else a strace could do is left to strace: this one knows parent and children
apart, and kills several at one moment.
"""
import ctypes
import os
import signal
import time

from sdrtest import Skip

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long
SYSCALL, DETACH, GETEVENTMSG, SEIZE, INTERRUPT = 24, 17, 0x4201, 0x4206, 0x4207
SYSGOOD, TRACEFORK, TRACEEXEC, EXITKILL = 1, 2, 0x10, 0x100000
EVENT_FORK, EVENT_EXEC = 1, 4
SYSCALL_STOP = signal.SIGTRAP | 0x80
WALL = 0x40000000

# Stops itself, so that it can be seized before it becomes the program.
PREFIX = ["sh", "-c", 'kill -STOP $$; exec "$@"', "sh"]


def _ptrace(request, pid, data=0):
    return _libc.ptrace(request, pid, None, data)


class Traced:
    """A process that was started with PREFIX, and those it forks."""

    def __init__(self, pid):
        self.first = pid
        self.stops = {}  # of each process, since the program began
        self.order = []  # processes, as they appeared
        self.dead = {}  # {pid: wait status}
        self._begun = False
        _, status = os.waitpid(pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            raise AssertionError("the traced program did not start")
        if _ptrace(SEIZE, pid, SYSGOOD | TRACEFORK | TRACEEXEC | EXITKILL) != 0:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise Skip("no ptrace here")
        os.kill(pid, signal.SIGCONT)

    def children(self):
        return [pid for pid in self.order if pid != self.first]

    def alive(self, pid):
        return pid not in self.dead

    def step(self):
        """Waits until a process stops at a system call; returns its pid and lets it go on only
        with go_on(). None: there was another event, or none within a moment."""
        for _ in range(50):
            pid, status = os.waitpid(-1, os.WNOHANG | WALL)
            if pid:
                return self._event(pid, status)
        time.sleep(0.0001)
        return None

    def _event(self, pid, status):
        if not os.WIFSTOPPED(status):
            self.dead[pid] = status
            return None
        what, event = os.WSTOPSIG(status), status >> 16
        if event == EVENT_EXEC and pid == self.first:
            self._begun = True
            self.order = [pid]
        if event == EVENT_FORK and self._begun:
            child = ctypes.c_ulong()
            _ptrace(GETEVENTMSG, pid, ctypes.addressof(child))
            self.order.append(child.value)
        if what == SYSCALL_STOP and self._begun:
            self.stops[pid] = self.stops.get(pid, 0) + 1
            return pid
        # A signal on its way is handed on; a stop of ours is none.
        handed_on = what if not event and what != SYSCALL_STOP else 0
        self.go_on(pid, handed_on)
        return None

    @staticmethod
    def go_on(pid, with_signal=0):
        _ptrace(SYSCALL, pid, with_signal)

    def kill(self, pids):
        for pid in filter(self.alive, pids):
            os.kill(pid, signal.SIGKILL)

    def let_go(self):
        """Detaches from all that live, wherever they are."""
        left = {pid for pid in self.order if self.alive(pid)}
        for pid in left:
            _ptrace(INTERRUPT, pid)
        while left:
            pid, status = os.waitpid(-1, WALL)
            if not os.WIFSTOPPED(status):
                self.dead[pid] = status
            else:
                what, event = os.WSTOPSIG(status), status >> 16
                handed_on = what if not event and what != SYSCALL_STOP else 0
                _ptrace(DETACH, pid, handed_on)
            left.discard(pid)
