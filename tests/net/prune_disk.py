#!/usr/bin/python3
"""sdr-prune and the disk: storage.min_free on real file systems, names kept elsewhere, a mount that
is not there."""
import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import Skip, case, check_equal, enter_network, finish, run_dir, sh  # noqa: E402
from disks import Disk  # noqa: E402
from pruned import (DAY, HOUR, KIB, MIB, SECOND_US, House, add, check_both, grow,  # noqa: E402
                    now_us, seeded)

START = now_us() - 10 * DAY * SECOND_US
enter_network()


class Tmpfs:
    def __init__(self, directory, size):
        self.path = directory / "disk"
        self.path.mkdir()
        self.size = size
        self.mount()

    def mount(self):
        try:
            sh(f"mount -t tmpfs -o size={self.size} none {self.path}")
        except AssertionError as error:
            raise Skip(f"no mount here: {error}") from None

    def unmount(self):
        sh(f"umount {self.path}")


def room(path):
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize


def hourly(house, channel, count, size):
    return [add(house.storage, channel, START + n * HOUR * SECOND_US, size, 100, blocks=True)
            for n in range(count)]


def there(paths):
    return "".join(".x"[path.exists()] for path in paths)


def settle(house):
    """Blocks are counted where they have been given out."""
    fd = os.open(house.storage, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
    os.sync()


for make, name in ((Tmpfs, "tmpfs"), (Disk, "ext4")):
    with case(f"min_free on {name}: of random recordings what is calculated goes, and so much is "
              "free"):
        rng = seeded("disk")
        disk = make(run_dir(), 64 << 20)
        for part in (0.1, 0.5, 0.9, 5):
            house = House(disk.path / "storage")
            house.storage.mkdir(exist_ok=True)
            grow(house, rng, 5, 60, blocks=True)
            settle(house)
            free, total = room(house.storage)
            used = sum(path.stat().st_blocks * 512 for path in house.storage.rglob("*.avro"))
            wanted = free + int(used * part)
            house.min_free = f"{wanted}B"
            house.configure(**house.channels)
            said = check_both(house, "--force", force=True, free=free, min_free=wanted)
            check_equal((said["disk"]["free_bytes"], said["disk"]["total_bytes"]), (free, total),
                        "the disk as it was")
            after = room(house.storage)[0]
            # Directories that are gone have given their blocks back, too.
            assert after >= free + said["freed_bytes"], (after, free, said["freed_bytes"])
            assert after >= wanted or said["disk"]["missing_bytes"], (after, wanted)
            shutil.rmtree(house.storage)
        disk.unmount()

with case("min_free as a percentage of the disk; from the one with most beyond its share"):
    disk = Tmpfs(run_dir(), 64 << 20)
    house = House(disk.path / "storage")
    a, b, c = (hourly(house, name, count, MIB)
               for name, count in (("a", 20), ("b", 12), ("c", 8)))
    total = room(house.storage)[1]
    house.min_free = "50%"
    house.configure(a={"size": 30 * MIB}, b={}, c={})
    free = room(house.storage)[0]
    # 8.2 MiB are missing. a is 10 under its share; b is 2 over its own, c is 2 under: so 4 of b,
    # and then of both in turn.
    said = check_both(house, free=free, min_free=total // 2)
    check_equal((there(a), there(b), there(c)), ("x" * 20, "." * 7 + "x" * 5, ".." + "x" * 6),
                "left")
    assert room(house.storage)[0] >= total // 2
    check_equal(house.json()["deletions"], [], "deleted, again")
    house.min_free = "99%"
    house.configure(**house.channels)
    said = check_both(house, free=room(house.storage)[0], min_free=-(-total * 99 // 100))
    check_equal((there(a)[-2:], there(b)[-2:], there(c)[-2:]), (".x",) * 3, "left")
    assert said["disk"]["missing_bytes"] > MIB and "nothing more" in said["errors"][0]["text"], said
    disk.unmount()

with case("what is kept under another name frees nothing and is passed over, but for age and size"):
    disk = Tmpfs(run_dir(), 64 << 20)
    house = House(disk.path / "storage")
    paths = hourly(house, "a", 10, MIB)
    kept = house.storage / "kept" / "run" / "channel=a"
    kept.mkdir(parents=True)
    for path in paths[1:5]:
        (kept / path.name).hardlink_to(path)
        (kept / path.with_suffix(".index").name).hardlink_to(path.with_suffix(".index"))
    free = room(house.storage)[0]
    house.min_free = f"{free + 2 * MIB}B"
    house.configure(a={})
    check_both(house, free=free, min_free=free + 2 * MIB)
    check_equal(there(paths), ".xxxx." + "xxxx", "left")
    house.min_free = None
    house.configure(a={"size": 6 * (MIB + 100)})
    check_both(house)
    check_equal((there(paths), len(list(kept.iterdir()))), ("..." + "xx.xxxx", 8), "left, kept")
    disk.unmount()

with case("a file system that does not tell its size: min_free is not kept, which is told"):
    disk = Tmpfs(run_dir(), 0)
    house = House(disk.path / "storage")
    paths = hourly(house, "a", 5, KIB)
    for house.min_free in ("5%", "10GiB"):
        house.configure(a={"age": 10 * DAY - 1800})
        said = house.json(expect=1)
        assert "does not tell its size" in said["errors"][0]["text"], said["errors"]
    check_equal(there(paths), ".xxxx", "left")
    disk.unmount()

with case("storage.mount that is not mounted: an error, and nothing below it is deleted"):
    disk = Tmpfs(run_dir(), 64 << 20)
    house = House(disk.path / "storage")
    house.mount = disk.path
    disk.unmount()
    house.storage.mkdir()
    below = hourly(house, "a", 5, KIB)
    house.configure(a={"age": 10 * DAY - 1800})
    done = house.run("--json")
    check_equal((done.returncode, done.stdout, there(below)), (2, "", "xxxxx"), "exit, left")
    assert f"nothing is mounted at {disk.path}" in done.stderr, done.stderr
    disk.mount()
    house.storage.mkdir()
    above = hourly(house, "a", 5, KIB)
    check_equal(house.json()["segments"], 1, "deleted, mounted")
    check_equal(there(above), ".xxxx", "left on it")
    disk.unmount()
    check_equal(there(below), "xxxxx", "left below it")

finish()
