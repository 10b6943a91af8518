#!/usr/bin/python3
"""sdr-gen --apply where the tree is not as an apply left it, or only a part is asked for."""
import contextlib
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import cgroups
from s6tree import Fleet, as_ordinary_user, really_root
from sdrtest import (BIN, Skip, alive, case, check_equal, children, enter_network, finish,
                     wait_for)


def relays_on(port):
    """The PIDs that have the socket bound to a port."""
    done = subprocess.run(["ss", "-uapnH", f"sport = :{port}"], capture_output=True, text=True,
                          check=True)
    return {int(pid) for pid in re.findall(r'"sdr-relay",pid=(\d+)', done.stdout)}


def shared_ports(prefix):
    with Fleet() as fleet:
        fleet.three().apply()
        pids = fleet.pids()
        taken = 'listens on 127.0.0.1:26002, which channel two still has'
        with case(prefix + "a port that a channel not named still has is not shared with it"):
            fleet.set("one", port=26002).set("two", port=26001).apply("one", expect=3).has(taken)
            fleet.check_kept(pids, "one", "two", "three")
            check_equal(fleet.option("one", "--listen"), "127.0.0.1:26001", "--listen")
        with case(prefix + "nor one of a channel that gets another name, with the new name alone"):
            fleet.set("one", port=26001)
            fleet.channels["new"] = fleet.channels.pop("two") | {"listen": '"127.0.0.1:26002"'}
            fleet.apply("new", expect=3).has(taken)
            fleet.check_kept(pids, "one", "three")
            assert fleet.ready("two") and fleet.state("new") is None
            fleet.apply()
            assert fleet.ready("new")
        with case(prefix + "nor one that its channel was to leave, and did not"):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.bind(("127.0.0.1", 0))
                fleet.set("one", port=other.getsockname()[1]).set("late", port=26001)
                fleet.apply(expect=4).has("late: .* 127.0.0.1:26001, which channel one still has")
            assert fleet.ready("one")
            fleet.set("one", port=26011).apply().has("^[+] late +added")
        with case(prefix + "nor one of a channel that was edited by hand and left alone"):
            (fleet.run / "live" / "one" / "finish").write_text("#!/bin/sh\n", encoding="ascii")
            fleet.set("one", port=26012).set("late", port=26011)
            fleet.apply(expect=3).has("channel late: .* 127.0.0.1:26011, which channel one")
            fleet.apply("--force").has("^~ one +restarted").has("^~ late +restarted")


def mixtures(prefix):
    with Fleet() as fleet:
        fleet.three().apply()
        shutil.copytree(fleet.templates, fleet.dir / "templates")
        fleet.templates = fleet.dir / "templates"
        logger = fleet.templates / "s6" / "channel" / "log" / "run"
        with case(prefix + "limits and logger change in one apply: both are done"):
            before = fleet.pids("one")["one"]
            logger.write_text(logger.read_text().replace("n10", "n11"), encoding="utf-8")
            fleet.set("one", memory='"40MiB"').apply().has("^~ one +.*memory")
            after = fleet.pids("one")["one"]
            check_equal(after[0], before[0], "PID of the channel")
            assert after[1] not in (0, before[1]), f"logger {before[1]}, then {after[1]}"
        with case(prefix + "a logger that is down is started by a change of it"):
            fleet.svc("-wD", "-d", "two/log")
            logger.write_text(logger.read_text().replace("n11", "n12"), encoding="utf-8")
            before = fleet.state("two")["pid"]
            fleet.apply().has("^~ two +logger restarted")
            check_equal(fleet.state("two")["pid"], before, "PID of the channel")
            assert fleet.state("two/log")["up"], "the logger is down"
        with case(prefix + "another --log: only loggers restart, and write there"):
            before = fleet.pids()
            fleet.log = fleet.dir / "log2"
            fleet.apply().has("^~ one +logger restarted: --log$")
            for name, (channel, _) in before.items():
                check_equal(fleet.state(name)["pid"], channel, f"PID of {name}")
                assert (fleet.log / name / "current").exists(), f"no log of {name}"
        with case(prefix + "another --bin: everything restarts, the sockets are held over it"):
            fleet.bin_dir = fleet.dir / "bin"
            fleet.bin_dir.symlink_to(BIN)
            ids = fleet.held()
            fleet.apply().has("^~ one +restarted: --bin").has("^~ fdholder2 +restarted: --bin")
            check_equal((fleet.held(), fleet.held("fdholder2")), (ids, ids), "what is held")
        with case(prefix + "all channels disabled: nothing is left, and back again"):
            for name in fleet.channels:
                fleet.set(name, enabled="false")
            fleet.apply()
            check_equal(os.listdir(fleet.run / "live"), [], "what is left")
            fleet.apply().has("nothing to do")
            for name in fleet.channels:
                fleet.set(name, enabled="true")
            fleet.apply()
            assert all(fleet.ready(name) for name in fleet.channels)


def older(fleet, name):
    """Makes a manifest one of a version that wrote no `start`."""
    path = fleet.run / "live" / name / "data" / "manifest"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub("^start .*\n", "", text, flags=re.MULTILINE), encoding="utf-8")


