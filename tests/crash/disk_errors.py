#!/usr/bin/python3
"""Each system call that the writer makes on its disk fails, with EIO, ENOSPC and EINTR: the live
streams do not notice, recording goes on by itself, and every datum is recorded once or counted.

strace is attached to the writers of running relays and lets calls fail; when it is gone, the disk
is well again. Short writes and a disk that forgets what it could not sync are real ones.
"""
import contextlib
import os
import resource
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (Skip, case, check_equal, enter_network, finish, run_dir, sh,  # noqa: E402
                     storage_dir, wait_for)
from disks import Disk, check_all, check_python_avro, state_lines, stat, wait_disk  # noqa: E402
from segments import sealed  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from strace import Strace, need_strace  # noqa: E402
from udp import Collector, Feeder, Fixed, Varying, sender, subscriber  # noqa: E402

LISTEN = "239.2.2.2:26000"
CALLS = ("pwrite64", "fdatasync", "ftruncate", "linkat", "openat", "fallocate", "fsync", "unlinkat")
RATE = 1000

enter_network()
run, storage = run_dir(), storage_dir()
SHAPES = {"fixed": Fixed(200), "varying": Varying()}
data = compile_schemas(run, {name: shape.schema for name, shape in SHAPES.items()})


def fail(relay, calls, error, when=None):
    """From here on these calls of the writer fail, until end() of what this returns."""
    inject = f"inject={calls}:error={error}" + (f":when={when}" if when else "")
    return Strace(relay.writer(), run / f"{relay.name}.trace", "-e", f"trace={calls}", "-e", inject)


def begin(name, at, shape_name="varying", **options):
    options = {"sync_ms": 50, "segment_bytes": 128 << 10, "rotate_s": 1} | options
    group = f"239.1.1.{at + 1}:6000"
    seen = Collector(subscriber(group))
    relay = Relay(data[shape_name], run, storage, name, listen=LISTEN, listen_interface="lo",
                  full_rate=group, interface="lo", **options)
    return relay, seen


def feeder(shape_name="varying", rate=RATE):
    return Feeder(sender(LISTEN, interface="lo"), SHAPES[shape_name], rate)


def end(fleet, feed, shape_name="varying"):
    """Stops them all; checks that each relayed everything and recorded all but what it counted."""
    sent = feed.stop()
    shape = SHAPES[shape_name]
    for relay, _ in fleet:
        relay.wait_received(sent)
    for relay, _ in fleet:
        relay.process.terminate()
    for relay, seen in fleet:
        check_equal(relay.process.wait(20), 0, f"exit of {relay.name} ({relay.messages()})")
        with labelled(relay.name):
            check_all(relay, shape, seen.datagrams(), sent)
    return sent


@contextlib.contextmanager
def labelled(name):
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{name}: {error}") from error


for error in ("EIO", "ENOSPC", "EINTR"):
    with case(f"{error} from every third {', '.join(CALLS)}: nothing missing, nothing twice"):
        need_strace(run)
        fleet = [begin(f"{call}-{error}".lower(), at) for at, call in enumerate(CALLS)]
        feed = feeder()
        for relay, _ in fleet:
            relay.wait_recorded(1)
        broken = [fail(relay, call, error, "2+3")
                  for (relay, _), call in zip(fleet, CALLS, strict=True)]
        for strace, call in zip(broken, CALLS, strict=True):
            with labelled(call):
                wait_for(lambda: strace.failed() >= 2, "two of them fail", 30)
            strace.end()
        for relay, _ in fleet:
            wait_disk(relay, run, "ok")
        sent = end(fleet, feed)
        check_equal([relay.counters().unrecorded for relay, _ in fleet], [0] * len(fleet),
                    "unrecorded")
        for relay, _ in fleet[::4]:
            check_python_avro(relay.directory, sent)

