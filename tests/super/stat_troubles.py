#!/usr/bin/python3
"""What sdr-stat says, and how it exits, of a real fleet in which one thing after the other is
wrong; and the storage's numbers as the system has them."""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import cgroups  # noqa: E402
from s6tree import Fleet  # noqa: E402
from sdrtest import (BIN, Skip, case, check_equal, children, enter_network, finish,  # noqa: E402
                     run_dir, wait_for)
from udp import sender  # noqa: E402

MIB = 1 << 20
EAT = """
import sys
open(sys.argv[1] + "/cgroup.procs", "w").write("0")
there = bytearray(1)
while True: there += b"x" * (1 << 20)
"""


def stat(fleet, *words, code):
    done = subprocess.run([BIN / "sdr-stat", "--config", fleet.config, "--run", fleet.run,
                           *map(str, words)], capture_output=True, text=True, check=False,
                          timeout=30)
    check_equal((done.returncode, done.stderr), (code, ""), f"exit code of {words}: {done.stdout}")
    return done.stdout


def troubles(fleet, code):
    """Of the channels and of the fleet: {(channel, kind, severity): (text, advice, count)}; the
    lines below the table are the same."""
    found = json.loads(stat(fleet, "--json", code=code))
    every = [one for each in (found, *found["channels"]) for one in each["troubles"]]
    lines = stat(fleet, "--interval", 0, code=code).splitlines()
    for one in every:
        if one["severity"] == "past":
            continue
        # What is counted in seconds goes on meanwhile.
        begin = (one["channel"] + ": " if one["channel"] else "") + one["text"].split(" for ")[0]
        assert any(line.startswith(begin.split(" in the last ")[0]) and
                   line.endswith(": " + one["advice"]) for line in lines), (one, lines)
    return {(one["channel"], one["kind"], one["severity"]):
            (one["text"], one["advice"], one["count"]) for one in every}


def only(fleet, code, key):
    """The one trouble there is but for what is past."""
    found = {each: said for each, said in troubles(fleet, code).items() if each[2] != "past"}
    check_equal(sorted(found), [key], "troubles")
    return found[key]


def check_text(text, *parts):
    for part in parts:
        assert part in text, f"no {part!r} in {text!r}"


def well(fleet):
    return all(fleet.ready(name) for name in fleet.channels)


def kill(fleet, name):
    pid = fleet.state(name)["pid"]
    os.kill(pid, signal.SIGKILL)

    def is_another():
        state = fleet.state(name)
        return state["ready"] and state["pid"] != pid

    wait_for(is_another, "it is up again")


def lived(fleet):
    with case("a service that was told to be down is no trouble, and how to have it up is said"):
        fleet.svc("-wD", "-T", "5000", "-d", "one")
        text, advice, _ = only(fleet, 0, ("one", "stopped", "note"))
        check_text(text, "down for ", "as it was told to be")
        check_equal(advice, f"s6-svc -u {fleet.service('one')} brings it up", "advice")
        subprocess.run(advice.split()[:3], check=True)
        wait_for(lambda: well(fleet), "it is up")
        check_equal(troubles(fleet, 0), {}, "troubles")