def manifests(prefix):
    with Fleet() as fleet:
        fleet.three().apply()
        with case(prefix + "manifests of an older kind, nothing else new: nothing restarts"):
            pids = fleet.pids()
            for name in ("one", "two", "three", "fdholder", "fdholder2"):
                older(fleet, name)
            done = fleet.apply()
            done.has(r"^~ one +updated without a restart: data/manifest \(not the config\)$")
            check_equal(fleet.pids(), pids, "PIDs")
            fleet.apply().has("nothing to do")
        with case(prefix + "manifests of an older kind, and a change: it restarts"):
            older(fleet, "one")
            fleet.set("one", ttl="9").apply().has("^~ one +restarted: ttl")
            fleet.check_kept(pids, "two", "three")
        with case(prefix + "a manifest of a newer kind: left alone, and it says what it is"):
            path = fleet.run / "live" / "two" / "data" / "manifest"
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace("sdr-manifest 1", "sdr-manifest 2"), encoding="utf-8")
            fleet.apply(expect=3).has("channel two: live/two/data/manifest is .*another version")
            fleet.check_kept(pids, "two", "three")
            path.write_text(text, encoding="utf-8")


def damage(prefix):
    with Fleet() as fleet:
        fleet.three().apply()
        live, pids = fleet.run / "live", fleet.pids()
        with case(prefix + "a service directory deleted by hand: made again, one relay runs"):
            gone = pids["one"][0]
            shutil.rmtree(live / "one")
            fleet.apply().has("^[+] one +added, ready")
            wait_for(lambda: not alive(gone), "the old relay ends")
            assert fleet.ready("one")
            check_equal(relays_on(26001) - {fleet.state("one")["pid"]}, set(), "relays on its port")
            fleet.check_kept(pids, "two", "three")
        with case(prefix + "its supervise/ deleted by hand: so too"):
            gone = fleet.pids("one")["one"][0]
            shutil.rmtree(live / "one" / "supervise")
            fleet.apply()
            wait_for(lambda: not alive(gone), "the old relay ends")
            assert fleet.ready("one")
            fleet.check_kept(pids, "two", "three")
        with case(prefix + "its link deleted by hand: linked again, and only then restarted"):
            (fleet.run / "service" / "three").unlink()
            fleet.apply("three").has("^[+] three +added")
            fleet.check_kept(pids, "two", "three")
            (fleet.run / "service" / "three").unlink()
            fleet.set("three", ttl="7").apply("three").has("^[+] three +added")
            check_equal(fleet.option("three", "--ttl"), "7", "--ttl")
            pids |= fleet.pids("three")
        with case(prefix + "a part of it deleted by hand: told, and made again with --force"):
            shutil.rmtree(live / "two" / "data")
            fleet.apply(expect=3).has("channel two: live/two was not made by sdr-gen")
            fleet.check_kept(pids, "two", "three")
            (live / "three" / "run").unlink()
            fleet.apply("three").has("three: edited by hand: run")
            fleet.apply("three", "--force").has("^~ three +restarted")
        with case(prefix + "a run that cannot be executed: told, and mended with --force"):
            (live / "three" / "run").chmod(0o644)
            fleet.apply("three").has("three: edited by hand: run")
            fleet.svc("-r", "three")
            fleet.apply("three", "--force").has("^~ three +restarted")
            assert fleet.ready("three")
        with case(prefix + "a down file: changed, and it stays down over everything"):
            fleet.svc("-wD", "-D", "-d", "three")
            fleet.set("three", ttl="8").apply("three").has("^~ three .*stays stopped")
            assert (live / "three" / "down").exists() and not fleet.state("three")["up"]


def leave_group(pid):
    """Moves a channel's processes out of its leaf, as an administrator may."""
    for each in (pid, *children(pid)):
        for controller in ("memory", "cpu", "pids"):
            with contextlib.suppress(LookupError, AssertionError, OSError):
                leaf = cgroups.group_of(each, controller)
                if leaf.name.startswith("channel."):
                    (leaf.parent.parent / "cgroup.procs").write_text(str(each), encoding="ascii")
    if "/channel." in Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii"):
        raise Skip("control groups do not let it go")


def left_group():
    with Fleet() as fleet, case("limits of a channel that is not in its group any more"):
        if not really_root():
            raise Skip("takes root")
        memory = {"memory": '"40MiB"'}
        fleet.set("one", port=26001, **memory).set("two", port=26002, **memory)
        fleet.set("two", isolation='"require"').write()
        if fleet.gen("--apply").code:
            raise Skip("no limit of memory can be set here")
        pids = fleet.pids()
        for name in pids:
            leave_group(pids[name][0])
        fleet.set("one", memory='"50MiB"').apply().has(
            "warning: channel one: .*not in a control group named channel.one; its limits take "
            "effect when it starts again")
        done = fleet.set("two", memory='"50MiB"').apply(expect=4)
        done.has("two: rolled back .memory.: .*; its limits take effect .*; the old one is back$")
        fleet.check_kept(pids, "one", "two")
        assert b'"41943040"' in (fleet.run / "live" / "two" / "run").read_bytes()


def everyone(prefix=""):
    shared_ports(prefix)
    mixtures(prefix)
    manifests(prefix)
    damage(prefix)


if __name__ == "__main__":
    enter_network()
    everyone()
    left_group()
    as_ordinary_user(everyone)
    finish()
