"""Traffic for benchmarks: datums sent to ports, and what comes back of them
(tests/bench/traffic.cc); and what a process costs meanwhile."""
import json
import os
import signal
import subprocess
from pathlib import Path

from sdrtest import BIN, wait_for

BENCH = BIN.parent / "bench"
RECEIVE_BUFFER = 8 << 20
LISTENER_BUFFER = 256 << 20   # what is lost is then lost before the listener
IN, OUT = 26000, 36000        # ports, from there on
CPUS = sorted(os.sched_getaffinity(0))
SENDER, LIVE = CPUS[0], CPUS[min(1, len(CPUS) - 1)]
LISTENER, WRITER = (CPUS[2], CPUS[3]) if len(CPUS) >= 4 else (SENDER, SENDER)


def spawn(cpu, command, **how):
    """A process that runs on one CPU only."""
    return subprocess.Popen(["taskset", "-c", str(cpu), *map(str, command)], **how)


def spawn_ready(cpu, command):
    """The same, of one that says "ready"."""
    process = spawn(cpu, command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    line = process.stdout.readline()
    if line != "ready\n":
        raise AssertionError(f"{command}: {line!r}")
    return process


def end(process):
    """TERM; what it printed last."""
    process.send_signal(signal.SIGTERM)
    text = process.communicate(timeout=20)[0]
    return text


class Net:
    """Where datums come from and go to: over lo, or to and fro over a veth pair, whose far end has
    sender and listener."""

    def __init__(self, peer=None):
        self.peer = peer
        self.host = peer.NEAR4 if peer else "127.0.0.1"
        self.listener_interface = peer.FAR4 if peer else "127.0.0.1"

    def spawn_far(self, start, *arguments, **how):
        if not self.peer:
            return start(*arguments, **how)
        with self.peer.inside():
            return start(*arguments, **how)


def is_bound(port):
    return any(int(line.split()[1].rpartition(":")[2], 16) == port for line in
               Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:])


def waiting(ports):
    """Bytes in the receive queues of ports."""
    total = 0
    for line in Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:]:
        words = line.split()
        if int(words[1].rpartition(":")[2], 16) in ports:
            total += int(words[4].rpartition(":")[2], 16)
    return total


def is_asleep(pid):
    words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return words[0] == "S"


def cpu_ns(pids):
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0])
               for pid in pids)


def pss_bytes(pids):
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) << 10
    return total


class Load:
    """What is sent: datums of `size` bytes, `kind` fixed or variable, `batch` at a time (see
    traffic.cc), to `channels` ports."""

    def __init__(self, size=200, kind="fixed", batch=32, channels=1):
        self.size, self.kind, self.batch, self.channels = size, kind, batch, channels

    def trial(self, contender, rate, seconds):
        """Sends at `rate`; what came back, and what it cost: {"sent", "seconds", "received",
        "latency_ns", "cpu_ns", "pss"}."""
        net = contender.net
        if not contender.relays:
            return contender.trial(self, rate, seconds)
        ports = ",".join(str(OUT + n) for n in range(self.channels))
        listener = net.spawn_far(spawn_ready, LISTENER,
                                 [BENCH / "traffic", "receive", f"239.1.1.1:{ports}",
                                  net.listener_interface, LISTENER_BUFFER])
        pids = contender.pids()
        before = cpu_ns(pids)
        found = self.send(net, rate, seconds)
        mine = {IN + n for n in range(self.channels)}
        wait_for(lambda: waiting(mine) == 0, f"{contender.name} has received all", 60)
        wait_for(lambda: all(is_asleep(pid) for pid in pids[:1]), f"{contender.name} is idle", 60)
        found["pss"] = pss_bytes(pids)
        found["cpu_ns"] = cpu_ns(pids) - before
        heard = json.loads(end(listener))
        assert heard["dropped"] == 0, f"the listener lost some: {heard}"
        return found | heard

    def send(self, net, rate, seconds):
        """Sends, and says what: {"sent", "seconds"}."""
        into = ",".join(str(IN + n) for n in range(self.channels))
        sender = net.spawn_far(spawn, SENDER,
                               [BENCH / "traffic", "send", f"{net.host}:{into}", self.kind,
                                self.size, rate, seconds, self.batch], stdout=subprocess.PIPE)
        return json.loads(sender.communicate(timeout=60)[0])
