#!/usr/bin/python3
"""sdr-stat --gaps: the ranges of lost numbers, their sum, and channels that watch no sequence; and
what it says of a relay that loses some, and then hears nothing."""
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import BIN, case, check_equal, enter_network, finish, run_dir, wait_for  # noqa: E402
from counters import page, put  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import Varying, send_all, sender  # noqa: E402

STAT = os.path.join(os.environ.get("SDR_BIN", BIN), "sdr-stat")
KEPT = 128
BEGAN = 1_700_000_000_000_000_000

enter_network()
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # no datagram overtakes another
run = run_dir()


def stat(*args, code=0, zone="UTC"):
    done = subprocess.run([STAT, "--gaps", *args, "--run", run], capture_output=True, text=True,
                          timeout=60, check=False, env=os.environ | {"TZ": zone})
    check_equal(done.returncode, code, f"exit code of {args} ({done.stderr.strip()})")
    return done.stdout, done.stderr


def channels(*args):
    out, err = stat("--json", *args)
    check_equal(err, "", "standard error")
    return json.loads(out)["channels"]


def a_range(number):
    """(first, count, time) of range `number`, counted from the first that ever was."""
    return 100 * number - 250, number % 7 + 1, BEGAN + 1_000_500_000 * number


def watching(name, gaps, has_sequence=1):
    ring = [(0, 0, 0)] * KEPT
    for number in range(gaps):
        ring[number % KEPT] = a_range(number)
    lost = sum(a_range(number)[1] for number in range(gaps))
    flat = [word % 2**64 for row in ring for word in row]
    put(run, name, page(name, page_time_ns=BEGAN, receiver={
        "has_sequence": has_sequence, "sequence": [gaps, lost, 5, 6, 7], "lost_ranges": flat}))
    return lost


def as_json(numbers):
    return [{"time_ns": time, "first": first, "count": count}
            for first, count, time in map(a_range, numbers)]


with case("the ranges and their sum, in the local zone"):
    lost = watching("engine", 3)
    # A zone as POSIX writes it needs no files: 5:30 hours east of Greenwich.
    out, err = stat("engine", zone="IST-5:30")
    check_equal(out, "NAME   TIME                            FIRST COUNT\n"
                     "engine 2023-11-15T03:43:20.000000+0530  -250     1\n"
                     "engine 2023-11-15T03:43:21.000500+0530  -150     2\n"
                     "engine 2023-11-15T03:43:22.001000+0530   -50     3\n"
                     f"engine: {lost} numbers lost in 3 gaps since "
                     "2023-11-15T03:43:20.000000+0530\n", "text")
    check_equal(err, "", "standard error")
    check_equal(channels("engine"), [
        {"name": "engine", "page_time_ns": BEGAN, "lost_ranges": as_json(range(3)),
         "sequence": {"gaps": 3, "lost": lost, "duplicates": 5, "reordered": 6, "resets": 7}}],
        "JSON")

with case("of many gaps the last ones, oldest first; never the place that may be written to"):
    for gaps in (126, 127, 128, 129, 1000):
        watching("engine", gaps)
        kept = range(max(0, gaps - (KEPT - 1)), gaps)
        check_equal(channels("engine")[0]["lost_ranges"], as_json(kept), f"{gaps} gaps")
        last = stat("engine")[0].splitlines()[-1]
        said = ", of which the last 127 are kept" if gaps > 127 else ""
        assert last.endswith("since 2023-11-14T22:13:20.000000+0000" + said), last

with case("one lost, none lost, several channels"):
    watching("engine", 1)
    watching("host", 0)
    sums = ["engine: 1 number lost in 1 gap since 2023-11-14T22:13:20.000000+0000",
            "host: no number lost since 2023-11-14T22:13:20.000000+0000"]
    check_equal(stat()[0].splitlines()[2:], sums, "all of them")
    check_equal(stat("host")[0].splitlines(), sums[1:], "one without a gap")
    check_equal([len(one["lost_ranges"]) for one in channels()], [1, 0], "ranges")

with case("a channel that watches no sequence is left out, or where it was asked for, told"):
    watching("plain", 4, has_sequence=0)
    (run / "counters/new").touch()
    check_equal(len(stat()[0].splitlines()), 4, "lines without it")
    out, err = stat("plain", "engine", code=100)
    check_equal(err, "sdr-stat: error: plain: it watches no sequence: its config has no "
                     "`sequence`\n", "message")
    assert out.endswith(sums[0] + "\n"), out
    check_equal(stat("new"), ("", "sdr-stat: error: new: it has not been started yet\n"), "new")
    shown = {one["name"]: one for one in channels()}
    check_equal(sorted(shown), ["engine", "host", "new", "plain"], "names")
    for name in ("new", "plain"):
        check_equal(shown[name]["lost_ranges"], None, "ranges")
        check_equal(set(shown[name]["sequence"].values()), {None}, "sequence")
    for name in ("engine", "host"):
        (run / "counters" / name).unlink()
    out, err = stat()
    check_equal((out, err), ("", f"sdr-stat: no channel in {run} watches a sequence\n"), "none")

with case("it reads once, and has no interval"):
    out, err = stat("--interval", "2", code=100)
    check_equal((out, len(err.splitlines())), ("", 1), "output and complaints")

with case("what a relay has lost, and that it hears nothing"):
    relay = Relay(compile_schemas(run, {"t": Varying.schema})["t"], run, sequence="0",
                  silence_ms=300)
    missing = [(10, 3), (500, 1), (900, 100)]
    gone = {number for first, count in missing for number in range(first, first + count)}
    with sender(relay.listen) as sock:
        # The last thousand settle what was waited for.
        for first in range(0, 2100, 50):
            send_all(sock, [Varying.make(n) for n in range(first, first + 50) if n not in gone])
            relay.wait_received(len(set(range(first + 50)) - gone))
    found = wait_for(lambda: [one for one in channels("t") if one["sequence"]["gaps"] == 3],
                     "three gaps")[0]
    check_equal([(one["first"], one["count"]) for one in found["lost_ranges"]], missing, "ranges")
    check_equal(found["sequence"]["lost"], len(gone), "lost")

    def shown():
        done = subprocess.run([STAT, "--json", "--run", run, "t"], capture_output=True, check=False)
        return json.loads(done.stdout)["channels"][0]
    wait_for(lambda: shown()["silent"], "silence")
    silent = shown()
    check_equal((silent["state"], silent["silence"]["limit_ns"], silent["silence"]["silences"]),
                ("up", 300_000_000, 1), "silence")
    assert abs(silent["silence"]["since_time_ns"] - silent["last_datagram_time_ns"]) < 10**8, silent
    with sender(relay.listen) as sock:
        sock.send(Varying.make(2100))
    wait_for(lambda: not shown()["silent"], "it is heard again")
    relay.stop()

finish()
