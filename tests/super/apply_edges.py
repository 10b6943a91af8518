#!/usr/bin/python3
"""sdr-gen --apply over what operators, crashes and full disks leave behind; every way that it ends,
as one JSON document too."""
import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess

from s6tree import Fleet, as_ordinary_user, really_root
from sdrtest import alive, case, check_equal, enter_network, finish, sh, wait_for

HOLDERS = ("fdholder", "fdholder2")


def document(fleet, *arguments, code):
    """What --json prints: exactly one document, whatever the end."""
    done = fleet.gen(*arguments, "--json")
    check_equal(done.code, code, f"exit code of {arguments} ({done})")
    found = json.loads(done.out)
    check_equal(found.get("exit", code), code, "its exit")
    return found


def config_without(fleet, **keys):
    fleet.set("one", **keys).write()
    for key in keys:
        del fleet.channels["one"][key]


def ends(prefix):
    what = prefix + "--json, exit "
    with Fleet(supervised=False) as fleet, case(what + "6: no supervisor"):
        fleet.three().write()
        assert "no s6-svscan runs on" in document(fleet, "--apply", code=6)["error"]
    with Fleet() as fleet:
        fleet.three().apply()
        with case(what + "1: the config, this machine, a template, nothing to go back to"):
            for keys in ({"ttl": "300"}, {"interface": '"nope0"'}):
                config_without(fleet, **keys)
                for command in ("--apply",) if "interface" in keys else ("--apply", "--diff"):
                    found = document(fleet, command, code=1)
                    check_equal((found["ok"], found["errors"]), (False, 1), f"{command} {keys}")
                    assert "fleet" not in found and len(found["diagnostics"]) == 1, found
            fleet.write()
            for command in ("--apply", "--diff"):
                found = document(fleet, command, "--templates", fleet.storage, code=1)
                assert str(fleet.storage) in found["error"], found
            assert "nothing to go back to" in document(fleet, "--rollback", code=1)["error"]
        with case(what + "3: a config with nothing good at boot, a channel that does not start"):
            before = fleet.config.read_text(encoding="utf-8")
            shutil.rmtree(fleet.run / "state")
            fleet.config.write_text("[", encoding="utf-8")
            assert "nothing starts" in document(fleet, "--boot", code=3)["error"]
            fleet.config.write_text(before, encoding="utf-8")
            fleet.set("taken", port=26001, listen='"127.0.0.1:26009"').write()
            with taken(26009):
                step, = document(fleet, "--apply", code=3)["steps"]
            check_equal((step["result"], step["action"], bool(step["log"])),
                        ("not-ready", "add", True), "step")
            fleet.drop("taken").apply()
        with case(what + "4: a change that does not start"):
            fleet.set("one", listen='"127.0.0.1:26009"').write()
            with taken(26009):
                step, = document(fleet, "--apply", code=4)["steps"]
            check_equal((step["result"], step["keys"]), ("rolled-back", ["listen"]), "step")
            fleet.set("one", port=26001).write()
        with case(what + "5: another apply runs"):
            with open(fleet.run / "apply.lock", "r+", encoding="ascii") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                assert "another apply runs" in document(fleet, "--apply", code=5)["error"]
        with case(what + "100: no such channel"):
            assert "no channel 'tow'" in document(fleet, "--apply", "tow", code=100)["error"]
        with case(what + "111: the system"):
            found = document(fleet, "--apply", "--run", "/proc/nothing", code=111)
            assert "/proc/nothing" in found["error"], found


