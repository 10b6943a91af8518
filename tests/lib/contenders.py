"""What a benchmark measures side by side: the relay, bare loops, and public tools that do a part of
its work, each as one process for each port."""
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from relay import Relay
from sdrtest import children, wait_for
from traffic import (BENCH, IN, LIVE, OUT, RECEIVE_BUFFER, WRITER, cpu_ns, is_asleep, is_bound,
                     pss_bytes, spawn, spawn_ready)

class Contender:
    """One process for each of `count` ports, from IN to OUT. `relays`: a listener hears of it."""
    name = ""
    relays = True

    @classmethod
    def is_there(cls):
        return True

    def __init__(self, net, count, run, storage):
        self.net, self.count, self.run, self.storage = net, count, Path(run), Path(storage)
        self.processes = [self.start(IN + n, f"239.1.1.1:{OUT + n}", n) for n in range(count)]
        wait_for(lambda: all(is_bound(IN + n) for n in range(count)), f"{self.name} listens")

    def start(self, port, to, number):
        raise NotImplementedError

    def pids(self):
        return [process.pid for process in self.processes]

    def unrecorded(self):
        return 0

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.communicate(timeout=20)


class Public(Contender):
    """A tool of others, where it is installed."""

    @classmethod
    def is_there(cls):
        return shutil.which(cls.name) is not None


class Bare(Contender):
    """tests/bench/forwarder.cc."""

    def start(self, port, to, number):
        return spawn_ready(LIVE, [BENCH / "forwarder", self.name, port, to, self.net.host,
                                  RECEIVE_BUFFER])


class One(Bare):
    name = "one"


class Mmsg(Bare):
    name = "mmsg"


class Gso(Bare):
    name = "gso"


class Gro(Bare):
    name = "gro"


class Socat(Public):
    name = "socat"

    def start(self, port, to, number):
        return spawn(LIVE, ["socat", "-u", "-b", 65536, f"UDP-RECV:{port},rcvbuf={RECEIVE_BUFFER}",
                            f"UDP-SENDTO:{to},ip-multicast-if={self.net.host}"],
                     stderr=subprocess.DEVNULL)


class Multicat(Public):
    name = "multicat"

    def start(self, port, to, number):
        return spawn(LIVE, ["multicat", "-u", "-U", "-m", 65507,
                            f"@{self.net.host}:{port}/rcvbufsz={RECEIVE_BUFFER}",
                            f"{to}/ifaddr={self.net.host}"],
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Tcpdump(Public):
    """Records and does not relay, beside sockets that take the datagrams and that nobody reads. It
    says at its end how many it had, so each trial is one of its lives."""
    name = "tcpdump"
    relays = False

    def start(self, port, to, number):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        sock.bind((self.net.host, port))
        return sock

    def trial(self, load, rate, seconds):
        processes = []
        for number in range(self.count):
            process = spawn(LIVE, ["tcpdump", "-n", "-Z", "root", "-B", RECEIVE_BUFFER >> 10, "-i",
                                   "near" if self.net.peer else "lo", "-w",
                                   self.storage / f"{number}.pcap", f"udp dst port {IN + number}"],
                            stderr=subprocess.PIPE, text=True)
            process.stderr.readline()   # "listening on …"
            processes.append(process)
        pids = [process.pid for process in processes]
        before = cpu_ns(pids)
        found = load.send(self.net, rate, seconds)
        wait_for(lambda: all(is_asleep(pid) for pid in pids), "tcpdump is idle", 60)
        found |= {"cpu_ns": cpu_ns(pids) - before, "pss": pss_bytes(pids), "received": 0,
                  "latency_ns": {"p50": 0, "p99": 0, "p999": 0, "max": 0}}
        for number, process in enumerate(processes):
            process.send_signal(signal.SIGTERM)
            for line in process.communicate(timeout=20)[1].splitlines():
                if line.endswith("captured"):
                    found["received"] += int(line.split()[0])
            (self.storage / f"{number}.pcap").unlink()
        return found

    def stop(self):
        for sock in self.processes:
            sock.close()


class Relaying(Contender):
    """sdr-relay; subclasses say what else it does."""
    name = "relay"
    records = False
    data = None       # compiled schema
    extra = {}

    def start(self, port, to, number):
        options = {"receive_buffer_bytes": RECEIVE_BUFFER, "interface": self.net.host,
                   "full_rate": to, "listen": f"{self.net.host}:{port}"} | self.extra
        if self.records:
            options |= {"buffer_bytes": 64 << 20, "sync_ms": 1000, "write_cpus": str(WRITER)}
        return Relay(self.data, self.run, self.storage if self.records else None, f"t{number}",
                     prefix=("taskset", "-c", LIVE), **options)

    def pids(self):
        return [pid for relay in self.processes for pid in (relay.pid, *children(relay.pid))]

    def unrecorded(self):
        return sum(relay.counters().unrecorded for relay in self.processes)

    def stop(self):
        for relay in self.processes:
            relay.stop(timeout_s=60)
            if relay.directory:
                shutil.rmtree(relay.directory)


class Recording(Relaying):
    name = "relay+record"
    records = True
