"""What a relay is put through while its disk calls are traced: one script for each kind of trouble.

Datums are numbered from 0 on, rejected datagrams are in `bad` in order; nothing is lost on the way
in, so that whatever is missing in the end was lost by the disk or its repair.
"""
import os
import shutil
import signal
import struct
from dataclasses import dataclass

from power_repair import NAME, read_back, unfinished
from power_trace import calls, strace
from relay import Counters, Relay
from sdrtest import Skip, after_failure, children, wait_for
from udp import Fixed, send_all, sender

CHANNEL = f"channel={NAME}"


class Zeros(Fixed):
    """Datums that look like lost sectors, but for the first ones."""
    FROM = 15

    def __init__(self):
        super().__init__(2000)
        self.pads = (self.pad, bytes(len(self.pad)))

    def make(self, number):
        self.pad = self.pads[number >= self.FROM]
        return super().make(number)

    def numbers(self, data):
        found = []
        for at in range(0, len(data), self.size):
            datum = data[at:at + self.size]
            self.pad = self.pads[struct.unpack_from("<d", datum)[0] >= self.FROM]
            found += super().numbers(datum)
        return found


@dataclass
class Script:
    play: object
    shapes: tuple = ("fixed",)
    sync_ms: int = 40
    options: tuple = ()


@dataclass
class Recorded:
    root: object
    sync_ms: int
    before: dict
    trace: list
    bad: list


class Stage:
    """One channel's disk, its relays one after the other, and what was sent to them."""

    def __init__(self, script, data, shape, run, storage):
        self.script, self.data, self.shape = script, data, shape
        self.run, self.storage = run, storage
        self.sent, self.bad, self.before, self.traces = 0, [], {}, []
        self.relay = self.receiver = self.wrote = self.begun = None
        self.was_sent = 0  # to earlier relays
        after_failure.append(self.kill)

    def start(self, *inject, traced=True):
        if traced and not shutil.which("strace"):
            raise Skip("no strace")
        prefix = self.storage.parent / f"{self.storage.name}-trace-{len(self.traces)}"
        ring = self.run / "rings" / NAME
        self.begun, self.was_sent = self.counters(), self.sent
        options = {"segment_bytes": 128 << 10, "buffer_bytes": 1 << 20} | dict(self.script.options)
        self.relay = Relay(self.data, self.run, None, NAME, ring=ring,
                           prefix=strace(prefix, *inject) if traced else (),
                           record=self.storage / CHANNEL, sync_ms=self.script.sync_ms, **options)
        self.receiver = children(self.relay.pid)[0] if traced else self.relay.pid
        self.wrote = self.relay.writer() if not traced else \
            wait_for(lambda: children(self.receiver), "there is a writer")[0]
        if traced:
            self.traces.append(prefix)
        self._to = sender("127.0.0.1:26000")

    def counters(self):
        return Counters(self.run / "counters" / NAME)

    def wait_writer(self):
        """The one that replaces the writer that was killed."""
        others = lambda: [pid for pid in children(self.receiver) if pid != self.wrote]
        self.wrote = wait_for(others, "another writer is there")[0]

    def writer_is_dead(self):
        return self.wrote not in children(self.receiver)

    def _settle(self, condition, what):
        wait_for(lambda: self.writer_is_dead() or condition(self.counters()), what)

    def send_some(self, count):
        send_all(self._to, [self.shape.make(self.sent + i) for i in range(count)])
        self.sent += count

    def send(self, count, then="recorded"):
        """`then` "recorded", or "synced"."""
        syncs = self.counters().syncs
        self.send_some(count)
        self.relay.wait_received(self.sent + len(self.bad))
        # A writer that was killed has not counted all that it recorded.
        due = self.begun.recorded + self.sent - self.was_sent
        self._settle(lambda now: now.recorded >= due, f"{due} datums are recorded")
        if then == "synced":
            self._settle(lambda now: now.syncs > syncs, "a sync")

    def count_of(self, size):
        """How many datums are about so many bytes."""
        ten = sum(len(self.shape.make(self.sent + i)) for i in range(10))
        return 1 + size * 10 // ten

    def send_bytes(self, size, then="recorded"):
        self.send(self.count_of(size), then)

    def send_bad(self, count, wait=True):
        for _ in range(count):
            self.bad.append(b"bad %d" % len(self.bad))
            self._to.send(self.bad[-1])
        if wait:
            self._settle(lambda now: now.rejects_kept >= len(self.bad), "the rejects are kept")

    def rotate(self):
        segments = self.counters().segments
        os.kill(self.receiver, signal.SIGHUP)
        self.wait_segments(segments + 1)

    def wait_segments(self, count):
        self._settle(lambda now: now.segments >= count, f"{count} segments are sealed")

    def wait_ticks(self, count):
        """The writer has slept so many times until its sync tick."""
        trace = self.traces[-1].with_name(f"{self.traces[-1].name}.{self.wrote}")
        ticks = lambda: trace.read_text(encoding="ascii").count("= 0 (Timeout)")
        wait_for(lambda: trace.exists() and ticks() >= count, f"{count} sync ticks")

    def stop(self):
        os.kill(self.receiver, signal.SIGTERM)
        code = self.relay.process.wait(20)
        assert code == 0, f"exit {code}: {self.relay.messages()}"

    def kill(self):
        """-9 to both processes."""
        if self.relay and self.relay.process.poll() is None:
            for pid in (*children(self.receiver), self.receiver):
                os.kill(pid, signal.SIGKILL)
            self.relay.process.wait(20)

    def reboot(self):
        """Rings and counters are gone. What is on the disk is durable."""
        shutil.rmtree(self.run / "rings" / NAME)
        self.relay.counters_file.unlink()
        self.before = {}
        for path in sorted(self.storage.rglob("*")):
            content = path.read_bytes() if path.is_file() else None
            self.before[str(path.relative_to(self.storage))] = (content, path.stat().st_ino)