with case("EIO from every write, sync, or name, for longer than the ring lasts: counted, one line"):
    need_strace(run)
    names = ("pwrite64", "fdatasync", "linkat,ftruncate", "openat")
    fleet = [begin(f"long-{name[:6]}", at, "fixed", buffer_bytes=64 << 10)
             for at, name in enumerate(names)]
    feed = feeder("fixed")
    for relay, _ in fleet:
        relay.wait_recorded(RATE // 4)
    broken = [fail(relay, name, "EIO") for (relay, _), name in zip(fleet, names, strict=True)]
    for relay, _ in fleet:
        with labelled(relay.name):
            wait_for(lambda: relay.counters().unrecorded >= RATE // 4, "the ring is full", 20)
            check_equal(stat(relay, run)["disk"], "error", "disk")
    for strace in broken:
        strace.end()
    for relay, _ in fleet:
        print(f"# {relay.name}: recording again after {wait_disk(relay, run, 'ok'):.2f} s")
        relay.wait_recorded(relay.counters().recorded + RATE // 4)
    end(fleet, feed, "fixed")
    for relay, _ in fleet:
        lines = state_lines(relay)
        check_equal([line.split(" to DIR")[0] for line in lines],
                    ["warning: not recording", "info: recording"], f"lines of {relay.name}")

for error, files in (("EIO", 2), ("ENOSPC", 1)):
    with case(f"after one {error} from a write the datums go on in " +
              ("another segment" if files == 2 else "the same segment")):
        need_strace(run)
        relay, seen = begin(f"goes-on-{error}".lower(), 0, segment_bytes=16 << 20, rotate_s=3600)
        feed = feeder()
        relay.wait_recorded(RATE // 4)
        strace = fail(relay, "pwrite64", error, "1")
        wait_for(strace.failed, "a write fails")
        strace.end()
        wait_disk(relay, run, "ok")
        relay.wait_recorded(relay.counters().received)
        sent = end([(relay, seen)], feed)
        check_equal((len(sealed(relay.directory)), relay.counters().recorded), (files, sent),
                    "segments, recorded")

with case("the file may not grow on (RLIMIT_FSIZE): the rest of a short write follows in another "
          "segment, and the writer lives"):
    limit = 100000 // 512 * 512  # no whole number of pages
    relay, seen = begin("limit", 0, rotate_s=3600, sync_ms=200)
    writer = relay.writer()
    resource.prlimit(writer, resource.RLIMIT_FSIZE, (limit, limit))
    feed = feeder(rate=2000)
    wait_for(lambda: relay.counters().segments >= 3, "three segments are sealed", 20)
    end([(relay, seen)], feed)
    check_equal((relay.counters().writer_starts, relay.counters().unrecorded), (1, 0),
                "writers, unrecorded")
    sizes = [path.stat().st_size for path in sealed(relay.directory)]
    assert max(sizes) <= limit, f"{sizes}: the limit is {limit}"
    check_equal(len(state_lines(relay)), 2, "lines: one met the limit, the next were shorter")


def lossy_disk(name):
    """A disk whose image has no room for more data: it fails a write, and the kernel then believes
    the page to be written. sh() frees the room again."""
    home = run / name
    home.mkdir()
    if os.geteuid() != 0:
        raise Skip("only root may mount a filesystem")
    sh(f"mount -t tmpfs -o size=48m none {home}")
    disk = Disk(home, 32 << 20, "disk")
    with open(disk.image, "r+b") as image:  # what ext4 says of itself has its room for good …
        os.posix_fallocate(image.fileno(), 0, 32 << 20)
    sh(f"fstrim {disk.path}")  # … and all the rest has none
    return home, disk


with case("a failed sync, after which the kernel forgets the page: it is written again, whole"):
    home, disk = lossy_disk("forgetful")
    shape = SHAPES["fixed"]
    directory = disk.path / "channel=forgets"
    seen = Collector(subscriber("239.1.1.1:6000"))
    relay = Relay(data["fixed"], run, disk.path, "forgets", full_rate="239.1.1.1:6000",
                  segment_bytes=1 << 20, sync_ms=100)
    to = sender(relay.listen)
    to.send(shape.make(0))
    relay.wait_recorded(1)
    relay.hup()
    wait_for(lambda: relay.counters().segments == 1, "a segment is sealed")
    sh(f"sync -f {disk.path}")  # its directories are on the disk
    with open(home / "filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(bytes(1 << 16))
    for number in range(1, 4):
        to.send(shape.make(number))
    wait_disk(relay, run, "full")
    assert relay.counters().recorded == 4, "it was the sync that was to fail"
    with open(directory / ".open", "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        print(f"# the disk has {file.read().count(bytes(8))} runs of zeros in it")
    syncs = relay.counters().syncs
    (home / "filler").unlink()
    wait_disk(relay, run, "ok")
    wait_for(lambda: relay.counters().syncs > syncs, "it is synced again, though nothing came")
    for number in range(4, 8):
        to.send(shape.make(number))
    relay.wait_recorded(8)
    relay.stop()
    found = check_all(relay, shape, seen.datagrams(), 8)
    check_equal(len(found), 8, "recorded")
    disk.unmount()
    sh(f"umount {home}")

finish()