def crashes(fleet):
    with case("killed once: it is up again, and how it ended is told"):
        kill(fleet, "one")
        text, advice, count = only(fleet, 1, ("one", "crashes", "now"))
        check_equal(text, "crashed once in the last 2m00s, and last was killed by signal 9 (KILL)",
                    "text")
        check_equal((advice, count), (f"{fleet.log}/one/current says why", 1), "advice and count")
    with case("it has a memory limit: that may have been it"):
        kill(fleet, "two")
        advice = troubles(fleet, 1)["two", "crashes", "now"][1]
        check_equal(advice, "where nobody killed it, its memory limit of 64.0 MiB did, and dmesg "
                    "says so", "advice")
    with case("it ends and cannot be started: down"):
        script = fleet.run / "live/one/run"
        script.rename(script.with_name("nur"))
        os.kill(fleet.state("one")["pid"], signal.SIGTERM)
        wait_for(lambda: not fleet.state("one")["up"], "it is down")
        text, advice, _ = troubles(fleet, 2)["one", "down", "down"]
        check_text(text, "down for ", ": it exited 0")
        check_text(advice, "/one/current says why; it is started again by itself, at once by "
                   f"s6-svc -u {fleet.service('one')}")
        script.with_name("nur").rename(script)
        fleet.svc("-u", "one")
        wait_for(lambda: well(fleet), "it is up again")
    with case("what it cannot run with is not tried again: given up"):
        layout = fleet.run / "live/one/data/layout"
        good = layout.read_bytes()
        layout.write_text("?", encoding="ascii")
        fleet.svc("-r", "one")
        wait_for(lambda: not fleet.state("one")["wanted"], "it is given up")
        text, advice, _ = troubles(fleet, 2)["one", "gave_up", "down"]
        check_text(text, "cannot run as it is configured, and is not tried again")
        check_text(advice, f"{fleet.log}/one/current says why; correct that, then sdr-gen --apply")
        check_text(wait_for(lambda: fleet.logged("one"), "its log"), "not a layout")
        layout.write_bytes(good)
        fleet.svc("-u", "one")
        wait_for(lambda: well(fleet), "it is up again")


def config(fleet):
    with case("an edit that is not applied is told, and which file it is in"):
        text = fleet.config.read_text(encoding="utf-8")
        fleet.config.write_text(text + "# more\n", encoding="utf-8")
        found = troubles(fleet, 1)[None, "config", "note"]
        check_equal(found[:2], (f"{fleet.config} is not what is in force: relay.toml differs",
                                "sdr-gen --diff shows it, sdr-gen --apply puts it in force"),
                    "words")
        check_equal(fleet.gen("--apply").code, 0, "exit code")
        assert (None, "config", "note") not in troubles(fleet, 1)
    with case("so is one in a schema, and a file more"):
        schema = fleet.config.parent / "schemas/s.avsc"
        schema.write_text(schema.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        more = fleet.config.parent / "channels.d"
        more.mkdir()
        (more / "x.toml").write_text("", encoding="utf-8")
        check_text(troubles(fleet, 1)[None, "config", "note"][0],
                   "in force: channels.d/x.toml, schemas/s.avsc differ")
        check_equal(fleet.gen("--apply").code, 0, "exit code")
        wait_for(lambda: well(fleet), "all are up")
        check_equal(troubles(fleet, 0), {}, "troubles")


def writer(fleet):
    with case("a writer that is killed is told, once"):
        pid = fleet.state("three")["pid"]
        [before] = wait_for(lambda: children(pid), "its writer")
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: children(pid) not in ([], [before]), "another one")
        text, advice, count = troubles(fleet, 1)["three", "writer", "now"]
        check_text(text, "its writer ended and was started again once in the last ")
        check_equal((advice, count), (f"{fleet.log}/three/current and dmesg say why", 1), "words")
    with case("by its memory limit: how often that has killed"):
        try:
            group = cgroups.group_of(pid, "memory")
            events = cgroups.read(group, "memory.events", "memory.oom_control")
        except AssertionError:
            events = ""
        if group.name != "channel.three" or "oom_kill " not in events.replace("\n", " \n"):
            raise Skip("no control group of its own that counts what it kills")
        done = subprocess.run(["/usr/bin/python3", "-c", EAT, group], check=False, timeout=60,
                              capture_output=True, text=True)
        check_equal(done.returncode, -signal.SIGKILL, f"how it ended: {done.stderr}")
        events = cgroups.read(group, "memory.events", "memory.oom_control")
        kills = int(events.split("oom_kill ")[1].split()[0])
        text, advice, _ = troubles(fleet, 1)["three", "writer", "now"]
        check_text(text, f"; its memory limit of 96.0 MiB has killed {kills} of its processes")
        check_equal(advice, "make `memory` larger", "advice")


