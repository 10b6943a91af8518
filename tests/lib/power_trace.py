"""What a relay's writer does to a disk: its system calls under strace, replayed on the model.

A trace is read one call at a time, so that the power can be cut between any two of them. Beside the
disk it keeps what has been promised to survive. Whenever the writer comes to rest (poll, exit):
  - what it has itself synced;
  - after a sync tick (a poll that timed out; with sync 0 after every batch) all that was written;
  - the names of sealed segments, and that these are `.open` no more.
"""
import re
from pathlib import Path

from power_disk import Directory, Disk, File

READS = "open,openat,close,poll,exit_group"
CHANGES = ("creat,write,writev,pwrite64,pwritev,pwritev2,fallocate,ftruncate,truncate,link,linkat,"
           "unlink,unlinkat,rmdir,rename,renameat,renameat2,mkdir,mkdirat,symlink,symlinkat,"
           "fdatasync,fsync,sync,syncfs,sync_file_range,copy_file_range,sendfile,splice,mmap")
CALL = re.compile(r"^(\d+\.\d+) (\w+)\((.*)\) += (-?\d+|0x[0-9a-f]+|\?)( .*)?$")
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')


def strace(prefix, *more):
    """The words before a command whose calls are to be traced into PREFIX.PID."""
    return ["strace", "-ff", "-qq", "-ttt", "-xx", "-s", "4000000", "-o", prefix,
            "-e", f"trace={READS},{CHANGES}", "-e", "signal=none", *more]


def calls(prefix):
    """(time, pid, call, arguments, result) of all processes; calls that were cut short are not
    there. Strings are bytes."""
    found = []
    for path in sorted(Path(prefix).parent.glob(Path(prefix).name + ".*")):
        pid = int(path.suffix[1:])
        with open(path, encoding="ascii") as lines:
            for line in lines:
                match = CALL.match(line)
                if match and (match[4] != "?" or match[2] == "exit_group"):
                    result = 0 if match[4] == "?" else int(match[4], 0)
                    found.append((float(match[1]), pid, match[2], _arguments(match[3]), result))
    return sorted(found, key=lambda call: call[0])


def _arguments(text):
    strings = []

    def keep(match):
        assert not match[2], "strace has cut a string short"
        strings.append(bytes.fromhex(match[1].replace("\\x", "")))
        return f"\0{len(strings) - 1}"
    words = STRING.sub(keep, text).split(", ")
    return [strings[int(word[1:])] if word.startswith("\0") else word for word in words]


