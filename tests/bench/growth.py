#!/usr/bin/python3
"""What more channels cost: the relay's CPU time for each datagram from 1 to 64 channels that share
one rate, and its memory for each channel; the CPU time of sdr-gen and sdr-stat from 1 to 1,000.
Medians of ROUNDS (5) alternating runs; drawn into an SVG file."""
import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import BIN, enter_network, run_dir, storage_dir  # noqa: E402
from chart import svg  # noqa: E402
from contenders import Gso, Recording, Relaying  # noqa: E402
from relay import compile_schemas  # noqa: E402
from s6tree import Fleet  # noqa: E402
from traffic import Load, Net  # noqa: E402

CHANNELS, RATE, SIZE = (1, 2, 4, 8, 16, 32, 64), 40000, 200
CONFIGURED, BUDGET_S = (1, 10, 100, 1000), 0.5
BARE = json.dumps({"type": "fixed", "name": "Datum", "size": SIZE})


def relay_cost(rounds, seconds):
    """{name: {channels: {"cpu_ns" a datagram, "pss" a channel}}}."""
    run, storage = run_dir(), storage_dir()
    Relaying.data = compile_schemas(run, {"bare": BARE})["bare"]
    found = {kind.name: {count: [] for count in CHANNELS} for kind in (Gso, Relaying, Recording)}
    for _ in range(rounds):
        for count in CHANNELS:
            for kind in (Gso, Relaying, Recording):
                Relaying.extra = {"buffer_bytes": 4 << 20} if kind is Recording else {}
                contender = kind(Net(), count, run, storage)
                load = Load(SIZE, channels=count)
                load.trial(contender, RATE, 0.1)
                one = load.trial(contender, RATE, seconds)
                contender.stop()
                found[kind.name][count].append((one["cpu_ns"] / one["received"],
                                                one["pss"] / count))
    return {name: {count: dict(zip(("cpu_ns", "pss"), map(statistics.median, zip(*all_))))
                   for count, all_ in counts.items()} for name, counts in found.items()}


class Many(Fleet):
    limit = ("-c", "5000")


def cpu_s(command):
    """User and system time of a command."""
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise AssertionError(f"{command}: exit {process.returncode}: {said.decode()[:500]}")
    return used.ru_utime + used.ru_stime


def tool_cost(rounds):
    """{name: {channels: CPU seconds}}."""
    found = {}
    for count in CONFIGURED:
        with Many() as fleet:
            for at in range(count):
                fleet.set(f"c{at:04}", port=20000 + at)
            fleet.write()
            cpu_s(fleet.command("--apply"))
            stat = [BIN / "sdr-stat", "--run", fleet.run]
            for number in range(rounds):
                taken = {"sdr-gen --check": cpu_s(fleet.command("--check")),
                         "sdr-gen --apply, no change": cpu_s(fleet.command("--apply"))}
                fleet.set("c0000", ttl=str(number + 2)).write()
                taken |= {"sdr-gen --apply, one change": cpu_s(fleet.command("--apply")),
                          "sdr-stat": cpu_s(stat),
                          "sdr-stat --json": cpu_s([*stat, "--json"])}
                for name, seconds in taken.items():
                    found.setdefault(name, {}).setdefault(count, []).append(seconds)
    return {name: {count: statistics.median(all_) for count, all_ in counts.items()}
            for name, counts in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS", "5")))
    parser.add_argument("--seconds", type=float, default=0.5, help="of each run of a relay (0.5)")
    parser.add_argument("--svg", metavar="FILE", default=BIN.parent / "bench" / "growth.svg")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    relays, tools = relay_cost(options.rounds, options.seconds), tool_cost(options.rounds)
    print(f"CPU a datagram of {SIZE} bytes, all channels together {RATE}/s, and PSS a channel")
    print(f"{'channels':14}" + "".join(f"{count:>19}" for count in CHANNELS))
    for name, counts in relays.items():
        print(f"{name:14}" + "".join(f"{one['cpu_ns']:7.0f} ns{one['pss'] / 1024:5.0f} KiB"
                                     for one in counts.values()))
    print(f"\n{'CPU seconds':28}" + "".join(f"{count:>8}" for count in CONFIGURED) + "  budget")
    for name, counts in tools.items():
        bound = ""
        if name.startswith("sdr-gen"):
            bound = f"< {BUDGET_S} {'ok' if counts[CONFIGURED[-1]] < BUDGET_S else 'NOT MET'}"
        print(f"{name:28}" + "".join(f"{one:8.3f}" for one in counts.values()) + f"  {bound}")
    Path(options.svg).write_text(svg([
        ("CPU time for a datagram", "channels, which share one rate", "ns",
         {name: [(count, one["cpu_ns"]) for count, one in counts.items()]
          for name, counts in relays.items()}, 2),
        ("Memory of a channel (PSS)", "channels", "KiB",
         {name: [(count, one["pss"] / 1024) for count, one in counts.items()]
          for name, counts in relays.items()}, 2),
        ("CPU time of the tools", "channels", "s",
         {name: [(count, max(seconds, 1e-4)) for count, seconds in counts.items()]
          for name, counts in tools.items()}, 10)]), encoding="utf-8")
    print(f"\ndrawn: {options.svg}")
    if options.json:
        Path(options.json).write_text(json.dumps({"relay": relays, "tools": tools}, indent=1),
                                      encoding="utf-8")


enter_network()
main()
