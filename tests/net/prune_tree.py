#!/usr/bin/python3
"""sdr-prune in a hostile tree: links out of it, foreign names and kinds of files, mounts, files
that vanish or change and directories that move while it works. Nothing outside is ever touched."""
import contextlib
import hashlib
import json
import os
import shutil
import socket
import stat
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import old_kernel  # noqa: E402
from sdrtest import (Background, Skip, case, check_equal, enter_network, finish, sh,  # noqa: E402
                     storage_dir)
from relay import Relay, compile_schemas  # noqa: E402
from pruned import (DAY, HOUR, KIB, SECOND_US, House, add, date_of, now_us, put,  # noqa: E402
                    stamp)
from segments import Segment, sealed  # noqa: E402
from udp import Feeder, Fixed, sender  # noqa: E402

START = now_us() - 20 * DAY * SECOND_US
ALL = {"age": 1, "size": 1 << 20}
LEFT = "is no directory but a link or a file, and is left alone"
enter_network()


class Outside:
    """What looks like recordings, beside the storage; it must never change."""

    def __init__(self, house):
        self.path = house.dir / "outside"
        for rejected in (False, True):
            for number in range(5):
                add(self.path, "a", START + number * HOUR * SECOND_US, 300 * KIB, 10,
                    rejected=rejected)
        self.channel = self.path / "channel=a"
        self.day = self.channel / date_of(START)
        self.was = self.look()

    def look(self):
        return sorted((str(path), path.lstat().st_ino, path.lstat().st_mtime_ns,
                       hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b"")
                      for path in self.path.rglob("*"))

    def check(self):
        check_equal(self.look(), self.was, "outside")


def recorded(house, channel="a", count=6, size=300 * KIB):
    return [add(house.storage, channel, START + n * HOUR * SECOND_US, size, 10)
            for n in range(count)]


def texts(said):
    return [one["text"] for one in said["errors"]]


def survives(names):
    gone = [str(path) for path in names if not os.path.lexists(path)]
    check_equal(gone, [], "deleted, and not ours")


def kernels(house):
    """With what finds its way by itself, and as on an old kernel, which has no openat2."""
    yield
    if old_kernel.MACHINE:
        house.prefix = [sys.executable, old_kernel.__file__]
        yield


with case("symbolic links out, at each level: none is followed, each is told"):
    house = House()
    for _ in kernels(house):
        shutil.rmtree(house.storage)
        house.storage.mkdir()
        shutil.rmtree(house.dir / "outside", ignore_errors=True)
        outside = Outside(house)
        ours = recorded(house, "b")
        (house.storage / "channel=a").symlink_to(outside.channel)
        base = house.storage / "channel=b"
        links = [base / date_of(START - DAY * SECOND_US), base / "rejected",
                 base / date_of(START) / f"b_{stamp(START - START % DAY)}.avro",
                 base / date_of(START) / f"b_{stamp(START - START % DAY)}.index"]
        for link, to in zip(links, (outside.day, outside.channel / "rejected",
                                    *sorted(outside.day.iterdir())[:2])):
            link.symlink_to(to)
        house.configure(a=ALL, b=ALL)
        said = house.json("--force", expect=1)
        outside.check()
        survives([*links, house.storage / "channel=a"])
        check_equal(sorted(texts(said)), sorted([
            f"channel=a {LEFT}", f"{links[0].name} {LEFT}", f"rejected {LEFT}",
            f"{date_of(START)}/{links[2].name} and 1 more are called like ours but no regular "
            "files, and left alone"]), "told")
        check_equal([path.exists() for path in ours], [False] * 5 + [True], "ours")

with case("hard links to what is outside: only the name goes"):
    house = House()
    outside = Outside(house)
    ours = recorded(house)
    others = sorted(path for path in outside.path.rglob("*") if path.is_file())
    for path, other in zip(ours, others):
        path.unlink()
        path.hardlink_to(other)
    house.configure(a=ALL)
    check_equal(house.json("--force")["segments"], 5, "deleted")
    outside.check()

