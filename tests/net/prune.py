#!/usr/bin/python3
"""sdr-prune: what it deletes and what it keeps, against a calculation of the test's own; what it
refuses, and what it says."""
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import after_failure, case, check_equal, enter_plainly, finish  # noqa: E402
from indexed import iso, stamp  # noqa: E402
from ocf import header  # noqa: E402
from pruned import (DAY, HOUR, KIB, MIB, SECOND_US, House, add, check_both, date_of,  # noqa: E402
                    grow, now_us, put, seeded, wait_gone, wait_line)

MANY = int(os.environ.get("SEGMENTS", "100000"))
enter_plainly()
START = now_us() - 10 * DAY * SECOND_US


def hourly(house, channel, count, size=KIB, first_us=START, **how):
    """Segments of an hour each; their paths."""
    return [add(house.storage, channel, first_us + n * HOUR * SECOND_US, size, 10,
                first_us + (n + 1) * HOUR * SECOND_US, **how) for n in range(count)]


def trouble(said):
    return [(one["channel"], one["text"]) for one in said["errors"]]


def there(paths):
    return "".join(".x"[path.exists()] for path in paths)


with case("random trees and limits: exactly what the calculation says, in a dry run and for real"):
    rng = seeded("trees")
    for number in range(24):
        house = grow(House(), rng, 4, 40)
        force = ["--force"] if number % 2 else []
        check_both(house, *force, force=bool(force))
        check_equal(house.json(*force, expect=None)["deletions"], [], "still to be deleted")

