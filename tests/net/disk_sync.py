#!/usr/bin/python3
"""What a power cut may cost is bounded by syncs, and a channel in which nothing happens leaves its
disk alone."""
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (Skip, case, check_equal, enter_network, finish, run_dir, sh,  # noqa: E402
                     storage_dir, wait_for)
from relay import Relay, compile_schemas  # noqa: E402
from segments import check_exact, numbers  # noqa: E402
from strace import Strace, need_strace  # noqa: E402
from udp import Feeder, Fixed, feed, sender  # noqa: E402

enter_network()
run, storage = run_dir(), storage_dir()
shape = Fixed(1000)
data = compile_schemas(run, {"t": shape.schema})["t"]


def watch(relay, *options):
    return Strace(relay.writer(), run / f"{relay.name}.trace", *options)


def begin(name, **options):
    return Relay(data, run, storage, name, full_rate="239.1.1.1:6000", **options)


with case("idle: over 10 sync periods the writer makes no call but to wait; nor one that never got "
          "anything"):
    need_strace(run)
    for name, count in (("idle", 500), ("never", 0)):
        relay = begin(name, sync_ms=50)
        feed(sender(relay.listen), shape, 5000, 0, count)
        relay.wait_recorded(count)
        if count:
            wait_for(lambda: relay.counters().syncs >= 1, "it is synced")
        else:
            wait_for(lambda: relay.counters().disk() == "ok", "its directory is open")
        trace = watch(relay)
        wait_for(lambda: len([1 for _, call in trace.calls() if call == "poll"]) >= 12,
                 "10 sync periods have passed")
        trace.end()
        after = [call for _, call in trace.calls() if call != "restart_syscall"]
        first = after.index("poll")
        # A last sync may have been due when the trace began.
        check_equal(set(after[first + 2:]) - {"clock_gettime"}, {"poll"}, f"calls, {name}")
        relay.stop()

with case("sync-ms 0: each batch is synced as it comes, before the next one is written"):
    need_strace(run)
    relay = begin("each", sync_ms=0)
    to = sender(relay.listen)
    to.send(shape.make(0))
    wait_for(lambda: relay.counters().syncs == 1, "the first is synced")
    trace = watch(relay, "-e", "trace=pwrite64,fdatasync,poll")
    for number in range(1, 51):
        to.send(shape.make(number))
        wait_for(lambda: relay.counters().syncs == number + 1, "it is synced, and nothing more")
    trace.end()
    letters = "".join({"pwrite64": "W", "fdatasync": "S", "poll": " "}[call]
                      for _, call in trace.calls())
    batches = letters.split()  # the block, its row of the index, the sync
    check_equal((len(batches), set(batches) - {"WWS", "WWWS"}), (50, set()), "batches")
    relay.stop()
    check_exact(numbers(relay.directory, shape), range(51), "recorded")

for name, slow in (("steady", ()), ("slow", ("-e", "inject=pwrite64:delay_enter=200000"))):
    with case("under load: what is written is synced at one of the next ticks" +
              ", also where the disk is slower than what comes in" * bool(slow)):
        need_strace(run)
        relay = begin(name, sync_ms=200, buffer_bytes=64 << 20)
        trace = watch(relay, "-e", "trace=pwrite64,fdatasync", *slow)
        feeder = Feeder(sender(relay.listen), shape, 8000)
        wait_for(lambda: len([1 for _, call in trace.calls() if call == "fdatasync"]) >= 8,
                 "eight syncs", 30)
        behind = relay.counters().received - relay.counters().recorded
        sent = feeder.stop()
        trace.end()
        worst, unsynced = 0.0, None
        for time, call in trace.calls():
            if call == "fdatasync":
                worst = max(worst, time - unsynced if unsynced else 0.0)
                unsynced = None
            elif unsynced is None:
                unsynced = time
        print(f"# synced after {worst:.2f} s at most; {behind} datums behind")
        assert worst < 2.0, f"written, and not synced for {worst:.1f} s"
        if slow:
            assert behind > 1000, "the disk was quick enough"
        relay.wait_recorded(sent, 30)
        relay.stop()
        check_exact(numbers(relay.directory, shape), range(sent), "recorded")

with case("where O_DIRECT is refused: one line, and each write waits for its disk (O_DSYNC)"):
    if os.geteuid() != 0:
        raise Skip("only root may mount a ramfs")
    disk = run / "ramfs"
    disk.mkdir()
    sh(f"mount -t ramfs none {disk}")
    relay = Relay(data, run, disk, "plain", full_rate="239.1.1.1:6000")
    feed(sender(relay.listen), shape, 5000, 0, 500)
    relay.wait_recorded(500)
    fds = Path(f"/proc/{relay.writer()}")
    flags = [int((fds / "fdinfo" / fd.name).read_text(encoding="ascii").split()[3], 8)
             for fd in (fds / "fd").iterdir() if os.readlink(fd).endswith("/.open")]
    check_equal(sorted(each & (os.O_DSYNC | os.O_DIRECT) for each in flags), [0, os.O_DSYNC],
                "flags of its two descriptors")
    relay.stop()
    check_exact(numbers(relay.directory, shape), range(500), "recorded")
    check_equal([line.rpartition(": ")[2] for line in relay.messages().splitlines()
                 if "receive buffer: " not in line],
                ["no O_DIRECT here; writing through the page cache"], "lines")
    sh(f"umount {disk}")

finish()