with case("names near ours, of whatever owner: they stay, whatever else goes"):
    house = House()
    ours = recorded(house)
    day, base, data = ours[0].parent, house.storage / "channel=a", ours[0].name
    near = [day / name for name in (
        data + ".bak", data[:-5], "." + data, data.replace("a_", "b_", 1), data.upper(),
        data.replace(".avro", ".AVRO"), data.replace("Z", ""), data + "\n", data.replace("T", " "),
        data.replace("_2", "_3"), f"a_{stamp(START)[:4]}1345T201500.000000Z.avro", "a_.avro",
        ".avro", f"a_{stamp(START + 9 * DAY * SECOND_US)}.avro", "a-" + data[2:], data + ".index")]
    near += [base / data, base / "rejected.avro", base / ".open.avro",
             base / "rejected" / date_of(START) / data, day / "deep" / date_of(START) / data,
             base / "date=2020-02-30" / "a_20200229T000000.000000Z.avro",
             base / "Date=2020-02-20" / "a_20200220T000000.000000Z.avro",
             base / "date=2020-02-20x" / "a_20200220T000000.000000Z.avro",
             house.storage / date_of(START) / data,
             house.storage / "channel=A" / date_of(START) / data,
             house.storage / "channel=" / date_of(START) / data,
             house.storage / "kept" / "a" / "channel=a" / date_of(START) / data,
             house.storage / "kept" / date_of(START) / data, house.storage / data]
    for number, path in enumerate(near):
        path.parent.mkdir(parents=True, exist_ok=True)
        put(path, 5, 0)
        if number % 2:
            with contextlib.suppress(OSError):  # only root may, and only where there is such a user
                os.chown(path, 12345, 12345)
    put(base / "rejected" / data.replace(".avro", ".index"), 5, 0)
    house.configure(a=ALL)
    check_equal(house.json("--force")["segments"], 5, "deleted")
    survives([*near, base / "rejected" / data.replace(".avro", ".index")])
    check_equal([path.exists() for path in ours], [False] * 5 + [True], "ours")

with case("a FIFO, a socket, a device and directories with names of ours: left alone, told, no "
          "wait"):
    house = House()
    ours = recorded(house)
    day, base = ours[0].parent, house.storage / "channel=a"
    odd = [day / f"a_{stamp(START + number)}.avro" for number in range(1, 4)]
    os.mkfifo(odd[0])
    odd[1].mkdir()
    with socket.socket(socket.AF_UNIX) as unix:
        os.chdir(day)
        unix.bind(odd[2].name)
        os.chdir("/")
    if os.geteuid() == 0:
        odd.append(day / f"a_{stamp(START + 4)}.index")
        try:
            os.mknod(odd[3], stat.S_IFCHR | 0o600, os.makedev(1, 3))
        except PermissionError:
            odd.pop()
    os.mkfifo(base / ".open")
    os.mkfifo(base / date_of(START - 9 * DAY * SECOND_US))
    os.mkfifo(base / "rejected")
    os.mkfifo(house.storage / "channel=b")
    house.configure(a=ALL, b=ALL)
    said = house.json("--force", expect=1)
    check_equal((said["segments"], len(texts(said))), (5, 4), f"deleted, told: {texts(said)}")
    survives([*odd, base / ".open", base / "rejected", house.storage / "channel=b"])

