#!/usr/bin/python3
"""sdr-prune --keep on trees that a test writes: exact ranges, manifests, other people's traps."""
import fcntl
import json
import os
import random
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import Skip, case, check_equal, enter_network, finish, storage_dir  # noqa: E402
from indexed import REJECT_SCHEMA, Written, iso  # noqa: E402
from kept import (SCHEMAS, SECOND, START, Tree, at, cat, check_whole,  # noqa: E402
                  expected_segment, files_below, losses_of, name_of, seconds)
from segments import sealed  # noqa: E402

enter_network()
place = storage_dir()

with case("just the segments of the range, by names and at its ends by the index"):
    tree = Tree(place / "exact")
    # What a name cannot tell: nothing was received from 299 on until 300.
    for number, (first, last, wanted) in enumerate((
            (250, 251, [2]), (0, 500, [0, 1, 2, 3, 4]), (199, 200, [1]), (200, 201, [2]),
            (199, 201, [1, 2]), (-50, 1, [0]), (499, 900, [4]), (120, 480, [1, 2, 3, 4]))):
        tree.keep(f"r{number}", *seconds(first, last))
        check_equal(tree.kept_starts(f"r{number}", "engine"), [name_of(k) for k in wanted],
                    f"segments of seconds {first} to {last}")
        check_whole(tree, f"r{number}")
    _, err = tree.keep("none", *seconds(600, 700), code=1)
    assert "nothing is recorded in that time" in err, err
    check_equal("none" in tree.names(), False, "a run of nothing")

with case("sdr-cat finds the same in what is kept as in the storage, whatever the range"):
    tree = Tree(place / "same", segments=8)
    # A clock that was set back by 100 s at 400: what came then has a name 1 µs behind that of 400.
    clock = tree.add("engine", 3, {})
    for suffix in (".avro", ".index"):
        clock.with_suffix(suffix).rename(clock.with_name(
            name_of(4).replace(".000000Z.avro", f".000001Z{suffix}")))
    choose = random.Random(20261123)
    ranges = [(350, 351), (300, 400), (399, 401)]
    ranges += [(first, first + choose.choice((1, 7, 150)))
               for first in (choose.randrange(-20, 800) for _ in range(12))]
    for number, (first, last) in enumerate(ranges):
        span = [word for pair in zip(("--from", "--to"), map(at, seconds(first, last)))
                for word in pair]
        tree.run("--keep", f"s{number}", *span, code=0)
        for channel in ("engine", "pump"):
            kept = tree.kept(f"s{number}") / f"channel={channel}"
            there = cat(*span, tree.channel(channel))
            check_equal(cat(*span, kept) if kept.exists() else "", there, f"{channel} of {span}")

with case("retention takes what it may of the storage, and leaves what is kept"):
    tree = Tree(place / "retention", channels=("engine",))
    with open(tree.base / "relay.toml", "a", encoding="utf-8") as config:
        config.write('[channel.engine]\nlisten = "127.0.0.1:26000"\nschema = "n.avsc"\n'
                     'full_rate = "239.1.1.1:6000"\n'
                     'record = { rotate = "1s", size = "128KiB" }\nretain = { size = "1MiB" }\n')
    for path in sealed(tree.channel("engine")):
        os.truncate(path, 400 << 10)
    tree.keep("run", *seconds(150, 250))
    tree.run("--force")
    check_equal([path.name for path in sealed(tree.channel("engine"))], [name_of(3), name_of(4)],
                "storage")
    check_equal(tree.kept_starts("run", "engine"), [name_of(1), name_of(2)], "what is kept")
    check_whole(tree, "run")

