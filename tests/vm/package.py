#!/usr/bin/python3
"""In the guest: the package from its installation to the day the machine is switched off."""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import cgroups
from installed import (ETC, PORTS, RUN, SHARED, STORAGE, apt, channels, check_readable, check_units,
                       check_left, configure, feed, files, pid, pids, process, say)
from load import Load, check_recorded
from sdrtest import ROOT, case, check_equal, enter_plainly, finish, wait_for

SCAN = RUN / "service"
MINE = """{"type": "record", "name": "Engine", "fields": [{"name": "rpm", "type": "double"},
  {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["OFF", "RUN"]}}]}"""
HOME = Path("/sys/fs/cgroup/system.slice/speeddata-relay.service")


def tree_pids():
    """Of what an upgrade leaves alone."""
    wanted = ["fdholder", "fdholder2"] + [f"{name}/log" for name in PORTS]
    main = int(say("systemctl", "show", "-P", "MainPID", "speeddata-relay"))
    return [main, *(pid(SCAN / name) for name in wanted)]


enter_plainly()
say("mount", "-o", "remount,noexec", "/run")  # as after an initramfs
(SHARED / "before").write_text("\n".join(files()), encoding="utf-8")

with case("installed: the tree runs, without a channel; no unit has failed"):
    apt("install", SHARED / "old.deb")
    check_units()
    check_equal(channels(), {}, "channels")
    say("systemctl", "start", "sdr-prune")
with case("purged again: nothing is left"):
    apt("purge", "speeddata-relay")
    check_units(())
    check_left()
