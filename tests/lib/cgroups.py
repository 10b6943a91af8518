"""Control groups as the kernel shows them, for tests that make some and look at them.

Found without the code that is tested: from /proc/PID/cgroup, with the usual mount points.
"""
import contextlib
import os
import time
from pathlib import Path

from sdrtest import check_equal, wait_for

CLOCK_MONOTONIC_COARSE = 6
CONTROLLERS = ("memory", "cpu", "pids", "cpuset")


def hierarchies(pid="self"):
    """{controller, "" for version 2: a process's own path in its hierarchy}"""
    found = {}
    for line in Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        found |= {name: path for name in controllers.split(",")}
    return found


def unified(controller="memory"):
    return controller not in hierarchies()


def mount_point(controller):
    """Of the hierarchy that has this controller."""
    kind, option = ("cgroup2", "") if unified(controller) else ("cgroup", controller)
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        before, after = line.split(" - ")
        fstype, _, options = after.split(" ", 2)
        if fstype == kind and (not option or option in options.split(",")):
            return before.split()[4]
    raise AssertionError(f"no hierarchy with {controller}")


def group_of(pid, controller):
    """The directory of the group that a process is in."""
    paths = hierarchies(pid)
    return Path(mount_point(controller) + paths.get(controller, paths.get("", "")))


def read(group, *names):
    """A file of a group by its name in version 1 or 2, whichever is there."""
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            return (group / name).read_text(encoding="ascii").strip()
    raise AssertionError(f"{group} has none of {names}")


def quota_text(percent):
    """QUOTA PERIOD in microseconds: of 10 ms, or of two ticks, or what makes a quota of 1 ms."""
    period = max(10_000, 2 * int(time.clock_getres(CLOCK_MONOTONIC_COARSE) * 1e6))
    period = max(period, int(1000 * 100 / percent))
    return f"{int(period * percent / 100)} {period}"


def check_limits(group, memory=None, cpu_quota=None, pids=None):
    """What the files say; None is unlimited. `group` gives the directory by controller."""
    found = read(group("memory"), "memory.max", "memory.limit_in_bytes")
    unlimited = found == "max" or int(found) > 1 << 62
    check_equal(None if unlimited else int(found), memory, "limit of memory")
    cpu = group("cpu")
    if (cpu / "cpu.max").exists():
        found = (cpu / "cpu.max").read_text(encoding="ascii").strip()
    else:
        found = f"{read(cpu, 'cpu.cfs_quota_us')} {read(cpu, 'cpu.cfs_period_us')}"
    check_equal(None if found.split()[0] in ("max", "-1") else found,
                cpu_quota and quota_text(cpu_quota), "quota and period")
    found = read(group("pids"), "pids.max")
    check_equal(None if found == "max" else int(found), pids, "limit of pids")


def check_quota(share_of_cpu, percent, tries=8):
    """share_of_cpu() never is a tenth more, and not a tenth less where the machine has the time."""
    found = []
    while len(found) < 3 or (max(found) < percent * 0.9 / 100 and len(found) < tries):
        found.append(share_of_cpu())
    shown = " ".join(f"{share:.3f}" for share in found)
    assert max(found) <= percent * 1.1 / 100, f"more than {percent}% of a CPU: {shown}"
    assert max(found) >= percent * 0.9 / 100, f"less than {percent}% of a CPU: {shown}"


def remove(fleet):
    """Every group of a fleet, with the one that this process may have entered."""
    for controller in CONTROLLERS:
        own = group_of("self", controller)
        if own.parent.name == fleet:
            leave(own)
            own = own.parent.parent
        for group in sorted((own / fleet).glob("*/")):
            wait_for(lambda path=group: _gone(path), f"{group} is empty")
        with contextlib.suppress(FileNotFoundError):
            (own / fleet).rmdir()


def leave(own):
    """Of FLEET/LEAF into the group that FLEET is in."""
    for group in (own.parent, own.parent.parent):
        control = group / "cgroup.subtree_control"
        if control.exists():
            for name in control.read_text(encoding="ascii").split():
                # Those that were there before us stay, and others' groups hold them.
                with contextlib.suppress(OSError):
                    control.write_text("-" + name, encoding="ascii")
    (own.parent.parent / "cgroup.procs").write_text("0", encoding="ascii")


def _gone(group):
    with contextlib.suppress(FileNotFoundError):
        try:
            os.rmdir(group)
        except OSError:
            return False
    return True