class Replay:
    """The disk below `root` as `calls` change it; `sync_ms` is what the relay was told."""

    def __init__(self, root, sync_ms, before=None):
        self.root = str(root)
        self.sync_each = sync_ms == 0
        self.disk = Disk()
        self.disk.load(before or {})
        self.fds = {}        # pid: {fd: node}
        self.writers = set()
        self.synced_by = {}  # file: (pid, bytes)
        self.timed_out = {}  # pid: whether its last poll did
        self.promised = {}   # file: bytes of it that are safe
        self.whole = {}      # path: content of all segments that have been named
        self.sealed = {}     # the same, of those that are safe under their names
        self._note_names()
        # What was there at the start outlives all that follows.
        self.promised.update((node, len(node.live)) for _, node in self.disk.walk()
                             if isinstance(node, File))

    def _note_names(self):
        for path, node in self.disk.walk():
            if path.endswith(".avro") and path not in self.whole:
                self.whole[path] = bytes(node.live)

    def run(self, trace):
        """Yields after each call that changed the disk or the promises, and says which it was."""
        yield "start"
        for _, pid, call, arguments, result in trace:
            self.disk.now += 1
            fds = self.fds.setdefault(pid, {})
            if result < 0:
                continue
            does = getattr(self, "_" + call, None)
            if does is None:
                self._check_unknown(fds, call, arguments)
                continue
            what = does(pid, fds, arguments, result)
            if what:
                if call in ("linkat", "renameat"):
                    self._note_names()
                yield f"call {self.disk.now} {call} {what}"

    def _check_unknown(self, fds, call, arguments):
        """A call that the model does not know must not touch the disk."""
        root = self.root.encode()
        for at, word in enumerate(arguments):
            is_path = isinstance(word, bytes)
            is_fd = at in {"mmap": (4,), "copy_file_range": (0, 2), "splice": (0, 2)}.get(call, [0])
            touches = word.startswith(root) if is_path else is_fd and word in fds
            assert not touches, f"{call} on the disk: the model does not know it"

    # Where things are.

    def _parent(self, fds, fd, path):
        """(directory, last component) or None where it lies outside."""
        path = path.decode()
        if path.startswith("/"):
            if path != self.root and not path.startswith(self.root + "/"):
                return None
            at, path = self.disk.root, path[len(self.root):].strip("/") or "."
        else:
            at = fds.get(fd)
            if at is None:
                return None
        *parents, name = path.split("/")
        for parent in parents:
            at = at.live[parent]
        return at, name

    @staticmethod
    def _node(place):
        at, name = place
        return at if name == "." else at.parent if name == ".." else at.live[name]

    # Calls.

    def _open(self, pid, fds, arguments, result):
        return self._openat(pid, fds, ["AT_FDCWD", *arguments], result)

    def _openat(self, pid, fds, arguments, result):
        fd, path, flags = arguments[:3]
        place = self._parent(fds, fd, path)
        fds.pop(str(result), None)
        if place is None:
            return None
        self.writers.add(pid)
        made = "O_CREAT" in flags and place[1] not in place[0].live
        fds[str(result)] = self.disk.create(*place) if made else self._node(place)
        assert "O_TRUNC" not in flags
        return f"makes {place[1]}" if made else None

    def _close(self, _, fds, arguments, __):
        fds.pop(arguments[0], None)

    def _pwrite64(self, _, fds, arguments, result):
        node = fds.get(arguments[0])
        if not node or not result:
            return None
        offset = int(arguments[3], 0)
        node.write(self.disk.now, offset, arguments[1][:result])
        return f"{result} bytes at {offset}"

    def _fallocate(self, _, fds, arguments, __):
        assert arguments[0] not in fds or arguments[1] == "FALLOC_FL_KEEP_SIZE"

    def _ftruncate(self, _, fds, arguments, __):
        node = fds.get(arguments[0])
        if node:
            node.truncate(self.disk.now, int(arguments[1], 0))
            return f"to {arguments[1]}"
        return None

    def _fsync(self, pid, fds, arguments, _):
        node = fds.get(arguments[0])
        if node is None:
            return None
        self.disk.sync(node)
        if isinstance(node, File):
            self.synced_by[node] = (pid, len(node.live))
        return "of a file" if isinstance(node, File) else "of a directory"

    _fdatasync = _fsync

    def _mkdirat(self, _, fds, arguments, __):
        place = self._parent(fds, arguments[0], arguments[1])
        if place:
            self.disk.mkdir(*place)
            return place[1]
        return None

    def _mkdir(self, pid, fds, arguments, result):
        return self._mkdirat(pid, fds, ["AT_FDCWD", *arguments], result)

    def _linkat(self, _, fds, arguments, __):
        old = self._parent(fds, arguments[0], arguments[1])
        new = self._parent(fds, arguments[2], arguments[3])
        if old and new:
            new[0].set(self.disk.now, {new[1]: self._node(old)})
            return f"{old[1]} to {new[1]}"
        return None

    def _unlinkat(self, _, fds, arguments, __):
        place = self._parent(fds, arguments[0], arguments[1])
        if place:
            place[0].set(self.disk.now, {place[1]: None})
            return place[1]
        return None

    def _renameat(self, _, fds, arguments, __):
        old = self._parent(fds, arguments[0], arguments[1])
        new = self._parent(fds, arguments[2], arguments[3])
        if old and new:
            self.disk.rename(*old, *new)
            return f"{old[1]} to {new[1]}"
        return None

    # Rest.

    def _poll(self, pid, _, arguments, result):
        # The line stands for the call's begin: what went before it is done.
        after_tick = self.timed_out.get(pid) or self.sync_each
        self.timed_out[pid] = result == 0 and arguments[-1] != "0"
        return self._promise(pid, bool(after_tick)) if pid in self.writers else None

    def _exit_group(self, pid, _, arguments, __):
        return self._promise(pid, True) if pid in self.writers and arguments == ["0"] else None

    def _promise(self, pid, all_written):
        still_open = {node for path, node in self.disk.walk() if path.endswith("/.open")}
        for path, node in self.disk.walk():
            if not isinstance(node, File):
                continue
            by, size = self.synced_by.get(node, (None, 0))
            safe = len(node.live) if all_written else size if by == pid else 0
            self.promised[node] = max(safe, self.promised.get(node, 0))
            if path.endswith(".avro") and node not in still_open:
                self.sealed[path] = self.whole[path]
        return "rest"

    def is_live(self, tree):
        """Whether the disk as it is now holds `tree` ({path: content}); it proves the model."""
        return {path: bytes(node.live) for path, node in self.disk.walk()
                if not isinstance(node, Directory)} == tree
