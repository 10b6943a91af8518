#!/usr/bin/python3
"""sdr-gen --diff, --rollback, --boot and --json, and what a change of which key costs."""
import json
import os
import socket
import subprocess
from pathlib import Path

from s6tree import Fleet, as_ordinary_user, really_root
from sdrtest import case, check_equal, enter_network, finish, sh, wait_for


RECORDED = {"record": '{ sync = "1s" }'}


def steps(done):
    """{channel: step} of --diff --json or --apply --json."""
    return {step["channel"]: step for step in json.loads(done.out)["steps"]}


def diffs(prefix):
    with Fleet() as fleet:
        fleet.three().set("one", **RECORDED, memory='"64MiB"', retain='{ age = "7d" }').write()
        with case(prefix + "--diff before the first apply: everything is added, exit 2"):
            done = fleet.gen("--diff")
            check_equal(done.code, 2, "exit code")
            done.has(r"^\+ one +add$").has(r"^\+ fdholder +add$").has(r"^\+\+\+ config/one/run$")
            check_equal(list((fleet.run).glob("live/*")), [], "what was written")
        fleet.apply()
        with case(prefix + "--diff of what runs: nothing, exit 0"):
            done = fleet.gen("--diff")
            check_equal((done.code, done.out), (0, "= 3 unchanged\n"), "exit code and output")
        with case(prefix + "--diff tells restart, limits, retention, removal and edits apart"):
            check_kinds(fleet)
        with case(prefix + "a diff that patch can apply"):
            check_patch(fleet)


def check_kinds(fleet):
    fleet.set("one", memory='"32MiB"').set("two", ttl="9").drop("three").set("new", port=26009)
    fleet.write()
    before = fleet.snapshot()
    done = fleet.gen("--diff")
    check_equal(done.code, 2, "exit code")
    done.has("^~ one +live: memory$").has("^~ two +restart: ttl$").has("^- three +remove$")
    done.has(r"^\+ new +add$").has('^-  "--ttl" "1"$').has('^[+]  "--ttl" "9"$')
    found = steps(fleet.gen("--diff", "--json"))
    check_equal({name: step["action"] for name, step in found.items()},
                {"one": "live", "two": "restart", "three": "remove", "new": "add"}, "the plan")
    check_equal(found["two"]["keys"], ["ttl"], "keys that cause a restart")
    fleet.set("one", memory='"64MiB"', retain='{ age = "8d" }').write()
    check_equal(steps(fleet.gen("--diff", "--json"))["one"]["action"], "update", "retention")
    check_equal(steps(fleet.gen("--diff", "--json"))["one"]["keys"], ["retain.age"], "retention")
    text = fleet.config.read_text(encoding="utf-8")
    fleet.config.write_text(text.replace("[defaults]", 'min_free = "5%"\n[defaults]', 1),
                            encoding="utf-8")
    found = steps(fleet.gen("--diff", "--json"))["one"]
    check_equal((found["action"], found["keys"]), ("update", ["retain.age", "storage.min_free"]),
                "min_free")
    check_equal(fleet.snapshot(), before, "the tree")
    fleet.clear()
    fleet.three().set("one", **RECORDED, memory='"64MiB"', retain='{ age = "7d" }').write()
    run = fleet.run / "live" / "two" / "run"
    right = run.read_bytes()
    run.write_bytes(right + b"# mine\n")
    done = fleet.gen("--diff").has("^! two +edited by hand: run$").has("^-# mine$")
    check_equal(done.code, 2, "exit code")
    run.write_bytes(right)


def check_patch(fleet):
    fleet.set("two", ttl="77", dscp="9").write()
    done = fleet.gen("--diff")
    patch = done.out[done.out.index("--- "):]
    copy = fleet.dir / "copy"
    copy.mkdir()
    for name in ("live", "config"):
        (copy / name).mkdir()
    subprocess.run(["cp", "-r", fleet.run / "live" / "two", copy / "live" / "two"], check=True)
    patched = (copy / "live" / "two" / "run").read_text(encoding="utf-8")
    for line in patch.splitlines():
        if line.startswith("-") and not line.startswith("---"):
            assert line[1:] in patched.splitlines(), f"{line!r} is not in the file that runs"
    fleet.apply()
    now = (fleet.run / "live" / "two" / "run").read_text(encoding="utf-8").splitlines()
    for line in patch.splitlines():
        if line.startswith("+") and not line.startswith("+++"):
            assert line[1:] in now, f"{line!r} is not in the file of the config"


