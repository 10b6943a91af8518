#!/usr/bin/python3
"""What relaying costs, side by side: bare loops (forwarder.cc), sdr-relay, socat, multicat and
tcpdump, alternately in one run. For each case and contender the highest rate without loss, and, at
half of what the bare loop of that traffic takes, CPU time, latency and memory; medians. Then the
budgets, as ratios of figures of this run."""
import argparse
import json
import os
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import Peer, enter_network, run_dir, storage_dir  # noqa: E402
from contenders import (Gro, Gso, Mmsg, Multicat, One, Recording, Relaying, Socat,  # noqa: E402
                        Tcpdump)
from budgets import budgets  # noqa: E402
from relay import compile_schemas  # noqa: E402
from traffic import Load, Net  # noqa: E402

TIMED = {"name": "sent", "type": {"type": "fixed", "name": "Time", "size": 8}}
STEPS = 5           # of the search
LOWEST = 0.25       # of the flood, where the search begins
ALL = (One, Mmsg, Gso, Gro, Relaying, Recording, Socat, Multicat, Tcpdump)
CASES = {
    "200": Load(200), "64": Load(64), "800": Load(800), "1400": Load(1400),
    "variable": Load(200, "variable"),
    "gso": Load(800, batch=-64), "gso-64": Load(64, batch=-64),
    "veth": Load(1400), "veth-gso": Load(1400, batch=-40),
    "4-channels": Load(200, channels=4), "16-channels": Load(200, channels=16),
}


def schema(load):
    """Of what traffic.cc sends."""
    if load.kind == "fixed":
        rest = [{"name": "rest", "type": {"type": "fixed", "name": "Rest", "size": load.size - 8}}]
    else:
        rest = [{"name": "number", "type": "long"}, {"name": "text", "type": "string"},
                {"name": "rest", "type": "bytes"}]
    return json.dumps({"type": "record", "name": "Datum", "fields": [TIMED, *rest]})


class Bench:
    def __init__(self, options):
        self.options = options
        self.run, self.storage = run_dir(), storage_dir()
        names = {f"{load.kind}{load.size}": schema(load) for load in CASES.values()}
        self.data = compile_schemas(self.run, names)
        self.peer = None

    def net(self, case):
        if not case.startswith("veth"):
            return Net()
        self.peer = self.peer or Peer()
        return Net(self.peer)

    def start(self, kind, case, **extra):
        load = CASES[case]
        Relaying.data = self.data[f"{load.kind}{load.size}"]
        Relaying.extra = extra
        return kind(self.net(case), load.channels, self.run, self.storage)

    def loss_free(self, kind, case):
        """The highest rate, in datums a second, at which none was lost; and what share of a flood
        came through."""
        contender = self.start(kind, case)

        def trial(rate):
            return CASES[case].trial(contender, rate, self.options.seconds)
        flood = trial(0)
        offered = flood["sent"] / flood["seconds"]
        share = flood["received"] / flood["sent"]
        best, low, high = 0.0, LOWEST * offered, offered
        if share == 1:
            best = offered
        else:
            for _ in range(STEPS):
                rate = (low * high) ** 0.5
                found = trial(rate)
                if found["received"] == found["sent"]:
                    best = max(best, found["sent"] / found["seconds"])
                    low = rate
                else:
                    high = rate
        contender.stop()
        return {"loss_free": best, "flood_share": share, "offered": offered}

    def at(self, kind, case, rate, **extra):
        """What it takes at a rate that is given."""
        contender = self.start(kind, case, **extra)
        CASES[case].trial(contender, rate, 0.1)   # so that all of it has been touched
        before = contender.unrecorded()
        found = CASES[case].trial(contender, rate, 2 * self.options.seconds)
        unrecorded = contender.unrecorded() - before
        contender.stop()
        return {"cpu_ns": found["cpu_ns"] / max(1, found["received"]), "pss": found["pss"],
                "lost": found["sent"] - found["received"], "unrecorded": unrecorded,
                "seconds": found["seconds"], **found["latency_ns"]}

    def rounds(self, measures):
        """{name: function} alternately, as often as asked for; medians of each figure."""
        found = {name: [] for name in measures}
        for number in range(self.options.rounds):
            for name, measure in measures.items():
                progress(f"round {number + 1} of {self.options.rounds}: {name}")
                found[name].append(measure())
        progress("")
        return {name: {key: statistics.median(one[key] for one in all_) for key in all_[0]}
                for name, all_ in found.items()}

    def case(self, case):
        kinds = [kind for kind in ALL if kind.is_there() and kind.name not in self.options.without]
        found = self.rounds({kind.name: lambda kind=kind: self.loss_free(kind, case)
                             for kind in kinds})
        # The bare loop of this traffic: without GSO senders, one that merges has nothing to merge.
        bare = "gro" if CASES[case].batch < 0 else "gso"
        rate = found[bare]["loss_free"] / 2
        fixed = {kind.name: lambda kind=kind: self.at(kind, case, rate) for kind in kinds}
        fixed[bare + " again"] = lambda: self.at(Gro if bare == "gro" else Gso, case, rate)
        for name, more in self.rounds(fixed).items():
            found[name] = found.get(name, {}) | more
        return {"rate": rate, "bare": bare, "contenders": found}


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def describe(case):
    load = CASES[case]
    parts = [f"{load.size} bytes" + ("" if load.kind == "fixed" else " at most, of any length")]
    parts.append(f"sent {-load.batch} at once (UDP_SEGMENT)" if load.batch < 0 else "plain sender")
    parts.append("veth of MTU 1500" if case.startswith("veth") else "lo")
    parts.append(f"{load.channels} channel" + ("s" if load.channels > 1 else ""))
    return ", ".join(parts)


