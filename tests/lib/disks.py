"""Disks that fill up, go away, come back, stall and fail: an ext4 of the test's own on a loop
device, mounted where only the test and its processes see it. Takes root; skipped by name else.
"""
import atexit
import contextlib
import errno
import fcntl
import json
import os
import re
import select
import shutil
import subprocess
import time
from pathlib import Path

import sdrtest
from sdrtest import BIN, Skip, check_equal, sh, wait_for
from segments import check_exact, numbers, python_avro, sealed

FIFREEZE, FITHAW = 0xC0045877, 0xC0045878
FROZEN_S_MAX = 20


class Disk:
    """An image of `size` bytes in `directory`, with ext4 on it, mounted at directory/mount."""

    def __init__(self, directory, size, name="disk"):
        if os.geteuid() != 0:
            raise Skip("only root may mount a filesystem")
        for program in ("mkfs.ext4", "losetup"):
            if not shutil.which(program):
                raise Skip(f"no {program}")
        self.image = Path(directory) / f"{name}.image"
        self.path = Path(directory) / name
        self.path.mkdir(exist_ok=True)
        with open(self.image, "wb") as image:
            image.truncate(size)
        sh(f"mkfs.ext4 -q -F -b 4096 -m 0 -E lazy_itable_init=0,lazy_journal_init=0 {self.image}")
        self._frozen = self._keeper = None
        atexit.register(self._leave, os.getpid())
        sdrtest.after_failure.append(self.thaw)
        self.mount()

    def mount(self):
        """The loop device goes when the last one that uses the filesystem is gone."""
        done = subprocess.run(["mount", "-o", "loop", self.image, self.path], capture_output=True,
                              text=True, check=False)
        if done.returncode:
            raise Skip(f"no loop device: {done.stderr.strip()}")

    def unmount(self, *options):
        sh(" ".join(["umount", *options, str(self.path)]))

    def wait_let_go(self):
        """Nobody holds a file of it open any more."""
        wait_for(lambda: not sh(f"losetup -j {self.image}"), "the loop device is given back")

    def fill(self, leave=0):
        """Takes all the room there is but about `leave` bytes; free() gives it back."""
        at, step = 0, 1 << 30
        with open(self.path / "filler", "wb") as filler:
            while step >= 4096:
                room = os.statvfs(self.path)
                size = min(step, room.f_bfree * room.f_frsize - leave)
                if size < 4096:
                    return
                try:
                    os.posix_fallocate(filler.fileno(), at, size)
                    at += size
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    step = size // 2

    def free(self):
        (self.path / "filler").unlink()

    def freeze(self):
        """From here on whoever writes to it waits, and cannot be killed: so a process of its own
        sees to it that it thaws, whatever becomes of the test."""
        there, ready = os.pipe()
        until, self._frozen = os.pipe()
        self._keeper = os.fork()
        if self._keeper == 0:
            os.close(self._frozen)
            code = 1
            with contextlib.suppress(OSError):
                disk = os.open(self.path, os.O_RDONLY)
                fcntl.ioctl(disk, FIFREEZE, 0)
                os.write(ready, b"f")
                select.select([until], [], [], FROZEN_S_MAX)
                fcntl.ioctl(disk, FITHAW, 0)
                code = 0
            os._exit(code)
        os.close(ready)
        os.close(until)
        frozen = os.read(there, 1)
        os.close(there)
        if not frozen:
            self.thaw()
            raise Skip("the filesystem cannot be frozen")

    def thaw(self):
        if self._frozen is not None:
            os.close(self._frozen)
            os.waitpid(self._keeper, 0)
            self._frozen = None

    def _leave(self, owner):
        if os.getpid() == owner:
            self.thaw()
            with contextlib.suppress(AssertionError):
                while str(self.path) in sh("cat /proc/self/mountinfo"):
                    self.unmount("-l")


def stat(relay, run):
    """What sdr-stat says of the relay's channel."""
    done = subprocess.run([BIN / "sdr-stat", "--json", "--run", run, relay.name],
                          capture_output=True, text=True, check=False)
    return json.loads(done.stdout)["channels"][0]  # the exit code says whether all is well


def wait_disk(relay, run, state, timeout_s=10.0):
    """Until sdr-stat says that the disk is in that state; how long it took, in seconds."""
    began = time.monotonic()
    wait_for(lambda: stat(relay, run)["disk"] == state, f"sdr-stat says the disk is {state}",
             timeout_s)
    return time.monotonic() - began


def state_lines(relay):
    """The log's lines about the disk, without the paths, and whether it was the segment or its
    index that could not be written."""
    return [re.sub("write the (segment|index)", "write the file",
                   line.partition(": ")[2].replace(str(relay.directory), "DIR"))
            for line in relay.messages().splitlines() if str(relay.directory) in line]


def check_all(relay, shape, live, sent, directories=None):
    """Everything was relayed; everything is recorded once, but exactly those that were counted."""
    check_exact(shape.numbers(b"".join(live)), range(sent), "live")
    directories = directories or [relay.directory]
    found = sorted(number for each in directories for number in numbers(each, shape))
    missing = relay.counters().unrecorded
    check_exact(found, sorted(set(found) & set(range(sent))), "recorded")
    check_equal(sent - len(found), missing, "missing, and counted unrecorded")
    check_equal(relay.counters().recorded, len(found), "counted recorded")
    check_equal([path for each in directories for path in Path(each).glob(".*")], [],
                "left beside the segments")
    return found


def check_python_avro(directory, count):
    """Another reader finds as much in the sealed segments; `count` of them are read."""
    total = 0
    for path in sealed(directory):
        total += len(python_avro(path))
    check_equal(total, count, "datums that python3-avro reads")
