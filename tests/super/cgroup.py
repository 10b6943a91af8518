#!/usr/bin/python3
"""sdr-confine --cgroup: limits that hold, one leaf alone that dies, and failures that say why.

Runs in the version of control groups that is there. In version 2 the whole test moves into a
FLEET/supervisor first, as a supervision tree does.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

import cgroups
from s6tree import as_ordinary_user, really_root
from sdrtest import (BIN, Skip, alive, case, check_equal, enter_plainly, finish, run_dir, wait_for)

FLEET = os.environ.setdefault("SDR_TEST_FLEET", f"sdr-test.{os.getpid()}")
PYTHON = "/usr/bin/python3"
MIB = 1 << 20

REPORT = """
import json, os
print(json.dumps({"groups": open("/proc/self/cgroup").read(), "pid": os.getpid(),
                  "status": open("/proc/self/status").read()}), flush=True)
"""
# Says a line, then waits for its end.
STAY = "import sys; print('there', flush=True); sys.stdin.read()"
EAT = "there = bytearray(1)\nwhile True: there += b'x' * (1 << 20)"
BURN = """
import time
start, used = time.monotonic(), time.process_time()
while time.monotonic() < start + 2: pass
print((time.process_time() - used) / (time.monotonic() - start))
"""
FORK = """
import os, time
made = 0
try:
    while made < 50:
        if os.fork() == 0:
            time.sleep(60)
        made += 1
except BlockingIOError:
    pass