def record(script, data, shape, run, storage):
    for name in ("rings", "counters"):
        shutil.rmtree(run / name, ignore_errors=True)
    stage = Stage(script, data, shape, run, storage / "disk")
    stage.storage.mkdir()
    script.play(stage)
    trace = [call for prefix in stage.traces for call in calls(prefix)]
    return Recorded(stage.storage, script.sync_ms, stage.before, trace, stage.bad)


# The scripts.

def _recording(stage):
    stage.start()
    stage.send(10, "synced")
    stage.send(1, "synced")
    stage.send(3)
    stage.send_bytes(60000, "synced")  # whole pages, and a part
    stage.send_bad(3)
    stage.send(7, "synced")
    stage.send_bad(1)
    stage.rotate()
    stage.send(5, "synced")
    stage.send_bytes(160000)  # more than one segment holds
    stage.send_bad(2)
    stage.send(30)
    stage.stop()


def _each_batch(stage):
    stage.start()
    for size in (1, 1500, 5000, 1, 20000):
        stage.send_bytes(size, "synced")
    stage.send_bad(1)
    stage.send(2, "synced")
    stage.stop()


def _by_time(stage):
    stage.start()
    for segments in (1, 2):
        stage.send(40, "synced")
        stage.send_bad(1)
        stage.wait_segments(segments)
    stage.send(3)
    stage.stop()


def _killed(call, when):
    def play(stage):
        stage.start("-e", f"inject={call}:signal=SIGKILL:when={when}")
        for _ in range(2):
            stage.send(70, "synced")
            if not stage.bad:
                stage.send_bad(1)
            if not stage.writer_is_dead():
                stage.rotate()
        assert stage.writer_is_dead(), f"the writer was not killed at its {call} {when}"
        stage.kill()
        stage.start()
        stage.wait_ticks(3)
        stage.send(20, "synced")
        stage.stop()
    return play


def _replaced(stage):
    """The receiver goes on; its next writer finds what is not synced yet, not even a name."""
    stage.start()
    stage.send_bytes(40000)  # more than half of the ring: it is not left until the sync tick
    os.kill(stage.wrote, signal.SIGKILL)
    stage.wait_writer()
    stage.wait_ticks(2)
    stage.send(5, "synced")
    stage.stop()


