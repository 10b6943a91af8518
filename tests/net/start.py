#!/usr/bin/python3
"""Starting: readiness, and what is said, with which exit code, where something is wrong."""
import os
import select
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (BIN, case, check_equal, enter_network, finish, run_dir,  # noqa: E402
                     sh, storage_dir, wait_for)
from segments import check_exact, numbers  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import Collector, Fixed, feed, sender, subscriber  # noqa: E402

USER, SYSTEM = 100, 111
GROUP = "239.1.1.1:6000"

enter_network()
run, storage = run_dir(), storage_dir()
shape = Fixed()
data = compile_schemas(run, {"t": shape.schema})["t"]


def refused(code, *words, **options):
    """Starts a relay that must refuse: one line that has every word, and the exit code."""
    relay = Relay(options.pop("data", data), run, options.pop("storage", None), "refused",
                  wait=False, full_rate=GROUP, receive_buffer_bytes=4096, **options)
    found = relay.process.wait(10)
    lines = relay.messages().splitlines()
    relay.log.unlink()
    check_equal(len(lines), 1, f"lines of {lines}")
    for word in ("sdr-relay", "fatal:", *words):
        assert word in lines[0], f"'{lines[0]}' does not say '{word}'"
    check_equal(found, code, f"exit code beside '{lines[0]}'")


with case("ready: one newline, and then a datagram is received"):
    relay = Relay(data, run, storage, "ready", full_rate=GROUP)
    sender(relay.listen).send(shape.make(0))
    relay.wait_received(1)
with case("a port in use: one line, exit 111, and the first relay goes on"):
    refused(SYSTEM, "127.0.0.1:26000", "in use")
    sender(relay.listen).send(shape.make(1))
    relay.wait_received(2)
    relay.stop()
    check_exact(numbers(relay.directory, shape), range(2), "recorded")

with case("an address that this host does not have: one line, exit 111"):
    refused(SYSTEM, "10.9.9.9:26000", listen="10.9.9.9:26000")
with case("an interface that is not there: one line, exit 111"):
    refused(SYSTEM, "interface", listen="239.2.2.2:26000", listen_interface="none0")
    refused(SYSTEM, "interface", interface="none0")
with case("addresses of different IP versions: one line that names them, exit 100"):
    refused(USER, "--source", "IP version", listen="239.2.2.2:26000", source="fd77::1")
    refused(USER, "--source", "IP version", listen="[ff35::2]:26000", source="10.0.0.1")
    refused(USER, "--interface", "IP version", interface="::1")
with case("a supervisor that is gone before the start: one line, exit 111"):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([BIN / "sdr-relay", "--name", "t", "--listen", "127.0.0.1:26000",
                           "--layout", data / "layout", "--header", data / "header",
                           "--ready-fd", str(writer)], pass_fds=(writer,), capture_output=True,
                          text=True, check=False, timeout=10)
    os.close(writer)
    check_equal((done.returncode, done.stderr.count("\n"), "is gone" in done.stderr),
                (SYSTEM, 1, True), "exit, lines, what they say")
with case("no layout, or no header: one line that names it, exit 100"):
    (run / "partial").mkdir()
    refused(USER, "partial/layout", "No such file", data=run / "partial")
    (run / "partial/layout").write_bytes((data / "layout").read_bytes())
    refused(USER, "partial/header", "No such file", data=run / "partial")
with case("a layout that is none, and a header that is none: one line, exit 100"):
    (run / "partial/header").write_bytes((data / "header").read_bytes())
    (run / "partial/layout").write_text("(lsq)\n", encoding="ascii")
    refused(USER, "partial/layout:1:4", data=run / "partial")
    (run / "partial/layout").write_bytes((data / "layout").read_bytes())
    (run / "partial/header").write_bytes(b"something else")
    refused(USER, "partial/header", data=run / "partial")
with case("a ready descriptor that is not open: said, exit 100, nothing else is touched"):
    done = subprocess.run([BIN / "sdr-relay", "--name", "t", "--listen", "127.0.0.1:26000",
                           "--layout", data / "layout", "--header", data / "header",
                           "--ready-fd", "77"], capture_output=True, text=True, check=False)
    check_equal((done.returncode, "77" in done.stderr), (USER, True), "exit, and 77 in the line")