class taken:
    """Another program has this port."""

    def __init__(self, port):
        self.port = port

    def __enter__(self):
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-c", "import socket, sys\ns = socket.socket(socket.AF_INET, "
             "socket.SOCK_DGRAM)\ns.bind(('127.0.0.1', int(sys.argv[1])))\nprint(flush=True)\n"
             "sys.stdin.read()", str(self.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process.stdout.readline()

    def __exit__(self, *_):
        self.process.communicate()


def left_behind(prefix):
    with Fleet() as fleet:
        fleet.three().apply()
        pids = fleet.pids()
        with case(prefix + "a run script that is gone, or not executable, is an edit by hand"):
            os.unlink(fleet.run / "live/one/run")
            (fleet.run / "live/two/run").chmod(0o644)
            done = fleet.apply()
            done.has("channel one: edited by hand: run;").has("channel two: edited by hand: run;")
            check_equal(fleet.pids(), pids, "PIDs")
            fleet.apply("--force").has("^~ one +restarted").has("^~ two +restarted")
            fleet.check_kept(pids, "three")
            assert os.access(fleet.run / "live/one/run", os.X_OK)
            assert os.access(fleet.run / "live/two/run", os.X_OK)
            fleet.apply().has("^= 3 unchanged; nothing to do$")
        with case(prefix + "a manifest that is gone: not ours any more, left alone"):
            pids = fleet.pids()
            os.unlink(fleet.run / "live/one/data/manifest")
            fleet.apply(expect=3).has("channel one: .*was not made by sdr-gen")
            check_equal(fleet.pids(), pids, "PIDs")


def holders(prefix):
    with Fleet() as fleet:
        fleet.three().apply()
        pids = fleet.pids()
        with case(prefix + "holders that the operator stopped stay stopped; channels still change"):
            for name in HOLDERS:
                fleet.svc("-wD", "-d", name)
            fleet.set("one", ttl="5").apply().has("^~ one +restarted: ttl, ready")
            fleet.check_kept(pids, "two", "three")
            assert not any(fleet.state(name)["up"] for name in HOLDERS)
            for name in HOLDERS:
                fleet.svc("-wU", "-u", name)
        with case(prefix + "a holder that hangs delays a start, and no more"):
            pid = fleet.state("fdholder")["pid"]
            os.kill(pid, signal.SIGSTOP)
            try:
                fleet.set("one", ttl="6").apply().has("^~ one +restarted: ttl, ready")
            finally:
                os.kill(pid, signal.SIGCONT)
        with case(prefix + "no channel is enabled: all is removed, the holders too"):
            every = [pid for pair in fleet.pids().values() for pid in pair]
            every += [fleet.state(name)["pid"] for name in HOLDERS]
            for name in fleet.channels:
                fleet.set(name, enabled="false")
            fleet.apply().has("^- one +removed$").has("^- fdholder +removed$")
            assert not any(alive(pid) for pid in every), "something still runs"
            check_equal(os.listdir(fleet.run / "live"), [], "live")
            check_equal([name for name in os.listdir(fleet.scan_dir) if name[0] != "."], [],
                        "links")
            fleet.apply().has("^= 0 unchanged; nothing to do$")


def disks(prefix):
    with Fleet() as fleet, case(prefix + "a STATE that cannot be written: applied, and a warning"):
        state = fleet.dir / "state"
        state.write_text("a file", encoding="ascii")
        fleet.options += ["--state", state]
        fleet.three().apply().has("^sdr-gen: warning: .*state.*a boot with a broken config will")
        fleet.set("one", ttl="3").apply().has("^~ one +restarted: ttl, ready")


def full_run():
    """RUN on a tmpfs of its own, in the mount namespace that the test has for itself."""
    fleet = Fleet(supervised=False)
    sh(f"mount -t tmpfs -o size=2m,mode=755 sdr-test {fleet.run}")
    try:
        fleet.scan_dir.mkdir()
        fleet.supervised = True
        with fleet:
            fleet.three().apply()
            pids, before = fleet.pids(), fleet.contents()
            with case("a full RUN: exit 111, nothing was touched"):
                with open(fleet.run / "ballast", "wb", buffering=0) as ballast, \
                        contextlib.suppress(OSError):
                    while True:
                        ballast.write(bytes(4096))
                fleet.set("one", ttl="3").set("four", port=26004)
                fleet.apply(expect=111).has("No space left on device")
                check_equal(fleet.pids("one", "two", "three"), pids, "PIDs")
                check_equal(fleet.contents(), before, "the tree")
            with case("there is room again: the next apply does it all"):
                os.unlink(fleet.run / "ballast")
                fleet.apply().has("^~ one +restarted: ttl").has("^[+] four +added")
                fleet.check_kept(pids, "two", "three")
                fleet.apply().has("^= 4 unchanged; nothing to do$")
    finally:
        sh(f"umount {fleet.run}")


def programs(prefix):
    with Fleet() as fleet:
        fleet.three().apply()
        pids = fleet.pids()
        with case(prefix + "programs elsewhere: every channel restarts, one by one"):
            other = fleet.dir / "bin"
            other.mkdir()
            for name in ("sdr-relay", "sdr-confine"):
                (other / name).symlink_to(fleet.bin_dir / name)
            fleet.bin_dir = other
            done = fleet.apply()
            for name in fleet.channels:
                done.has(f"^~ {name} +restarted: .*, ready in")
            check_equal({name: pair[0] == pids[name][0] for name, pair in fleet.pids().items()},
                        dict.fromkeys(fleet.channels, False), "kept")
            assert fleet.arguments("one")[0].startswith(str(other)), fleet.arguments("one")


def access():
    """Only root: a user that may not read what its channel needs."""
    if not really_root():
        return
    with Fleet() as fleet:
        fleet.three().apply()
        pids = fleet.pids()
        with case("a schema that its user may not read is no matter: sdr-gen compiles it"):
            (fleet.config.parent / "schemas/s.avsc").chmod(0o600)
            fleet.config.parent.chmod(0o700)
            fleet.set("one", user='"nobody"').apply().has("^~ one +restarted: user, ready")
            fleet.check_kept(pids, "two", "three")
        with case("a user that cannot reach RUN: put back and running again, exit 4"):
            fleet.set("one", user=f'"{fleet.user}"').apply()
            pids = fleet.pids()
            fleet.dir.chmod(0o700)
            fleet.set("one", user='"nobody"').apply(expect=4).has("its logger does not start")
            wait_for(lambda: fleet.ready("one"), "it runs again", 5)
            fleet.check_kept(pids, "two", "three")


def every(prefix=""):
    ends(prefix)
    left_behind(prefix)
    holders(prefix)
    disks(prefix)
    programs(prefix)


if __name__ == "__main__":
    enter_network()
    every()
    full_run()
    access()
    as_ordinary_user(every)
    finish()