def applies(prefix):
    with Fleet() as fleet:
        fleet.three().set("one", **RECORDED)
        with case(prefix + "--apply --json: every step with its action, keys and result"):
            found = steps(fleet.apply("--json"))
            check_equal({(step["action"], step["result"]) for step in found.values()},
                        {("add", "done")}, "actions and results")
            assert found["one"]["ready_ms"] >= 0
            found = steps(fleet.set("two", ttl="9").apply("--json"))
            check_equal((found["two"]["action"], found["two"]["keys"]), ("restart", ["ttl"]), "it")
            done = json.loads(fleet.apply("--json").out)
            check_equal(done, {"steps": [], "unchanged": 3, "stopped": 0, "exit": 0}, "nothing new")
        with case(prefix + "retention restarts nothing, limits change while it runs"):
            pids = fleet.pids()
            fleet.set("one", retain='{ age = "7d" }').apply().has(
                "^~ one +updated without a restart: retain.age$")
            fleet.set("two", memory='"40MiB"').apply().has(
                "^~ two +changed without a restart: memory$")
            check_equal(fleet.pids(), pids, "PIDs")
            fleet.apply().has("nothing to do")
            if really_root():
                check_equal(limit_of(pids["two"][0]), 40 << 20, "its limit of memory")
                fleet.set("two", memory='"50MiB"').apply()
                check_equal(limit_of(pids["two"][0]), 50 << 20, "its limit of memory")
            check_equal(fleet.pids(), pids, "PIDs")
        with case(prefix + "an error in the config with --json is a document too"):
            fleet.set("one", ttl="1000").write()
            for command in ("--check", "--diff", "--apply"):
                done = fleet.gen(command, "--json")
                check_equal(done.code, 1, f"exit code of {command}")
                check_equal(json.loads(done.out)["errors"], 1, f"errors of {command}")


def limit_of(pid):
    """memory.limit_in_bytes of the group of a process, or memory.max."""
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    for line in Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        for mount in mounts:
            words = mount.split()
            options = words[-1].split(",")
            if "memory" not in controllers.split(",") or "memory" not in options:
                continue
            inside = os.path.relpath(path, words[3]) if words[3] != "/" else path.lstrip("/")
            file = Path(words[4]) / inside / "memory.limit_in_bytes"
            if file.exists():
                return int(file.read_text(encoding="ascii"))
    raise AssertionError(f"process {pid} is in no memory group")


def rollbacks(prefix):
    with Fleet() as fleet:
        with case(prefix + "--rollback with nothing to go back to: exit 1"):
            fleet.three().write()
            done = fleet.gen("--rollback").has("nothing to go back to: .*/state has no config")
            check_equal(done.code, 1, "exit code")
            fleet.apply()
            check_equal(fleet.gen("--rollback").code, 1, "exit code after the first apply")
        with case(prefix + "--rollback: back to the config applied before, and forth"):
            pids = fleet.pids()
            schema = fleet.config.parent / "schemas" / "s.avsc"
            old = schema.read_text(encoding="utf-8")
            fleet.set("one", ttl="5").drop("three").set("new", port=26009)
            schema.write_text(old.replace('"x"', '"y"'), encoding="utf-8")
            fleet.apply()
            done = fleet.gen("--rollback")
            check_equal(done.code, 0, f"exit code ({done})")
            done.has("still says otherwise; the next --apply goes by it")
            check_equal(fleet.option("one", "--ttl"), "1", "--ttl")
            assert fleet.ready("three") and fleet.state("new") is None
            check_equal((fleet.run / "live/one/data/schema.avsc").read_text(), old, "the schema")
            check_equal(fleet.gen("--rollback").code, 0, "exit code")
            check_equal(fleet.option("one", "--ttl"), "5", "--ttl")
            assert fleet.ready("new") and fleet.state("three") is None
            schema.write_text(old, encoding="utf-8")
            assert pids
        with case(prefix + "after an apply that failed: back to the last one applied whole"):
            fleet.apply()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
                taken.bind(("127.0.0.1", 0))
                fleet.set("one", ttl="6").set("bad", port=26010)
                fleet.set("two", port=taken.getsockname()[1]).apply(expect=4)
            check_equal(fleet.gen("--rollback").code, 0, "exit code")
            check_equal(fleet.option("one", "--ttl"), "5", "--ttl")
            for name in ("one", "two", "new"):
                assert fleet.ready(name)
            assert fleet.state("bad") is None


