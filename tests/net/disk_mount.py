#!/usr/bin/python3
"""A disk that is not mounted, goes away and comes back: recording waits for it, and never writes or
makes anything below its empty mount point."""
import os
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import case, check_equal, enter_network, finish, run_dir, wait_for  # noqa: E402
from disks import Disk, check_all, check_python_avro, state_lines, wait_disk  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from segments import numbers, sealed  # noqa: E402
from strace import Strace, need_strace  # noqa: E402
from udp import Collector, Feeder, Varying, sender, subscriber  # noqa: E402

GROUP = "239.1.1.1:6000"
GONE = "warning: not recording to DIR: not mounted: No such device"
AGAIN = "info: recording to DIR again"
RATE = 4000
MKDIRAT = ("258", "34", "323")  # on amd64, arm64, armhf

enter_network()
run = run_dir()
shape = Varying()
data = compile_schemas(run, {"t": shape.schema})["t"]


class Below:
    """What is under the mount point: looked at without the mount, it must never change."""

    def __init__(self, disk, *names):
        disk.unmount()
        self.path = disk.path
        for name in ("a directory", *names):
            (self.path / name).mkdir()
        self.was = self.look()

    def look(self):
        """Names and times: what is made and taken away again shows in a directory's."""
        found = {}
        for base, _, files in os.walk(self.path):
            for path in (base, *(os.path.join(base, name) for name in files)):
                status = os.stat(path)
                found[path] = (status.st_ino, status.st_size, status.st_mtime_ns)
        return found

    def check(self):
        check_equal(os.path.ismount(self.path), False, "mounted")
        check_equal(self.look(), self.was, "below the unmounted mount point")


def entered(pid):
    """The number of the system call that it is in."""
    return Path(f"/proc/{pid}/syscall").read_text(encoding="ascii").split()[0]


def begin(disk, **options):
    name = disk.path.name
    seen = Collector(subscriber(GROUP))
    relay = Relay(data, run, None, name, full_rate=GROUP, mount=disk.path,
                  ring=run / "rings" / name, record=disk.path / f"channel={name}", **options)
    relay.directory = disk.path / f"channel={name}"
    return relay, seen, Feeder(sender(relay.listen), shape, RATE)


def end(relay, seen, feeder):
    sent = feeder.stop()
    relay.wait_received(sent)
    relay.stop()
    return seen.datagrams(), sent


with case("not there at start: live at once; it comes later: recording begins, nothing missing"):
    disk = Disk(run, 32 << 20, "late")
    below = Below(disk, f"channel={disk.path.name}")
    relay, seen, feeder = begin(disk)
    wait_disk(relay, run, "unmounted")
    relay.wait_received(RATE)
    below.check()
    disk.mount()
    print(f"# recording after {wait_disk(relay, run, 'ok'):.2f} s")
    relay.wait_recorded(RATE)
    live, sent = end(relay, seen, feeder)
    check_equal(len(check_all(relay, shape, live, sent)), sent, "recorded")
    check_equal(state_lines(relay), [GONE, AGAIN], "lines in the log")
    check_python_avro(relay.directory, sent)
    disk.unmount()
    below.check()

