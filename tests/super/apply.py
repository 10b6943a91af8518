#!/usr/bin/python3
"""sdr-gen --apply against a real s6-svscan, with real relays, as root and as an ordinary user."""
import fcntl
import os
import shutil
import socket
from pathlib import Path

from s6tree import Fleet, as_ordinary_user
from sdrtest import BIN, alive, case, check_equal, enter_network, finish, wait_for


def taken_port():
    """A UDP port of the loopback that another program has."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    return sock, sock.getsockname()[1]


def three(fleet):
    for at, name in enumerate(("one", "two", "three")):
        fleet.set(name, port=26001 + at)
    return fleet


def check_kept(fleet, before, *names):
    check_equal(fleet.pids(*names), {name: before[name] for name in names}, "PIDs of the others")


def first_steps(prefix):
    with case(prefix + "no s6-svscan: exit 6, one line that says how to start one"), \
            Fleet(supervised=False) as fleet:
        done = three(fleet).apply(expect=6).has("no s6-svscan runs on .*; start one: s6-svscan ")
        check_equal(done.err.count("\n"), 1, "lines")
        check_equal(os.listdir(fleet.run / "live"), [], "service directories")

    with Fleet() as fleet:
        three(fleet)
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
            check_kept(fleet, pids, "one", "three")
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
            check_kept(fleet, pids, "one", "three")
        with case(prefix + "enabled = false removes, true adds again"):
            fleet.set("three", enabled="false").apply().has("^- three +removed$")
            fleet.set("three", enabled="true").apply().has("^[+] three +added, ready")
            check_kept(fleet, pids, "one")
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
        three(fleet).apply()
        pids = fleet.pids()
        with case(prefix + "a channel that the operator stopped is changed and stays stopped"):
            fleet.svc("-wD", "-d", "one")
            fleet.set("one", ttl="9").apply().has("^~ one +changed: ttl, stays stopped$")
            assert not fleet.state("one")["up"]
            fleet.apply().has(r"^= 3 unchanged \(1 stopped by s6-svc -d\); nothing to do$")
            fleet.svc("-wU", "-u", "one")
            check_equal(fleet.option("one", "--ttl"), "9", "--ttl")
        with case(prefix + "two channels swap their ports in one edit"):
            fleet.set("one", port=26002).set("two", port=26001)
            fleet.apply().has("^~ one +restarted: listen").has("^~ two +restarted: listen")
            check_equal(fleet.option("one", "--listen"), "127.0.0.1:26002", "--listen of one")
            assert fleet.ready("one") and fleet.ready("two")
            check_kept(fleet, pids, "three")
        with case(prefix + "only those that are named are touched"):
            before = fleet.pids()
            fleet.set("one", ttl="3").set("two", ttl="3").apply("two").has("^~ two +restarted: ttl")
            check_kept(fleet, before, "one", "three")
            fleet.apply("onne", expect=100).has("no channel 'onne' .*did you mean 'one'")
            fleet.apply().has("^~ one +restarted: ttl")
        with case(prefix + "a changed log/run restarts loggers and no channel"):
            before = fleet.pids()
            shutil.copytree(fleet.templates, fleet.dir / "templates")
            fleet.templates = fleet.dir / "templates"
            logger = fleet.templates / "s6" / "log" / "run"
            logger.write_text(logger.read_text().replace("n10", "n11"), encoding="utf-8")
            fleet.apply().has(r"^~ one +logger restarted: log/run \(not the config\)$")
            after = fleet.pids()
            for name, (channel, log) in before.items():
                check_equal(after[name][0], channel, f"PID of {name}")
                assert after[name][1] != log, f"the logger of {name} was not restarted"
        with case(prefix + "a file edited by hand is told and set right"):
            run = fleet.run / "live" / "two" / "run"
            right = run.read_bytes()
            run.write_bytes(right.replace(b'"--ttl" "3"', b'"--ttl" "4"'))
            fleet.apply().has(r"^~ two .*\(edited by hand, now as generated: run\)$")
            check_equal(run.read_bytes(), right, "run")
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


def failures(prefix):
    sock, port = taken_port()
    with Fleet() as fleet:
        three(fleet).apply()
        pids = fleet.pids()
        with case(prefix + "changed to a port that is taken: rolled back, running, exit 4"):
            done = fleet.set("two", port=port).apply(expect=4)
            check_line(done, rf"channel two: rolled back \(listen\): .*bind 127.0.0.1:{port}: "
                             "Address.* in use")
            assert fleet.ready("two")
            check_equal(fleet.option("two", "--listen"), "127.0.0.1:26002", "--listen")
            check_kept(fleet, pids, "one", "three")
            assert not (fleet.run / ".old" / "two").exists()
        with case(prefix + "a swap with one that cannot start: all of it is rolled back"):
            fleet.set("one", port=26002).set("two", port=port).apply(expect=4)
            check_equal([fleet.option(name, "--listen") for name in ("one", "two")],
                        ["127.0.0.1:26001", "127.0.0.1:26002"], "--listen")
            assert fleet.ready("one") and fleet.ready("two")
            fleet.set("one", port=26001).set("two", port=26002)
        with case(prefix + "a new channel whose port is taken: exit 3, the others are added"):
            done = fleet.set("late", port=port).set("more", port=26010).apply(expect=3)
            check_line(done, f"channel late: added, but it does not stay up: .*bind "
                             f"127.0.0.1:{port}: Address.* in use")
            assert fleet.ready("more")
            fleet.apply(expect=3).has("channel late: unchanged, and it does not stay up: .*in use")
        with case(prefix + "it comes up by itself when the port is free"):
            sock.close()
            wait_for(lambda: fleet.ready("late"), "the channel is ready")
            fleet.apply().has("^= 5 unchanged; nothing to do$")


def check_line(done, text):
    """One clear line, and nothing else."""
    done.has(f"^sdr-gen: error: {text}$")
    check_equal(done.err.count("\n"), 1, f"lines in {done.err!r}")


STAND_IN = """#!/bin/sh
# Does what the file beside the storage says.
case $(cat '{0}') in
  100) echo 'stand-in: fatal: the operator got it wrong' >&2; exit 100 ;;
  mute) exec sleep 1000 ;;
  stubborn) trap '' TERM ;;
