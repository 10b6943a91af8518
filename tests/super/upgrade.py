#!/usr/bin/python3
"""Another sdr-relay is installed: its channels restart one at a time, and no datagram is lost."""
import json
import os
import shutil

from load import SHAPE, Load, check_recorded
from s6tree import Fleet, RunitFleet, as_ordinary_user
from sdrtest import BIN, case, check_equal, enter_network, finish, run_dir, wait_for

PORTS = {"one": 26001, "two": 26002, "three": 26003}
WHY = "another sdr-relay is installed"


def programs():
    """A directory with copies of the programs that a channel starts."""
    directory = run_dir() / "bin"
    directory.mkdir()
    for name in ("sdr-relay", "sdr-confine"):
        shutil.copy2(BIN / name, directory / name)
    directory.parent.chmod(0o755)
    return directory


def install(directory, tail=b""):
    """As dpkg does it: another file under the same name. What comes after a program's end is
    nothing to the kernel."""
    new = directory / "sdr-relay.dpkg-new"
    new.write_bytes((BIN / "sdr-relay").read_bytes() + tail)
    new.chmod(0o755)
    os.replace(new, directory / "sdr-relay")


def current(fleet, name, directory):
    return os.path.samefile(f"/proc/{fleet.state(name)['pid']}/exe", directory / "sdr-relay")


def upgrades(prefix):
    directory = programs()
    with Fleet(bin_dir=directory) as fleet:
        (fleet.config.parent / "schemas" / "s.avsc").write_text(SHAPE.schema, encoding="utf-8")
        for name, port in PORTS.items():
            fleet.set(name, port=port, record='{ sync = "200ms" }')
        fleet.apply()
        holders = [fleet.state(name)["pid"] for name in ("fdholder", "fdholder2")]
        load = Load(PORTS.values(), 300).start()
        load.flow(100)
        with case(prefix + "the same program once more: nothing restarts"):
            before = fleet.pids()
            install(directory)
            check_equal(fleet.gen("--diff").code, 0, "exit code of --diff")
            fleet.apply().has("3 channels unchanged|nothing to do|unchanged")
            check_equal(fleet.pids(), before, "PIDs")
        with case(prefix + "another one: --diff tells it, --refresh restarts one after the other"):
            install(directory, b"another")
            done = fleet.gen("--diff").has(rf"^~ one +restart: {WHY}$")
            check_equal(done.code, 2, "exit code of --diff")
            done = fleet.gen("--refresh", "--json")
            check_equal(done.code, 0, f"exit code of --refresh ({done})")
            steps = json.loads(done.out)["steps"]
            check_equal([(step["channel"], step["action"], step["result"]) for step in steps],
                        [(name, "restart", "done") for name in sorted(PORTS)], "steps")
            assert all(step["ready_ms"] >= 0 for step in steps), steps
            assert all(current(fleet, name, directory) for name in PORTS), "an old one runs"
            loggers = {name: pids[1] for name, pids in before.items()}
            check_equal({name: pids[1] for name, pids in fleet.pids().items()}, loggers, "loggers")
            check_equal([fleet.state(name)["pid"] for name in ("fdholder", "fdholder2")], holders,
                        "holders")
            check_equal(fleet.gen("--diff").code, 0, "exit code of --diff afterwards")
        with case(prefix + "what was edited and not applied stays so; what is stopped stays down"):
            fleet.svc("-d", "three")
            load.switch(PORTS["three"], 0)
            wait_for(lambda: not fleet.state("three")["up"], "it is down")
            install(directory, b"a third one")
            fleet.set("one", ttl="9").write()
            before = fleet.pids()
            check_equal(fleet.gen("--refresh").has(WHY).code, 0, "exit code of --refresh")
            assert current(fleet, "one", directory) and current(fleet, "two", directory), "old"
            assert not fleet.state("three")["up"], "it was started"
            assert fleet.pids()["one"][0] != before["one"][0], "it was not restarted"
            fleet.gen("--diff").has(r"^~ one +restart: ttl$")
            fleet.apply().has(r"one +restarted: ttl")
            fleet.svc("-u", "three")
            load.switch(PORTS["three"], 1)
            wait_for(lambda: fleet.ready("three"), "it is up again")
        with case(prefix + "all that was sent is recorded, once"):
            load.flow(100)
            load.stop()
            for name, port in PORTS.items():
                wait_for(lambda: fleet.ready(name), "it is ready")
                fleet.svc("-h", name)
            fleet.stop()
            for name, port in PORTS.items():
                check_recorded(fleet.storage, [name], load.sent(port))
        with case(prefix + "--refresh without a supervisor: exit 6; with nothing in force: 0"):
            check_equal(fleet.gen("--refresh").code, 6, "exit code")
            shutil.rmtree(fleet.run / "applied")
            check_equal(fleet.gen("--refresh").has("nothing is in force").code, 0, "exit code")


def elsewhere(prefix):
    directory = programs()
    for kind in (Fleet, RunitFleet):
        with case(f"{prefix}{kind.scanner} of somebody else: --refresh finds it by itself"):
            with kind(bin_dir=directory, scan_dir="theirs", prefix="sdr-") as fleet:
                fleet.three().apply()
                install(directory, kind.scanner.encode())
                fleet.options = []
                check_equal(fleet.gen("--refresh").has(WHY).code, 0, "exit code")
                assert all(current(fleet, name, directory) for name in fleet.channels), "old"


enter_network()
upgrades("")
elsewhere("")
as_ordinary_user(upgrades)
finish()
