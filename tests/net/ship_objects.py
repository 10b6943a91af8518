#!/usr/bin/python3
"""What etc/ship/speeddata-ship.service ships by rclone into an object store."""
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import object_store  # noqa: E402
from sdrtest import (Background, case, check_equal, enter_network, finish,  # noqa: E402
                     run_dir, storage_dir, wait_for)
from relay import Relay, compile_schemas  # noqa: E402
from segments import sealed  # noqa: E402
from shipping import (Shipper, Storm, check_watched, files, kill_and_ship, lost,  # noqa: E402
                      watch)
from udp import Fixed  # noqa: E402

KILLS = 5
enter_network()
if not shutil.which("rclone"):
    print("skip - net/ship_objects: no rclone")
    sys.exit(0)
run, place = run_dir(), storage_dir()
shape = Fixed(64)
data = compile_schemas(run, {"engine": shape.schema})["engine"]
objects, storage = place / "objects", place / "storage"
store, parts = objects / "telemetry" / "host=test1", objects / ".parts"


def shipper(name, limit="0", **more):
    return Shipper(place / name, SHIP_FROM=storage, SHIP_TO="rclone:store:telemetry",
                   SHIP_LIMIT=limit, **object_store.REMOTE | more)


storage.mkdir()
server = Background(object_store.serve, objects)

with case(f"while it is recorded, rotated and pruned, and killed {KILLS} times in mid-transfer: "
          "each object is whole at first sight, and in the end all are there"):
    relay = Relay(data, run, storage, "engine", sync_ms=50, rotate_s=1, segment_bytes=128 << 10)
    storm = Storm(relay, shape, place)
    ship = shipper("state", limit="1500K")
    watcher = Background(watch, store)
    kill_and_ship(storm, ship, lambda: any(parts.iterdir()), KILLS)
    sent = storm.stop()
    ship.run()
    storm.check(store, ship, sent)
    check_watched(watcher, store)

with case("what retention deletes in that moment is no error, and is told"):
    shutil.rmtree(store)
    ship = shipper("vanish", limit="64K")
    process = ship.start()
    wait_for(lambda: any(parts.iterdir()), "it is shipped")
    gone = sealed(storage / "channel=engine")[-1]
    twin = gone.with_suffix(".index")
    gone.unlink()
    twin.unlink()
    said = ship.end(process)
    names = [str(path.relative_to(storage)) for path in (gone, twin)]
    check_equal(lost(said), names, "told")
    check_equal(files(store), files(storage), "shipped")

with case("a store that is away: the unit fails until it is there, and then all is"):
    server.result()
    shutil.rmtree(store)
    ship = shipper("outage")
    ship.run(code=1)
    server = Background(object_store.serve, objects)
    ship.run()
    check_equal(files(store), files(storage), "shipped")

with case("a remote that would show what is not whole yet is refused"):
    said = shipper("local", RCLONE_CONFIG_STORE_TYPE="local").run(code=100)
    assert "store:telemetry/host=test1 would show files that are not whole" in said, said

finish()