def show(case, found):
    print(f"\n{case}: {describe(case)}; at {found['rate'] / 1000:.0f} k/s:")
    print(f"{'':14}{'loss-free':>10}{'of a flood':>11} |{'CPU':>7}{'p50':>7}{'p99':>7}{'p99.9':>8}"
          f"{'max':>8}{'PSS':>8}{'lost':>8}")
    print(f"{'':14}{'k/s':>10}{'%':>11} |{'ns':>7}{'us':>7}{'us':>7}{'us':>8}{'us':>8}{'KiB':>8}")
    for name, one in found["contenders"].items():
        left = f"{'':21}"
        if "loss_free" in one:
            left = f"{one['loss_free'] / 1e3:10.0f}{100 * one['flood_share']:11.1f}"
        times = "".join(f"{one[key] / 1e3:{width}.0f}" for key, width in
                        (("p50", 7), ("p99", 7), ("p999", 8), ("max", 8)))
        if name == "tcpdump":
            times = f"{'-':>7}{'-':>7}{'-':>8}{'-':>8}"
        print(f"{name:14}{left} |{one['cpu_ns']:7.0f}{times}{one['pss'] / 1024:8.0f}"
              f"{one['lost']:8.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS", "5")))
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("SECONDS", "0.4")),
                        help="of each trial (0.4)")
    parser.add_argument("--cases", nargs="*", choices=CASES, metavar="CASE",
                        default=os.environ.get("CASES", "").split() or list(CASES),
                        help=f"of {', '.join(CASES)}")
    parser.add_argument("--without", nargs="*", default=[], metavar="NAME",
                        help=f"contenders to leave out, of {', '.join(k.name for k in ALL)}")
    parser.add_argument("--json", metavar="FILE", default=os.environ.get("JSON"))
    bench = Bench(parser.parse_args())
    uname = os.uname()
    model = next((line.partition(": ")[2] for line in
                  Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
                  if line.startswith("model name")), uname.machine)
    print(f"{len(os.sched_getaffinity(0))} CPUs ({model}), Linux {uname.release}; medians of "
          f"{bench.options.rounds} rounds")
    out = {"machine": model, "kernel": uname.release, "rounds": bench.options.rounds, "cases": {}}
    for case in bench.options.cases:
        out["cases"][case] = found = bench.case(case)
        show(case, found)
    out["budgets"] = budgets(bench, out["cases"])
    if bench.options.json:
        Path(bench.options.json).write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")


enter_network()
main()
