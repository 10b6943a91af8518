#!/usr/bin/python3
"""A disk that stalls, and a logger: the live streams are as quick as without, the ring takes what
the disk does not, and only what the ring had no room for is missing, and counted.

The disk is an ext4 that is frozen (FIFREEZE): every write, sync, rename and truncation waits.
"""
import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (alive, case, check_equal, enter_network, finish, run_dir,  # noqa: E402
                     storage_dir, wait_for)
from disks import Disk, check_all, check_python_avro, state_lines, stat, wait_disk  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from strace import Strace, need_strace  # noqa: E402
from udp import Collector, Feeder, Varying, sender, subscriber  # noqa: E402

GROUP = "239.1.1.1:6000"
RATE, STALL_S = 5000, 2.0
LATE = 27  # 2^27 ns are 134 ms: a stall of 2 s makes thousands of datums later than that

enter_network()
run, storage = run_dir(), storage_dir()
shape = Varying()
data = compile_schemas(run, {"t": shape.schema})["t"]


def begin(name, where, **options):
    options = {"sync_ms": 100, "rotate_s": 3600, "segment_bytes": 1 << 20} | options
    seen = Collector(subscriber(GROUP))
    relay = Relay(data, run, where, name, full_rate=GROUP, **options)
    return relay, seen, Feeder(sender(relay.listen), shape, RATE)


def end(relay, seen, feeder):
    sent = feeder.stop()
    relay.wait_received(sent)
    relay.stop()
    return seen.datagrams(), sent


def latencies(relay, seconds, meanwhile=lambda: None):
    """The histogram of what was relayed in that time: bucket b from 2^b to 2^(b+1) ns."""
    before = relay.counters().latency
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        meanwhile()
        time.sleep(0.05)
    return [now - was for now, was in zip(relay.counters().latency, before, strict=True)]


def print_side_by_side(columns):
    print("# latency up to " + "".join(f"{name:>12}" for name in columns))
    for bucket in range(36):
        counts = [column[bucket] for column in columns.values()]
        if any(counts):
            print(f"# {2 ** (bucket + 1) / 1000:12,.0f} us" + "".join(f"{n:12,}" for n in counts))
    for share in (0.5, 0.99, 0.999):
        print(f"# {'p' + str(100 * share).rstrip('0').rstrip('.'):>15}" + "".join(
            f"{upper_us(column, share):9,.0f} us" for column in columns.values()))


def upper_us(column, share):
    """The upper bound of the bucket that the percentile lies in."""
    below = 0
    for bucket, count in enumerate(column):
        below += count
        if below >= share * sum(column):
            return 2 ** (bucket + 1) / 1000
    return 0.0


def check_live(columns):
    print_side_by_side(columns)
    for name, column in columns.items():
        check_equal(sum(column[LATE:]), 0, f"datums later than 134 ms while {name}")
        assert sum(column) >= RATE / 2, f"hardly anything was relayed while {name}"


