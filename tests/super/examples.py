#!/usr/bin/python3
"""The examples of the manual pages, run as they stand there on a fleet that has recorded; places
and days are other ones, and the clock is at the time that an example speaks of."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (BIN, ROOT, Skip, case, check_equal, enter_network, finish,  # noqa: E402
                     wait_for)
from relay import Counters  # noqa: E402
from s6tree import Fleet, RunitFleet  # noqa: E402
from udp import sender  # noqa: E402

ENGINE = """{"type": "record", "name": "Engine", "fields": [
  {"name": "counter", "type": "int"}, {"name": "setpoint", "type": "double"},
  {"name": "header", "type": {"type": "record", "name": "Header", "fields": [
    {"name": "stamp", "type": {"type": "long", "logicalType": "timestamp-micros"}}]}},
  {"name": "speed", "type": "double"},
  {"name": "pose", "type": {"type": "record", "name": "Pose", "fields": [
    {"name": "x", "type": "double"}]}}]}"""
SMALL = """{"type": "record", "name": "Small", "fields": [
  {"name": "n", "type": "int"}, {"name": "v", "type": "double"}]}"""
# Not here: speeddata-segment(5), which `make readers` runs; those of speeddata-relay(7) for other
# hosts and other machines, which are in vm/plain, net/ship and vm/ship.
PAGES = {"sdr-feed.1": ["EXAMPLES"], "sdr-cat.1": ["EXAMPLES"], "sdr-stat.1": ["EXAMPLES"],
         "sdr-prune.8": ["EXAMPLES"], "speeddata-index.5": ["EXAMPLES"],
         "speeddata-counters.5": ["EXAMPLES"], "relay.toml.5": ["EXAMPLES"],
         "sdr-confine.8": ["EXAMPLES"], "sdr-relay.8": ["EXAMPLES"], "sdr-gen.8": ["EXAMPLES"],
         "speeddata-relay.7": ["FIRST STEPS", "DAILY WORK"]}
# What runs until it is told to end.
ENDLESS = re.compile(r"--follow|--every|^sdr-relay --name")
# Their exit code is part of what they say.
TELLING = re.compile(r"sdr-stat|--check /srv|--repair|--rejected")

# Says nothing where all is well, or into a file, or of a day without data.
SILENT = re.compile(">|2026|--check|--plot-svg")


def examples(page, section):
    """Each .Dl line and each literal display, without prompts and escapes."""
    text = (ROOT / "man" / page).read_text(encoding="utf-8")
    part = re.search(rf"^\.Sh {section}\n(.*?)^\.Sh ", text, re.DOTALL | re.MULTILINE)[1]
    found = re.findall(r"^\.Dl (.*)\n|^\.Bd -literal.*\n((?:.*\n)*?)\.Ed$", part, re.MULTILINE)
    return [re.sub(r"^\$ ", "", line or block, flags=re.MULTILINE).replace("\\e", "\\")
            for line, block in found]


def clock_at(hour, minute):
    """A time zone in which it is two seconds past that now."""
    now = datetime.now(timezone.utc)
    day = 24 * 3600
    east = hour * 3600 + minute * 60 + 2 - (now.hour * 3600 + now.minute * 60 + now.second)
    east = (east + day // 2) % day - day // 2
    way, east = "-" if east > 0 else "+", abs(east)
    return f"SDR{way}{east // 3600:02}:{east // 60 % 60:02}:{east % 60:02}"


class Desk:
    """Where an operator types: programs know the places of the fleet, or those of the one under
    runit."""

    def __init__(self, fleet, runit):
        self.fleet, self.here, self.bin = fleet, fleet.config.parent, fleet.dir / "bin"
        self.bin.mkdir()
        known = {name: f"--config {fleet.config} --run {fleet.run}" for name in
                 ("sdr-cat", "sdr-stat", "sdr-feed", "sdr-prune")}
        known["sdr-gen"] = " ".join(fleet.command()[1:])
        for name in ("sdr-relay", "sdr-confine"):
            (self.bin / name).symlink_to(BIN / name)
        for name, options in known.items():
            self.write(name, f"exec {BIN / name} {options} \"$@\"")
        self.runit = " ".join(runit.command())
        self.write("mail", f"cat >{fleet.dir}/mail")
        self.places = {"/srv/telemetry": fleet.storage, "/run/speeddata": fleet.run,
                       "/etc/speeddata": self.here, "/var/log/speeddata": fleet.log,
                       "/etc/service": runit.scan_dir, "--duration 10": "--duration 1",
                       "0.0.0.0:26000 ": "0.0.0.0:26999 ", "eth1": "lo",
                       "2026-11-*": datetime.now(timezone.utc).strftime("%Y-%m-*"),
                       "#!/bin/execlineb": f"#!{shutil.which('execlineb')}"}

    def environment(self, text):
        return os.environ | {"PATH": f"{self.bin}:{os.environ['PATH']}",
                             "TZ": clock_at(14, 20 if "14:20" in text else 5)}

    def write(self, name, text):
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)

    def words(self, text):
        """The example as a command."""
        for place, other in self.places.items():
            text = text.replace(place, str(other))
        if text.startswith("#!"):
            script = self.bin / "script"
            script.write_text(text, encoding="utf-8")
            script.chmod(0o755)
            return [str(script)]
        if text.startswith("import"):
            return [sys.executable, "-c", text]
        if text.startswith("["):
            if "[storage]" not in text:
                text = f'[storage]\npath = "{self.fleet.storage}"\n' + text
            (self.here / "example.toml").write_text(text, encoding="utf-8")
            return ["sdr-gen", "--check", "--config", "example.toml"]
        if "--target runit" in text:
            text = text.replace("sdr-gen", self.runit)
        elif "--scandir" in text:
            raise Skip("vm/plain has it")
        lines = [line for line in text.split("\n") if not re.match("systemctl|journalctl", line)]
        return ["sh", "-uc" if TELLING.search(text) else "-euc", "\n".join(lines)]

    def run(self, text):
        done = subprocess.run(self.words(text), cwd=self.here, env=self.environment(text),
                              check=False, capture_output=True, text=True, timeout=100,
                              stdin=subprocess.DEVNULL)
        codes = (0, 1, 2) if TELLING.search(text) else (0,)
        assert done.returncode in codes, f"exit {done.returncode}: {done.stderr}{done.stdout}"
        return done.stdout

    def run_endless(self, text):
        """It does its work, and SIGTERM ends it in order."""
        where, said, page = self.here, self.fleet.dir / "said", self.fleet.run / "counters/engine"
        if text.startswith("sdr-relay"):
            self.run("s6-svc -wD -d /run/speeddata/service/engine")
            where = self.fleet.service("engine")
        before = Counters(page).received
        with open(said, "wb") as file:
            process = subprocess.Popen(self.words(text), cwd=where, env=self.environment(text),
                                       stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                       start_new_session=True)

        def works():
            if where != self.here:
                feed(1, 26999)
                return Counters(page).received > before
            if "--follow" in text:
                feed(1, 26000)
                return said.stat().st_size
            return Path(f"/proc/{process.pid}/comm").read_text(encoding="ascii") == "sdr-prune\n"
        try:
            wait_for(works, "it works")
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            code = process.wait(20)
        if where != self.here:
            self.run("s6-svc -wU -u /run/speeddata/service/engine")
        assert code in (0, -signal.SIGTERM), f"exit {code}: {said.read_text(errors='replace')}"


def feed(count, *ports):
    for port in ports:
        subprocess.run([BIN / "sdr-feed", f"127.0.0.1:{port}", "--schema",
                        fleet.config.parent / "wave.avsc", "--rate", "1000", "--count",
                        str(count)], check=False, capture_output=True)
    return True


def fill(desk):
    """What was there before the examples: two configs, channels with data, files at hand."""
    here = desk.here
    for name, text in (("wave", ENGINE), ("schemas/engine", ENGINE), ("schemas/stand", ENGINE),
                       ("s", SMALL), ("engine-v2", SMALL)):
        (here / f"{name}.avsc").write_text(text, encoding="utf-8")
    for at, name in enumerate(("engine", "pump", "pose")):
        fleet.set(name, listen=f'"0.0.0.0:{26000 + at}"', schema='"schemas/engine.avsc"',
                  record='{ sync = "50ms", size = "128KiB" }', sequence='"counter"')
        fleet.apply()
    feed(2000, 26000, 26001, 26002)
    for name in fleet.channels:
        wait_for(lambda: json.loads(desk.run(f"sdr-stat --json {name}"))["channels"][0]
                 ["recorded"] >= 2000, "recorded")
        fleet.svc("-h", name)
    sender("127.0.0.1:26000").send(b"?")
    first = wait_for(lambda: min(fleet.storage.glob("channel=engine/date=*/*.avro"), default=None),
                     "it is sealed")
    stem = here / "engine_20261122T201500.000000Z"
    shutil.copy(first, here / "old.avro")
    shutil.copy(first.with_suffix(".index"), stem.with_suffix(".000000Z.index"))
    stem.with_suffix(".000000Z.avro").write_bytes(first.read_bytes()[:-100])
    desk.run("sdr-prune --keep run7 --from -1h")


def run_page(desk, page, section):
    for text in examples(page, section):
        if "..." in text:
            continue  # not whole: super/confine has all of it
        with case(f"{page}: {text.splitlines()[0]}"):
            if "jq" in text and not shutil.which("jq"):
                raise Skip("no jq")
            if ENDLESS.search(text):
                desk.run_endless(text)
            elif "--rollback" in text:
                desk.run(text)
                desk.run("sdr-gen --apply")
            else:
                said = desk.run(text)
                if re.match("sdr-(cat|stat|gen)", text) and not SILENT.search(text):
                    assert said, "it says nothing"


enter_network()
if not shutil.which("runsvdir"):
    print("skip - super/examples: no runsvdir")
    sys.exit(0)
with Fleet() as fleet, RunitFleet(scan_dir="service", prefix="telemetry-") as other:
    other.set("under-runit", port=26100).write()
    counter = Desk(fleet, other)
    fill(counter)
    sinks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for at, sink in enumerate(sinks):
        sink.bind(("127.0.0.1", 27000 + at))
    for name, sections in PAGES.items():
        for part in sections:
            run_page(counter, name, part)
    with case("what the examples did: the service of runit runs, a run is kept, mail was sent"):
        assert other.ready("under-runit"), other.state("under-runit")
        assert (fleet.storage / "kept/hot-fire-13/SHA256SUMS").exists(), "no run is kept"
        check_equal((fleet.dir / "mail").exists(), True, "mail")
finish()