with case("the manifest: sizes, times, losses, completeness, schemas, by the files themselves"):
    tree = Tree(place / "manifest", kernel_drops=4, unrecorded=2)
    tree.put("channel=pump/rejected/" + name_of(2, "pump"), Written(
        REJECT_SCHEMA, START + 200 * SECOND, channel="pump").data)
    tree.keep("m", *seconds(150, 350))
    manifest = check_whole(tree, "m")
    check_equal((manifest["name"], manifest["from"], manifest["to"]),
                ("m", iso(START + 150 * SECOND), iso(START + 350 * SECOND)), "name and range")
    check_equal(manifest["host"], os.uname().nodename, "host")
    for channel in manifest["channels"]:
        one = channel["name"]
        paths = sealed(tree.kept("m") / f"channel={one}")
        texts = {(tree.kept("m") / segment.pop("schema")).read_text("utf-8")
                 for segment in channel["segments"]}
        check_equal([json.loads(text) for text in texts], [SCHEMAS[one]], "schemas")
        check_equal(channel["segments"], [expected_segment(tree.kept("m"), p) for p in paths],
                    f"segments of {one}")
        check_equal(channel["losses"], losses_of(paths), "losses")
        check_equal(channel["completeness"], "not complete: 4 dropped by the kernel, 2 unrecorded",
                    "completeness")
        check_equal((channel["complete"], channel["left_out"]), (False, []), "complete")
        check_equal([(event["from"], event["to"]) for event in channel["events"]],
                    [(iso(START + 249 * SECOND), iso(START + 259 * SECOND))], "when")
        check_equal(len(channel["rejected"]), int(one == "pump"), "rejects")

with case("a damaged segment, one without an index and one with another's: kept, and told"):
    tree = Tree(place / "damaged", channels=("engine",))
    damaged = tree.channel("engine") / "date=2024-11-22" / name_of(2)
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 0xff
    for k, damage in ((1, None), (2, bytes(data)), (3, b"no Avro file")):
        path = damaged.with_name(name_of(k))
        path.with_suffix(".index").unlink() if damage is None else path.write_bytes(damage)
    tree.keep("d", *seconds(0, 500))
    channel = check_whole(tree, "d")["channels"][0]
    check_equal((len(channel["segments"]), channel["complete"]), (5, False), "segments")
    check_equal([s["schema"] for s in channel["segments"]][3], None, "schema of what is no segment")
    said = cat("--check", tree.kept("d") / "channel=engine", code=1).splitlines()[-1]
    check_equal(channel["completeness"], said, "sdr-cat --check")

with case("open and torn segments without a relay: told, and the rest is kept"):
    tree = Tree(place / "torn", channels=("engine",))
    last = tree.channel("engine") / "date=2024-11-22" / name_of(4)
    os.rename(last, tree.channel("engine") / ".open")
    (tree.channel("engine") / ".torn-20241122T200500.000000Z").write_bytes(b"")
    _, err = tree.keep("o", *seconds(350, 450), code=1)
    assert "channel=engine/.open is not kept: no relay is at work" in err, err
    assert ".torn-20241122T200500.000000Z is not kept: it was left open" in err, err
    check_equal(tree.kept_starts("o", "engine"), [name_of(3)], "segments")
    channel = check_whole(tree, "o")["channels"][0]
    check_equal((channel["complete"], channel["completeness"], len(channel["left_out"])),
                (False, "not complete: 2 files could not be kept", 2), "complete")
    out, err = tree.keep("before", *seconds(0, 100))
    check_equal(err, "", "what is left out of a range before it")

with case("traps: links, pipes, directories, names near ours; nothing outside is touched"):
    tree = Tree(place / "traps", channels=("engine",))
    day = tree.channel("engine") / "date=2024-11-22"
    outside = tree.base / "outside"
    Tree(outside, channels=("engine",))
    other_day = outside / "storage" / "channel=engine" / "date=2024-11-22"
    (day / name_of(1)).unlink()
    (day / name_of(1)).symlink_to(other_day / name_of(1))
    (day / name_of(2)).unlink()
    os.mkfifo(day / name_of(2))
    (day / name_of(3)).unlink()
    (day / name_of(3)).mkdir()
    index = (day / name_of(4)).with_suffix(".index")
    index.unlink()
    index.symlink_to("/etc/passwd")
    (tree.channel("engine") / "date=2026-11-23").symlink_to(other_day)
    (tree.channel("engine") / "rejected").symlink_to(other_day)
    (tree.storage / "channel=link").symlink_to(other_day.parent)
    (tree.storage / "channel=..").mkdir()
    (tree.storage / "channel=UPPER").mkdir()
    for near in (name_of(0) + "x", "x" + name_of(0), name_of(0, "pump"), name_of(0)[:-5],
                 name_of(0) + ".damaged"):
        (day / near).write_bytes(b"x")
    before = tree.everything()
    _, err = tree.keep("t", *seconds(0, 500), code=1)
    check_equal(tree.everything(), before, "everything but kept/")
    check_equal(tree.kept_starts("t", "engine"), [name_of(0), name_of(4)], "segments")
    check_equal(err.count("it is not a regular file"), 4, f"complaints: {err}")
    assert "channel=link is no directory" in err, err
    manifest = check_whole(tree, "t")
    check_equal([c["name"] for c in manifest["channels"]], ["engine"], "channels")