with case("the README's five commands, as printed: from the package to one's own first datum"):
    place = Path("/root/new")
    place.mkdir()
    shutil.copy(SHARED / "old.deb", place / "speeddata-relay_0.1.0_amd64.deb")
    (place / "engine.avsc").write_text(MINE, encoding="utf-8")
    script = re.search(r"## Install.*?```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.S)[1]
    said = say("bash", "-ec", script.replace("apt install", "apt-get install -y"), cwd=place)
    datum = json.loads(said.splitlines()[-1])
    assert isinstance(datum["rpm"], float) and datum["state"] in ("OFF", "RUN"), datum
    check_units()
    main = int(say("systemctl", "show", "-P", "MainPID", "speeddata-relay"))
    check_equal(cgroups.group_of(main, "memory"), HOME / "speeddata/supervisor", "its group")
    assert "_speeddata" in say("getent", "passwd", "_speeddata"), "no user"
with case("what systemd thinks of the units: sdr-prune.service at most 1.0"):
    levels = {}
    for unit in ("sdr-prune", "speeddata-relay"):
        level = re.search(r"level for \S+: ([0-9.]+)",
                          say("systemd-analyze", "--no-pager", "security", f"{unit}.service"))
        levels[unit] = float(level[1])
    print(levels)
    assert levels["sdr-prune"] <= 1.0 and levels["speeddata-relay"] <= 4.5, levels
with case("a config of one's own: checked, applied, each channel without privileges in its leaf"):
    STORAGE.mkdir()
    configure(one='memory = "64MiB"\ncpu_quota = "50%"', two='user = "daemon"',
              three='scheduler = "fifo:10"\nlisten_interface = "lo"\nreceive_buffer = "4MiB"')
    say("sdr-gen", "--check", "--host")
    say("sdr-gen", "--apply")
    check_equal({name: one["state"] for name, one in channels().items()},
                {name: "up" for name in PORTS}, "states")
    for name, number in pids().items():
        check_equal(cgroups.group_of(number, "memory"), HOME / f"speeddata/channel.{name}", "group")
        check_equal(int(process(number, "CapPrm"), 16), 0, "capabilities")
        user = "daemon" if name == "two" else "_speeddata"
        owner = int(say("id", "-u", user))
        check_equal(int(process(number, "Uid").split()[0]), owner, "user of " + name)
    leaf = HOME / "speeddata/channel.one"
    check_equal((cgroups.read(leaf, "memory.max"), cgroups.read(leaf, "cpu.max")),
                (str(64 << 20), cgroups.quota_text(50)), "limits")
    granted = channels()["three"]["receive_buffer"]["granted"]
    assert granted >= 4 << 20, granted
    if subprocess.run(["chrt", "-f", "1", "true"], check=False).returncode == 0:
        said = say("chrt", "-p", pids()["three"])
        assert "SCHED_FIFO" in said, said
    else:
        print("this guest has no real time in groups")
with case("fed, recorded, read"):
    for name in PORTS:
        feed(name, 1000)
        check_readable(name, 1000)
        assert channels()[name]["clock"] if "clock" in channels()[name] else True
with case("s6-svc for one channel: stopped, started, restarted, rotated"):
    before = pids()
    say("s6-svc", "-wD", "-d", SCAN / "one")
    check_equal(channels()["one"]["state"], "down", "state")
    say("s6-svc", "-wU", "-T", 5000, "-u", SCAN / "one")
    say("s6-svc", "-wR", "-T", 5000, "-r", SCAN / "two")
    say("s6-svc", "-h", SCAN / "three")
    wait_for(lambda: len(list(STORAGE.glob("channel=three/date=*/*.avro"))) == 1, "it rotated")
    after = pids()
    check_equal([after[name] == before[name] for name in PORTS], [False, False, True], "kept")
with case("an edit and systemctl reload: that channel restarts, the others do not"):
    before = pids()
    configure(one='memory = "64MiB"\ncpu_quota = "50%"\nttl = 4', two='user = "daemon"',
              three='scheduler = "fifo:10"\nlisten_interface = "lo"\nreceive_buffer = "4MiB"')
    say("systemctl", "reload", "speeddata-relay")
    after = pids()
    check_equal([after[name] == before[name] for name in PORTS], [False, True, True], "kept")
with case("a config that is wrong: reload says so, nothing is touched"):
    good = (ETC / "relay.toml").read_text(encoding="utf-8")
    (ETC / "relay.toml").write_text(good + "ttll = 4\n", encoding="utf-8")
    say("systemctl", "reload", "speeddata-relay", codes=(1,))
    assert "did you mean 'ttl'" in say("journalctl", "-u", "speeddata-relay", "-b"), "not said"
    check_equal(pids(), after, "PIDs")
    (ETC / "relay.toml").write_text(good, encoding="utf-8")
    check_units()
with case("the timer prunes, also what belongs to another user"):
    keys = 'retain = { size = "1MiB" }\nrecord = { sync = "200ms", size = "128KiB" }'
    configure(channels=("one", "two"), one=keys, two='user = "daemon"\n' + keys)
    say("sdr-gen", "--apply")
    seen = {}
    for name in ("one", "two"):
        feed(name, 40000)  # 1.6 MB: more than it may keep, and less than twice as much
        wait_for(lambda: channels()[name]["recorded"] >= 40000, "recorded")
        seen[name] = set(STORAGE.glob(f"channel={name}/date=*/*.avro"))
    for name in seen:
        wait_for(lambda: seen[name] - set(STORAGE.glob(f"channel={name}/date=*/*.avro")),
                 f"a segment of {name} is deleted", 130)
    log = say("journalctl", "-u", "sdr-prune", "-b")
    assert "channel=two" in log and "Starting" not in log, log
    check_units()
with case("an upgrade under load: channels restart one by one, no datagram is lost"):
    configure(one='receive_buffer = "8MiB"', two='user = "daemon"\nreceive_buffer = "8MiB"',
              three='receive_buffer = "8MiB"')
    say("sdr-gen", "--apply")
    for name in PORTS:
        subprocess.run(["s6-svc", "-wD", "-d", SCAN / name], check=True)
        for path in sorted((STORAGE / f"channel={name}").glob("date=*/*")):
            path.unlink()
        subprocess.run(["s6-svc", "-wU", "-u", SCAN / name], check=True)
    before, kept = pids(), tree_pids()
    with open(ETC / "relay.toml", "a", encoding="utf-8") as config:
        config.write("ttl = 9\n")  # of three; is not applied by an upgrade
    load = Load(PORTS.values(), 100).start()
    load.flow(100)
    said = apt("install", SHARED / "new.deb")
    load.flow(100)
    load.stop()
    assert said.count("another sdr-relay is installed") == 3, said
    after = pids()
    check_equal([name for name in PORTS if after[name] in (0, before[name])], [], "not restarted")
    check_equal(tree_pids(), kept, "PIDs of all else")
    for name in PORTS:
        assert os.path.samefile(f"/proc/{after[name]}/exe", "/usr/bin/sdr-relay"), name
        subprocess.run(["s6-svc", "-wD", "-d", SCAN / name], check=True)
        check_recorded(STORAGE, [name], load.sent(PORTS[name]))
        subprocess.run(["s6-svc", "-wU", "-u", SCAN / name], check=True)
    assert re.search("three +restart: ttl", say("sdr-gen", "--diff", codes=(2,))), "it is applied"
    check_units()
with case("needrestart leaves the tree alone after an update of a library"):
    script = ("our %nrconf; do '/etc/needrestart/conf.d/speeddata-relay.conf'; die $@ if $@; "
              "for my $re (keys %{$nrconf{override_rc}}) "
              "{ print $nrconf{override_rc}{$re} if 'speeddata-relay.service' =~ /$re/ }")
    check_equal(say("perl", "-we", script), "0", "what it does with the service")
with case("the day ends in the middle of a run, with a config that is broken"):
    configure(one='receive_buffer = "8MiB"', two='user = "daemon"')
    say("sdr-gen", "--apply")
    for name in PORTS:
        feed(name, 300)
    (SHARED / "recorded").write_text(json.dumps(
        {name: one["recorded"] for name, one in channels().items()}), encoding="utf-8")
    with open(ETC / "relay.toml", "a", encoding="utf-8") as config:
        config.write("[broken\n")
finish()