with case("umount -l under load, for longer than the ring lasts: the file is let go, sealed; what "
          "is missing is counted; recording begins again with the mount"):
    disk = Disk(run, 32 << 20, "lazy")
    below = Below(disk, f"channel={disk.path.name}")
    disk.mount()
    relay, seen, feeder = begin(disk, buffer_bytes=256 << 10)
    for _ in range(2):
        relay.wait_recorded(relay.counters().recorded + RATE // 4)
        before = relay.counters().unrecorded
        disk.unmount("-l")
        wait_disk(relay, run, "unmounted")
        disk.wait_let_go()
        wait_for(lambda: relay.counters().unrecorded >= before + RATE // 4, "the ring is full")
        below.check()
        disk.mount()
        check_equal([path.name for path in relay.directory.glob(".open")], [], "left open")
        print(f"# recording again after {wait_disk(relay, run, 'ok'):.2f} s")
    relay.wait_recorded(relay.counters().recorded + RATE // 4)
    live, sent = end(relay, seen, feeder)
    found = check_all(relay, shape, live, sent)
    check_equal(state_lines(relay), [GONE, AGAIN] * 2, "lines in the log")
    print(f"# {sent} sent, {relay.counters().unrecorded} unrecorded")
    check_python_avro(relay.directory, len(found))
    disk.unmount()
    disk.wait_let_go()
    below.check()

with case("30 times umount -l and mount in quick succession: nothing missing, nothing below"):
    disk = Disk(run, 32 << 20, "quick")
    below = Below(disk, f"channel={disk.path.name}")
    disk.mount()
    rng = random.Random(7)
    relay, seen, feeder = begin(disk, sync_ms=20, buffer_bytes=16 << 20)
    relay.wait_recorded(100)
    for _ in range(30):
        time.sleep(rng.random() * 0.05)  # where in its work this meets the writer is left to chance
        disk.unmount("-l")
        time.sleep(rng.random() * 0.02)
        below.check()
        disk.mount()
    relay.wait_recorded(relay.counters().received)
    live, sent = end(relay, seen, feeder)
    check_equal(len(check_all(relay, shape, live, sent)), sent, "recorded")
    disk.unmount()
    below.check()

with case("unmounted just when the channel's directory is to be made: it is not made below"):
    need_strace(run)
    disk = Disk(run, 32 << 20, "moment")
    below = Below(disk)
    relay, seen, feeder = begin(disk)
    wait_disk(relay, run, "unmounted")
    strace = Strace(relay.writer(), run / "moment.trace", "-e", "trace=mkdirat", "-e",
                    "inject=mkdirat:delay_enter=1000000:when=1")
    disk.mount()
    wait_for(lambda: entered(relay.writer()) in MKDIRAT, "it is about to make the directory")
    disk.unmount("-l")
    wait_for(lambda: strace.calls(), "it has made it")
    below.check()
    strace.end()
    disk.mount()
    relay.wait_recorded(RATE)
    live, sent = end(relay, seen, feeder)
    check_equal(len(check_all(relay, shape, live, sent)), sent, "recorded")
    disk.unmount()
    below.check()

with case("another disk is put in its place: each holds whole segments, together all there was"):
    first = Disk(run, 32 << 20, "swapped")
    below = Below(first, "channel=swapped")
    first.mount()
    relay, seen, feeder = begin(first)
    relay.wait_recorded(RATE // 2)
    first.unmount("-l")
    first.wait_let_go()
    second = Disk(run, 32 << 20, "other")
    second.unmount()
    second.path = first.path
    second.mount()
    wait_disk(relay, run, "ok")
    relay.wait_recorded(relay.counters().recorded + RATE // 2)
    live, sent = end(relay, seen, feeder)
    later = numbers(relay.directory, shape)
    second.unmount()
    first.mount()
    check_equal([path.name for path in relay.directory.glob(".*")], [], "left open")
    earlier = numbers(relay.directory, shape)
    check_equal(earlier + later, list(range(sent)), "on the first and on the second")
    check_equal(shape.numbers(b"".join(live)), list(range(sent)), "live")
    first.unmount()
    below.check()

with case("a second filesystem is mounted over the first: from then on that one is written to"):
    first = Disk(run, 32 << 20, "covered")
    relay, seen, feeder = begin(first)
    relay.wait_recorded(RATE // 4)
    second = Disk(run, 32 << 20, "cover")
    second.unmount()
    second.path = first.path
    second.mount()
    wait_for(lambda: sealed(relay.directory) or list(relay.directory.glob(".open")),
             "recording to the second")
    live, sent = end(relay, seen, feeder)
    later = numbers(relay.directory, shape)
    second.unmount()
    check_equal(numbers(relay.directory, shape) + later, list(range(sent)), "first and second")
    assert later, "nothing on the second"
    first.unmount()
    first.wait_let_go()

finish()
