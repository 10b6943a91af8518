#!/usr/bin/python3
"""In a guest without systemd: the package under an s6-svscan of the host's, and under runsvdir."""
import shutil
import subprocess
from pathlib import Path

from installed import (ETC, PORTS, RUN, SHARED, STORAGE, apt, channels, check_readable, configure,
                       feed, our_processes, pids, say)
from load import Load, check_recorded
from sdrtest import alive, case, check_equal, enter_plainly, finish, wait_for

SCAN, RUNIT = Path("/service"), Path("/etc/service")


def supervisor(*words):
    return subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL)


def end(process, stop):
    stop()
    process.wait(30)


def check_up():
    wait_for(lambda: {one["state"] for one in channels().values()} == {"up"}, "all are up", 20)


enter_plainly()
STORAGE.mkdir()
with case("installed: nothing runs, nothing complains"):
    apt("install", SHARED / "old.deb")
    check_equal(our_processes(), [], "processes")
    check_equal(say("sdr-prune"), "nothing to delete: no storage.path in /etc/speeddata/relay.toml",
                "sdr-prune")
configure()
SCAN.mkdir()
svscan = supervisor("s6-svscan", SCAN)
wait_for(lambda: (SCAN / ".s6-svscan/control").exists(), "s6-svscan is there")
s6 = ("--scandir", SCAN, "--prefix", "telemetry-")
with case("/run is mounted noexec: it is said, with what to do, and that helps"):
    said = say("sdr-gen", "--apply", *s6, codes=(111,))
    advice = f"mount -t tmpfs -o mode=755 tmpfs {RUN}"
    assert "mounted noexec" in said and advice in said, said
    say(*advice.split())
    say("sdr-gen", "--apply", *s6)
    check_up()
with case("under s6: fed, recorded, read; stopped and started by s6-svc"):
    feed("one", 500)
    check_readable("one", 500)
    say("s6-svc", "-wD", "-d", SCAN / "telemetry-one")
    check_equal(channels()["one"]["state"], "down", "state")
    say("s6-svc", "-wU", "-u", SCAN / "telemetry-one")
    check_up()
with case("under s6: an upgrade under load finds the scan directory, and loses nothing"):
    subprocess.run(["s6-svc", "-wD", "-d", SCAN / "telemetry-one"], check=True)
    shutil.rmtree(STORAGE / "channel=one")
    subprocess.run(["s6-svc", "-wU", "-u", SCAN / "telemetry-one"], check=False)
    say("sdr-gen", "--apply", *s6)
    before = pids(scan=SCAN, prefix="telemetry-")
    load = Load([PORTS["one"]], 100).start()
    load.flow(50)
    said = apt("install", SHARED / "new.deb")
    load.flow(50)
    load.stop()
    assert said.count("another sdr-relay is installed") == 3, said
    after = pids(scan=SCAN, prefix="telemetry-")
    check_equal([name for name in PORTS if after[name] in (0, before[name])], [], "not restarted")
    subprocess.run(["s6-svc", "-wD", "-d", SCAN / "telemetry-one"], check=True)
    check_recorded(STORAGE, ["one"], load.sent(PORTS["one"]))
with case("a config without channels takes them out of the scan directory"):
    (ETC / "relay.toml").write_text("", encoding="utf-8")
    say("sdr-gen", "--apply", *s6)
    wait_for(lambda: not our_processes(), "no process is left")
    check_equal([path.name for path in SCAN.glob("[a-z]*")], [], "services")
end(svscan, lambda: say("s6-svscanctl", "-t", SCAN))
RUNIT.mkdir(exist_ok=True)
runsvdir = supervisor("runsvdir", RUNIT)
runit = ("--target", "runit", "--scandir", RUNIT)
with case("under runit: applied, fed, recorded, read; stopped and started by sv"):
    configure()
    say("sdr-gen", "--apply", *runit)
    feed("two", 500)
    wait_for(lambda: channels()["two"]["recorded"] >= 500, "it is recorded", 20)
    check_readable("two", 500)
    say("sv", "stop", RUNIT / "two")
    say("sv", "start", RUNIT / "two")
with case("under runit: an edit restarts only what changed"):
    status = lambda name: int((RUNIT / name / "supervise/pid").read_text(encoding="ascii") or 0)
    before = {name: status(name) for name in PORTS}
    configure(three="ttl = 3")
    say("sdr-gen", "--apply", *runit)
    check_equal([status(name) == before[name] for name in PORTS], [True, True, False], "kept")
with case("removed and purged: nothing is left but recordings"):
    (ETC / "relay.toml").write_text("", encoding="utf-8")
    say("sdr-gen", "--apply", *runit)
    wait_for(lambda: not our_processes(), "no process is left", 20)
    apt("purge", "speeddata-relay")
    left = [path for path in (RUN, Path("/var/lib/speeddata"), Path("/var/log/speeddata"),
                              ETC / "relay.toml", Path("/usr/bin/sdr-gen"))
            if path.exists() and any(path.glob("*") if path.is_dir() else [path])]
    check_equal(left, [], "files that are left")
    assert list(STORAGE.glob("channel=two/date=*/*.avro")), "recordings are gone"
runsvdir.terminate()
wait_for(lambda: not alive(runsvdir.pid) or runsvdir.poll() is not None, "runsvdir ends")
finish()