def _replaced_within_a_block(stage):
    """Half of a block is on the disk; what the next writer puts there is longer."""
    # Two writes a block, whole pages and a part: this is the third one's part.
    stage.start("-e", "inject=pwrite64:signal=SIGKILL:when=6")
    stage.send(10, "synced")
    size = (stage.storage / CHANNEL / ".open").stat().st_size
    stage.send_bytes(4096 - size % 4096, "synced")  # so that it begins early in a page
    stage.send(70)
    os.kill(stage.receiver, signal.SIGSTOP)
    assert stage.writer_is_dead(), "the writer was not killed within its third block"
    stage.send_some(200)
    os.kill(stage.receiver, signal.SIGCONT)
    stage.wait_writer()
    stage.send(5, "synced")
    stage.stop()


def _sealed_at_once(stage):
    """Before any sync, in a directory that is as new."""
    stage.start()
    stage.send_some(20)
    stage.send_bad(1, wait=False)
    stage.relay.wait_received(21)
    stage.stop()


def _ring_lost(stage):
    """And not with the power: nothing of what was left open has been synced, not even its name."""
    stage.start()
    stage.send_some(stage.count_of(40000))  # more than half of the ring, so that it is seen to
    wait_for(lambda: stage.counters().recorded, "some are recorded")
    stage.kill()
    shutil.rmtree(stage.run / "rings" / NAME)
    stage.start()
    wait_for(lambda: not unfinished(stage.storage), "the repair is done")
    stage.wait_ticks(2)
    stage.stop()


def _no_links(stage):
    stage.start("-e", "inject=linkat:error=EPERM")
    for _ in range(2):
        stage.send(30, "synced")
        stage.send_bad(1)
        stage.rotate()
    stage.send(3)
    stage.stop()


def _torn(stage):
    """Both recordings end in a block that is not whole."""
    stage.start(traced=False)
    stage.send(200, "synced")
    stage.send_bad(2)
    stage.kill()
    for name in (".open", "rejected/.open"):
        with open(stage.storage / CHANNEL / name, "ab") as file:
            file.write(bytes([20, 200, 1]) + b"x" * 70)
    stage.reboot()
    _after_reboot(stage)


def _two_names(stage):
    """The last segment was sealed when the power went, but `.open` had not been taken away."""
    stage.start(traced=False)
    stage.send(200, "synced")
    stage.send_bad(2)
    stage.stop()
    for name in ("date=*", "rejected"):
        for path in (stage.storage / CHANNEL).glob(f"{name}/*.avro"):
            here = stage.storage / CHANNEL / ("rejected" if name == "rejected" else "")
            os.link(path, here / ".open")
    stage.reboot()
    _after_reboot(stage)


def _after_reboot(stage):
    stage.start()
    wait_for(lambda: not unfinished(stage.storage), "the repair is done")
    stage.wait_ticks(2)
    stage.stop()


KILLED = (("pwrite64", 2), ("fdatasync", 1), ("linkat", 1), *(("fsync", n) for n in range(1, 7)))
EACH = ("fixed", "varying", "zeros")
RUNS = {
    "a recording": Script(_recording, EACH),
    "every batch synced": Script(_each_batch, EACH, sync_ms=0),
    "rotated by time": Script(_by_time, options=(("rotate_s", 1),)),
    "sealed before any sync": Script(_sealed_at_once, sync_ms=60000),
    # Not with zeros: those are taken for lost sectors where no sync has vouched for them.
    "a ring lost": Script(_ring_lost, EACH[:2], sync_ms=1000,
                          options=(("buffer_bytes", 64 << 10),)),
    "sealed without hard links": Script(_no_links),
    "a writer replaced": Script(_replaced, EACH, sync_ms=1000,
                                options=(("buffer_bytes", 64 << 10),)),
    "a writer replaced within a block": Script(_replaced_within_a_block, sync_ms=400),
    "the repair of a torn segment": Script(_torn, EACH),
    "the repair of a sealed one": Script(_two_names),
} | {f"killed at its {call} {when}":
     Script(_killed(call, when), ("fixed", "zeros") if call == "pwrite64" else ("fixed",))
     for call, when in KILLED}

__all__ = ["RUNS", "record", "read_back"]
