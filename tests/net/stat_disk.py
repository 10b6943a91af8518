#!/usr/bin/python3
"""What sdr-stat says, and how it exits, of a disk that is full, frozen, read-only and not there, of
what is not recorded meanwhile, and of what was too old or came too seldom."""
import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (BIN, case, check_equal, enter_network, finish, run_dir, sh,  # noqa: E402
                     wait_for)
import held  # noqa: E402
from disks import Disk, wait_disk  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import Feeder, Fixed, sender  # noqa: E402

RATE = 2000
shape = Fixed(400)
enter_network()
run = run_dir()
data = compile_schemas(run, {"t": shape.schema})["t"]
(run / "applied").mkdir()
FULL_RATE = "239.1.1.1:6000"


def stat(*words, name="engine"):
    """(exit code, standard output)"""
    done = subprocess.run([BIN / "sdr-stat", "--run", run, *map(str, words), name], check=False,
                          capture_output=True, text=True, timeout=30)
    check_equal(done.stderr, "", "standard error")
    return done.returncode, done.stdout


def trouble(kind, severity="now", code=1, **options):
    """The one of this kind, of the channel or of the fleet: (text, advice, count)."""
    found_code, text = stat("--json", **options)
    found = json.loads(text)
    every = found["troubles"] + found["channels"][0]["troubles"]
    one = [each for each in every if (each["kind"], each["severity"]) == (kind, severity)]
    check_equal(len(one), 1, f"of {kind} {severity} in {every}")
    check_equal(found_code, code, "exit code")
    return one[0]["text"], one[0]["advice"], one[0]["count"]


def the_disk(made=[]):  # pylint: disable=dangerous-default-value
    """One for all cases; each is skipped where there cannot be one."""
    made += [] if made else [Disk(run, 32 << 20)]
    return made[0]


def begin(disk, name="engine", **options):
    (run / "applied/relay.toml").write_text(
        f'[storage]\npath = "{disk.path}"\nmount = "{disk.path}"\n[channel.{name}]\n'
        f'listen = "127.0.0.1:26000"\nschema = "t.avsc"\nfull_rate = "{FULL_RATE}"\n',
        encoding="utf-8")
    return Relay(data, run, disk.path, name, full_rate=FULL_RATE, mount=disk.path,
                 **{"buffer_bytes": 256 << 10} | options)


def check_begins(found, *parts):
    for text, part in zip(found, parts):
        assert text.startswith(part), f"{text!r} does not begin with {part!r}"


