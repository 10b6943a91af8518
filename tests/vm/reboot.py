#!/usr/bin/python3
"""In the guest, after vm/package and a power-off: a broken config, a disk that comes late, and the
package's end."""
import os
import signal
import subprocess
from pathlib import Path

import segments
from installed import (ETC, PORTS, RUN, SHARED, STORAGE, apt, channels, check_left, check_units,
                       configure, feed, our_processes, pids, say)
from sdrtest import case, check_equal, enter_plainly, finish, wait_for

LATE, DISK = Path("/home/late"), Path("/root/late")  # a mount point, and what is mounted there


def mount_late():
    DISK.mkdir(exist_ok=True)
    say("mount", "--bind", DISK, LATE)


def check_recording():
    for name in PORTS:
        wait_for(lambda: channels()[name]["disk"] == "ok", f"{name} records", 20)


enter_plainly()
with case("at power-off every recording was sealed, and every logger wrote its last line"):
    check_equal(list(STORAGE.glob("channel=*/.open*")), [], "open segments")
    for path in STORAGE.glob("channel=*/date=*/*.avro"):
        segments.Segment(path)
    for name in PORTS:
        current = Path(f"/var/log/speeddata/{name}/current")
        assert current.stat().st_mode & 0o100, f"{current} was not closed"
with case("a broken config at boot: the last one applied runs, and the journal says so"):
    check_units()
    wait_for(lambda: all(one["state"] == "up" for one in channels().values()), "they are up", 20)
    check_equal(sorted(channels()), sorted(PORTS), "channels")
    log = say("journalctl", "-u", "speeddata-relay", "-b")
    assert "is broken; starting with the config applied last" in log, log
    for name in PORTS:
        feed(name, 100)
        wait_for(lambda: channels()[name]["recorded"] >= 100, "it records")
with case("storage that is mounted only later, in /home: live at once, recorded from then on"):
    LATE.mkdir()
    configure(f'path = "{LATE}"\nmount = "{LATE}"')
    say("systemctl", "reload", "speeddata-relay")
    check_equal({name: one["disk"] for name, one in channels().items()},
                {name: "unmounted" for name in PORTS}, "disk")
    feed("one", 100)
    wait_for(lambda: channels()["one"]["relayed"] >= 100, "it relays")
    say("systemctl", "start", "sdr-prune")
    check_units()
    mount_late()
    say("sdr-gen", "--apply")  # a new disk: the channels' directories are made
    check_recording()
    feed("two", 100)
    wait_for(lambda: list(LATE.glob("channel=two/.open")), "recorded there")
with case("the disk is taken out and put back in: recording goes on by itself"):
    # As after a boot: what holds on to the old one is gone.
    say("systemctl", "stop", "speeddata-relay")
    say("umount", LATE)
    say("systemctl", "start", "speeddata-relay")
    wait_for(lambda: {one["disk"] for one in channels().values()} == {"unmounted"}, "unmounted", 20)
    check_equal(list(LATE.glob("*")), [], "what is below the mount point")
    mount_late()
    check_recording()
    say("systemctl", "start", "sdr-prune")
    check_units()
with case("systemctl restart: everything is back"):
    before = pids()
    say("systemctl", "restart", "speeddata-relay")
    wait_for(lambda: all(pids().values()) and all(one["state"] == "up"
                                                  for one in channels().values()), "up", 30)
    assert not set(before.values()) & set(pids().values()), "the same"
    check_equal(list(LATE.glob("channel=*/date=*/*.avro")) != [], True, "sealed ones")
    check_units()
with case("the supervisor is killed: systemd starts it again, the channels with it"):
    main = say("systemctl", "show", "-P", "MainPID", "speeddata-relay")
    os.kill(int(main), signal.SIGKILL)
    wait_for(lambda: say("systemctl", "show", "-P", "MainPID", "speeddata-relay") not in
             ("0", main) and all(pids().values()), "it is back", 30)
    wait_for(lambda: all(one["state"] == "up" for one in channels().values()), "up", 20)
    check_units()
with case("removed: nothing of it runs, recordings and config are there"):
    configure()
    say("systemctl", "reload", "speeddata-relay")
    recorded = sorted(STORAGE.glob("channel=*/date=*/*.avro"))
    apt("remove", "speeddata-relay")
    check_equal(our_processes(), [], "processes")
    check_units(())
    left = say("systemctl", "list-units", "--no-legend", "speeddata*", "sdr-prune*",
               "run-speeddata*")
    assert not left, left + "\n" + say("journalctl", "-b", "-n", 30, "-o", "cat")
    assert not any(RUN.glob("*")), list(RUN.glob("*"))
    assert set(recorded) <= set(STORAGE.glob("channel=*/date=*/*.avro")), "recordings are gone"
    assert (ETC / "relay.toml").exists(), "the config is gone"
with case("installed again: the config of before is applied"):
    apt("install", SHARED / "new.deb")
    wait_for(lambda: all(pids().values()), "the channels run", 20)
    check_units()
with case("purged: nothing is left but recordings"):
    apt("purge", "speeddata-relay")
    check_equal(our_processes(), [], "processes")
    check_left(f"{LATE}(/.*)?", f"{ETC}(/schemas.*)?", "/root/(new|late).*", "/srv/channel.*")
    assert list(STORAGE.glob("channel=*/date=*/*.avro")), "recordings are gone"
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    check_units(())
finish()
