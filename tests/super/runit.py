#!/usr/bin/python3
"""sdr-gen --target runit against a real runsvdir, as root and as an ordinary user."""
import os
import shutil
import signal
import socket

from load import SHAPE, Load, check_recorded
from s6tree import RunitFleet, as_ordinary_user
from sdrtest import Skip, case, check_equal, enter_network, finish, wait_for

RATE = 200


def lifecycle(prefix):
    with RunitFleet() as fleet:
        (fleet.config.parent / "schemas" / "s.avsc").write_text(SHAPE.schema, encoding="utf-8")
        fleet.three().set("one", record='{ sync = "200ms" }')
        with case(prefix + "channels are added, each ready"):
            done = fleet.apply()
            for name in fleet.channels:
                done.has(rf"^\+ {name} +added, ready in \d+ ms$")
                assert fleet.ready(name)
        with case(prefix + "nothing new: nothing is restarted or written"):
            pids, before = fleet.pids(), fleet.snapshot()
            fleet.apply().has("^= 3 unchanged; nothing to do$")
            check_equal((fleet.pids(), fleet.snapshot()), (pids, before), "PIDs and files")
        with case(prefix + "one is changed: it restarts, all others keep their PIDs"):
            fleet.set("two", ttl="7").apply().has(r"^~ two +restarted: ttl, ready in \d+ ms$")
            fleet.check_kept(pids, "one", "three")
            check_equal(fleet.option("two", "--ttl"), "7", "--ttl")
            check_equal(fleet.pids("two")["two"][1], pids["two"][1], "PID of its logger")
        with case(prefix + "what sv stopped stays stopped, changed all the same"):
            fleet.sv("down", "two")
            wait_for(lambda: not fleet.state("two")["up"], "it is down")
            fleet.set("two", ttl="8").apply().has("^~ two +changed: ttl, stays stopped$")
            assert not fleet.state("two")["up"]
            fleet.sv("up", "two")
            wait_for(lambda: fleet.ready("two"), "it is up again")
            check_equal(fleet.option("two", "--ttl"), "8", "--ttl")
        with case(prefix + "a port that is taken: rolled back, its last words shown, exit 4"):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
                taken.bind(("127.0.0.1", 0))
                port = taken.getsockname()[1]
                fleet.set("two", port=port).apply(expect=4).has(
                    r"channel two: rolled back \(listen\): .*; the old one is back: .*unable to "
                    rf"bind 127.0.0.1:{port}: Address")
            assert fleet.ready("two")
            check_equal(fleet.option("two", "--listen"), "127.0.0.1:26002", "--listen")
            fleet.set("two", port=26002)
        with case(prefix + "a crash: runsv starts it again, the files are complete"):
            load = Load([26001], RATE).start()
            load.flow(50)
            load.stop()
            pid = fleet.state("one")["pid"]
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: fleet.ready("one") and fleet.state("one")["pid"] not in (0, pid),
                     "it is back")
        with case(prefix + "removed: its runsv ends, the others keep their PIDs"):
            kept = fleet.pids("one", "two")
            fleet.drop("three").apply().has("^- three +removed$")
            assert not os.path.lexists(fleet.run / "live" / "three")
            fleet.check_kept(kept, "one", "two")
        fleet.stop()
        with case(prefix + "what was recorded is whole"):
            check_recorded(fleet.storage, ["one"], load.sent(26001))
    with RunitFleet(supervised=False) as fleet, \
            case(prefix + "no runsvdir: exit 6, one line that says how to start one"):
        done = fleet.three().apply(expect=6).has("no runsvdir runs on .*; start one: runsvdir /")
        check_equal(done.err.count("\n"), 1, "lines")


def mixed(prefix):
    with RunitFleet() as fleet, case(prefix + "s6 and runit in one RUN: refused"):
        fleet.three().apply()
        before = fleet.snapshot()
        fleet.options = []
        os.makedirs(fleet.run / "service" / ".s6-svscan", exist_ok=True)
        fleet.gen("--diff").has("holds services made with --target 'runit', not 's6'")
        check_equal(fleet.snapshot(), before, "the tree")


def everyone(prefix=""):
    with case(prefix + "runit is here"):
        if not shutil.which("runsvdir"):
            raise Skip("runit is not installed")
    if shutil.which("runsvdir"):
        lifecycle(prefix)
        mixed(prefix)


if __name__ == "__main__":
    enter_network()
    everyone()
    as_ordinary_user(everyone)
    finish()