esac
echo >&3
exec 3>&- sleep 1000
"""


def stand_ins(prefix):
    with Fleet() as fleet:
        fleet.bin_dir, how = fleet.dir / "bin", fleet.dir / "how"
        fleet.bin_dir.mkdir()
        (fleet.bin_dir / "sdr-confine").symlink_to(BIN / "sdr-confine")
        relay = fleet.bin_dir / "sdr-relay"
        relay.write_text(STAND_IN.format(how), encoding="utf-8")
        relay.chmod(0o755)
        how.write_text("well", encoding="ascii")
        fleet.set("one", port=26001).set("two", port=26002).apply()
        pids = fleet.pids()
        with case(prefix + "a relay that never says it is ready is rolled back"):
            how.write_text("mute", encoding="ascii")
            fleet.set("one", ttl="2").apply(expect=4).has("not ready within 4 s; the old one is back, but")
            check_kept(fleet, pids, "two")
        with case(prefix + "a channel that gave up is no channel that the operator stopped"):
            how.write_text("100", encoding="ascii")
            done = fleet.set("one", ttl="3").apply(expect=4)
            done.has("it does not stay up.*: stand-in: fatal: the operator got it wrong$")
            assert not fleet.state("one")["wanted"]
            how.write_text("well", encoding="ascii")
            fleet.apply().has("^~ one +restarted: ttl, ready")
        with case(prefix + "a new channel that gives up; what was wrong is mended"):
            how.write_text("100", encoding="ascii")
            fleet.set("three", port=26003).apply(expect=3).has("the operator got it wrong")
            how.write_text("well", encoding="ascii")
            fleet.apply().has(r"^\^ three +unchanged, ready in").has("^= 3 unchanged")
        with case(prefix + "a relay that does not stop is killed, and changed"):
            templates = fleet.dir / "templates"
            shutil.copytree(fleet.templates, templates)
            fleet.templates = templates
            (templates / "s6" / "timeout-kill").write_text("300\n", encoding="ascii")
            how.write_text("stubborn", encoding="ascii")
            fleet.apply().has("^~ three +restarted: timeout-kill")
            how.write_text("well", encoding="ascii")
            fleet.set("one", ttl="4").apply().has("^~ one +restarted: ttl")


def every(prefix=""):
    first_steps(prefix)
    changes(prefix)
    failures(prefix)
    stand_ins(prefix)


if __name__ == "__main__":
    enter_network()
    every()
    as_ordinary_user(every)
    finish()
