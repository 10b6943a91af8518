"""Runs what etc/ship/speeddata-ship.service runs, as its ExecStart= says and with its environment;
reads a store while it is written to."""
import hashlib
import json
import os
import random
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

from index_file import rows_of
from sdrtest import BIN, ROOT, check_equal, wait_for
from segments import Segment, check_exact
from udp import Feeder, sender

HERE = ROOT / "etc" / "ship"
NAME = re.compile(r"channel=(\w+)/(date=\d{4}-\d\d-\d\d/\1_\d{8}T\d{6}\.\d{6}Z\.(avro|index)|"
                  r"rejected/\1_\d{8}T\d{6}\.\d{6}Z\.avro)$")
HIDDEN = re.compile(r"(^|/)\.")


def unit(section="Service", name="speeddata-ship.service"):
    """The settings of a section: {key: [values]}."""
    text = (HERE / name).read_text(encoding="utf-8").replace("\\\n", " ")
    part = text.split(f"\n[{section}]\n")[1].split("\n[")[0]
    found = {}
    for line in part.splitlines():
        if line and line[0] not in "#;":
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def example_variables():
    """Every variable that ship.conf sets or offers to set."""
    text = (HERE / "ship.conf").read_text(encoding="utf-8")
    return set(re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE))


class Shipper:
    """One host's: `variables` are those of its ship.conf."""

    def __init__(self, state, host="test1", **variables):
        assert set(variables) <= example_variables(), f"{variables} are not all in ship.conf"
        service = unit()
        self.state = Path(state)
        self.state.mkdir(exist_ok=True)
        expand = lambda text: text.replace("%H", host).replace("%d", "/nonexistent")
        self.environment = {"PATH": os.defpath, "STATE_DIRECTORY": str(self.state)}
        for line in service["Environment"]:
            self.environment |= dict(word.split("=", 1) for word in shlex.split(expand(line)))
        self.environment |= {key: str(value) for key, value in variables.items()}
        words = [re.sub(r"\$\{(\w+)\}", lambda match: self.environment[match[1]], expand(word))
                 for word in shlex.split(service["ExecStart"][0])]
        program = HERE / Path(words[0]).name
        self.command = [str(program), *words[1:]]
        self.lost, self.waited = set(), set()  # what runs told, and what killed ones had to ship

    def start(self):
        """In a process group of its own, as in a control group."""
        return subprocess.Popen(self.command, env=self.environment, cwd="/", text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, start_new_session=True)

    def end(self, process, code=0):
        """Waits for it; what it said."""
        said = process.communicate(timeout=120)[0]
        check_equal(process.returncode, code, f"exit of the unit, which said {said}")
        self.lost |= set(lost(said))
        return said

    def run(self, code=0):
        return self.end(self.start(), code)

    def kill(self, process):
        """-9, to all of it."""
        os.killpg(process.pid, signal.SIGKILL)
        self.lost |= set(lost(process.communicate()[0]))
        if (self.state / "waiting").exists():
            lines = (self.state / "waiting").read_text(encoding="ascii").splitlines()
            self.waited |= {line.split()[0] for line in lines}


def lost(said):
    """The files that a run told to be deleted before they were seen to arrive."""
    return re.findall(r"^<4>speeddata-ship: warning: deleted before it was seen to arrive: (.*)$",
                      said, re.MULTILINE)


def kill_and_ship(storm, ship, is_under_way, kills):
    """Ships and prunes until that many runs were killed in mid-transfer and enough is deleted."""
    choose, killed, end = random.Random(20261124), 0, time.monotonic() + 90
    while (killed < kills or storm.deleted < 8) and time.monotonic() < end:
        storm.prune()
        process = ship.start()
        wait_for(lambda: is_under_way() or process.poll() is not None, "it is shipped")
        # Some may end as they like.
        if killed < kills and process.poll() is None and choose.random() < 0.7:
            time.sleep(choose.random() * 0.1)
            if process.poll() is None:
                ship.kill(process)
                killed += 1
        if process.returncode != -signal.SIGKILL:
            ship.end(process)
    assert killed == kills and storm.deleted >= 8, f"{killed} killed, {storm.deleted} deleted"


