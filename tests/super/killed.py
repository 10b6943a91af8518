#!/usr/bin/python3
"""sdr-gen --apply killed at system calls that change something: the next apply converges.

Every one of them with SDR_EVERY=1, else some."""
import os
from pathlib import Path

from s6tree import Fleet
from sdrtest import Skip, case, check_equal, enter_network, finish, wait_for

# What an apply changes things with: names, files, and the s6 programs that it starts.
CALLS = "mkdir,rename,renameat2,unlink,unlinkat,symlink,write,chmod,fchmod,clone3,clone,vfork"
STRIDE = 1 if os.environ.get("SDR_EVERY") else 11
IN_RUN = [".old", "applied", "apply.lock", "counters", "held", "live", "rings", "service", "state"]


def set_before(fleet):
    fleet.clear()
    for at, name in enumerate(("alone", "left", "right", "old")):
        fleet.set(name, port=26001 + at, ttl="1")


def set_after(fleet):
    """A removal, a change, a swap of ports, and an addition on the port of the removed one."""
    fleet.drop("old").set("alone", ttl="5").set("left", port=26003).set("right", port=26002)
    fleet.set("new", port=26004).write()


def killed_at(fleet, number):
    """Whether there was an Nth call to be killed at."""
    done = fleet.gen("--apply", prefix=(
        "strace", "-qq", "-o", "/dev/null", "-e", f"trace={CALLS}",
        "-e", f"inject={CALLS}:signal=KILL:when={number}"))
    if "PTRACE" in done.err:
        raise Skip("no ptrace here")
    return done.code != 0


def receivers(fleet):
    """The channels of this fleet that run, one for each receiver."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode().split("\0")
            parent = int((path.parent / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if words[0].endswith("/sdr-relay") and any(str(fleet.run) in word for word in words):
            found[int(path.parent.name)] = (parent, words[words.index("--name") + 1])
    return sorted(name for parent, name in found.values() if parent not in found)


def check_converged(fleet, right):
    fleet.apply()
    check_equal(fleet.contents(), right, "the tree")
    for name in fleet.channels:
        wait_for(lambda: fleet.ready(name), f"{name} is ready")
    check_equal(fleet.option("alone", "--ttl"), "5", "--ttl of a changed channel")
    check_equal(fleet.option("left", "--listen"), "127.0.0.1:26003", "--listen of a changed one")
    check_equal(sorted(os.listdir(fleet.run)), IN_RUN, "what is in RUN")
    check_equal(os.listdir(fleet.run / ".old"), [], "what is in .old")
    check_equal(set(os.listdir(fleet.run / "state")), {"applied", "previous"}, "what is in state")
    sockets = [f"udp:127.0.0.1:{port}" for port in (26001, 26002, 26003, 26004)]
    check_equal(fleet.held(), sockets, "the sockets that are held")
    check_equal(receivers(fleet), sorted(fleet.channels), "the receivers that run")
    fleet.apply().has("nothing to do")


def main():
    with Fleet() as fleet, case("killed at calls that change something, an apply converges"):
        set_before(fleet)
        fleet.apply()
        set_after(fleet)
        fleet.apply()
        right = fleet.contents()
        for number in range(1, 10000, STRIDE):
            set_before(fleet)
            fleet.apply()
            set_after(fleet)
            if not killed_at(fleet, number):
                break
            try:
                check_converged(fleet, right)
            except AssertionError as error:
                raise AssertionError(f"killed at call {number}: {error}") from error
        print(f"# {number - 1} calls, each {STRIDE}th", flush=True)
        assert number > 50


if __name__ == "__main__":
    enter_network()
    main()
    finish()
