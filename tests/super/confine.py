#!/usr/bin/python3
"""sdr-confine: what a program that it becomes has, and has not, as root and as an ordinary user."""
import json
import os
import pwd
import signal
import subprocess
import sys

from s6tree import as_ordinary_user, really_root
from sdrtest import BIN, Skip, case, check_equal, enter_plainly, finish

# Prints what it is, as JSON. Capabilities and the like are those of sdr-confine's exec.
REPORT = """
import json, os, resource, signal
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines()
              if ":\\t" in line)
fds = []
for fd in os.listdir("/proc/self/fd"):
    try:
        os.fstat(int(fd))
        fds.append(int(fd))
    except OSError:
        pass
ignored = [n for n in range(1, 32) if n not in (9, 13, 19, 25) and
           signal.getsignal(n) == signal.SIG_IGN]
print(json.dumps({
    "status": status, "fds": sorted(fds), "ignored": ignored, "groups": os.getgroups(),
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "cpus": sorted(os.sched_getaffinity(0)), "nice": os.getpriority(os.PRIO_PROCESS, 0),
    "policy": os.sched_getscheduler(0), "priority": os.sched_getparam(0).sched_priority,
    "nofile": resource.getrlimit(resource.RLIMIT_NOFILE),
    "core": resource.getrlimit(resource.RLIMIT_CORE)}))
"""


def confine(*options, program=None, **popen):
    words = [BIN / "sdr-confine", *options, "--", *(program or ["/usr/bin/python3", "-c", REPORT])]
    return subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=False, timeout=30, **popen)


def report(*options, **popen):
    done = confine(*options, **popen)
    if done.returncode:
        raise AssertionError(f"exit {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def check_fails(code, text, *options, **popen):
    done = confine(*options, **popen)
    check_equal((done.returncode, done.stdout), (code, ""), "exit code and output")
    check_equal(done.stderr.count("\n"), 1, f"lines in {done.stderr!r}")
    if not (done.stderr.startswith("sdr-confine: fatal: ") and text in done.stderr):
        raise AssertionError(f"no {text!r} in {done.stderr!r}")


def check_no_capability(found, bounding):
    status = found["status"]
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb") + (("CapBnd",) if bounding else ()):
        check_equal(int(status[name], 16), 0, name)
    check_equal(status["NoNewPrivs"], "1", "NoNewPrivs")


def everyone(prefix=""):
    me = pwd.getpwuid(os.geteuid()).pw_name
    cpu = max(os.sched_getaffinity(0))
    with case(prefix + "no capability is left, and no new ones come"):
        check_no_capability(report("--user", me), bounding=os.geteuid() == 0)
        check_no_capability(report(), bounding=os.geteuid() == 0)
    with case(prefix + "inherited descriptors are closed but for those to keep"):
        fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(20)]
        kept = [fds[3], fds[4], fds[19]]
        found = report(*(word for fd in kept for word in ("--keep-fd", fd)), pass_fds=fds)
        check_equal(found["fds"], [0, 1, 2, *kept], "descriptors")
        check_equal(report(pass_fds=fds)["fds"], [0, 1, 2], "descriptors")
        for fd in fds:
            os.close(fd)
    with case(prefix + "signals have their default actions and none is blocked"):
        def disturb():
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1):
                signal.signal(number, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGRTMAX])
        found = report(preexec_fn=disturb)
        check_equal((found["ignored"], found["blocked"]), ([], []), "ignored and blocked")
    with case(prefix + "pinned to a CPU; one that is not there is an error with its number"):
        check_equal(report("--cpus", cpu)["cpus"], [cpu], "CPUs")
        check_fails(111, "unable to pin to CPUs 8000: Invalid argument", "--cpus", "8000")
        check_fails(111, f"unable to pin to CPUs {cpu},8000: CPU 8000 is not granted",
                    "--cpus", f"{cpu},8000")
    with case(prefix + "--best-effort: it warns and goes on"):
        done = confine("--best-effort", "--cpus", "8000", "--limit", "nofile=10:9999999999999",
                       program=["echo", "there"])
        check_equal((done.returncode, done.stdout), (0, "there\n"), "exit code and output")
        check_equal(done.stderr.count("sdr-confine: warning: unable to"), 2, "warnings")
    with case(prefix + "limits: soft alone keeps the hard one"):
        found = report("--limit", "nofile=64", "--limit", "core=0:0")
        check_equal(found["nofile"][0], 64, "soft limit")
        assert found["nofile"][1] > 64
        check_equal(found["core"], [0, 0], "core limits")
    with case(prefix + "a nicer one"):
        found = report("--scheduler", "other:7")
        check_equal((found["policy"], found["nice"]), (os.SCHED_OTHER, 7), "policy and nice")
    with case(prefix + "what the user got wrong: one line, exit 100"):
        for options, text in (
                (("--cgroup", "x"), "'x'"), (("--nonsense",), "--nonsense"),
                (("--cpus", "2-1"), "'2-1'"), (("--cpus", ""), "--cpus"),
                (("--cpus", "8192"), "8192"), (("--scheduler", "fifo"), "'fifo'"),
                (("--scheduler", "fifo:0"), "fifo:0"), (("--scheduler", "fifo:100"), "fifo:100"),
                (("--scheduler", "other:20"), "other:20"), (("--limit", "nofiles=1"), "nofiles"),
                (("--limit", "nofile=5:4"), "5:4"), (("--limit=nofile",), "option --limit;"),
                (("--keep-fd", "-1"), "-1"), (("--keep-fd", "3x"), "3x"),
                (("--user", "no-such-user"), "unknown user no-such-user")):
            check_fails(100, text, *options)
        done = subprocess.run([BIN / "sdr-confine", "--cpus", "0"], capture_output=True, text=True,
                              check=False)
        check_equal(done.returncode, 100, "exit code without a program")
    with case(prefix + "a program that is not there: its name and the errno, exit 111"):
        check_fails(111, "unable to run ./not-there: No such file", program=["./not-there"])
    with case(prefix + "options of the program are its own"):
        words = [BIN / "sdr-confine", "echo", "--user", "-x", "--", "--help"]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        check_equal(done.stdout, "--user -x -- --help\n", "output")


