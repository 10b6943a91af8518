#!/usr/bin/python3
"""What etc/ship/speeddata-ship.service ships by rsync: whole files only, all of them, whatever is
killed, deleted or cut off meanwhile."""
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (Background, Skip, case, check_equal, enter_network, finish,  # noqa: E402
                     run_dir, storage_dir, wait_for)
from relay import Relay, compile_schemas  # noqa: E402
from segments import sealed  # noqa: E402
from shipping import (HERE, Shipper, Storm, check_watched, files, kill_and_ship,  # noqa: E402
                      lost, watch)
from udp import Fixed, feed, sender  # noqa: E402

KILLS = int(os.environ.get("KILLS", "8"))
enter_network()
if not shutil.which("rsync"):
    print("skip - net/ship: no rsync")
    sys.exit(0)
run, place = run_dir(), storage_dir()
shape = Fixed(64)
data = compile_schemas(run, {"engine": shape.schema})["engine"]


def start(name, **options):
    (place / name / "storage").mkdir(parents=True)
    (run / name).mkdir()
    return Relay(data, run, place / name / "storage", "engine", sync_ms=50, ring=run / name,
                 **options)


def record(name, seals=4, each=3000):
    """A storage with that many segments, and the one that something was rejected to."""
    relay = start(name)
    for at in range(seals):
        feed(sender(relay.listen), shape, 20000, at * each, each)
        relay.wait_received((at + 1) * each)
        relay.hup()
        wait_for(lambda: relay.counters().segments > at, "it is sealed")
    sender(relay.listen).send(b"?")
    relay.wait_received(seals * each + 1)
    relay.stop()
    return place / name / "storage"


def shipper(name, storage, to=None, limit=0, **more):
    (place / name).mkdir(exist_ok=True)
    return Shipper(place / name / "state", SHIP_FROM=storage, SHIP_TO=to or place / name / "store",
                   SHIP_LIMIT=limit, **more)


def is_under_way(store):
    return any(store.glob("channel=*/*/.engine_*"))


with case(f"while it is recorded, rotated and pruned, and killed {KILLS} times in mid-transfer: "
          "each file is whole at first sight, and in the end all are there"):
    relay = start("storm", rotate_s=1, segment_bytes=128 << 10)
    storm = Storm(relay, shape, place / "storm")
    ship = shipper("storm", storm.storage, limit="1500K")
    store = place / "storm" / "store" / "host=test1"
    watcher = Background(watch, store)
    kill_and_ship(storm, ship, lambda: is_under_way(store), KILLS)
    sent = storm.stop()
    ship.run()
    storm.check(store, ship, sent)
    check_watched(watcher, store)

with case("neither the open segment, nor its index, nor what is hidden or kept or strange"):
    relay = start("open")
    storage = place / "open" / "storage"
    ship, store = shipper("open", storage), place / "open" / "store" / "host=test1"
    feed(sender(relay.listen), shape, 20000, 0, 500)
    index = wait_for(lambda: next(storage.glob("channel=*/*/*.index"), None), "an index")
    wait_for(lambda: (storage / "channel=engine" / ".open").exists(), "the open segment")
    for name in (".torn-20261122T201500.000000Z", ".mending", ".mending-index", "notes.txt",
                 "date=2026-11-22/.engine_20261122T201500.000000Z.avro"):
        path = storage / "channel=engine" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x", encoding="ascii")
    kept = storage / "kept" / "run" / "channel=engine" / "date=2026-11-22"
    kept.mkdir(parents=True)
    (kept / "engine_20261122T201500.000000Z.avro").write_text("x", encoding="ascii")
    ship.run()
    check_equal(list(store.rglob("*.*")), [], "shipped")
    relay.stop()
    ship.run()
    check_equal(sorted(store.rglob("*.*")), [store / path.relative_to(storage) for path in
                                             (index.with_suffix(".avro"), index)], "shipped")

three = record("three")

with case("a second run does nothing; what is missing there is found within a day; nothing is ever "
          "deleted there; a segment that was repaired is shipped again"):
    storage = place / "again" / "storage"
    shutil.copytree(three, storage)
    ship, store = shipper("again", storage), place / "again" / "store" / "host=test1"
    ship.run()
    check_equal(files(store), files(storage), "shipped")
    first, *_, last = sealed(store / "channel=engine")
    written = last.stat().st_ctime_ns
    first.unlink()
    ship.run()
    assert not first.exists(), "it looked at what it knows to be there"
    os.utime(ship.state / "route", (0, 0))
    ship.run()
    check_equal(files(store), files(storage), "shipped, a day later")
    check_equal(last.stat().st_ctime_ns, written, "when it was written")
    repaired = storage / last.relative_to(store)
    repaired.with_name(".repaired").write_bytes(repaired.read_bytes()[:-1])
    repaired.with_name(".repaired").rename(repaired)
    ship.run()
    check_equal(files(store), files(storage), "shipped, repaired")
    shutil.rmtree(storage / "channel=engine" / first.parent.name)
    ship.run()
    assert set(files(storage)) < set(files(store)), "it deleted something there"

