#!/usr/bin/python3
"""In the guest of tests/vm/run: a supervision tree as a systemd service with Delegate=yes."""
import subprocess
from pathlib import Path

import cgroups
from sdrtest import BIN, alive, case, check_equal, enter_plainly, finish, run_dir, wait_for

UNIT = "speeddata-test.service"
PYTHON = "/usr/bin/python3"
MIB = 1 << 20
LIMIT = f"--memory {32 * MIB}"
EAT = "there = bytearray(1)\nwhile True: there += b'x' * (1 << 20)"
WAIT = "import signal; signal.pause()"
BURN = "while True: pass"


def add(scan, name, script, options):
    (scan / name).mkdir(parents=True)
    (scan / name / "script").write_text(script, encoding="ascii")
    run = scan / name / "run"
    run.write_text(f"#!/bin/sh\nexec {BIN}/sdr-confine --cgroup speeddata/channel.{name} {options} "
                   f"--user nobody -- {PYTHON} script\n", encoding="utf-8")
    run.chmod(0o755)


def systemctl(*words):
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)
    return done.stdout.strip(), done.returncode


def main_pid():
    return int(systemctl("show", "-P", "MainPID", UNIT)[0])


def pid_of(service):
    done = subprocess.run(["s6-svstat", "-o", "pid", service], capture_output=True, text=True,
                          check=False)
    return max(0, int(done.stdout or 0)) if done.returncode == 0 else 0


def deaths(service):
    done = subprocess.run(["s6-svdt", service], capture_output=True, text=True, check=False)
    return done.stdout.count("SIGKILL")


def up(scan, names):
    return all(pid_of(scan / name) and cgroups.group_of(pid_of(scan / name), "memory").name ==
               f"channel.{name}" for name in names)



def share_of_cpu(group):
    """Over two seconds of wall clock."""
    script = ("import sys, time\n"
              "def used(): return int(open(sys.argv[1]).readline().split()[1])\n"
              "start, before = time.monotonic(), used()\n"
              "time.sleep(2)\n"
              "print((used() - before) / 1e6 / (time.monotonic() - start))\n")
    return float(subprocess.run([PYTHON, "-c", script, group / "cpu.stat"], capture_output=True,
                                text=True, check=True).stdout)


enter_plainly()
scan = run_dir() / "service"
steady = ("neighbour", "burner")
add(scan, "neighbour", WAIT, f"{LIMIT} --pids 20")
add(scan, "burner", BURN, "--cpu-quota 30")
scan.parent.chmod(0o755)
unit = Path("/run/systemd/system") / UNIT
unit.parent.mkdir(parents=True, exist_ok=True)
unit.write_text(
    "[Service]\nDelegate=yes\nKillMode=mixed\nOOMPolicy=continue\n"
    f"ExecStart={BIN}/sdr-confine --keep-privileges --cgroup speeddata/supervisor -- "
    f"s6-svscan {scan}\n", encoding="utf-8")
systemctl("daemon-reload")
home = Path("/sys/fs/cgroup/system.slice") / UNIT
groups = lambda name: cgroups.group_of(pid_of(scan / name), "memory")

with case("limits below a group with a process in it: what is wrong, and what would be right"):
    done = subprocess.run([BIN / "sdr-confine", "--cgroup", "other/one", *LIMIT.split(), "true"],
                          capture_output=True, text=True, check=False)
    own = cgroups.group_of("self", "memory")
    check_equal((done.returncode, done.stderr),
                (111, f"sdr-confine: fatal: unable to write +memory to {own}/cgroup.subtree_control"
                 ": Device or resource busy: a process is in that group; start the tree with "
                 "sdr-confine --keep-privileges --cgroup other/supervisor -- s6-svscan ...\n"),
                "exit code and complaint")
with case("the tree is in a leaf of its own, the services in theirs"):
    systemctl("start", UNIT)
    wait_for(lambda: up(scan, steady), "the services are up")
    check_equal(cgroups.group_of(main_pid(), "memory"), home / "speeddata/supervisor", "its group")
    for name in steady:
        check_equal(groups(name), home / "speeddata" / f"channel.{name}", "group of " + name)
    check_equal((home / "cgroup.procs").read_text(encoding="ascii"), "", "left in the unit's group")
with case("limits read back"):
    cgroups.check_limits(lambda _: groups("neighbour"), 32 * MIB, None, 20)
    check_equal(cgroups.read(groups("neighbour"), "memory.oom.group"), "1", "memory.oom.group")
    check_equal(cgroups.read(groups("neighbour"), "memory.swap.max"), "0", "memory.swap.max")
    cgroups.check_limits(lambda _: home / "speeddata/channel.burner", None, 30)
with case("a quota of 30% holds within a tenth"):
    cgroups.check_quota(lambda: share_of_cpu(groups("burner")), 30)
with case("out of memory: the one service dies and is started again, nothing else ends"):
    before = [main_pid(), *(pid_of(scan / name) for name in steady)]
    add(scan, "hog", EAT, LIMIT)
    subprocess.run(["s6-svscanctl", "-a", scan], check=True)
    wait_for(lambda: deaths(scan / "hog") >= 2, "it was killed twice", 30)
    check_equal([main_pid(), *(pid_of(scan / name) for name in steady)], before, "the others")
    check_equal(systemctl("is-active", UNIT)[0], "active", "the unit")
    subprocess.run(["s6-svc", "-d", scan / "hog"], check=True)
with case("the service is restarted, and everything is back in its leaf"):
    old = main_pid()
    check_equal(systemctl("restart", UNIT)[1], 0, "exit code of systemctl restart")
    wait_for(lambda: main_pid() != old and up(scan, steady), "the services are up again", 20)
    check_equal(cgroups.group_of(main_pid(), "memory"), home / "speeddata/supervisor", "its group")
    cgroups.check_limits(lambda _: groups("neighbour"), 32 * MIB, None, 20)
with case("the service is stopped, and neither a process nor a group is left"):
    pids = [main_pid(), *(pid_of(scan / name) for name in steady)]
    systemctl("stop", UNIT)
    wait_for(lambda: not any(alive(pid) for pid in pids), "all processes are gone", 20)
    wait_for(lambda: not home.exists(), "the unit's group is gone")
unit.unlink()
finish()