print(made, flush=True)
os.killpg(0, 9)
"""


def words(leaf, *options):
    return [str(word) for word in (BIN / "sdr-confine", "--cgroup", f"{FLEET}/{leaf}", *options)]


def confine(leaf, *options, script=REPORT, prefix=(), **popen):
    return subprocess.run([*prefix, *words(leaf, *options), "--", PYTHON, "-c", script],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
                          timeout=60, **popen)


def report(leaf, *options, prefix=()):
    done = confine(leaf, *options, prefix=prefix)
    check_equal((done.returncode, done.stderr), (0, ""), "exit code and complaints")
    found = json.loads(done.stdout)
    found["status"] = dict(line.split(":\t", 1) for line in found["status"].splitlines()
                           if ":\t" in line)
    return found


def check_fails(code, text, done):
    check_equal((done.returncode, done.stdout), (code, ""), f"exit code and output: {done.stderr}")
    check_equal(done.stderr.count("\n"), 1, f"lines in {done.stderr!r}")
    if not (done.stderr.startswith("sdr-confine: fatal: ") and text in done.stderr):
        raise AssertionError(f"no {text!r} in {done.stderr!r}")


class Stay:
    """A process in a leaf, for as long as the context."""

    def __init__(self, leaf, *options):
        self.process = subprocess.Popen([*words(leaf, *options), "--", PYTHON, "-c", STAY],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        check_equal(self.process.stdout.readline(), "there\n", "what it says")

    def __enter__(self):
        return self.process.pid

    def __exit__(self, *_):
        self.process.communicate("")


def needs(controller, *options):
    """Skips a case where the controller is missing, or the group is not ours to change."""
    done = confine("probe", *options)
    for reason in (f"{controller} controller is not available", "a process is in that group"):
        if reason in done.stderr:
            raise Skip(done.stderr.strip().removeprefix("sdr-confine: fatal: "))


def leaves():
    with case("a leaf is made in the fleet's group, and what it starts goes beside it"):
        report("one")
        found = report("two", "--user", "nobody", prefix=[*words("one", "--keep-privileges"), "--"])
        groups = [line.split(":", 2)[2] for line in found["groups"].splitlines()]
        own = cgroups.hierarchies()
        base = own.get("memory", own.get("")).removesuffix(f"/{FLEET}/supervisor").rstrip("/")
        assert f"{base}/{FLEET}/two" in groups, groups
        check_equal([path for path in groups if path.endswith("one")], [], "left in the first")
    with case("limits are as given; those that are not given any more are lifted"):
        needs("memory", "--memory", 64 * MIB)
        needs("cpu", "--cpu-quota", "50")
        needs("pids", "--pids", "20")
        where = lambda controller: cgroups.group_of(pid, controller)
        with Stay("one", "--memory", 64 * MIB, "--cpu-quota", "50", "--pids", "20") as pid:
            check_equal(where("memory").name, "one", "group")
            cgroups.check_limits(where, 64 * MIB, 50, 20)
        with Stay("one", "--memory", 128 * MIB, "--cpu-quota", "2.5") as pid:
            cgroups.check_limits(where, 128 * MIB, 2.5)
        with Stay("one", "--memory", 48 * MIB, "--cpu-quota", "150") as pid:
            cgroups.check_limits(where, 48 * MIB, 150)
        with Stay("one") as pid:
            cgroups.check_limits(where)


def memory():
    limit = ("--memory", 32 * MIB)
    with case("what takes more memory than its leaf has is killed alone"):
        needs("memory", *limit)
        with Stay("neighbour", *limit) as neighbour:
            done = confine("hog", *limit, script=EAT)
            check_equal((done.returncode, done.stdout, done.stderr), (-9, "", ""), "how it ended")
            assert alive(neighbour), "its neighbour is gone"
    with case("one that is supervised is started again, the neighbour and the tree stay"):
        needs("memory", *limit)
        scan = run_dir() / "service"
        for name, script in (("hog", EAT), ("neighbour", "import signal; signal.pause()")):
            (scan / name).mkdir(parents=True)
            (scan / name / "script").write_text(script, encoding="ascii")
            run = scan / name / "run"
            command = " ".join([*words(name, *limit), "--", PYTHON, "script"])
            run.write_text(f"#!/bin/sh\nexec {command}\n", encoding="utf-8")
            run.chmod(0o755)
        svscan = subprocess.Popen(["s6-svscan", scan], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: pid_of(scan / "neighbour"), "the neighbour runs")
            neighbour = pid_of(scan / "neighbour")
            wait_for(lambda: deaths(scan / "hog") >= 2, "it was killed and started again", 20)
            assert alive(svscan.pid) and pid_of(scan / "neighbour") == neighbour, "others died"
        finally:
            subprocess.run(["s6-svscanctl", "-t", scan], check=True)
            svscan.wait(20)


def pid_of(service):
    done = subprocess.run(["s6-svstat", "-o", "pid", service], capture_output=True, text=True,
                          check=False)
    return max(0, int(done.stdout or 0)) if done.returncode == 0 else 0


def deaths(service):
    """By SIGKILL."""
    done = subprocess.run(["s6-svdt", service], capture_output=True, text=True, check=False)
    return done.stdout.count("signal 9") + done.stdout.count("SIGKILL")


def processor():
    with case("a quota of 30% of a CPU holds within a tenth"):
        needs("cpu", "--cpu-quota", "30")
        cgroups.check_quota(
            lambda: float(confine("burner", "--cpu-quota", "30", script=BURN).stdout), 30)
    cpus = sorted(os.sched_getaffinity(0))
    with case("the cpuset and the affinity are those asked for"):
        needs("cpuset", "--cpuset", cpus[-1])
        found = report("pinned", "--cpuset", cpus[-1])["status"]["Cpus_allowed_list"]
        check_equal(found, str(cpus[-1]), "CPUs by cpuset")
        found = report("pinned", "--cpus", cpus[0])["status"]["Cpus_allowed_list"]
        check_equal(found, str(cpus[0]), "CPUs by affinity")
        if len(cpus) > 1:
            check_fails(111, f"unable to pin to CPUs {cpus[0]}",
                        confine("pinned", "--cpuset", cpus[-1], "--cpus", cpus[0]))
    with case("a CPU that is not there"):
        needs("cpuset", "--cpuset", cpus[-1])
        check_fails(111, "unable to write 8000 to ", confine("pinned", "--cpuset", "8000"))


def processes():
    with case("no more processes than allowed"):
        needs("pids", "--pids", "5")
        done = confine("forker", "--pids", "5", script=FORK, start_new_session=True)
        check_equal(done.stdout, "4\n", "children")


def failures():
    with case("a file that cannot be written: its name and the errno"):
        needs("memory", "--memory", 64 * MIB)
        with Stay("locked", "--memory", 64 * MIB) as pid:
            group = cgroups.group_of(pid, "memory")
            file = group / ("memory.max" if cgroups.unified() else "memory.limit_in_bytes")
            prefix = ("unshare", "-m", "sh", "-ec", f"mount --bind {file} {file}; "
                      f"mount -o remount,bind,ro {file}; exec \"$@\"", "sh")
            check_fails(111, f"unable to write {48 * MIB} to {file}: Read-only file system",
                        confine("locked", "--memory", 48 * MIB, prefix=prefix))
    with case("--best-effort: a line for each failure, and it goes on"):
        needs("memory", "--memory", 64 * MIB)
        with Stay("locked", "--memory", 64 * MIB):
            done = confine("locked", "--memory", 48 * MIB, "--pids", "20", "--best-effort",
                           prefix=prefix)
        check_equal((done.returncode, done.stderr.count("\n")), (0, 1), "exit code and lines")
        assert f"sdr-confine: warning: unable to write {48 * MIB}" in done.stderr, done.stderr
        assert f"/{FLEET}/locked" in json.loads(done.stdout)["groups"], "it did not join"
    for controller, option, value in (("memory", "--memory", 64 * MIB),
                                      ("cpu", "--cpu-quota", "50"), ("pids", "--pids", "20")):
        with case(f"without the {controller} controller: where to look"):
            prefix = without(controller)
            check_fails(111, f"the {controller} controller is not available (cgroup_disable="
                        f"{controller} on the kernel command line? see /proc/cgroups)",
                        confine("one", option, value, prefix=prefix))
            done = confine("one", option, value, "--best-effort", prefix=prefix)
            check_equal((done.returncode, done.stderr.count("warning: ")), (0, 1), "exit, warnings")
            done = confine("one", prefix=prefix)
            check_equal((done.returncode, done.stderr), (0, ""), "without a limit")
    with case("without any control groups"):
        empty = run_dir() / "empty"
        empty.write_text("", encoding="ascii")
        prefix = ("unshare", "-m", "sh", "-ec",
                  f"mount --bind {empty} /proc/$$/cgroup; exec \"$@\"", "sh")
        check_fails(111, "no control groups are mounted here", confine("one", prefix=prefix))
        done = confine("one", "--memory", MIB, "--best-effort", prefix=prefix)
        check_equal((done.returncode, done.stderr.count("warning: ")), (0, 2), "exit, warnings")
    with case("what the user got wrong: one line, exit 100"):
        for options, text in ((("--memory", "1M"), "'1M'"), (("--memory", "0"), "'0'"),
                              (("--cpu-quota", "50%"), "'50%'"), (("--pids", "0"), "'0'"),
                              (("--cpuset", "1-0"), "'1-0'"), (("--cgroup", "../x"), "'../x'"),
                              (("--keep-privileges", "--user", "root"), "excludes --user")):
            check_fails(100, text, confine("one", *options))
        done = subprocess.run([BIN / "sdr-confine", "--memory", "1000000", "true"], check=False,
                              capture_output=True, text=True)
        check_fails(100, "need --cgroup", done)


def without(controller):
    """A prefix under which the kernel seems to have been started without this controller."""
    if cgroups.unified(controller):
        real = Path(cgroups.mount_point(controller)) / "cgroup.controllers"
        names = real.read_text(encoding="ascii").split()
        text, place = " ".join(name for name in names if name != controller) + "\n", real
    else:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines(keepends=True)
        text = "".join(line for line in lines if controller not in line.split(":")[1].split(","))
        place = "/proc/$$/cgroup"
    fake = run_dir() / "fake"
    fake.write_text(text, encoding="utf-8")
    return ("unshare", "-m", "sh", "-ec", f"mount --bind {fake} {place}; exec \"$@\"", "sh")


def ordinary(prefix):
    with case(prefix + "a group cannot be made: its name and the errno, exit 111"):
        check_fails(111, "Permission denied", confine("one", "--memory", 64 * MIB))
    with case(prefix + "--best-effort goes on"):
        done = confine("one", "--memory", 64 * MIB, "--best-effort")
        check_equal(done.returncode, 0, "exit code")
        assert "sdr-confine: warning: unable to make " in done.stderr, done.stderr


def enter_fleet():
    """Version 2: as a tree does, so that the group that we were started in has no process."""
    if cgroups.unified() and not cgroups.hierarchies()[""].endswith(f"/{FLEET}/supervisor"):
        os.execv(BIN / "sdr-confine", [*words("supervisor", "--keep-privileges"), "--",
                                       sys.executable, *sys.argv])


if __name__ == "__main__":
    if not really_root():
        enter_plainly()
        ordinary("")
        finish()
    enter_fleet()
    enter_plainly()
    try:
        leaves()
        memory()
        processor()
        processes()
        failures()
    finally:
        with case("every group that was made can be removed"):
            cgroups.remove(FLEET)
    as_ordinary_user(ordinary)
    finish()