def silence(fleet):
    with case("nothing comes: for how long, what the limit is, and where to look"):
        fleet.set("three", silence='"200ms"').apply()
        wait_for(lambda: well(fleet), "all are up")
        sender("127.0.0.1:26003").send(bytes(8))
        wait_for(lambda: (None, None) if ("three", "silent", "now") in troubles(fleet, 1) else None,
                 "it is silent")
        text, advice, _ = troubles(fleet, 1)["three", "silent", "now"]
        check_text(text, "has heard nothing for ", ", and its limit is 200ms")
        check_text(advice, "tcpdump -ni any udp port 26003")


def storage(fleet, up_ns):
    with case("the storage: its room as the system has it, and how long that lasts"):
        sock = sender("127.0.0.1:26004")
        for number in range(2000):
            sock.send(bytes(8))
            if number % 200 == 0:
                wait_for(lambda sent=number: shown(fleet, "four")["received"] > sent, "it comes")
        wait_for(lambda: shown(fleet, "four")["recorded"] == 2000, "all is recorded")
        file_bytes = shown(fleet, "four")["file_bytes"]
        before_ns, room = time.time_ns(), os.statvfs(fleet.storage)
        found = json.loads(stat(fleet, "--json", code=1))
        after_ns, later = time.time_ns(), os.statvfs(fleet.storage)
        said = found["storage"]
        began_ns = next(one for one in found["channels"] if one["name"] == "four")["page_time_ns"]
        check_equal((said["path"], said["size_bytes"], said["low"]),
                    (str(fleet.storage), room.f_blocks * room.f_frsize, False), "storage")
        free = sorted(each.f_bavail * each.f_frsize for each in (room, later))
        assert free[0] <= said["free_bytes"] <= free[1], (free, said)
        # Lately is since a mark that was made after the page, and before it was seen to be up.
        least = file_bytes / ((after_ns - began_ns) / 1e9)
        most = file_bytes / ((before_ns - up_ns) / 1e9)
        assert least * 0.99 <= said["bytes_per_s"] <= most, (least, said, most)
        left_s = said["free_bytes"] / said["bytes_per_s"]
        assert abs(said["seconds_left"] - left_s) <= max(1, left_s / 1e9), said
        text = stat(fleet, "--prometheus", code=0)
        check_text(text, f'speeddata_storage_size_bytes{{path="{fleet.storage}"}} '
                   f'{said["size_bytes"]}\n')


def shown(fleet, name):
    done = subprocess.run([BIN / "sdr-stat", "--json", "--run", fleet.run, name], check=False,
                          capture_output=True, text=True, timeout=30)
    return json.loads(done.stdout)["channels"][0]


def main():
    enter_network()
    with Fleet() as fleet:
        with case("a fleet that is well: exit code 0, no words but the storage's"):
            fleet.three().set("two", memory='"64MiB"').set("three", memory='"96MiB"')
            fleet.channels["three"]["record"] = '{ sync = "100ms" }'
            fleet.set("four", port=26004, record='{ sync = "100ms" }').apply()
            wait_for(lambda: well(fleet), "all are up")
            up_ns = time.time_ns()
            check_equal(troubles(fleet, 0), {}, "troubles")
            lines = stat(fleet, "--interval", 0, code=0).splitlines()
            check_equal((len(lines), lines[-1].split()[0]), (6, "storage"), f"lines {lines}")
        lived(fleet)
        crashes(fleet)
        storage(fleet, up_ns)
        config(fleet)
        writer(fleet)
        silence(fleet)
        with case("nobody supervises them any more: all are down"):
            fleet.stop()
            found = troubles(fleet, 2)
            for name in fleet.channels:
                check_equal(found[name, "unsupervised", "down"][:2],
                            ("down, and nothing supervises it",
                             f"start the s6-svscan or runsvdir of {fleet.scan_dir}"), name)
        with case("a config that was never applied: channels without a service"):
            fleet.run = run_dir()
            found = troubles(fleet, 2)
            check_equal({key[1:] for key in found}, {("no_service", "down")}, "troubles")
            check_equal(found["one", "no_service", "down"][:2],
                        (f"it is enabled in {fleet.config} but has no service",
                         "sdr-gen --apply makes it"), "words")
    finish()


if __name__ == "__main__":
    main()