with case("other file systems and bind mounts in the tree are not entered"):
    house = House()
    outside = Outside(house)
    ours = recorded(house)
    base = house.storage / "channel=a"
    day = base / date_of(START - 9 * DAY * SECOND_US)
    for path in (day, base / "rejected", house.storage / "channel=b"):
        path.mkdir()
    try:
        sh(f"mount -t tmpfs none {day}")
        sh(f"mount --bind {outside.channel / 'rejected'} {base / 'rejected'}")
        sh(f"mount --bind {outside.channel} {house.storage / 'channel=b'}")
    except AssertionError as error:
        raise Skip(f"no mount here: {error}") from None
    there = add(house.storage, "a", START - 9 * DAY * SECOND_US, 10)
    house.configure(a=ALL, b=ALL)
    said = house.json("--force", expect=1)
    outside.check()
    survives([there])
    away = "is on another file system, and is left alone"
    check_equal(sorted(texts(said)),
                [f"channel=b {away}", f"{day.name} {away}", f"rejected {away}"], "told")
    check_equal([path.exists() for path in ours], [False] * 5 + [True], "ours")
    for path in (base / "rejected", house.storage / "channel=b"):
        sh(f"umount {path}")
    for _ in kernels(house):  # an old one tells another file system, if not a bind mount
        recorded(house)
        said = house.json("--force", expect=1)
        survives([there])
        check_equal((texts(said), said["segments"]), ([f"{day.name} {away}"], 5), "told, deleted")
    sh(f"umount {day}")

with case("what vanishes, changes, or is gone with its directory meanwhile is a count, no error"):
    house = House()
    ours = recorded(house, count=8)
    house.configure(a=ALL)
    swap = f"rm '{ours[2]}'; rm '{ours[3]}'; echo other > '{ours[3]}'; echo more >> '{ours[4]}'; "
    swap += f"cp '{ours[5]}' '{ours[5]}.new'; mv '{ours[5]}.new' '{ours[5]}'"
    said = house.json("--force", BEFORE_UNLINK=f"1:{swap}")
    check_equal((said["segments"], said["vanished"], said["changed"], said["failed"]),
                (3, 1, 3, []), "deleted, vanished, changed, failed")
    check_equal([path.exists() for path in ours], [False] * 3 + [True] * 3 + [False, True], "there")

with case("a directory is exchanged for a link or another one, or moved away: nothing in it goes"):
    for change in ("mv '{day}' '{away}'; ln -s '{outside}' '{day}'",
                   "mv '{day}' '{away}'; cp -al '{away}' '{day}'",
                   "mv '{day}' '{away}'; cp -a '{outside}' '{day}'",
                   "mv '{day}' '{away}'",
                   "mv '{channel}' '{away}'",
                   "mv '{channel}' '{away}'; ln -s '{outside}/..' '{channel}'",
                   "mv '{channel}' '{away}'; cp -al '{away}' '{channel}'"):
        house = House()
        outside = Outside(house)
        late = START - START % (DAY * SECOND_US)
        ours = [add(house.storage, "a", late + n * HOUR * SECOND_US, 300 * KIB, 10)
                for n in range(6)]
        away = house.dir / "away"
        # The first deletion has two steps, the index is the second: what comes then comes after.
        command = change.format(day=ours[0].parent, channel=ours[0].parent.parent, away=away,
                                outside=outside.day)
        house.configure(a=ALL)
        said = house.json("--force", BEFORE_UNLINK=f"2:{command}")
        outside.check()
        check_equal((said["segments"], said["vanished"] + said["changed"], said["failed"]),
                    (1, 4, []), f"deleted, vanished or changed, failed: {change}")
        check_equal(len(list(away.rglob("*.avro"))), 5, f"in what was moved: {change}")

with case("a directory that it has still to come to is another one by then: nothing in it goes"):
    house = House()
    late = START - START % (DAY * SECOND_US)
    ours = [add(house.storage, "a", late + n * 8 * HOUR * SECOND_US, 300 * KIB, 10)
            for n in range(6)]
    day, away = ours[3].parent, house.dir / "away"
    house.configure(a=ALL)
    said = house.json("--force", BEFORE_UNLINK=f"1:mv '{day}' '{away}'; cp -al '{away}' '{day}'")
    check_equal((said["segments"], said["changed"]), (3, 2), "deleted, changed")
    check_equal([path.exists() for path in ours], [False] * 3 + [True] * 3, "there")