with case("100,000 segments of 50 channels"):
    rng = seeded("many")
    house = grow(House(), rng, 50, -(-MANY // 48))
    began = time.monotonic()
    said = check_both(house, "--force", force=True)
    count = sum(channel["segments"] for channel in said["channels"])
    assert count >= MANY and said["segments"] > MANY // 10, (count, said["segments"])
    print(f"# {count} segments, {said['segments']} of them gone, "
          f"{time.monotonic() - began:.1f} s with the calculations")

with case("not forced: more than half of a channel's segments stay, all of them; half of them go"):
    house = House()
    half, more = hourly(house, "half", 10), hourly(house, "more", 9)
    age = {"age": 10 * DAY - 5 * HOUR - 1800}
    house.configure(half=age, more=age)
    said = check_both(house)
    check_equal((there(half), there(more)), ("....." + "x" * 5, "x" * 9), "left")
    check_equal(trouble(said), [("more", "5 of its 9 segments are past retain (5 by age, 0 by "
                                 "size): more than half is not deleted without --force")], "said")
    check_both(house, "--force", force=True)
    check_equal(there(more), "....." + "x" * 4, "left, forced")

with case("the clock is not synchronised: nothing for age, which is said where there is something; "
          "size all the same"):
    house = House()
    old = hourly(house, "old", 10)
    young = hourly(house, "young", 10, first_us=now_us() - DAY * SECOND_US)
    large = hourly(house, "large", 10, 300 * KIB)
    house.configure(old={"age": 10 * DAY - 2 * HOUR - 1800}, young={"age": 2 * DAY},
                    large={"size": 8 * 300 * KIB + 99, "age": 10 * DAY - HOUR - 1800})
    said = house.json(expect=1, UNSYNCHRONISED="1")
    check_equal([(one["channel"], one["reason"]) for one in said["deletions"]],
                [("large", "size")] * 2, "deleted")
    check_equal(trouble(said), [
        (name, f"the clock is not synchronised, so nothing is deleted for its age, which {what} "
         "would be") for name, what in (("large", "1 segment"), ("old", "2 segments"))], "said")
    check_equal((there(old), there(young)), ("x" * 10, "x" * 10), "left")
    said = house.json(expect=1, UNSYNCHRONISED="1")
    check_equal(said["deletions"], [], "deleted, again")
    check_both(house)
    check_equal(there(old), ".." + "x" * 8, "left, with a clock")

with case("the clock is before the newest segment: nothing for age, and that is said"):
    house = House()
    old = hourly(house, "a", 10)
    add(house.storage, "a", now_us() + 60 * SECOND_US, 1)
    house.configure(a={"age": 10 * DAY - 2 * HOUR - 1800})
    said = house.json(expect=1)
    check_equal((said["deletions"], there(old)), ([], "x" * 10), "deleted, left")
    assert "begins in the future" in trouble(said)[0][1], trouble(said)

with case("a segment is as old as its last write, or as the next one's start if that is earlier"):
    house = House()
    first, second, third = hourly(house, "a", 3)
    house.configure(a={"age": 10 * DAY - HOUR - 1800})
    os.utime(first)
    said = check_both(house)
    check_equal((there([first, second, third]), said["deletions"][0]["age_s"] // HOUR),
                (".xx", (10 * DAY - HOUR) // HOUR), "left, hours old")
    house = House()
    late = [add(house.storage, "a", START + n * 9 * DAY * SECOND_US, 5) for n in range(2)]
    os.utime(late[0], ns=((START + 8 * DAY * SECOND_US) * 1000,) * 2)
    house.configure(a={"age": 3 * DAY})
    check_equal(check_both(house)["deletions"], [], "deleted: written to two days ago")

with case("the newest sealed segment, the newest of the rejected ones, .open and all that is set "
          "aside stay; rejected ones go with the others; what is open counts"):
    house = House()
    kept = [*hourly(house, "a", 1, first_us=START + DAY * SECOND_US),
            *hourly(house, "a", 1, first_us=START + DAY * SECOND_US, rejected=True)]
    gone = [*hourly(house, "a", 3, 200 * KIB), *hourly(house, "a", 3, 200 * KIB, rejected=True)]
    base = house.storage / "channel=a"
    kept += [put(base / name, size) for name, size in (
        (".open", 900 * KIB), (".torn-20200101T000000.000000Z", 50 * KIB), (".mending", MIB),
        (".broken-20200101T000000.000000Z", MIB), (".mending-index", 5))]
    house.configure(a={"size": MIB + 2 * 200 * KIB + 10 * 2})
    said = check_both(house, "--force", force=True)
    check_equal(there(kept), "x" * len(kept), "kept")
    check_equal((there(gone), {one["reason"] for one in said["deletions"]}), ("..x..x", {"size"}),
                "left, for what reason")
    house.configure(a={"age": DAY, "size": MIB})
    check_both(house, "--force", force=True)
    check_equal((there(kept), there(gone)), ("x" * len(kept), "......"), "kept, left")

with case("a segment that is just being sealed, under both its names, counts once"):
    house = House()
    paths = hourly(house, "a", 4, 300 * KIB)
    (house.storage / "channel=a" / ".open").hardlink_to(paths[-1])
    house.configure(a={"size": 4 * (300 * KIB + 10)})
    check_equal((house.json()["deletions"], there(paths)), ([], "xxxx"), "deleted, left")
    house.configure(a={"size": 4 * (300 * KIB + 10) - 1})
    check_equal((house.json()["segments"], there(paths)), (1, ".xxx"), "deleted, left")

with case("an index whose segment is gone goes when it is settled; not that of the open segment, "
          "nor of one that waits for its repair"):
    house = House()
    old_us = now_us() - DAY * SECOND_US
    add(house.storage, "a", now_us() - HOUR * SECOND_US, 10)
    lone, fresh, opened, torn, shifted = (
        add(house.storage, "a", old_us + n * 60 * SECOND_US, 9, 7) for n in range(5))
    for path in (lone, fresh, opened, torn, shifted):
        path.unlink()
    os.utime(fresh.with_suffix(".index"))
    base = house.storage / "channel=a"
    (base / ".open").write_bytes(header("long", extra={
        "sdr.started": iso(old_us + 120 * SECOND_US)}))
    put(base / f".torn-{stamp(old_us + 180 * SECOND_US)}", 5)
    put(base / f".torn-{stamp(old_us + 240 * SECOND_US - 900)}", 5)
    house.configure(a={})
    said = house.json()
    check_equal([(one["file"].rpartition("/")[2], one["reason"], one["bytes"])
                 for one in said["deletions"]],
                [(lone.with_suffix(".index").name, "orphan", 7)], "deleted")
    (base / ".open").unlink()
    put(base / ".mending", 1)
    check_equal(house.json()["deletions"], [], "deleted while one is mended")
    (base / ".mending").unlink()
    (base / ".open").write_bytes(b"Obj")
    check_equal(house.json()["deletions"], [], "deleted while an open one cannot be read")
    (base / ".open").unlink()
    check_equal([one["file"].rpartition("/")[2] for one in house.json()["deletions"]],
                [opened.with_suffix(".index").name], "deleted when it is no more")

with case("empty date= directories go, but for today's, those with anything else in them, and "
          "those of what is open or torn"):
    house = House()
    base = house.storage / "channel=a"
    past = hourly(house, "a", 24, first_us=START - START % (DAY * SECOND_US))
    mixed = add(house.storage, "a", START - 2 * DAY * SECOND_US, 5)
    (mixed.parent / "notes.txt").write_text("by hand")
    hourly(house, "a", 25, first_us=START + 3 * DAY * SECOND_US)
    made = [base / date_of(START + days * DAY * SECOND_US) for days in (-9, -8, -7)]
    made.append(base / date_of(now_us()))
    for path in made:
        path.mkdir()
        os.utime(path, (0, 0))
    os.utime(made[1])
    put(base / f".torn-{stamp(START - 7 * DAY * SECOND_US)}", 5)
    house.configure(a={"age": 8 * DAY})
    said = check_both(house, "--force", force=True)
    check_equal(said["directories"], [str(path.relative_to(house.storage))
                                      for path in (made[0], past[0].parent)], "directories gone")
    check_equal((there(made), base.exists()), (".xxx", True), "left")
    assert not mixed.exists() and mixed.parent.exists()

with case("what is not configured is kept, and said; a channel without limits keeps everything"):
    house = House()
    free, lost = hourly(house, "free", 4), hourly(house, "lost", 4)
    kept = house.storage / "kept" / "run" / "channel=free" / date_of(START)
    kept.mkdir(parents=True)
    kept = put(kept / free[0].name, 9, 0)
    house.configure(free={})
    said = house.json()
    check_equal((there(free), there(lost), kept.exists()), ("xxxx", "xxxx", True), "left")
    check_equal(said["warnings"], [{"channel": "lost", "text": "it is not configured: its 4 "
                                    "segments, 4.1 kB, are kept"}], "said")
    done = house.run()
    check_equal((done.returncode, done.stderr), (
        0, "sdr-prune: warning: lost: it is not configured: its 4 segments, 4.1 kB, are kept\n"),
                "in words")

with case("--channel: only of those; one that is nowhere is an error"):
    house = House()
    paths = {name: hourly(house, name, 4) for name in "abc"}
    house.configure(**{name: {"age": DAY} for name in "abc"})
    check_both(house, "--channel", "c", "--channel", "a", "--force", force=True, only=["a", "c"])
    check_equal([there(paths[name]) for name in "abc"], ["...x", "xxxx", "...x"], "left")
    done = house.run("--channel", "nowhere")
    check_equal((done.returncode, len(done.stderr.splitlines())), (100, 1), "exit, lines")
    assert "no such channel: nowhere" in done.stderr, done.stderr

with case("it goes by the config that is in force, and by none that is not sound"):
    house = House()
    paths = hourly(house, "a", 4)
    house.configure(a={"age": DAY})
    applied = house.dir / "run" / "applied"
    applied.mkdir()
    in_force = house.config.read_text(encoding="utf-8")
    (applied / "relay.toml").write_text(in_force.replace("retain", "#"), encoding="utf-8")
    check_equal((house.json("--force")["deletions"], there(paths)), ([], "xxxx"), "in force")
    check_equal(house.json("--force")["config"], str(applied / "relay.toml"), "the config named")
    (applied / "relay.toml").write_text(in_force + "[channel.b]\nlisten = 5\n", encoding="utf-8")
    done = house.run("--force")
    check_equal((done.returncode, len(done.stderr.splitlines()), there(paths)), (100, 1, "xxxx"),
                f"not sound: {done.stderr}")
    (applied / "relay.toml").write_text(in_force, encoding="utf-8")
    check_equal((house.run("--force").returncode, there(paths)), (0, "...x"), "in force again")

with case("a fleet that records nothing, as the one of the example config: nothing to do, exit 0"):
    house = House()
    house.write(house.config, "[storage]\n")
    done = house.run()
    check_equal((done.returncode, done.stderr, done.stdout), (
        0, "", f"nothing to delete: no storage.path in {house.config}\n"), "exit, told")
    check_equal(house.json()["storage"], "", "storage")
    check_equal(house.run("--channel", "a").returncode, 100, "exit, a channel that is nowhere")

with case("in words: each file with its size, age and reason; the sum; what goes wrong"):
    house = House()
    hourly(house, "a", 5, 300 * KIB)
    house.configure(a={"age": 10 * DAY - HOUR - 1800, "size": MIB})
    done = house.run("--dry-run")
    lines = done.stdout.splitlines()
    files = [line for line in lines if ".avro (" in line]  # a day may become empty with them
    name = f"channel=a/{date_of(START)}/a_{stamp(START)}.avro"
    check_equal(files[0], f"would delete {name} (307.2 kB, 9d23h old): age, more than "
                f"{(10 * DAY - HOUR - 1800) // 60}min", "a line")
    assert files[1].endswith("old): size, the channel has more than 1MiB"), files[1]
    assert lines[-1].startswith("would delete 2 segments, 614.4 kB; "), lines[-1]
    check_equal(len(files), 2, "lines of files")
    done = house.run()
    check_equal(done.stdout.splitlines()[:-1], [
        line.replace("would delete", "deleted", 1) for line in lines[:-1]], "for real")
    assert house.run().stdout.startswith("nothing to delete; "), "nothing to do"

with case("two at once: the second says so and deletes nothing; a dry run does not mind"):
    house = House()
    paths = hourly(house, "a", 4)
    house.configure(a={"age": 10 * DAY - HOUR - 1800})
    lock = os.open(house.storage, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    done = house.run()
    check_equal((done.returncode, done.stdout, there(paths)), (111, "", "xxxx"), "exit, left")
    assert "another sdr-prune is at work" in done.stderr, done.stderr
    check_equal(len(house.json("--dry-run")["deletions"]), 1, "a dry run")
    os.close(lock)
    check_equal((house.run().returncode, there(paths)), (0, ".xxx"), "afterwards")

with case("options that do not fit are one line and exit 100"):
    house = House().configure(a={})
    for words in (("--every", "0s"), ("--every", "5"), ("--every", "2d"), ("--channel", "A/b"),
                  ("--every", "5s", "--force"), ("--every", "5s", "--dry-run"), ("a",)):
        done = house.run(*words)
        check_equal((done.returncode, len(done.stderr.splitlines()), done.stdout), (100, 1, ""),
                    f"exit, lines and output of {words}")
    done = house.run("--config", house.dir / "none.toml")
    assert done.returncode in (100, 111) and "none.toml" in done.stderr, done.stderr

with case("--every: acts, sees what comes and a new config, outlives errors, is quiet, ends on "
          "TERM"):
    house = House()
    house.configure(a={"age": 10 * DAY - HOUR - 1800})
    paths = hourly(house, "a", 6)
    with open(house.dir / "out", "wb") as out, open(house.dir / "err", "wb") as err:
        service = subprocess.Popen(house.command("--every", "1s"), stdout=out, stderr=err,
                                   env=house.environment, stdin=subprocess.DEVNULL)
    after_failure.append(service.kill)
    wait_gone(paths[0])
    text = house.config.read_text(encoding="utf-8")
    house.write(house.config, text + "nonsense\n")
    wait_line(house.dir / "err", "relay.toml")
    service.send_signal(signal.SIGHUP)
    house.configure(a={"age": 10 * DAY - 3 * HOUR - 1800})
    wait_gone(paths[2])
    wait_line(house.dir / "err", "all is well again")
    for _ in range(3):
        service.send_signal(signal.SIGHUP)
    added = add(house.storage, "a", START - HOUR * SECOND_US, 5)
    wait_gone(added)
    service.send_signal(signal.SIGTERM)
    check_equal(service.wait(10), 0, "exit")
    out = (house.dir / "out").read_text(encoding="utf-8").splitlines()
    check_equal([line.partition(" ")[0] for line in out].count("nothing"), 0, "idle rounds told")
    check_equal(sum(".avro (" in line for line in out), 4, "told")
    check_equal(len((house.dir / "err").read_text(encoding="utf-8").splitlines()), 2, "complaints")
    check_equal(there(paths), "...xxx", "left")

finish()
