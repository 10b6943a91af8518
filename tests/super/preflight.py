#!/usr/bin/python3
"""sdr-stat --preflight: a fleet that is fit for a run, and each thing that is wrong turns its own
line only: a relay, the mount, the disk, the room on it, the clock, the link, the buffers."""
import ctypes
import fcntl
import json
import os
import re
import shlex
import socket
import struct
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (BIN, Skip, case, check_equal, enter_network, finish, run_dir,  # noqa: E402
                     sh, storage_dir, wait_for)
from disks import Disk  # noqa: E402
from s6tree import Fleet  # noqa: E402
from udp import Feeder, Fixed, sender  # noqa: E402

LINK, GROUP = "tap7", "239.1.1.1"
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000
SIOCETHTOOL, GET_SPEED, SET_SPEED = 0x8946, 1, 2
CHECKS = ["relays", "mount", "disk", "space", "clock", "link", "buffers"]
SCHEMA = '{"type": "fixed", "name": "F", "size": 500}'
RATE = 500
# What the kernel is made to say of the clock, and a disk that takes its time.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>
int adjtimex(struct timex* t) {
  memset(t, 0, sizeof *t);
  t->maxerror = 1500;
  t->status = getenv("SHIM_UNSYNCHRONISED") ? STA_UNSYNC : 0;
  return getenv("SHIM_UNSYNCHRONISED") ? TIME_ERROR : TIME_OK;
}
ssize_t write(int fd, const void* data, size_t size) {
  ssize_t (*next)(int, const void*, size_t);
  *(void**)&next = dlsym(RTLD_NEXT, "write");
  if (size == 1 << 20 && getenv("SHIM_SLOW")) usleep(600000);
  return next(fd, data, size);
}
"""


class Tap:
    """A link of our own that has a speed."""

    def __init__(self, name):
        self.name = name
        try:
            self.file = open("/dev/net/tun", "r+b", buffering=0)
        except OSError as error:
            raise Skip(f"no /dev/net/tun: {error}") from None
        fcntl.ioctl(self.file, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
        sh(f"ip address add 10.9.9.1/24 dev {name}")
        sh(f"ip link set {name} up")

    def set_speed(self, mbit):
        command = bytearray(44)  # struct ethtool_cmd; the speed stands at 12
        struct.pack_into("=I", command, 0, SET_SPEED)
        struct.pack_into("=H", command, 12, mbit)
        memory = (ctypes.c_char * len(command)).from_buffer(command)
        request = struct.pack("16sP", self.name.encode(), ctypes.addressof(memory)) + bytes(16)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, SIOCETHTOOL, request)


class OnDisk(Fleet):
    mount, min_free = None, ""

    def write(self, extra=""):
        super().write(extra)
        text = self.config.read_text(encoding="utf-8")
        more = f'mount = "{self.mount}"\n{self.min_free}\n[defaults]'
        self.config.write_text(text.replace("[defaults]", more), encoding="utf-8")


def build_shim():
    source = run_dir() / "shim.c"
    source.write_text(SHIM, encoding="ascii")
    library = source.with_suffix(".so")
    subprocess.run([*shlex.split(os.environ.get("CC", "cc")), "-shared", "-fPIC", "-O1", "-o",
                    library, source, "-ldl"], check=True)
    return library


enter_network()
if os.geteuid() != 0:
    with case("what is wrong turns its own line only"):
        raise Skip("only root may mount a filesystem and make a link")
    finish()

shim = build_shim()
disk = Disk(storage_dir(), 1 << 30)
tap = Tap(LINK)
tap.set_speed(1000)


def look(*options, code=None, names=(), **environment):
    words = [BIN / "sdr-stat", "--preflight", "--run", fleet.run, "--for", "10min",
             "--interval", 0.3, *options, *names]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60,
                          check=False, env=os.environ | {"LD_PRELOAD": str(shim)} | environment)
    if code is not None:
        check_equal(done.returncode, code, f"exit code ({done.stdout}{done.stderr})")
    return done


def verdicts(*options, code, **environment):
    found = json.loads(look("--json", *options, code=code, **environment).stdout)
    return {one["check"]: (one["verdict"], one["text"]) for one in found["checks"]}


def check_only(bad, code=1, unknown=(), words="", options=(), **environment):
    """`bad` is no go, `unknown` are not known, all others are go."""
    found = verdicts(*options, code=code, **environment)
    want = {check: "no go" if check == bad else "unknown" if check in unknown else "go"
            for check in CHECKS}
    check_equal({check: verdict for check, (verdict, _) in found.items()}, want,
                f"verdicts ({found})")
    assert words in found[bad][1], f"{bad}: {found[bad][1]}"


fleet = OnDisk()
fleet.mount, fleet.storage = disk.path, disk.path / "telemetry"
fleet.storage.mkdir()
(fleet.config.parent / "schemas" / "s.avsc").write_text(SCHEMA, encoding="ascii")
for at, name in enumerate(("one", "two")):
    fleet.set(name, port=26001 + at, record='{ size = "16MiB" }', interface=f'"{LINK}"',
              receive_buffer='"1MiB"',
              decimated=f'[ {{ to = "239.1.2.{at}:{7000 + at}", factor = 10 }} ]')

with fleet:
    fleet.apply()
    for name in ("one", "two"):
        wait_for(lambda name=name: fleet.ready(name), f"{name} is ready")
    feeders = [Feeder(sender(f"127.0.0.1:{26001 + at}"), Fixed(500), RATE) for at in range(2)]

    with case("all is well: go, a line each, and what each number is"):
        done = look(code=0)
        lines = done.stdout.splitlines()
        check_equal([line.split()[1] for line in lines[:-1]], CHECKS, "lines")
        check_equal(([line.split()[0] for line in lines[:-1]], lines[-1]),
                    (["go"] * len(CHECKS), "GO"), "verdicts")
        assert "2 channels up" in lines[0] and "granted as asked" in lines[-2], done.stdout
        found = verdicts(code=0)
        # 2 channels, 500 datums a second of 500 bytes, a tenth more in the decimated streams.
        number, unit = found["link"][1].split()[:2]
        bits = float(number) * {"k": 1e3, "M": 1e6}[unit[0]]
        want = 2 * RATE * 1.1 * (500 + 66) * 8
        assert 0.7 * want < bits < 1.3 * want, f"{found['link'][1]}, not about {want}"
        assert "to within 1.5ms" in found["clock"][1], found["clock"][1]

    with case("a relay that is down, and nothing else; exit code 2"):
        fleet.svc("-d", "two")
        wait_for(lambda: not fleet.state("two")["up"], "it is down")
        check_only("relays", code=2, words="two is down")
        fleet.svc("-u", "two")
        wait_for(lambda: fleet.ready("two"), "it is up")
        look(code=0)

    with case("a clock that nobody sets"):
        check_only("clock", words="not synchronised", SHIM_UNSYNCHRONISED="1")

    with case("a disk that is slower than what comes, twice"):
        check_only("disk", words="is needed", options=("--need", "4MB", "--for", "1s"),
                   SHIM_SLOW="1")

    with case("a disk that takes nothing at all: told after five seconds, and no process is left"):
        disk.freeze()
        check_only("disk", words="timed out")
        disk.thaw()

    with case("room for less than is wanted"):
        check_only("space", words="is wanted (--for)", options=("--for", "1000d"))
        disk.fill(leave=130 << 20)
        check_only("space", words="is wanted (--for)")
        look("--for", "1min", code=0)
        disk.free()

    with case("what is kept is bounded: there is room for ever"):
        for name in ("one", "two"):
            fleet.set(name, retain='{ size = "100MiB" }')
        fleet.apply()
        assert "all that `retain`" in verdicts("--for", "1000d", code=0)["space"][1]
        fleet.set("two", retain='{ size = "2GiB" }')
        fleet.apply()
        check_only("space", options=("--for", "1000d"))
        for name in ("one", "two"):
            fleet.channels[name].pop("retain")
        fleet.apply()

    with case("with min_free, what is recorded now is room for what comes"):
        fleet.min_free = 'min_free = "900MiB"'
        fleet.apply()
        text = verdicts("--for", "1s", "--need", "1MB", code=0)["space"][1]
        # 50 MB are left above it, of a gigabyte.
        assert re.search(r"min_free reached in \d\ds at 1.00 MB/s; in place of what", text), text
        check_only("space", words="room for", options=("--for", "1h"))
        fleet.min_free = ""
        fleet.apply()

    with case("a link that is down, too slow, or not there"):
        sh(f"ip link set {LINK} down")
        check_only("link", words="down")
        sh(f"ip link set {LINK} up")
        wait_for(lambda: look().returncode == 0, "all is well again", 30)
        tap.set_speed(5)
        check_only("link", words="of 5.00 Mbit/s")
        tap.set_speed(1000)

    with case("a receive buffer that is less than asked for"):
        fleet.set("two", receive_buffer='"1GiB"')
        fleet.apply()
        wait_for(lambda: fleet.ready("two"), "it is up again")
        check_only("buffers", words="net.core.rmem_max")
        fleet.set("two", receive_buffer='"1MiB"')
        fleet.apply()
        wait_for(lambda: fleet.ready("two"), "it is up again")

    with case("named channels only; what is asked wrongly"):
        assert "1 channel up" in look(names=("one",), code=0).stdout
        assert "no such channel" in look(names=("three",), code=100).stderr
        for words in (["--for", "1"], ["--need", "much"], ["--gaps"], ["--prometheus"]):
            look(*words, code=100)
        done = subprocess.run([BIN / "sdr-stat", "--for", "1h"], capture_output=True, text=True,
                              check=False)
        check_equal((done.returncode, "--preflight" in done.stderr), (100, True), "--for alone")

    for feeder in feeders:
        feeder.stop()

    with case("no data comes: the last that was recorded says what is needed"):
        fleet.svc("-d", "one")
        fleet.svc("-d", "two")
        wait_for(lambda: not fleet.state("one")["up"] and not fleet.state("two")["up"], "down")
        found = verdicts(code=2)
        check_equal((found["disk"][0], found["space"][0], found["buffers"][0]),
                    ("go", "go", "unknown"), f"verdicts ({found})")

    with case("what is not mounted is not looked at"):
        disk.unmount()
        found = verdicts(code=2)
        check_equal([found[check][0] for check in CHECKS],
                    ["no go", "no go", "unknown", "unknown", "go", "go", "unknown"], str(found))
        disk.mount()

finish()
