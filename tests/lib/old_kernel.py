#!/usr/bin/python3
"""Runs a command as Linux 3.10 would: what came later answers as it does where it is unknown.

  old_kernel.py COMMAND [ARGUMENT...]

A seccomp filter, which the command's children inherit. It cannot show what an old kernel ignores in
silence, such as control messages: that is for a test that looks at the calls.
"""
import ctypes
import errno
import os
import socket
import struct
import sys

# Each machine's last system call of 3.10 is finit_module or kcmp; whatever has a higher number came
# later: sched_setattr 3.14, renameat2 3.15, getrandom, memfd_create and seccomp 3.17, bpf 3.18,
# execveat 3.19, userfaultfd, membarrier 4.3, mlock2 4.4, copy_file_range 4.5, preadv2 4.6, pkey_*
# 4.9, statx 4.11, io_pgetevents, rseq 4.18, pidfd_*, io_uring_*, the *_time64 ones 5.1, clone3 5.3,
# close_range 5.9, openat2, faccessat2 5.8, epoll_pwait2 5.11, landlock_* 5.13, futex_waitv 5.16 …
MACHINES = {
    "x86_64": {"arch": 0xC000003E, "last": 313, "setsockopt": 54, "getsockopt": 55, "prctl": 157,
               "fcntl": 72, "fallocate": 285, "open": 2, "openat": 257, "madvise": 28},
    "aarch64": {"arch": 0xC00000B7, "last": 273, "setsockopt": 208, "getsockopt": 209,
                "prctl": 167, "fcntl": 25, "fallocate": 47, "openat": 56, "madvise": 233},
}
MACHINE = MACHINES.get(os.uname().machine)

MANY = 0x7FFFFFFF
# (level, first, last) of the socket options that 3.10 does not know.
NEWER_OPTIONS = (
    # SO_BUSY_POLL 3.11, SO_MAX_PACING_RATE, SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_*, SO_CNX_ADVICE,
    # SO_MEMINFO 4.12, SO_INCOMING_NAPI_ID, SO_COOKIE, SO_ZEROCOPY, SO_TXTIME, SO_*_NEW 5.1,
    # SO_DETACH_REUSEPORT_BPF, SO_PREFER_BUSY_POLL, SO_RESERVE_MEM, SO_RCVMARK 6.0 …
    (socket.SOL_SOCKET, 46, MANY),
    # UDP_NO_CHECK6_* 3.16, UDP_SEGMENT 4.18, UDP_GRO 5.0.
    (socket.IPPROTO_UDP, 101, MANY),
    # IP_CHECKSUM 4.0, IP_BIND_ADDRESS_NO_PORT 4.2, IP_RECVFRAGSIZE 4.12, IP_RECVERR_RFC4884 5.9;
    # IP_LOCAL_PORT_RANGE 6.3, IP_PROTOCOL.
    (socket.IPPROTO_IP, 23, 31), (socket.IPPROTO_IP, 51, 63),
    # IPV6_MULTICAST_ALL 4.20, IPV6_ROUTER_ALERT_ISOLATE, IPV6_RECVERR_RFC4884; IPV6_AUTOFLOWLABEL
    # 3.17; IPV6_RECVFRAGSIZE 4.12, IPV6_FREEBIND 4.15.
    (socket.IPPROTO_IPV6, 29, 31), (socket.IPPROTO_IPV6, 70, 70), (socket.IPPROTO_IPV6, 77, 79),
)
O_TMPFILE = 0o20000000

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0
LOAD, EQUAL, ABOVE, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x25, 0x35, 0x45, 0x06


def argument(index):
    """Where its low word stands on a little-endian machine."""
    return 16 + 8 * index


def rule(call, conditions, error):
    """If it is this call and every (offset, operation, value, wanted) holds, it fails so."""
    tests = [(0, EQUAL, call, True), *conditions]
    steps = []
    for at, (offset, operation, value, wanted) in enumerate(tests):
        past = 2 * (len(tests) - at - 1) + 1  # instructions between here and the next rule
        steps.append((LOAD, 0, 0, offset))
        steps.append((operation, *((0, past) if wanted else (past, 0)), value))
    return [*steps, (RETURN, 0, 0, ERRNO | error)]


def program():
    m = MACHINE
    steps = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, m["arch"]), (RETURN, 0, 0, KILL),
             (LOAD, 0, 0, 0), (ABOVE, 0, 1, m["last"]), (RETURN, 0, 0, ERRNO | errno.ENOSYS)]
    for level, first, last in NEWER_OPTIONS:
        for call in (m["setsockopt"], m["getsockopt"]):
            steps += rule(call, [(argument(1), EQUAL, level, True),
                                 (argument(2), AT_LEAST, first, True),
                                 (argument(2), ABOVE, last, False)], errno.ENOPROTOOPT)
    # PR_SET_THP_DISABLE 3.15, PR_CAP_AMBIENT 4.3, …; those of magic numbers are older.
    steps += rule(m["prctl"], [(argument(0), AT_LEAST, 41, True),
                               (argument(0), ABOVE, 0xFFFF, False)], errno.EINVAL)
    # F_OFD_* 3.15; F_ADD_SEALS 3.17, F_SET_RW_HINT 4.13.
    for first, last in ((36, 38), (1033, 1039)):
        steps += rule(m["fcntl"], [(argument(1), AT_LEAST, first, True),
                                   (argument(1), ABOVE, last, False)], errno.EINVAL)
    # All but KEEP_SIZE and PUNCH_HOLE: FALLOC_FL_COLLAPSE_RANGE 3.15, …
    steps += rule(m["fallocate"], [(argument(1), ANY_BIT, 0xFFFFFFFC, True)], errno.EOPNOTSUPP)
    # O_TMPFILE 3.11; before, it opens the directory, and not for writing.
    for call, index in (("open", 1), ("openat", 2)):
        if call in m:
            steps += rule(m[call], [(argument(index), ANY_BIT, O_TMPFILE, True)], errno.EISDIR)
    # MADV_FREE 4.5; MADV_WIPEONFORK 4.14, …
    for first, last in ((8, 8), (18, 25)):
        steps += rule(m["madvise"], [(argument(2), AT_LEAST, first, True),
                                     (argument(2), ABOVE, last, False)], errno.EINVAL)
    return [*steps, (RETURN, 0, 0, ALLOW)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]


def become_old():
    """From here on, this process and all it starts."""
    steps = b"".join(struct.pack("=HBBI", *step) for step in program())
    compiled = _Program(len(steps) // 8, steps)
    libc = ctypes.CDLL(None, use_errno=True)
    for call in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
                 (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(compiled), 0, 0)):
        if libc.prctl(*call):
            error = ctypes.get_errno()
            raise OSError(error, f"prctl {call[0]}: {os.strerror(error)}")


def main():
    if not MACHINE or sys.byteorder != "little":
        sys.exit(f"old_kernel.py: not for a {os.uname().machine}")
    if len(sys.argv) < 2:
        sys.exit("usage: old_kernel.py COMMAND [ARGUMENT...]")
    become_old()
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
