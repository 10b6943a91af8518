#!/usr/bin/python3
"""Power cuts at every point of what a relay does to its disk, with every kind of half-kept write.

A real relay records under strace; a model of the disk then cuts the power after each call, keeps
some of what had not been synced (power_disk.py says what may happen), and real relays repair what
is left. Before the repair every name that ends in .avro is complete; after it everything that was
synced is there, once, in order.

SDR_CUTS=N tries N random ways at each point (0 is plain ones only); SEED=N repeats a choice.
"""
import json
import os
import random
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from power_cuts import cuts  # noqa: E402
from power_repair import Reader, Repairer, check_before, due_of, keep, read_back  # noqa: E402
from power_runs import RUNS, Zeros, record  # noqa: E402
from power_trace import Replay  # noqa: E402
from sdrtest import BUILD, case, enter_network, finish, run_dir, storage_dir  # noqa: E402
from relay import compile_schemas  # noqa: E402
from udp import Fixed, Varying  # noqa: E402

RANDOM_CUTS = int(os.environ.get("SDR_CUTS", "4"))
ALL_MAX = max(16, 4 * RANDOM_CUTS)
KEPT = BUILD / "power-cuts"  # of what failed

enter_network()
seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
print(f"SEED={seed} SDR_CUTS={RANDOM_CUTS}")
SHAPES = {"fixed": Fixed(), "varying": Varying(), "zeros": Zeros()}
LONG = {"doc": "A header of several pages. " * 400}
run = run_dir()
data = compile_schemas(run, {name: json.dumps(json.loads(shape.schema) | LONG)
                             for name, shape in SHAPES.items()})


class Failures:
    """One line for each kind of failure: the first cut that shows it, and how many do."""

    def __init__(self):
        self.kinds = {}  # text without numbers: [text, first cut, count]

    def add(self, text, where, tree):
        kind = self.kinds.setdefault(re.sub(r"[0-9]+", "#", text), [text, None, 0])
        kind[1] = kind[1] or f"{where}; {keep(tree, KEPT) if tree else 'not kept'}"
        kind[2] += 1

    def check(self):
        for text, first, count in self.kinds.values():
            print(f"# {count} cuts: {text}\n#   first {first}")
        assert not self.kinds, "; ".join(f"{kind[2]} cuts: {kind[0]}"
                                         for kind in self.kinds.values())


def cut_everywhere(recorded, repairer, reader, rng):
    """Every point of a trace, several ways each."""
    replay = Replay(recorded.root, recorded.sync_ms, recorded.before)
    failures, tried, points = Failures(), [], 0
    due = due_of(replay, reader)
    for point in replay.run(recorded.trace):
        points += 1
        if point.endswith("rest"):
            due = due_of(replay, reader)
        for cut in cuts(replay.disk, rng, RANDOM_CUTS, ALL_MAX):
            tree, where = cut.tree(), f"after {point}; {cut}"
            try:
                check_before(tree, due, replay.whole)
            except AssertionError as error:
                failures.add(str(error), where, tree)
                continue
            tried.append((repairer.add(tree), due, where, tree if RANDOM_CUTS < 10 else None))
    assert replay.is_live(read_back(recorded.root)), "the model's disk is not the real one"
    repairer.flush()
    for key, *rest in tried:
        judge(repairer.outcomes[key], *rest, failures)
    aside = sum(found.aside for found in repairer.outcomes.values())
    print(f"# {points} points, {len(tried)} cuts, {len(repairer.outcomes)} different disks "
          f"({aside} files set aside), {repairer.python_read} segments read by python3-avro")
    print(f"# due at the end: {due.datums} datums, {due.rejects} rejects, {len(due.sealed)} "
          "segments")
    failures.check()


def judge(found, due, where, tree, failures):
    if found.wrong:
        failures.add(found.wrong, where, tree)
    elif found.datums < due.datums:
        failures.add("synced datums are lost", f"{where}: {found.datums} of {due.datums}", tree)
    elif found.rejects < due.rejects:
        failures.add("synced rejects are lost", f"{where}: {found.rejects} of {due.rejects}", tree)


for name, script in RUNS.items():
    for shape_name in script.shapes:
        with case(f"{name}, {shape_name} schema: whatever a power cut leaves is repaired"):
            shape = SHAPES[shape_name]
            place = storage_dir()
            recorded = record(script, data[shape_name], shape, run, place)
            reader = Reader(shape, recorded.bad, run)
            repairer = Repairer(data[shape_name], run, reader)
            cut_everywhere(recorded, repairer, reader, random.Random(seed))

finish()