with case("no recordings at all, as where the disk is not mounted: nothing is made there"):
    tree = Tree(place / "none", channels=())
    (tree.storage / "channel=engine").write_bytes(b"")
    _, err = tree.keep("x", *seconds(0, 9), code=1)
    assert "no channel has recordings" in err and "is it mounted?" in err, err
    check_equal(os.listdir(tree.storage), ["channel=engine"], "the storage")

with case("storage.mount, where nothing is mounted: nothing is made there"):
    tree = Tree(place / "mount", segments=1)
    (tree.base / "disk").mkdir()
    os.rename(tree.storage, tree.base / "disk" / "storage")
    tree.storage = tree.base / "disk" / "storage"
    (tree.base / "relay.toml").write_text(f'[storage]\npath = "{tree.storage}"\n'
                                          f'mount = "{tree.base}/disk"\n', encoding="utf-8")
    for more in ((), ("--dry-run",)):
        _, err = tree.keep("x", *seconds(0, 9), *more, code=111)
        assert f"nothing is mounted at {tree.base}/disk" in err, err
    check_equal(tree.names(), [], "kept/")

with case("names that are none, ranges that are none, kept/ that is a link or a file"):
    tree = Tree(place / "names", segments=1)
    before = files_below(tree.base)
    for bad in ("", ".", "..", "a/b", "/etc/x", ".hidden", "a b", "UP", "ü", "a" * 64, "-x"):
        _, err = tree.keep(bad, *seconds(0, 9), code=100)
        assert "--keep takes a name" in err, err
    for words in (["--from", at(START + 9), "--to", at(START)], ["--to", at(START)],
                  ["--from", at(START), "--to", "+1h"], ["--from", "never"],
                  ["--from", at(START), "--force"], ["--from", at(START), "--every", "1min"]):
        tree.run("--keep", "x", *words, code=100)
    tree.run("--from", at(START), code=100)
    check_equal(files_below(tree.base), before, "files")
    for target in (tree.base / "elsewhere", tree.base / "relay.toml"):
        (tree.storage / "kept").symlink_to(target)
        (tree.base / "elsewhere").mkdir(exist_ok=True)
        _, err = tree.keep("x", *seconds(0, 9), code=111)
        assert "kept, which must be a directory" in err, err
        (tree.storage / "kept").unlink()
    (tree.storage / "kept").write_bytes(b"")
    tree.keep("x", *seconds(0, 9), code=111)
    check_equal(list((tree.base / "elsewhere").iterdir()), [], "where the link led")

with case("kept runs stay, and what is none; one's own leftovers are tidied"):
    tree = Tree(place / "tidy", segments=2)
    kept = tree.storage / "kept"
    for name in (".old.abcdefgh", ".x.aaaaaaaa", ".notours", ".old.ABCDEFGH", ".old.abc", "run",
                 ".Up.abcdefgh"):
        (kept / name / "channel=engine" / "date=2024-11-22").mkdir(parents=True)
        (kept / name / "channel=engine" / "date=2024-11-22" / "a.avro").write_bytes(b"x")
    (kept / ".link.abcdefgh").symlink_to(tree.storage)
    with open(kept / ".x.aaaaaaaa" / "held", "wb"):
        pass
    holder = os.open(kept / ".x.aaaaaaaa", os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    tree.keep("new", *seconds(0, 9))
    check_equal(tree.names(), sorted([".x.aaaaaaaa", ".notours", ".old.ABCDEFGH", ".old.abc",
                                      "run", "new", ".Up.abcdefgh", ".link.abcdefgh"]), "kept/")
    os.close(holder)
    tree.keep("later", *seconds(0, 9))
    check_equal(".x.aaaaaaaa" in tree.names(), False, "what is held no more")

with case("another user's leftovers stay"):
    tree = Tree(place / "others", segments=1)
    (tree.storage / "kept" / ".x.aaaaaaaa").mkdir(parents=True)
    try:
        os.chown(tree.storage / "kept" / ".x.aaaaaaaa", 65534, 65534)
    except OSError as no:
        raise Skip("only root can give a directory away") from no
    tree.keep("more", *seconds(0, 9))
    check_equal(tree.names(), [".x.aaaaaaaa", "more"], "kept/")
finish()