def without_close_range():
    with case("descriptors are closed where the kernel has no close_range"):
        fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(20)]
        words = ["strace", "-f", "-qq", "-e", "trace=close_range", "-o", "/dev/null", "-e",
                 "inject=close_range:error=ENOSYS", str(BIN / "sdr-confine"), "--keep-fd",
                 str(fds[7]), "--", "/usr/bin/python3", "-c", REPORT]
        done = subprocess.run(words, capture_output=True, text=True, pass_fds=fds, check=False)
        if "ptrace" in done.stderr or "PTRACE" in done.stderr:
            raise Skip("no ptrace here")
        check_equal(json.loads(done.stdout)["fds"], [0, 1, 2, fds[7]], "descriptors")
        for fd in fds:
            os.close(fd)


def root_only():
    if not really_root():
        return
    with case("root becomes another user, with its primary group only"):
        nobody = pwd.getpwnam("nobody")
        os.setgroups([4, 6])
        found = report("--user", "nobody")
        os.setgroups([])
        check_equal(found["status"]["Uid"].split(), [str(nobody.pw_uid)] * 4, "Uid")
        check_equal(found["status"]["Gid"].split(), [str(nobody.pw_gid)] * 4, "Gid")
        check_equal(found["groups"], [], "groups")
        check_no_capability(found, bounding=True)
    with case("fifo and a negative nice are set while root"):
        found = report("--scheduler", "other:-5", "--user", "nobody")
        check_equal(found["nice"], -5, "nice")
        done = confine("--scheduler", "fifo:10", "--user", "nobody")
        if "Operation not permitted" in done.stderr:
            raise Skip("no real-time scheduling in here")
        found = json.loads(done.stdout)
        check_equal((found["policy"], found["priority"]), (os.SCHED_FIFO, 10), "policy")


def unprivileged_only(prefix):
    if os.geteuid() == 0:
        return
    with case(prefix + "another user is refused: exit 100"):
        check_fails(100, "unable to become user root without being root", "--user", "root")
    with case(prefix + "real-time without the right to it: the errno, exit 111"):
        check_fails(111, "unable to set scheduler fifo:10: Operation not permitted",
                    "--scheduler", "fifo:10")


def ordinary(prefix):
    everyone(prefix)
    unprivileged_only(prefix)


if __name__ == "__main__":
    enter_plainly()
    everyone()
    without_close_range()
    root_only()
    unprivileged_only("")
    sys.stdout.flush()
    as_ordinary_user(ordinary)
    finish()
