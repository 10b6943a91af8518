#!/usr/bin/python3
"""sdr-gen --apply against a real s6-svscan, with real relays, as root and as an ordinary user."""
import fcntl
import grp
import os
import pwd
import shutil
import socket
import struct
from pathlib import Path

from s6tree import Fleet, as_ordinary_user, need_reach, really_root
from sdrtest import BIN, alive, case, check_equal, enter_network, finish, wait_for


def first_steps(prefix):
    with case(prefix + "no s6-svscan: exit 6, one line that says how to start one"), \
            Fleet(supervised=False) as fleet:
        done = fleet.three().apply(expect=6).has("no s6-svscan runs on .*; start one: s6-svscan ")
        check_equal(done.err.count("\n"), 1, "lines")
        check_equal(os.listdir(fleet.run / "live"), [], "service directories")

    with Fleet() as fleet:
        fleet.three()
        with case(prefix + "channels are added, each ready"):
            done = fleet.apply()
            for name in fleet.channels:
                done.has(rf"^\+ {name} +added, ready in \d+ ms$")
                assert fleet.ready(name)
                check_equal(os.readlink(fleet.service(name)), f"../live/{name}", "the link")
        with case(prefix + "a channel has no capability, no new privileges and its user only"):
            check_confined(fleet)
        with case(prefix + "nothing new: nothing is restarted or written, and it says so"):
            pids, before = fleet.pids(), fleet.snapshot()
            fleet.apply().has("^= 3 unchanged; nothing to do$")
            check_equal(fleet.pids(), pids, "PIDs")
            check_equal(fleet.snapshot(), before, "the tree")
        with case(prefix + "one of three is changed: it restarts, the others keep their PIDs"):
            fleet.set("two", ttl="7").apply().has(r"^~ two +restarted: ttl, ready in \d+ ms$")
            fleet.check_kept(pids, "one", "three")
            check_equal(fleet.option("two", "--ttl"), "7", "--ttl")
            check_equal(fleet.pids("two")["two"][1], pids["two"][1], "PID of its logger")
        with case(prefix + "the applied config can be read"):
            done = fleet.gen("--config", fleet.run / "applied" / "relay.toml", "--check")
            check_equal(done.code, 0, "sdr-gen --check")
        with case(prefix + "a channel is removed, its log and recordings stay"):
            recordings = fleet.storage / "channel=two"
            fleet.set("two", record='{ sync = "1s" }').apply().has("^~ two +restarted: record,")
            wait_for(recordings.is_dir, "the recording directory")
            gone = fleet.pids("two")["two"]
            fleet.drop("two").apply().has("^- two +removed$").has("^= 2 unchanged$")
            assert not any(alive(pid) for pid in gone), "its processes are still there"
            for path in ("live/two", "service/two", "rings/two", "counters/two"):
                assert not os.path.lexists(fleet.run / path), f"{path} is still there"
            assert (fleet.log / "two").is_dir() and recordings.is_dir()
            fleet.check_kept(pids, "one", "three")
        with case(prefix + "enabled = false removes, true adds again"):
            fleet.set("three", enabled="false").apply().has("^- three +removed$")
            fleet.set("three", enabled="true").apply().has("^[+] three +added, ready")
            fleet.check_kept(pids, "one")
        with case(prefix + "a port moves from a removed channel to a new one"):
            fleet.drop("three").set("four", port=26003).apply()
            assert fleet.ready("four") and fleet.state("three") is None


def check_confined(fleet):
    status = Path(f"/proc/{fleet.state('one')['pid']}/status").read_text(encoding="ascii")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        check_equal(int(fields[name], 16), 0, name)
    check_equal(fields["NoNewPrivs"], "1", "NoNewPrivs")
    check_equal(set(fields["Uid"].split()), {str(os.geteuid())}, "Uid")