with case(f"frozen for {STALL_S:g} s, then again with a rotation asked for: live as ever, nothing "
          "missing, sdr-stat says stalled"):
    disk = Disk(run, 48 << 20, "frozen")
    relay, seen, feeder = begin("frozen", disk.path, buffer_bytes=16 << 20)
    relay.wait_recorded(RATE // 2)
    columns = {"it is well": latencies(relay, STALL_S)}
    for name in ("frozen", "rotating"):
        disk.freeze()
        if name == "rotating":
            relay.hup()
        recorded = relay.counters().recorded
        columns[name] = latencies(relay, STALL_S)
        check_equal(stat(relay, run)["disk"], "stalled", "disk")
        assert relay.counters().recorded - recorded < RATE, "it does not stall"
        disk.thaw()
        wait_disk(relay, run, "ok")
        relay.wait_recorded(relay.counters().received)
    live, sent = end(relay, seen, feeder)
    check_equal(len(check_all(relay, shape, live, sent)), sent, "recorded")
    assert relay.counters().segments > sent * 80 // (1 << 20), "no rotation"
    lines = [line.split(" for ")[0] for line in state_lines(relay)]
    check_equal(lines, ["warning: DIR stalled"] * 2, "lines in the log")
    check_live(columns)
    check_python_avro(relay.directory, sent)
    disk.unmount()

with case("frozen for longer than the ring lasts: live all there, what is missing is counted"):
    disk = Disk(run, 48 << 20, "longer")
    relay, seen, feeder = begin("longer", disk.path, buffer_bytes=256 << 10)
    relay.wait_recorded(RATE // 2)
    disk.freeze()
    wait_for(lambda: relay.counters().unrecorded >= RATE // 2, "the ring is full")
    wait_disk(relay, run, "stalled")
    disk.thaw()
    wait_disk(relay, run, "ok")
    relay.wait_recorded(relay.counters().recorded + RATE // 2)
    live, sent = end(relay, seen, feeder)
    found = check_all(relay, shape, live, sent)
    print(f"# {sent} sent, {relay.counters().unrecorded} unrecorded")
    check_python_avro(relay.directory, len(found))
    disk.unmount()

with case("killed while the disk is frozen: the next relay is live at once, nothing is missing"):
    disk = Disk(run, 48 << 20, "killed")
    relay, seen, feeder = begin("killed", disk.path, buffer_bytes=16 << 20)
    relay.wait_recorded(RATE // 2)
    disk.freeze()
    wait_disk(relay, run, "stalled")
    sent = feeder.stop()
    relay.wait_received(sent)
    writer = relay.writer()
    os.kill(relay.pid, signal.SIGKILL)
    relay.process.wait()
    second = Relay(data, run, None, "killed", full_rate=GROUP, record=relay.directory,
                   ring=run / "rings/killed", buffer_bytes=16 << 20)
    second.directory = relay.directory
    more = Feeder(sender(second.listen), shape, RATE, first=sent, count=RATE // 2)
    sent = more.wait()
    second.wait_received(sent)
    assert alive(writer), "the first writer was not stuck"
    disk.thaw()
    second.wait_recorded(sent)
    second.stop()
    check_equal(len(check_all(second, shape, seen.datagrams(), sent)), sent, "recorded")
    disk.unmount()


class StoppedLogger:
    """Standard error as a full pipe whose reader has been stopped."""

    def __init__(self):
        reader, self.pipe = os.pipe()
        self.process = subprocess.Popen(["cat"], stdin=reader, stdout=subprocess.DEVNULL)
        os.close(reader)
        self.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: not running(self.process.pid), "the logger is stopped")
        # A description of its own: O_NONBLOCK is for us alone.
        ours = os.open(f"/proc/self/fd/{self.pipe}", os.O_WRONLY | os.O_NONBLOCK)
        for size in (65536, 4096, 1):
            try:
                while True:
                    os.write(ours, b"\n" * size)
            except BlockingIOError:
                pass
        os.close(ours)

    def end(self):
        os.close(self.pipe)
        self.process.kill()
        self.process.wait()


def running(pid):
    return "T (stopped)" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")


def pipe_bytes(pipe):
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]


def kill_writer(relay):
    """Its receiver has a line to say about that."""
    starts = relay.counters().writer_starts
    os.kill(relay.writer(), signal.SIGKILL)
    wait_for(lambda: relay.counters().writer_starts > starts, "there is another writer")


def refuse_nowait(relay):
    """As before Linux 6.5: what a write must not wait for cannot be said to the kernel."""
    return Strace(relay.pid, run / "nowait.trace", "-e", "trace=pwritev2", "-e",
                  "inject=pwritev2:error=EOPNOTSUPP")


for old_kernel in (False, True):
    with case("the logger is stopped and its pipe full" + ", on an old kernel" * old_kernel +
              ": live as ever, lines are counted; it goes on, and so do they"):
        if old_kernel:
            need_strace(run)
        logger = StoppedLogger()
        name = f"logger{int(old_kernel)}"
        relay, seen, feeder = begin(name, storage, stderr=logger.pipe)
        strace = refuse_nowait(relay) if old_kernel else None
        columns = {"it is well": latencies(relay, 1)}
        columns["it is stopped"] = latencies(relay, STALL_S, lambda: kill_writer(relay))
        dropped = relay.counters().log_lines_dropped
        assert dropped >= 2, f"{dropped} lines dropped"
        logger.process.send_signal(signal.SIGCONT)
        wait_for(lambda: not pipe_bytes(logger.pipe), "the logger has read all")
        kill_writer(relay)
        check_equal(relay.counters().log_lines_dropped, dropped, "dropped later")
        if strace:
            assert strace.failed(), "pwritev2 was not refused"
            strace.end()
        live, sent = end(relay, seen, feeder)
        check_equal(len(check_all(relay, shape, live, sent)), sent, "recorded")
        logger.end()
        if old_kernel:  # traced: what it costs is strace's
            print_side_by_side(columns)
        else:
            check_live(columns)

finish()
