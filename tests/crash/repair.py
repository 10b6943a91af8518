#!/usr/bin/python3
"""SIGKILL at every system call of a repair: the next start comes to the same files.

strace kills the writer as it enters its Nth call of a kind; then a relay without strace repairs
what is left. EVERY=1 takes every N, the default is every sixth.
"""
import os
import shutil
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (Skip, alive, case, children, enter_network, finish, run_dir,  # noqa: E402
                     storage_dir, wait_for)
from relay import Relay, compile_schemas  # noqa: E402
from segments import check_exact, numbers, sealed  # noqa: E402
from torn import Torn, make_open  # noqa: E402
from udp import Varying, feed, sender  # noqa: E402

EVERY = int(os.environ.get("EVERY", "6"))
MOST = 60  # calls of a kind that a repair and its start may take

enter_network()
run, storage = run_dir(), storage_dir()
shape = Varying()
data = compile_schemas(run, {"t": shape.schema})["t"]
directory = storage / "channel=t"


def torn_with_hole(first):
    """Six blocks of 40; the third is no good, the last not whole."""
    shutil.rmtree(directory, ignore_errors=True)
    torn = Torn((make_open(data, run, storage, "t", [40] * 6, first) / ".open").read_bytes())
    at = torn.starts
    return torn.data[:at[2] + 9] + b"\xff" * 70 + torn.data[at[2] + 79:-20], torn.data[:at[4] + 5]


HOLE, _ = torn_with_hole(0)
_, CUT = torn_with_hole(240)
EXPECTED = [*range(80), *range(120, 200), *range(240, 400)]


def lay_out():
    shutil.rmtree(directory, ignore_errors=True)
    shutil.rmtree(run / "rings" / "t", ignore_errors=True)
    shutil.rmtree(run / "counters", ignore_errors=True)
    directory.mkdir()
    (directory / ".torn-20200101T000000.000000Z").write_bytes(HOLE)
    (directory / ".open").write_bytes(CUT)


def unsealed():
    return [path for path in directory.iterdir()
            if path.name.startswith((".torn", ".mending", ".open"))]


def killed_at(call, when):
    """Whether the writer, or the receiver, was killed before it had repaired everything."""
    prefix = ["strace", "-f", "-qqq", "-o", "/dev/null", "-e", f"trace={call}",
              "-e", f"inject={call}:signal=SIGKILL:when={when}"]
    relay = Relay(data, run, storage, "t", prefix=prefix, wait=False, sync_ms=50)

    def over():
        died = relay.process.poll() is not None or relay.counters().writer_starts > 1
        return "killed" if died else "" if unsealed() else "done"
    how = wait_for(over, f"{call} {when}: a kill, or all is repaired", 20)
    family, at = [relay.pid], 0
    while at < len(family):
        family += children(family[at])
        at += 1
    for pid in reversed(family):
        if alive(pid):
            os.kill(pid, signal.SIGKILL)
    relay.process.wait()
    wait_for(lambda: not any(map(alive, family)), "they are gone")
    os.close(relay._ready)  # pylint: disable=protected-access
    return how == "killed"


def check_converged(what):
    relay = Relay(data, run, storage, "t", sync_ms=50)
    feed(sender(relay.listen), shape, 5000, 1000, 10)
    relay.wait_received(10)
    wait_for(lambda: not [path for path in unsealed() if path.name != ".open"], "all is repaired")
    relay.stop()
    check_exact(numbers(directory, shape), [*EXPECTED, *range(1000, 1010)], what)
    assert len(sealed(directory)) == 3 and not unsealed(), f"{what}: {sorted(directory.iterdir())}"


with case("without a kill: both are sealed, the hole and the end left out"):
    lay_out()
    check_converged("without a kill")

for call in ("openat", "pread64", "pwrite64", "fdatasync", "fsync", "ftruncate",
             "?renameat,?renameat2", "linkat", "unlinkat"):
    with case(f"killed at each {call.lstrip('?').partition(',')[0]}: nothing lost, nothing twice"):
        if not shutil.which("strace"):
            raise Skip("no strace")
        kills = 0
        for when in range(1, MOST, EVERY if call in ("openat", "unlinkat") else 1):
            lay_out()
            killed = killed_at(call, when)
            check_converged(f"{call} {when}")
            kills += killed
            if not killed:
                break
        print(f"# {kills} kills")
        assert kills, "nothing was killed"

finish()
