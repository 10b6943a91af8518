#!/usr/bin/python3
"""In the guest of tests/vm/run: etc/ship's units as they stand there, started by their own path and
timer, and what the service may and may not."""
import re
import shutil
import subprocess
from pathlib import Path

from installed import SHARED, STORAGE, apt, say
from relay import Relay, compile_schemas
from sdrtest import case, check_equal, enter_plainly, finish, run_dir, wait_for
from shipping import files
from udp import Fixed, feed, sender

UNITS = Path("/etc/systemd/system")
STORE = Path("/mnt/archive")
CONF = Path("/etc/speeddata/ship.conf")
EXAMPLES = Path("/usr/share/doc/speeddata-relay/examples")


def commands():
    """Those that put the units into their places, as the service says; nothing is enabled yet."""
    text = (EXAMPLES / "ship/speeddata-ship.service").read_text(encoding="utf-8")
    lines = text.split("To use it:\n")[1].split("#     systemctl")[0].split("\n")
    return "\n".join(re.sub(r" {3,}[a-z].*", "", line[6:]) for line in lines)


def systemctl(*words):
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)
    return done.stdout.strip(), done.returncode


def seal(relay, count):
    """That many datums more, and a segment of them."""
    counters = relay.counters()
    feed(sender(relay.listen), shape, 20000, counters.received, count)
    relay.wait_recorded(counters.recorded + count)
    relay.hup()
    wait_for(lambda: relay.counters().segments > counters.segments, "it is sealed")


enter_plainly()
apt("install", SHARED / "old.deb")
run, shape = run_dir(), Fixed(64)
data = compile_schemas(run, {"engine": shape.schema})["engine"]
STORAGE.mkdir()
shutil.chown(STORAGE, group="_speeddata")
STORAGE.chmod(0o2750)
STORE.mkdir()
STORE.chmod(0o777)
say("sh", "-c", commands(), cwd=EXAMPLES)
CONF.write_text(CONF.read_text(encoding="utf-8") + f"SHIP_TO={STORE}\n", encoding="utf-8")
drop_in = UNITS / "speeddata-ship.service.d"
drop_in.mkdir()
(drop_in / "store.conf").write_text(f"[Service]\nReadWritePaths={STORE}\n", encoding="ascii")
systemctl("daemon-reload")
host = Path("/proc/sys/kernel/hostname").read_text(encoding="ascii").strip()
there = STORE / f"host={host}"
relay = Relay(data, run, STORAGE, "engine", sync_ms=50)
say("chgrp", "-R", "_speeddata", relay.directory)
relay.directory.chmod(0o2750)

with case("a seal starts it by its path, and what was sealed is in the store"):
    check_equal(systemctl("start", "speeddata-ship@engine.path")[1], 0, "exit of systemctl start")
    for number in (1, 2):
        seal(relay, 500)
        wait_for(lambda: len(files(there)) == 2 * number, "it is shipped", 30)
        wait_for(lambda: systemctl("is-active", "speeddata-ship.service")[0] == "inactive",
                 "the run ends")
    relay.stop()
    check_equal(files(there), files(STORAGE), "shipped")

with case("it ran as a user that is made up for it, who reads by the group"):
    result, user, group = (systemctl("show", "-P", key, "speeddata-ship.service")[0] for key in
                           ("Result", "DynamicUser", "SupplementaryGroups"))
    check_equal((result, user, group), ("success", "yes", "_speeddata"), "of the unit")
    owners = {path.stat().st_uid for path in there.rglob("*.avro")}
    assert min(owners) >= 61184, f"shipped by {owners}"

with case("the timer starts it within its minute"):
    shutil.rmtree(there)
    (Path("/var/lib/speeddata-ship") / "route").unlink()
    systemctl("stop", "speeddata-ship@engine.path")
    check_equal(systemctl("start", "speeddata-ship.timer")[1], 0, "exit of systemctl start")
    wait_for(lambda: len(files(there)) == 4, "it is shipped", 130)
    check_equal(files(there), files(STORAGE), "shipped")

systemctl("stop", "speeddata-ship.timer")
finish()
