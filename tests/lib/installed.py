"""The installed package: its config, its units, its channels, and apt."""
import json
import os
import re
import subprocess
from pathlib import Path

from load import SHAPE
from sdrtest import check_equal, wait_for

ETC, RUN = Path("/etc/speeddata"), Path("/run/speeddata")
STORAGE = Path("/srv/telemetry")
SHARED = Path("/sdr")  # old.deb, new.deb
PORTS = {"one": 26001, "two": 26002, "three": 26003}


def say(*words, codes=(0,), **options):
    """Runs a program; what it printed, on both streams."""
    done = subprocess.run([str(word) for word in words], text=True, check=False, timeout=120,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **options)
    if done.returncode not in codes:
        raise AssertionError(f"{' '.join(map(str, words))}: exit {done.returncode}: "
                             f"{done.stdout.strip()[-1500:]}")
    return done.stdout.strip()


def apt(*words):
    return say("apt-get", "-y", "-q", "--no-install-recommends", *words,
               env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})


def check_units(active=("speeddata-relay.service", "run-speeddata.mount", "sdr-prune.timer")):
    """None has failed, the package's own are active."""
    failed = say("systemctl", "--failed", "--no-legend", "--plain").split()
    if failed:
        print(say("journalctl", "-b", "-n", 20, "-o", "cat", "-u", failed[0]))
        raise AssertionError(f"{failed[0]} has failed")
    for unit in active:
        check_equal(say("systemctl", "is-active", unit, codes=(0, 3)), "active", unit)


def configure(storage=f'path = "{STORAGE}"', channels=tuple(PORTS), **keys):
    """`keys`: further keys of a channel, as TOML text, by the channel's name."""
    (ETC / "schemas/datum.avsc").write_text(SHAPE.schema, encoding="utf-8")
    text = f"[storage]\n{storage}\n[defaults]\ninterface = \"lo\"\n"
    for at, name in enumerate(channels):
        text += (f'[channel.{name}]\nlisten = "127.0.0.1:{PORTS[name]}"\n'
                 f'schema = "schemas/datum.avsc"\nfull_rate = "239.255.1.1:{6001 + at}"\n'
                 + ("" if "record" in keys.get(name, "") else 'record = { sync = "200ms" }\n')
                 + keys.get(name, "") + "\n")
    (ETC / "relay.toml").write_text(text, encoding="utf-8")


def channels():
    """{name: what sdr-stat says of it}"""
    said = json.loads(say("sdr-stat", "--json", codes=(0, 1, 2)))
    return {channel["name"]: channel for channel in said["channels"]}


def pid(service):
    done = subprocess.run(["s6-svstat", "-o", "pid", service], capture_output=True, text=True,
                          check=False)
    return max(0, int(done.stdout or 0)) if done.returncode == 0 else 0


def pids(names=tuple(PORTS), scan=RUN / "service", prefix=""):
    return {name: pid(scan / (prefix + name)) for name in names}


def process(number, field):
    for line in Path(f"/proc/{number}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return line.split(":", 1)[1].strip()
    raise AssertionError(f"no {field} of process {number}")


def feed(name, count):
    say("sdr-feed", f"127.0.0.1:{PORTS[name]}", "--schema", ETC / "schemas/datum.avsc", "--rate",
        max(500, count // 20), "--count", count)


def check_readable(name, count):
    """That the channel has recorded so many datums by now, and sdr-cat decodes them."""
    wait_for(lambda: channels()[name]["recorded"] >= count, f"{name} is recorded", 20)
    lines = say("sdr-cat", name).splitlines()
    check_equal(len(lines), count, f"datums of {name} that sdr-cat prints")
    assert set(json.loads(lines[-1])) == {"sequence", "pad"}, lines[-1]


def our_processes():
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if "speeddata" in words or "/usr/bin/sdr-" in words:
            found.append(words.strip())
    return found


def files():
    """Everything but what is not on the disk, and what any package leaves in dpkg's books."""
    books = ("/var/lib/dpkg", "/var/log", "/var/cache", "/tmp", "/var/tmp")
    left_out = [word for path in books for word in ("-path", path, "-prune", "-o")]
    return sorted(say("find", "/", "-xdev", *left_out, "-print").split("\n"))


def check_left(*more):
    """That nothing is on the disk that was not there before, but recordings, what the operator
    wrote, the system's own books, and `more` (regular expressions)."""
    before = set((SHARED / "before").read_text(encoding="utf-8").split("\n"))
    books = re.compile("|".join(("/etc/(passwd|group|shadow|gshadow)-", "/var/lib/(systemd|apt)/.*",
                                 ".*__pycache__.*", f"{STORAGE}(/.*)?", *more)))
    left = [path for path in files() if path not in before and not books.fullmatch(path)]
    check_equal(left, [], "files that are left")