def boots(prefix):
    fleet = Fleet(supervised=False)
    fleet.three()
    with case(prefix + "--boot before any supervisor: all is in place, s6-svscan starts it"):
        fleet.write()
        done = fleet.gen("--boot")
        check_equal(done.code, 0, f"exit code ({done})")
        fleet.start()
        for name in fleet.channels:
            wait_for(lambda: fleet.ready(name), f"{name} is ready")
        fleet.apply().has("^= 3 unchanged; nothing to do$")
        fleet.set("one", ttl="7").apply()
        fleet.stop()
    with case(prefix + "a half-written config: the last applied one starts, and it says so"):
        good = fleet.config.read_text(encoding="utf-8")
        fleet.config.write_text(good[:len(good) // 2] + "\n[channel.ne", encoding="utf-8")
        forget(fleet)
        done = fleet.gen("--boot")
        check_equal(done.code, 0, f"exit code ({done})")
        done.has(r"^sdr-gen: warning: .*relay.toml is broken; "
                 "starting with the config applied last")
        fleet.start()
        for name in fleet.channels:
            wait_for(lambda: fleet.ready(name), f"{name} is ready")
        check_equal(fleet.option("one", "--ttl"), "7", "--ttl")
        fleet.stop()
    with case(prefix + "none was applied before: the channels that are good start, exit 3"):
        forget(fleet)
        subprocess.run(["rm", "-r", fleet.run / "state"], check=True)
        fleet.set("two", nonsense="1").set("three", schema='"schemas/none.avsc"').write()
        done = fleet.gen("--boot")
        check_equal(done.code, 3, f"exit code ({done})")
        done.has("starting without 2 of its 3 channels")
        fleet.start()
        wait_for(lambda: fleet.ready("one"), "one is ready")
        check_equal(sorted(os.listdir(fleet.run / "live")), ["fdholder", "fdholder2", "one"],
                    "live")
        fleet.stop()
    with case(prefix + "nothing is good: exit 3, nothing is written"):
        forget(fleet)
        fleet.config.write_text("[", encoding="utf-8")
        check_equal(fleet.gen("--boot").code, 3, "exit code")
        check_equal(os.path.exists(fleet.run / "live"), False, "live is there")


def forget(fleet):
    """What a reboot does to a tmpfs, but for the state that a disk would keep."""
    for part in ("live", "service", "applied", "held", "rings", "counters"):
        subprocess.run(["rm", "-rf", fleet.run / part], check=True)
    (fleet.run / "service").mkdir()


def late_interface(fleet):
    done = fleet.gen("--boot").has("no interface 'late0'")
    check_equal(done.code, 0, f"exit code ({done})")
    with fleet:
        wait_for(lambda: fleet.ready("one"), "one is ready")
        pid = fleet.state("one")["pid"]
        for name in ("two", "three"):
            wait_for(lambda: "interface" in fleet.logged(name), f"{name} says what it waits for")
            assert not fleet.ready(name), f"{name} is ready"
        sh("ip link add late0 type veth peer name late1")
        sh("ip link set late0 up")
        for name in ("two", "three"):
            wait_for(lambda: fleet.ready(name), f"{name} is ready")
        check_equal(fleet.state("one")["pid"], pid, "PID of the other")


def everyone(prefix=""):
    diffs(prefix)
    applies(prefix)
    rollbacks(prefix)
    boots(prefix)


if __name__ == "__main__":
    enter_network()
    everyone()
    with case("a boot before an interface is there: only its channels are late"):
        missing = Fleet().three().set("two", interface='"late0"')
        missing.set("three", listen='"239.255.9.9:26003"', listen_interface='"late0"').write()
        late_interface(missing)
    as_ordinary_user(everyone)
    finish()
