#!/usr/bin/python3
"""The group of operators: its members read a service's status and control it, others may not."""
import grp
import os
import pwd
import subprocess

from s6tree import Fleet, RunitFleet, really_root
from sdrtest import Skip, case, check_equal, enter_network, finish, wait_for

GROUP, OTHER = "adm", "audio"


def run_as(group, *words):
    """As an ordinary user in this group and no other; the exit code."""
    nobody = pwd.getpwnam("nobody")
    done = subprocess.run([*map(str, words)], capture_output=True, check=False, timeout=20,
                          user=nobody.pw_uid, group=nobody.pw_gid,
                          extra_groups=[grp.getgrnam(group).gr_gid])
    return done.returncode


def permitted(fleet, group):
    """(may read the status, may restart, and wait for that) of one and of two"""
    return [(run_as(group, "s6-svstat", fleet.service(name)) == 0,
             run_as(group, "s6-svc", "-wR", "-T", "5000", "-r", fleet.service(name)) == 0)
            for name in ("one", "two")]


NONE = (False, False)
BOTH = (True, True)


def main():
    if not really_root():
        with case("operators"):
            raise Skip("takes root: others cannot become another user")
        return
    with Fleet() as fleet:
        with case("members may read and control the channel; nobody else, and no other channel"):
            fleet.three().set("one", operators=f'"{GROUP}"').apply()
            check_equal(permitted(fleet, GROUP), [BOTH, NONE], f"group {GROUP}")
            check_equal(permitted(fleet, OTHER), [NONE, NONE], f"group {OTHER}")
            wait_for(lambda: fleet.ready("one"), "it is ready again")
        with case("another group takes effect while the channel runs, and so does none"):
            pids = fleet.pids()
            fleet.set("one", operators=f'"{OTHER}"').set("two", operators=f'"{GROUP}"')
            fleet.apply().has("^~ one +changed without a restart: operators$")
            check_equal(fleet.pids(), pids, "PIDs")
            check_equal(permitted(fleet, GROUP), [NONE, BOTH], f"group {GROUP}")
            check_equal(permitted(fleet, OTHER), [BOTH, NONE], f"group {OTHER}")
            del fleet.channels["one"]["operators"], fleet.channels["two"]["operators"]
            fleet.apply().has("^~ two +changed without a restart: operators$")
            for group in (GROUP, OTHER):
                check_equal(permitted(fleet, group), [NONE, NONE], f"group {group}")
        with case("a group that is not there: an error at its line, nothing is touched"):
            fleet.set("one", operators='"no-such"').apply(expect=1).has(
                r"relay.toml:\d+:1: error: operators 'no-such' does not exist on this machine")
    with RunitFleet() as fleet, case("runit: refused in words"):
        fleet.three().set("one", operators=f'"{GROUP}"').apply(expect=1).has(
            "channel one: operators takes s6")
        check_equal(os.listdir(fleet.scan_dir), [], "what is there")


enter_network()
main()
finish()
