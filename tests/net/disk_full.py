#!/usr/bin/python3
"""A disk that is full: the live streams go on, what is missing is counted to the datum, and
recording resumes by itself when there is room again."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import case, check_equal, enter_network, finish, run_dir, wait_for  # noqa: E402
from disks import Disk, check_all, check_python_avro, state_lines, stat, wait_disk  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import Collector, Feeder, Fixed, sender, subscriber  # noqa: E402

GROUP = "239.1.1.1:6000"
FULL = "warning: not recording to DIR: unable to write the file: No space left on device"
AGAIN = "info: recording to DIR again"
RATE = 4000

enter_network()
run = run_dir()
shape = Fixed(400)
data = compile_schemas(run, {"t": shape.schema})["t"]


def begin(disk, name, **options):
    options = {"buffer_bytes": 512 << 10, "rotate_s": 1, "segment_bytes": 1 << 20} | options
    seen = Collector(subscriber(GROUP))
    relay = Relay(data, run, disk.path, name, full_rate=GROUP, **options)
    return relay, seen, Feeder(sender(relay.listen), shape, RATE)


def end(relay, seen, feeder):
    sent = feeder.stop()
    relay.wait_received(sent)
    relay.stop()
    return seen.datagrams(), sent


for name, leave in (("full", 0), ("nearly", 700 << 10)):
    with case(f"{leave >> 10} KiB left, and twice no room for longer than the ring lasts: live all "
              "there, the rest counted, one line per change"):
        disk = Disk(run, 32 << 20, name)
        relay, seen, feeder = begin(disk, name)
        relay.wait_recorded(RATE // 2)
        check_equal(stat(relay, run)["disk"], "ok", "disk")
        for _ in range(2):
            before = relay.counters().unrecorded
            disk.fill(leave)
            wait_disk(relay, run, "full")
            check_equal(relay.counters().disk_errno, 28, "disk_errno")
            wait_for(lambda: relay.counters().unrecorded >= before + RATE // 4, "the ring is full")
            disk.free()
            print(f"# recording again after {wait_disk(relay, run, 'ok'):.2f} s")
            relay.wait_recorded(relay.counters().recorded + RATE // 4)
        live, sent = end(relay, seen, feeder)
        found = check_all(relay, shape, live, sent)
        assert relay.counters().unrecorded >= RATE // 2, "nothing was missing"
        check_equal(state_lines(relay), [FULL, AGAIN] * 2, "lines in the log")
        print(f"# {sent} sent, {relay.counters().unrecorded} unrecorded")
        check_python_avro(relay.directory, len(found))
        disk.unmount()
        disk.wait_let_go()

with case("full, but not for longer than the ring lasts: nothing is missing"):
    disk = Disk(run, 32 << 20, "short")
    relay, seen, feeder = begin(disk, "short", buffer_bytes=16 << 20)
    relay.wait_recorded(RATE // 2)
    disk.fill()
    wait_disk(relay, run, "full")
    disk.free()
    wait_disk(relay, run, "ok")
    live, sent = end(relay, seen, feeder)
    check_equal(len(check_all(relay, shape, live, sent)), sent, "recorded")
    check_equal(state_lines(relay), [FULL, AGAIN], "lines in the log")
    disk.unmount()
    disk.wait_let_go()

with case("full when the relay stops: exit 0 with what the ring holds kept for the next one"):
    disk = Disk(run, 32 << 20, "stopped")
    relay, seen, feeder = begin(disk, "stopped", buffer_bytes=16 << 20)
    relay.wait_recorded(RATE // 2)
    disk.fill()
    wait_disk(relay, run, "full")
    live, sent = end(relay, seen, feeder)
    disk.free()
    relay = Relay(data, run, disk.path, "stopped", full_rate=GROUP)
    relay.wait_recorded(sent)
    relay.stop()
    check_equal(len(check_all(relay, shape, live, sent)), sent, "recorded")
    disk.unmount()
    disk.wait_let_go()

finish()