with case("usage errors: one line on standard error, exit 100"):
    for words in (["--unknown"], ["--name"], ["--name", "Bad Name"], ["stray"], [],
                  ["--name", "t", "--listen", "localhost:1"], ["--ttl", "256"], ["--ttl", "-1"],
                  ["--rotate-s", "0"], ["--segment-bytes", "1000"], ["--mode", "9"]):
        done = subprocess.run([BIN / "sdr-relay", *words], capture_output=True, text=True,
                              check=False)
        check_equal((done.returncode, len(done.stderr.splitlines()), done.stdout), (USER, 1, ""),
                    f"{words}")
with case("what does not go together: one line that says what, exit 100"):
    for words, options in (("--source --listen version",
                            {"listen": "[ff15::1]:26000", "source": "10.0.0.1"}),
                           ("--source --listen version",
                            {"listen": "239.2.2.2:26000", "source": "::1"}),
                           ("--source group", {"source": "10.0.0.1"}),
                           ("--interface version", {"interface": "::1"})):
        refused(USER, *words.split(), **options)

with case("a missing record directory: the live path stands, recording begins when it is there"):
    relay = Relay(data, run, storage, "late", full_rate=GROUP,
                  record=storage / "nowhere/channel=late")
    seen = Collector(subscriber(GROUP))
    feed(sender(relay.listen), shape, 1000, 0, 500)
    relay.wait_received(500)
    wait_for(lambda: relay.counters().disk() == "error", "the disk state says so", 5)
    check_equal(len([line for line in relay.messages().splitlines() if "nowhere" in line]), 1,
                "lines about it")
    (storage / "nowhere/channel=late").mkdir(parents=True)
    relay.wait_recorded(500, 5)
    wait_for(lambda: relay.counters().disk() == "ok", "the disk state says so")
    relay.stop()
    check_exact(shape.numbers(b"".join(seen.datagrams())), range(500), "live")
    check_exact(numbers(storage / "nowhere/channel=late", shape), range(500), "recorded")

with case("mount: nothing is written below an unmounted mount point; recording begins with it"):
    disk = storage / "disk"
    (disk / "channel=mounted").mkdir(parents=True)
    relay = Relay(data, run, storage, "mounted", full_rate=GROUP, mount=disk,
                  record=disk / "channel=mounted")
    feed(sender(relay.listen), shape, 1000, 0, 200)
    relay.wait_received(200)
    wait_for(lambda: relay.counters().disk() == "unmounted", "the disk state says so", 5)
    check_equal(list((disk / "channel=mounted").iterdir()), [], "below the mount point")
    sh(f"mount -t tmpfs none {disk}")
    (disk / "channel=mounted").mkdir(exist_ok=True)  # the relay may have been first
    relay.wait_recorded(200, 5)
    relay.stop()
    check_exact(numbers(disk / "channel=mounted", shape), range(200), "recorded")
    sh(f"umount {disk}")

with case("the same channel twice: the second waits until the first is gone, and takes over"):
    first = Relay(data, run, storage, "twice", full_rate=GROUP)
    second = Relay(data, run, storage, "twice", full_rate=GROUP, wait=False)
    feed(sender(first.listen), shape, 5000, 0, 1000)
    first.wait_received(1000)
    ready, _, _ = select.select([second._ready], [], [], 0)  # pylint: disable=protected-access
    assert not ready, "both are ready"
    first.stop()
    second.wait_ready()
    feed(sender(first.listen), shape, 5000, 1000, 1000)
    second.wait_received(2000)
    second.stop()
    check_exact(numbers(second.directory, shape), range(2000), "recorded")

with case("files: mode as asked, whatever the umask"):
    os.umask(0o077)
    relay = Relay(data, run, storage, "modes", mode="0644")
    sender(relay.listen).send(shape.make(0))
    relay.wait_received(1)
    relay.stop()
    path = next(relay.directory.glob("date=*/*.avro"))
    check_equal(oct(path.stat().st_mode & 0o777), "0o644", "mode of a segment")
    check_equal(oct(path.parent.stat().st_mode & 0o555), "0o555", "its directory's r and x")

finish()