def changes(prefix):
    with Fleet() as fleet:
        fleet.three().apply()
        pids = fleet.pids()
        with case(prefix + "a channel that the operator stopped is changed and stays stopped"):
            fleet.svc("-wD", "-d", "one")
            fleet.set("one", ttl="9").apply().has("^~ one +changed: ttl, stays stopped$")
            assert not fleet.state("one")["up"]
            fleet.apply().has(r"^= 3 unchanged \(1 stopped by hand\); nothing to do$")
            fleet.svc("-wU", "-u", "one")
            check_equal(fleet.option("one", "--ttl"), "9", "--ttl")
        with case(prefix + "two channels swap their ports in one edit"):
            fleet.set("one", port=26002).set("two", port=26001)
            fleet.apply().has("^~ one +restarted: listen").has("^~ two +restarted: listen")
            check_equal(fleet.option("one", "--listen"), "127.0.0.1:26002", "--listen of one")
            assert fleet.ready("one") and fleet.ready("two")
            fleet.check_kept(pids, "three")
        with case(prefix + "only those that are named are touched"):
            before = fleet.pids()
            fleet.set("one", ttl="3").set("two", ttl="3").apply("two").has("^~ two +restarted: ttl")
            fleet.check_kept(before, "one", "three")
            fleet.apply("onne", expect=100).has("no channel 'onne' .*did you mean 'one'")
            fleet.apply().has("^~ one +restarted: ttl")
        with case(prefix + "a changed log/run restarts loggers and no channel"):
            before = fleet.pids()
            shutil.copytree(fleet.templates, fleet.dir / "templates")
            fleet.templates = fleet.dir / "templates"
            logger = fleet.templates / "s6" / "channel" / "log" / "run"
            logger.write_text(logger.read_text().replace("n10", "n11"), encoding="utf-8")
            fleet.apply().has(r"^~ one +logger restarted: log/run \(not the config\)$")
            after = fleet.pids()
            for name, (channel, log) in before.items():
                check_equal(after[name][0], channel, f"PID of {name}")
                assert after[name][1] != log, f"the logger of {name} was not restarted"
        with case(prefix + "a file edited by hand is told and left alone, until --force"):
            check_edited(fleet)
        with case(prefix + "what sdr-gen did not make is not touched"):
            check_foreign(fleet)
        with case(prefix + "another apply runs: exit 5, nothing is touched"):
            with open(fleet.run / "apply.lock", "rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                before = fleet.snapshot()
                fleet.set("one", ttl="20").apply(expect=5).has("another apply runs")
                check_equal(fleet.snapshot(), before, "the tree")
            fleet.apply()
        with case(prefix + "errors in the config: exit 1, nothing is touched"):
            before = fleet.snapshot()
            fleet.set("one", ttl='"many"').set("two", nonsense="1").apply(expect=1)
            check_equal(fleet.snapshot(), before, "the tree")
            del fleet.channels["two"]["nonsense"]
        with case(prefix + "a user that is not there: exit 1, nothing is touched"):
            fleet.set("one", ttl="1", user='"no-such-user"').apply(expect=1).has("no-such-user")
            check_equal(fleet.snapshot(), before, "the tree")


def check_edited(fleet):
    run = fleet.run / "live" / "two" / "run"
    right = run.read_bytes()
    edited = right.replace(b'"--ttl" "3"', b'"--ttl" "4"')
    run.write_bytes(edited)
    before = fleet.snapshot()
    fleet.apply().has("^sdr-gen: warning: channel two: edited by hand: run; --force").has("nothing")
    refused = "channel two: edited by hand: run; --diff shows how, --force replaces it; it was left"
    fleet.set("two", dscp="7").apply(expect=3).has(refused)
    check_equal({path: what for path, what in fleet.snapshot().items() if "/two/" in path},
                {path: what for path, what in before.items() if "/two/" in path}, "its files")
    fleet.drop("two").apply(expect=3).has(refused)
    assert fleet.ready("two") and run.read_bytes() == edited
    fleet.set("two", port=26001, ttl="3").apply("--force").has(
        r"^~ two .*\(edited by hand, now as generated: run\)$")
    assert b'"--ttl" "3"' in run.read_bytes()


def check_foreign(fleet):
    for name in ("live/mine", "live/four", "service/theirs"):
        (fleet.run / name).mkdir()
        (fleet.run / name / "note").write_text("by hand", encoding="utf-8")
    try:
        fleet.set("four", port=26004).apply(expect=3).has("four: live/four was not made by sdr-gen")
        for name in ("live/mine", "live/four", "service/theirs"):
            check_equal(os.listdir(fleet.run / name), ["note"], name)
        assert not os.path.lexists(fleet.run / "service" / "four")
        fleet.drop("four").apply().has("nothing to do")
    finally:
        for name in ("live/mine", "live/four", "service/theirs"):
            shutil.rmtree(fleet.run / name)


def owner(path):
    status = path.lstat()
    return (pwd.getpwuid(status.st_uid).pw_name, grp.getgrgid(status.st_gid).gr_name,
            oct(status.st_mode & 0o7777))


def send_one(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(struct.pack("<d", 1), ("127.0.0.1", port))


def ownership():
    """Only root: where a channel works belongs to its user."""
    if not really_root():
        return
    with Fleet() as fleet, case("places belong to the channel's user, and follow it to another"):
        need_reach("nobody")
        fleet.storage.chmod(0o755)
        storage, recordings = "[storage]", fleet.storage / "channel=one"
        fleet.set("one", port=26001, user='"nobody"', record='{ sync = "1s" }').write()
        text = fleet.config.read_text(encoding="utf-8")
        fleet.config.write_text(text.replace(storage, storage + '\ngroup = "adm"'),
                                encoding="utf-8")
        check_equal(fleet.gen("--apply").code, 0, "exit code")
        for user, group in (("nobody", "nogroup"), ("daemon", "daemon")):
            if user == "daemon":
                text = fleet.config.read_text(encoding="utf-8")
                fleet.config.write_text(text.replace("nobody", "daemon"), encoding="utf-8")
                done = fleet.gen("--apply").has("^~ one +restarted: user, ready")
                check_equal(done.err, "", "messages")
            check_equal(owner(fleet.run / "rings" / "one"), (user, group, "0o700"), "ring")
            check_equal(owner(fleet.run / "counters" / "one"), (user, group, "0o644"), "counters")
            check_equal(owner(fleet.log / "one"), (user, group, "0o755"), "log")
            check_equal(owner(recordings), (user, "adm", "0o2750"), "recordings")
            send_one(26001)
            wait_for((recordings / ".open").exists, "the open segment")
            check_equal(owner(recordings / ".open"), (user, "adm", "0o640"), "open segment")
            check_equal(fleet.logged("one"), "", "the channel's log")


def every(prefix=""):
    first_steps(prefix)
    changes(prefix)


if __name__ == "__main__":
    enter_network()
    every()
    ownership()
    as_ordinary_user(every)
    finish()
