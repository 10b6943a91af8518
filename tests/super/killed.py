#!/usr/bin/python3
"""sdr-gen --apply killed at each of its system calls that change something: the next one converges."""
import os
import shutil
import subprocess

from s6tree import Fleet
from sdrtest import Skip, case, check_equal, enter_network, finish, wait_for

# What an apply changes things with: names, files, and the s6 programs that it starts.
CALLS = "mkdir,rename,renameat2,unlink,unlinkat,symlink,write,chmod,fchmod,clone3,clone,vfork"


def before(fleet):
    for at, name in enumerate(("alone", "left", "right", "old")):
        fleet.set(name, port=26001 + at, ttl="1")
    fleet.apply()


def after(fleet):
    fleet.drop("old").set("alone", ttl="5").set("left", port=26003).set("right", port=26002)
    fleet.set("new", port=26004)
    fleet.write()


def killed_at(fleet, number):
    """Whether there was an Nth call to be killed at."""
    done = fleet.gen("--apply", prefix=(
        "strace", "-qq", "-o", "/dev/null", "-e", f"trace={CALLS}",
        "-e", f"inject={CALLS}:signal=KILL:when={number}"))
    if "PTRACE" in done.err:
        raise Skip("no ptrace here")
    return done.code != 0


def check_converged(fleet, right):
    done = fleet.gen("--apply")
    check_equal(done.code, 0, f"exit code of the next apply ({done})")
    check_equal(fleet.contents(), right, "the tree")
    for name in fleet.channels:
        wait_for(lambda: fleet.ready(name), f"{name} is ready")
        assert "--ttl" in fleet.arguments(name)
    check_equal(fleet.option("alone", "--ttl"), "5", "--ttl of a changed channel")
    check_equal(fleet.option("left", "--listen"), "127.0.0.1:26003", "--listen of a changed one")
    check_equal(sorted(os.listdir(fleet.run)), ["applied", "apply.lock", "counters", "live",
                                                ".old", "rings", "service"][:0] or
                sorted(["applied", "apply.lock", "counters", "live", ".old", "rings", "service"]),
                "what is in RUN")
    check_equal(os.listdir(fleet.run / ".old"), [], "what is in .old")
    running = subprocess.run(["pgrep", "-c", "-f", f"sdr-relay --name .*{fleet.run}/"],
                             capture_output=True, text=True, check=False).stdout.strip()
    check_equal(int(running), 2 * count_recorded(fleet), "relay processes")
    fleet.apply().has("nothing to do")


def count_recorded(fleet):
    return len(fleet.channels)


def reset(fleet):
    fleet.stop()
    shutil.rmtree(fleet.run)
    (fleet.run / "service").mkdir(parents=True)
    fleet.channels.clear()
    fleet.start()
    before(fleet)
    after(fleet)


def main():
    with Fleet() as fleet, case("killed at every call that changes something, it converges"):
        before(fleet)
        after(fleet)
        fleet.apply()
        right = fleet.contents()
        number = 0
        while True:
            number += 1
            reset(fleet)
            if not killed_at(fleet, number):
                break
            check_converged(fleet, right)
        print(f"# {number - 1} calls", flush=True)
        assert number > 50


if __name__ == "__main__":
    enter_network()
    main()
    finish()
