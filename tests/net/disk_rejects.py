#!/usr/bin/python3
"""Keeping rejected datagrams is bounded, and what stands in its way never stops the datums."""
import os
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (case, check_equal, enter_network, finish, run_dir,  # noqa: E402
                     storage_dir, wait_for)
from disks import stat  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from segments import check_exact, numbers, rejects  # noqa: E402
from udp import Collector, Fixed, sender, subscriber  # noqa: E402

GROUP = "239.1.1.1:6000"
NOT_KEPT = "warning: not keeping rejected datagrams in DIR/rejected: "
AGAIN = "info: keeping rejected datagrams again"
FILE_BYTES, TOTAL_BYTES, FILES_MAX = 16 << 20, 256 << 20, 1024

enter_network()
run, storage = run_dir(), storage_dir()
shape = Fixed(64)
data = compile_schemas(run, {"t": shape.schema})["t"]


class Channel:
    """A relay that gets good and bad datagrams by turns."""

    def __init__(self, name, prepare=None, **options):
        self.directory = storage / f"channel={name}"
        self.directory.mkdir()
        if prepare:
            prepare(self.directory)
        self.seen = Collector(subscriber(GROUP))
        self.relay = Relay(data, run, storage, name, full_rate=GROUP, interface="lo", **options)
        self.to = sender(self.relay.listen)
        self.good, self.bad = 0, []

    def send(self, count, size=1000):
        for _ in range(count):
            self.to.send(shape.make(self.good))
            self.good += 1
            self.bad.append((b"bad %d " % len(self.bad)).ljust(size, b"."))
            self.to.send(self.bad[-1])
            if self.good % 32 == 0:
                time.sleep(0.002)  # a pace that a socket's buffer bears
        self.relay.wait_received(self.good + len(self.bad))

    def end(self):
        """What was kept; all the rest must be in the counters, and every datum in its place."""
        self.relay.stop()
        counters = self.relay.counters()
        check_exact(shape.numbers(b"".join(self.seen.datagrams())), range(self.good), "live")
        check_exact(numbers(self.directory, shape), range(self.good), "recorded")
        kept = [row["datagram"] for row in rejects(self.directory)] if \
            (self.directory / "rejected").is_dir() else []
        check_equal(kept, [each for each in self.bad if each in set(kept)], "kept, in order")
        check_equal((counters.rejected, counters.rejects_kept), (len(self.bad), len(kept)),
                    "counted rejected, kept")
        not_kept = counters.rejects_not_kept + counters.writer_rejects_not_kept
        check_equal(not_kept, len(self.bad) - len(kept), "counted not kept")
        check_equal(stat(self.relay, run)["rejects_not_kept"], not_kept, "sdr-stat's count")
        return kept


def name_of(channel, age_s):
    """A rejected file's, of one that was begun so long ago."""
    begun = datetime.fromtimestamp(time.time() - age_s, timezone.utc)
    return f"{channel}_{begun:%Y%m%dT%H%M%S.%fZ}.avro"


def sparse(path, size):
    with open(path, "wb") as file:
        file.truncate(size)


def log_lines(relay):
    return [line.partition(": ")[2] for line in relay.messages().splitlines() if "reject" in line]


with case("rejected/ cannot be used: datums go on, the rejects are counted, one line; then it can"):
    channel = Channel("unusable", lambda directory: (directory / "rejected").write_text("a file"))
    channel.send(5000)
    channel.relay.wait_recorded(5000)
    check_equal(stat(channel.relay, run)["disk"], "ok", "disk")
    wait_for(lambda: channel.relay.counters().writer_rejects_not_kept, "they make way for others")
    (channel.directory / "rejected").unlink()
    wait_for(lambda: AGAIN in channel.relay.messages() or channel.send(1), "they are kept again")
    channel.send(100)
    kept = channel.end()
    assert channel.bad[-100:] == kept[-100:], "what came later is not kept"
    check_equal([line for line in log_lines(channel.relay) if AGAIN in line], [AGAIN], "again")
    check_equal([line.replace(str(channel.directory), "DIR") for line in log_lines(channel.relay)],
                [NOT_KEPT + "unable to open the directory: Not a directory", AGAIN], "lines")

with case("rejected/ cannot be used until the end: said with a count, and the relay ends well"):
    channel = Channel("never", lambda directory: (directory / "rejected").write_text("a file"))
    channel.send(100)
    check_equal(channel.end(), [], "kept")
    assert f"warning: 100 rejected datagrams are not kept" in channel.relay.messages()
    check_equal(os.listdir(run / "rings/never"), ["lock"], "rings left behind")

with case("256 MiB within the hour: no more are kept, counted, and one line says so"):
    def young(directory):
        (directory / "rejected").mkdir()
        for age in range(16):
            sparse(directory / "rejected" / name_of("young", 600 + age), FILE_BYTES)
    channel = Channel("young", young)
    channel.send(3000)
    channel.relay.wait_recorded(3000)
    channel.relay.stop()
    counters = channel.relay.counters()
    check_equal((counters.rejects_kept, counters.rejects_not_kept +
                 counters.writer_rejects_not_kept), (0, 3000), "kept, not kept")
    files = list((channel.directory / "rejected").iterdir())
    check_equal(sum(path.stat().st_size for path in files), TOTAL_BYTES, "bytes")
    check_exact(numbers(channel.directory, shape), range(3000), "recorded")
    check_equal([line.rpartition(": ")[0] for line in log_lines(channel.relay)][:1],
                [f"warning: not keeping rejected datagrams in {channel.directory}/rejected: "
                 "as much as may be has been kept within the hour"], "lines")

with case("256 MiB of more than an hour ago: the oldest make room"):
    def old(directory):
        (directory / "rejected").mkdir()
        for age in range(16):
            sparse(directory / "rejected" / name_of("old", 3700 + age), FILE_BYTES)
    channel = Channel("old", old)
    was = sorted((channel.directory / "rejected").iterdir())
    channel.send(100)
    channel.relay.stop()
    left = sorted((channel.directory / "rejected").iterdir())
    check_equal(left[:-1], was[1:], "kept of the old ones")
    assert sum(path.stat().st_size for path in left) <= TOTAL_BYTES, "too much is kept"
    for path in left[:-1]:
        path.unlink()
    check_equal([row["datagram"] for row in rejects(channel.directory)], channel.bad, "kept")

with case(f"{FILES_MAX} small files of more than an hour ago: the oldest make room"):
    def many(directory):
        (directory / "rejected").mkdir()
        for age in range(FILES_MAX + 10):
            sparse(directory / "rejected" / name_of("many", 3700 + age), 1)
    channel = Channel("many", many)
    channel.send(1)
    channel.relay.stop()
    check_equal(len(os.listdir(channel.directory / "rejected")), FILES_MAX, "files")

finish()
