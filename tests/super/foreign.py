#!/usr/bin/python3
"""sdr-gen in a scan directory that already runs other services, under s6 and under runit."""
import os
import shutil

from s6tree import Fleet, RunitFleet, as_ordinary_user
from sdrtest import case, check_equal, enter_network, finish, wait_for

# Names that are near ours on purpose.
OTHERS = ("sshd", "tel", "tel-", "telone")


def make_others(fleet):
    """Services of somebody else, in the scan directory itself."""
    for name in OTHERS:
        place = fleet.scan_dir / name
        place.mkdir(parents=True)
        (place / "run").write_text("#!/bin/sh\nexec sleep 1000\n", encoding="utf-8")
        (place / "run").chmod(0o755)


def pids_of_others(fleet):
    prefix, fleet.prefix = fleet.prefix, ""
    found = {name: (fleet.state(name) or {"pid": 0})["pid"] for name in OTHERS}
    fleet.prefix = prefix
    return found


def is_up(fleet, name):
    state = fleet.state(name)
    return bool(state and state["up"])


def beside(kind, prefix):
    fleet = kind(scan_dir="theirs", prefix="tel-")
    make_others(fleet)
    files = {name: sorted(os.listdir(fleet.scan_dir / name)) for name in OTHERS}
    check_equal(set(sum(files.values(), [])), {"run"}, "their files")
    what = f"{prefix}{kind.scanner}: "
    with fleet:
        fleet.three()
        wait_for(lambda: all(pids_of_others(fleet).values()), "the others run", 20)
        others = pids_of_others(fleet)
        with case(what + "channels are added under the prefix"):
            fleet.apply()
            for name in fleet.channels:
                check_equal(os.readlink(fleet.scan_dir / f"tel-{name}"),
                            str(fleet.run / "live" / name), "the link")
                assert fleet.ready(name)
            check_equal(pids_of_others(fleet), others, "PIDs of the others")
        with case(what + "they are changed and removed, and the others keep their PIDs"):
            fleet.set("one", ttl="9").drop("two").apply().has("^~ one +restarted").has("^- two ")
            fleet.apply().has("^= 2 unchanged; nothing to do$")
            check_equal(pids_of_others(fleet), others, "PIDs of the others")
            for name in OTHERS:
                left = set(os.listdir(fleet.scan_dir / name)) - {"supervise", "event"}
                check_equal(left, {"run"}, f"files of {name}")
        with case(what + "a name that somebody else has is left to them, exit 3"):
            (fleet.scan_dir / "tel-mine").mkdir()
            fleet.set("mine", port=26009).apply(expect=3).has(
                "channel mine: service/mine was not made by sdr-gen; it was left alone")
            check_equal(os.listdir(fleet.scan_dir / "tel-mine"), [], "its files")
            os.rmdir(fleet.scan_dir / "tel-mine")
            fleet.drop("mine")
        with case(what + "without --scandir: refused, nothing is touched"):
            options, fleet.options = fleet.options, [
                word for word in fleet.options if word in ("--target", "runit")]
            fleet.gen("--diff").has("holds services made with --scandir '")
            fleet.options = options
        with case(what + "a config without channels takes all of ours away, and no more"):
            fleet.clear()
            fleet.apply()
            check_equal(sorted(name for name in os.listdir(fleet.scan_dir)
                               if not name.startswith(".")), sorted(OTHERS), "what is there")
            check_equal(pids_of_others(fleet), others, "PIDs of the others")


def everyone(prefix=""):
    beside(Fleet, prefix)
    if shutil.which("runsvdir"):
        beside(RunitFleet, prefix)


if __name__ == "__main__":
    enter_network()
    everyone()
    as_ordinary_user(everyone)
    finish()