with case("a directory that changes places with a link out, all the time: outside is as it was"):
    house = House()
    outside = Outside(house)
    base = house.storage / "channel=a"
    day, aside = base / date_of(START), house.storage / "aside"
    house.configure(a=ALL)

    def exchange(stopping):
        count = 0
        while not stopping():
            for name in (base, day):
                try:
                    os.rename(name, aside)
                    os.symlink(outside.channel if name == base else outside.day, name)
                    os.unlink(name)
                    os.rename(aside, name)
                    count += 1
                except FileNotFoundError:
                    pass
        return count

    deleted = count = 0
    for _ in range(30):
        shutil.rmtree(base, ignore_errors=True)
        recorded(house, count=200, size=10 * KIB)
        exchanger = Background(exchange)
        try:
            for _ in range(2):
                done = house.run("--force", "--json")
                assert done.returncode in (0, 1), done.stderr
                deleted += json.loads(done.stdout)["segments"]
        finally:
            count += exchanger.result()
        outside.check()
    print(f"# exchanged {count} times; {deleted} segments deleted meanwhile")
    assert count > 60 and deleted > 0, (count, deleted)

with case("what cannot be deleted is told, exit 1; the rest goes; an index that stays is no "
          "segment"):
    house = House()
    ours = recorded(house)
    house.configure(a=ALL)
    done = house.run("--force", FAIL_UNLINK=ours[1].name)
    name = f"channel=a/{ours[1].parent.name}/{ours[1].name}"
    check_equal((done.returncode, done.stderr), (
        1, f"sdr-prune: error: {name}: unable to delete: Input/output error\n"), "exit, told")
    check_equal([path.exists() for path in ours], [False, True] + [False] * 3 + [True], "there")
    said = house.json("--force", expect=1, FAIL_UNLINK=".index")
    check_equal((said["segments"], said["failed"]), (1, [
        f"{name}, its index: unable to delete: Input/output error"]), "deleted, failed")

with case("TERM while it works: what is in hand is finished, the rest is left and told"):
    house = House()
    ours = recorded(house, count=40)
    house.configure(a=ALL)
    said = house.json("--force", expect=1, BEFORE_UNLINK="5:kill -TERM $PPID")
    check_equal((said["segments"], said["left"] > 30), (3, True), "deleted, left")
    check_equal([path.exists() for path in ours], [False] * 3 + [True] * 37, "there")

with case("while a relay seals segments: the rest is whole, in order, and the relay has no "
          "trouble"):
    house = House(storage_dir())
    shape = Fixed(512)
    data = compile_schemas(house.dir, {"t": shape.schema})["t"]
    relay = Relay(data, house.dir / "run", house.storage, "t", segment_bytes=128 << 10, sync_ms=20)
    house.configure(t={"size": 1 << 20, "age": 3600})
    feeder = Feeder(sender(relay.listen), shape, 8000)
    rounds = deleted = 0
    while deleted < 20:
        said = house.json("--force")
        deleted += said["segments"]
        rounds += 1
        assert sum(one["bytes"] - one["deleted_bytes"] for one in said["channels"]) <= 1 << 20
    sent = feeder.stop()
    relay.wait_recorded(sent)
    relay.stop()
    left = sealed(relay.directory)
    found = [number for path in left for number in shape.numbers(Segment(path).data())]
    check_equal(found, list(range(found[0], sent)), "what is left, in order")
    check_equal([path.with_suffix(".index").exists() for path in left], [True] * len(left),
                "indexes")
    check_equal(len(list(relay.directory.glob("date=*/*.index"))), len(left), "count of indexes")
    check_equal((relay.counters().unrecorded, [line for line in relay.messages().splitlines()
                                               if str(relay.directory) in line]), (0, []),
                "unrecorded, what the relay says of its directory")
    print(f"# {rounds} rounds, {deleted} of {deleted + len(left)} segments deleted")

finish()
