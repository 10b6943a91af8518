#!/usr/bin/python3
"""What a running fleet may do: /proc/PID/status of every process of every channel.

The tree itself is started with everything that a careless host leaves to its children: all
capabilities inheritable, supplementary groups, open descriptors, blocked signals.
"""
import contextlib
import os
import pwd
import shutil
import signal
from pathlib import Path

from s6tree import Fleet, RunitFleet, descendants, really_root
from sdrtest import Skip, case, check_equal, children, enter_network, finish, wait_for

SETS = ("CapInh", "CapPrm", "CapEff", "CapAmb")


def status(pid):
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def check_process(what, pid, user, bounding):
    found = status(pid)
    for name in SETS + (("CapBnd",) if bounding else ()):
        check_equal(int(found[name], 16), 0, f"{name} of {what}")
    check_equal(found["NoNewPrivs"].strip(), "1", f"NoNewPrivs of {what}")
    check_equal(set(found["Uid"].split()), {str(user.pw_uid)}, f"Uid of {what}")
    check_equal(set(found["Gid"].split()), {str(user.pw_gid)}, f"Gid of {what}")
    if bounding:
        check_equal(found["Groups"].split(), [], f"Groups of {what}")
    check_equal(int(found["SigBlk"], 16) & (1 << (signal.SIGUSR2 - 1)), 0, f"SigBlk of {what}")


def name_of(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip()
    return ""


def is_settled(fleet, name):
    """Nobody is on the way any more: to become the relay or the logger, or to fork the writer."""
    receiver, logger = fleet.pids(name)[name]
    return ([name_of(pid) for pid in (receiver, *children(receiver))] == ["sdr-relay"] * 2 and
            name_of(logger) in ("s6-log", "svlogd"))


def check_fleet(fleet, users):
    """Receiver, writer and logger of each channel; nothing else may be running there."""
    root = os.geteuid() == 0
    wait_for(lambda: all(is_settled(fleet, name) for name in users), "all of them run")
    for name, user in users.items():
        receiver, logger = fleet.pids(name)[name]
        writers = children(receiver)
        for what, pid in (("receiver", receiver), ("writer", writers[0]), ("logger", logger)):
            check_process(f"the {what} of {name}", pid, pwd.getpwnam(user), root)
            check_equal(descendants(pid), writers if what == "receiver" else [],
                        f"what the {what} started")


def start_carelessly():
    """What the tree inherits from here on."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    if os.geteuid() == 0 and really_root():
        os.setgroups([0, 4, 27, 42])


def run(make, kind):
    me = pwd.getpwuid(os.geteuid()).pw_name
    others = ["nobody", "daemon"] if really_root() else [me, me]
    with make() as fleet:
        fleet.storage.chmod(0o777)
        users = dict(zip(("one", "two"), others))
        for at, (name, user) in enumerate(users.items()):
            fleet.set(name, port=26001 + at, user=f'"{user}"', record='{ sync = "1s" }')
        with case(f"{kind}: receiver, writer, logger: no capability, their user, no other group"):
            fleet.apply()
            check_fleet(fleet, users)
        with case(f"{kind}: so they are after a crash of either, when they were started anew"):
            receiver, _ = fleet.pids("one")["one"]
            writer, = children(receiver)
            os.kill(writer, signal.SIGKILL)
            wait_for(lambda: children(receiver) not in ([], [writer]), "another writer")
            check_fleet(fleet, users)
            os.kill(receiver, signal.SIGKILL)
            wait_for(lambda: fleet.pids("one")["one"][0] not in (0, receiver), "another receiver")
            check_fleet(fleet, users)
        with case(f"{kind}: a port below 1024, bound by root and used by nobody"):
            if not really_root():
                raise Skip("takes root")
            fleet.set("two", port=999).apply()
            check_fleet(fleet, users)


enter_network()
start_carelessly()
run(Fleet, "s6")
if shutil.which("runsvdir"):
    run(RunitFleet, "runit")
finish()