with case("two hosts that record the same channel have one store"):
    store = place / "hosts" / "store"
    for host in ("test1", "test2"):
        shipper(host, three, to=store, host=host).run()
    names = files(three)
    check_equal(files(store), {f"host={host}/{name}": names[name] for host in ("test1", "test2")
                               for name in names}, "the store")

with case("what retention deletes before rsync looks, or while it works, is no error, and is told"):
    storage = place / "vanish" / "storage"
    shutil.copytree(three, storage)
    ship, store = shipper("vanish", storage, limit="200K"), place / "vanish" / "store/host=test1"
    first, *_, last = [path.with_suffix("") for path in sealed(storage / "channel=engine")]
    # The first time a segment that cannot be read is behind the one that is gone.
    real, once = shutil.which("rsync"), run / "once"
    (run / "rsync").write_text(
        f"#!/bin/sh\nif mkdir {once}; then rm {first}.*; {real} --max-size=1 \"$@\"; exit 24; fi\n"
        f"exec {real} \"$@\"\n", encoding="utf-8")
    (run / "rsync").chmod(0o755)
    ship.environment["PATH"] = f"{run}:{ship.environment['PATH']}"
    process = ship.start()
    wait_for(lambda: is_under_way(store), "it is shipped")
    for suffix in (".avro", ".index"):
        last.with_suffix(last.suffix + suffix).unlink()
    said = ship.end(process)
    check_equal(lost(said), [f"{stem.relative_to(storage)}.{suffix}" for stem in (first, last)
                             for suffix in ("avro", "index")], "told")
    there, missing = files(store), set(files(three)) - set(files(store))
    check_equal({name: there.get(name) for name in files(storage)}, files(storage), "shipped")
    assert missing <= set(lost(said)), f"neither there nor told: {missing}"

with case("what waited for the store and was deleted is told once; a disk that is not mounted is "
          "no reason to forget anything"):
    storage = place / "waited" / "storage"
    shutil.copytree(three, storage)
    blocked = place / "waited" / "store"
    blocked.write_text("no directory", encoding="ascii")
    ship = shipper("waited", storage)
    ship.run(code=1)
    gone = sealed(storage / "channel=engine")[0]
    gone.unlink()
    blocked.unlink()
    check_equal(lost(ship.run()), [str(gone.relative_to(storage))], "told")
    check_equal(lost(ship.run()), [], "told again")
    known = (ship.state / "shipped").read_text(encoding="ascii")
    storage.rename(storage.with_name("away"))
    ship.run(code=1)
    storage.mkdir()
    check_equal(ship.run(), "", "said")
    check_equal((ship.state / "shipped").read_text(encoding="ascii"), known, "known")

with case("a channel that may not be read fails the run, and keeps no other one back"):
    storage = place / "denied" / "storage"
    shutil.copytree(three, storage)
    shutil.copytree(three / "channel=engine", storage / "channel=denied", ignore=lambda *_: [])
    (storage / "channel=denied").chmod(0)
    ship, store = shipper("denied", storage), place / "denied" / "store" / "host=test1"
    ship.command[:0] = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    said = ship.run(code=1)
    assert "channel=denied" in said, said
    (storage / "channel=denied").chmod(0o755)
    check_equal(files(store), files(three), "shipped")

with case("a daemon beyond an outage: the unit fails until it is there, and then all is"):
    storage, store = place / "three" / "storage", place / "daemon"
    store.mkdir()
    config = run / "rsyncd.conf"
    config.write_text("use chroot = no\nport = 8730\naddress = 127.0.0.1\n[archive]\n"
                      f"path = {store}\nread only = no\n", encoding="utf-8")
    ship = shipper("outage", storage, to="rsync://127.0.0.1:8730/archive")
    ship.run(code=1)
    check_equal(files(store), {}, "shipped")
    # Were it root in its namespace, it would want to become somebody else.
    daemon = subprocess.Popen(["unshare", "--map-user=1000", "--map-group=1000", "rsync",
                               "--daemon", "--no-detach", f"--config={config}"],
                              stdin=subprocess.DEVNULL)

    def answers():
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", 8730)) == 0
    wait_for(answers, "the daemon answers")
    ship.run()
    check_equal(files(store / "host=test1"), files(storage), "shipped")
    daemon.terminate()
    daemon.wait(10)

with case("systemd takes the units as they stand, and finds little to object to"):
    if not shutil.which("systemd-analyze"):
        raise Skip("no systemd-analyze")
    units = run / "units"
    shutil.copytree(HERE, units)
    (units / "speeddata-ship@.path").rename(units / "speeddata-ship@engine.path")
    service = units / "speeddata-ship.service"
    service.write_text(service.read_text(encoding="utf-8").replace(
        "/usr/local/bin/speeddata-ship", str(units / "speeddata-ship")), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *map(str, units.glob("*.*e*"))],
                          capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if "speeddata-ship" in line]
    check_equal((done.returncode, said), (0, []), "verify")
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=15",
                           "--no-pager", str(service)], capture_output=True, text=True, check=False)
    check_equal(done.returncode, 0, f"exposure of at most 1.5: {done.stdout[-90:]}")

finish()