def files(directory):
    """{path below it: content} of what is no hidden file and in no hidden directory."""
    found = {}
    for path in sorted(Path(directory).rglob("*")):
        name = str(path.relative_to(directory))
        if not HIDDEN.search(name) and path.is_file():
            found[name] = path.read_bytes()
    return found


def check_sound(directory, names):
    """Each is a whole container file, each index is that of its segment, row by row."""
    for name in names:
        assert NAME.match(name), f"strange: {name}"
        path = Path(directory) / name
        if path.suffix == ".avro":
            Segment(path)
        else:
            Segment(path)
            if path.with_suffix(".avro").exists():  # or it comes next, or was deleted before
                rows_of(path.with_suffix(".avro"))


def watch(stopping, directory):
    """Reads every file the moment that it is seen, and checks it: {name: hash of its content}."""
    seen = {}
    while True:
        last = stopping()
        for path in [*directory.glob("channel=*/*/*.avro"), *directory.glob("channel=*/*/*.index")]:
            name = str(path.relative_to(directory))
            if name not in seen and not HIDDEN.search(name):
                seen[name] = hashlib.sha256(path.read_bytes()).hexdigest()
                check_sound(directory, [name])
        if last:
            return seen
        time.sleep(0.0005)


def check_watched(watcher, directory):
    """What was read at first sight is what is there at the end."""
    seen = watcher.result()
    check_equal(seen, {name: hashlib.sha256(data).hexdigest()
                       for name, data in files(directory).items()}, "content at first sight")


class Storm:
    """A relay that records and rotates, and sdr-prune that deletes, while something ships.

    Before anything is deleted it gets a second name, below `every`."""
    RATE, RETAIN = 6000, "1MiB"

    def __init__(self, relay, shape, base):
        self.relay, self.shape = relay, shape
        self.storage, self.every = relay.directory.parent, base / "every"
        self.config = base / "relay.toml"
        self.config.write_text(
            f'[storage]\npath = "{self.storage}"\n[channel.{relay.name}]\nschema = "s.avsc"\n'
            f'listen = "{relay.listen}"\nfull_rate = "239.255.0.1:7000"\n'
            'record = { size = "128KiB", rotate = "1s" }\n'
            f'retain = {{ size = "{self.RETAIN}" }}\n',
            encoding="utf-8")
        self.deleted = 0
        self.feeder = Feeder(sender(relay.listen), shape, self.RATE)
        self.bad = sender(relay.listen)

    def prune(self):
        """Links what is sealed, and deletes what is too much; an index of the open segment is not
        to be linked."""
        self.bad.send(b"?")
        for path in self.storage.glob("channel=*/*/*.avro"):
            for one in (path.with_suffix(".index"), path):
                twin = self.every / one.relative_to(self.storage)
                if one.exists() and not twin.exists():
                    twin.parent.mkdir(parents=True, exist_ok=True)
                    twin.hardlink_to(one)
        done = subprocess.run([BIN / "sdr-prune", "--config", self.config, "--json"], check=False,
                              capture_output=True, text=True)
        assert done.returncode == 0, f"sdr-prune: {done.stderr}"
        self.deleted += json.loads(done.stdout)["segments"]

    def stop(self):
        """How many datums were sent; all of it is sealed."""
        sent = self.feeder.stop()
        wait_for(lambda: self.relay.counters().recorded >= sent, "all is recorded")
        self.relay.stop()
        self.prune()
        return sent

    def check(self, store, ship, sent):
        """The store has all there ever was, byte for byte, but for what was told to be lost, and
        what was gone before a run could see it."""
        there, ever = files(store), files(self.every)
        strange = [name for name in there if there[name] != ever.get(name)]
        assert not strange, f"not as it was sealed: {strange[:3]}"
        missing = set(ever) - set(there)
        assert not missing & ship.waited - ship.lost, f"lost, and not told: {missing}"
        print(f"# {len(there)} there, {self.deleted} segments deleted, {len(missing)} files lost")
        numbers = [number for name, data in ever.items() if "date=" in name and
                   name.endswith(".avro") for number in
                   self.shape.numbers(Segment(self.every / name).data())]
        check_exact(numbers, range(sent), "recorded")
        assert any("rejected/" in name for name in there), "nothing that was rejected"