with case("a full disk: said with its path, what the ring holds, and what was not recorded"):
    disk = the_disk()
    relay = begin(disk)
    feeder = Feeder(sender(relay.listen), shape, RATE)
    relay.wait_recorded(RATE // 4)
    disk.fill(100 << 10)
    wait_disk(relay, run, "full")
    wait_for(lambda: relay.counters().unrecorded > RATE // 4, "the ring is full")
    text, advice, count = trouble("disk")
    assert text.startswith(f"is not recorded: the disk {disk.path} is full; its ring is ") and \
        text.endswith("% full") and int(text.split()[-2][:-1]) > 90, text
    check_equal((advice, count), ("make room, or have sdr-prune do it (`retain`, `min_free`)",
                                  None), "advice")
    text, advice, _ = trouble("storage")
    check_begins((text, advice), f"storage {disk.path}: ", "make room, or ")
    code, out = stat("--interval", 0)
    check_equal((code, out.splitlines()[1].split()[-2]), (1, "full"), "table")
    disk.free()
    wait_disk(relay, run, "ok")
    relay.wait_recorded(relay.counters().recorded + RATE // 4)
    sent = feeder.stop()
    relay.wait_received(sent)
    wait_for(lambda: relay.counters().recorded + relay.counters().unrecorded == sent, "all is told")
    missing = sent - relay.counters().recorded
    text, advice, count = trouble("unrecorded")
    check_equal(count, missing, "count")
    check_begins((text, advice), f"{missing:,} were relayed but not recorded in the last ",
                 "the ring of 256 KiB was full: make record.buffer larger")
    code, out = stat("--interval", 0)
    assert f"\nengine: {missing:,} were relayed but not recorded in the last " in out, out
    assert f"\nstorage {disk.path}: " in out, out
    relay.stop()

with case("a frozen disk: it does not answer"):
    disk = the_disk()
    relay = begin(disk, buffer_bytes=4 << 20)
    feeder = Feeder(sender(relay.listen), shape, RATE)
    relay.wait_recorded(relay.counters().recorded + RATE // 4)
    disk.freeze()
    wait_disk(relay, run, "stalled")
    text, advice, _ = trouble("disk")
    check_begins([text], f"is not recorded: the disk {disk.path} does not answer; its ring is ")
    check_equal(advice, "dmesg says more", "advice")
    code, out = stat("--interval", 0)
    assert code == 1 and " stall " in out.splitlines()[1] + " ", out
    assert all(len(line) <= 80 for line in out.splitlines()[:2]), out
    disk.thaw()
    wait_disk(relay, run, "ok")
    feeder.stop()
    relay.stop()

with case("a disk that may not be written to: the error, and how often"):
    disk = the_disk()
    sh(f"mount -o remount,ro {disk.path}")
    relay = begin(disk)
    sender(relay.listen).send(shape.make(0))
    wait_disk(relay, run, "error")
    check_begins(trouble("disk"), "is not recorded: Read-only file system; its ring is 0% full",
                 "its log and dmesg say more")
    errors = wait_for(lambda: relay.counters().disk_errors, "it is counted")
    assert trouble("disk_errors")[2] >= errors
    sh(f"mount -o remount,rw {disk.path}")
    wait_disk(relay, run, "ok")
    relay.stop()

with case("nothing is mounted there"):
    disk = the_disk()
    disk.unmount()
    relay = begin(disk)
    wait_disk(relay, run, "unmounted")
    check_begins(trouble("disk"), f"is not recorded: nothing is mounted at {disk.path}; its ring",
                 "mount it, and recording goes on by itself")
    disk.mount()
    wait_disk(relay, run, "ok")
    relay.stop()
    disk.unmount()
    disk.wait_let_go()

with case("nothing comes any more: since when, and what the limit is; then it comes again"):
    relay = Relay(data, run, None, "seldom", full_rate=FULL_RATE, silence_ms=300)
    sock = sender(relay.listen)
    sock.send(shape.make(0))
    wait_for(lambda: relay.counters().silent_since_ns, "it is silent")
    text, advice, count = trouble("silent", name="seldom")
    check_begins((text, advice), "has heard nothing for ", "look at its source and the way here")
    assert text.endswith(", and its limit is 300ms") and count is None, text
    while relay.counters().silent_since_ns:
        sock.send(shape.make(1))
    check_equal(trouble("silent", "past", 0, name="seldom"),
                ("it heard nothing for too long 1 time", None, relay.counters().silences), "past")
    relay.stop()

with case("too old to be relayed: as many as waited"):
    held.wait_timed()
    sock = held.held_socket()
    held.send(shape, 0, 40)
    began = time.monotonic()
    wait_for(lambda: time.monotonic() - began > 0.2, "they are old")
    relay = held.start(data, run, None, "late", sock, catch_up_ms=100)
    relay.wait_received(40)
    stale = relay.counters().stale
    check_equal(stale, 40, "stale")
    text, advice, count = trouble("stale", name="late")
    check_begins((text, advice), "40 were too old to be relayed in the last ",
                 "they had waited in the socket for longer than `catch_up`")
    check_equal(count, 40, "count")
    relay.stop()
    sock.close()

with case("its relay is gone: nothing of its disk is told as if it were now"):
    code, out = stat("--interval", 0, name="late")
    check_equal(code, 1, "exit code")  # for what was stale lately
    assert out.splitlines()[1].split()[1] == "down", out
    check_begins(trouble("left", "note", 1, name="late"), "is not running, and nothing is to keep ")

finish()
