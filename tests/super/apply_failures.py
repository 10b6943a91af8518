#!/usr/bin/python3
"""sdr-gen --apply where channels do not come up: rolled back, reported, and the others go on."""
import shutil
import socket

from s6tree import Fleet, as_ordinary_user
from sdrtest import BIN, case, check_equal, enter_network, finish, wait_for


def taken_port():
    """A UDP port of the loopback that another program has."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    return sock, sock.getsockname()[1]


def failures(prefix):
    sock, port = taken_port()
    with Fleet() as fleet:
        fleet.three().apply()
        pids = fleet.pids()
        with case(prefix + "changed to a port that is taken: rolled back, running, exit 4"):
            done = fleet.set("two", port=port).apply(expect=4)
            check_line(done, rf"channel two: rolled back \(listen\): .*bind 127.0.0.1:{port}: "
                             "Address.* in use")
            assert fleet.ready("two")
            check_equal(fleet.option("two", "--listen"), "127.0.0.1:26002", "--listen")
            fleet.check_kept(pids, "one", "three")
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
            fleet.set("one", ttl="2").apply(expect=4)\
                .has("not ready within 4 s; the old one is back, but")
            fleet.check_kept(pids, "two")
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
            (templates / "s6" / "channel" / "timeout-kill").write_text("300\n", encoding="ascii")
            how.write_text("stubborn", encoding="ascii")
            fleet.apply().has("^~ three +restarted: timeout-kill")
            how.write_text("well", encoding="ascii")
            fleet.set("one", ttl="4").apply().has("^~ one +restarted: ttl")


def every(prefix=""):
    failures(prefix)
    stand_ins(prefix)


if __name__ == "__main__":
    enter_network()
    every()
    as_ordinary_user(every)
    finish()
