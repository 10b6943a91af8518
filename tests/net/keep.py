#!/usr/bin/python3
"""sdr-prune --keep: runs of two real channels out of the middle of what they record."""
import json
import stat
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import case, check_equal, enter_network, finish, wait_for  # noqa: E402
from index_file import rows_of  # noqa: E402
from kept import (Keeper, at, cat, check_whole, expected_segment, files_below,  # noqa: E402
                  losses_of)
from relay import Counters  # noqa: E402
from s6tree import Fleet  # noqa: E402
from segments import Segment, sealed  # noqa: E402
from udp import send_paced, sender, varint  # noqa: E402

SCHEMA = {"type": "record", "name": "N", "doc": "as it was written", "fields": [
    {"name": "n", "type": "long"},
    {"name": "pad", "type": {"type": "fixed", "name": "P", "size": 90}}]}
CHANNELS = {"engine": 26001, "pump": 26002}  # the datums of `pump` say when they were received
BURST = 3500  # more than two segments


def now_us():
    return time.time_ns() // 1000


class Run:
    """A fleet, and what has been sent to it."""

    def __init__(self, fleet):
        self.fleet, self.keeper = fleet, Keeper(fleet.storage, *words(fleet))
        schema = fleet.config.parent / "schemas" / "n.avsc"
        schema.write_text(json.dumps(SCHEMA, indent=1), encoding="utf-8")
        for name, port in CHANNELS.items():
            fleet.set(name, port=port, schema='"schemas/n.avsc"', sequence='"n"',
                      record='{ sync = "200ms", rotate = "24h", size = "128KiB", receive_time = '
                             + ("true }" if name == "pump" else "false }"))
        fleet.apply()
        self.senders = {name: sender(f"127.0.0.1:{port}") for name, port in CHANNELS.items()}
        self.next = dict.fromkeys(CHANNELS, 0)

    def directory(self, name):
        return self.fleet.storage / f"channel={name}"

    def counters(self, name):
        return Counters(self.fleet.run / "counters" / name)

    def send(self, name, count=BURST, skip=0):
        """Datums of the next numbers, after `skip` that are not sent; until they are received."""
        before = self.counters(name).received
        first = self.next[name] + skip
        self.next[name] = first + count
        send_paced(self.senders[name], [varint(n) + bytes(90) for n in range(first, first + count)],
                   lambda: self.counters(name))
        wait_for(lambda: self.counters(name).received - before == count, "all is received")

    def burst(self, **kwargs):
        """To both; the numbers of each, and the times around it."""
        first, first_us = dict(self.next), now_us()
        for name in CHANNELS:
            self.send(name, **kwargs)
        numbers = {name: range(first[name] + kwargs.get("skip", 0), self.next[name])
                   for name in CHANNELS}
        return numbers, first_us, now_us()

    def wait_recorded(self):
        for name in CHANNELS:
            wait_for(lambda: self.counters(name).recorded == self.counters(name).received -  # noqa
                     self.counters(name).rejected, "all is recorded")  # noqa: B023

    def check_same_datums(self, kept, name, first_us, last_us, numbers):
        """What sdr-cat finds of the range in what is kept is what it finds in the storage: of
        `pump` just the numbers that were sent then, of the other whole blocks."""
        span = ["--from", at(first_us), "--to", at(last_us)]
        found = cat(*span, self.keeper.kept(kept) / f"channel={name}")
        there = cat(*span, *words(self.fleet), name)
        check_equal(found.splitlines(), there.splitlines(), f"datums of {name}")
        found = [json.loads(line)["n"] for line in found.splitlines()]
        wanted = set(numbers[name])
        check_equal([n for n in found if n in wanted or name == "pump"], list(numbers[name]),
                    f"numbers of {name}")

    def check_manifest(self, manifest, kept):
        for channel in manifest["channels"]:
            paths = sealed(self.keeper.kept(kept) / f"channel={channel['name']}")
            expected = [expected_segment(self.keeper.kept(kept), path) for path in paths]
            for segment, path in zip(channel["segments"], paths):
                text = self.keeper.kept(kept) / segment.pop("schema")
                check_equal(text.read_text("utf-8"), Segment(path).schema, "its schema")
            check_equal(channel["segments"], expected, "segments")
            check_equal(channel["losses"], losses_of(paths), "losses")
            said = cat("--check", paths[0].parents[1], code=(0 if channel["complete"] else 1))
            check_equal(channel["completeness"], said.splitlines()[-1], "sdr-cat --check")


def words(fleet):
    return ["--config", fleet.config, "--run", fleet.run]


def without_range(paths, first_us, last_us):
    """Those of which no row of the index meets the range."""
    return [path for path in paths
            if not any(row.first_time < last_us and row.last_time >= first_us
                       for row in rows_of(path) if row.datums)]


enter_network()
with Fleet() as fleet_:
    run = Run(fleet_)
    keeper = run.keeper

    with case("a run that is just over: what is open is sealed first, and what is in rings alone"):
        numbers, first, last = run.burst()
        out, err = keeper.keep("just-over", first, last)
        check_equal(err, "", "complaints")
        check_equal([line.rpartition(": ")[2] for line in out.splitlines()[:-1]],
                    ["complete"] * 2, "what is said")
        manifest_ = check_whole(keeper, "just-over")
        run.check_manifest(manifest_, "just-over")
        for one in CHANNELS:
            run.check_same_datums("just-over", one, first, last, numbers)
            check_equal([c["complete"] for c in manifest_["channels"]], [True, True], "complete")
        check_equal(keeper.names(), ["just-over"], "kept/")

    with case("a run in the middle: just its segments, with rejects and losses that were induced"):
        run.burst()
        numbers, first, last = run.burst(skip=7)
        run.senders["pump"].send(b"?")
        wait_for(lambda: run.counters("pump").rejects_kept == 1, "the reject is kept")
        last = now_us()
        run.burst()
        run.wait_recorded()
        keeper.keep("middle", first, last)
        manifest_ = check_whole(keeper, "middle")
        run.check_manifest(manifest_, "middle")
        for channel in manifest_["channels"]:
            one = channel["name"]
            run.check_same_datums("middle", one, first, last, numbers)
            kept = sealed(keeper.kept("middle") / f"channel={one}")
            chosen = {path.name for path in kept}
            left = [path for path in sealed(run.directory(one)) if path.name not in chosen]
            check_equal(without_range(left, first, last), left, "segments that are not kept")
            # A second more where datums say themselves when they came: some overtake others.
            if one == "engine":
                check_equal(without_range(kept, first, last), [], "segments for nothing")
            check_equal((channel["losses"]["lost"], channel["complete"]), (7, False), "losses")
            when = [event for event in channel["events"] if "7 lost in 1 gap" in event["what"]]
            check_equal(len(when), 1, "times when datums were lost")
            check_equal(len(channel["rejected"]), int(one == "pump"), "files of rejects")
        rejects = cat("--rejected", keeper.kept("middle") / "channel=pump").splitlines()
        check_equal([json.loads(line)["reason"] for line in rejects], ["short"], "rejects")

    with case("an old run leaves the relays alone"):
        _, first_us, last_us = numbers, first, last
        open_ones = {one: (run.directory(one) / ".open").exists() for one in CHANNELS}
        segments = {one: run.counters(one).segments for one in CHANNELS}
        run.burst(count=10)
        run.wait_recorded()
        keeper.keep("old", first_us, last_us)
        check_equal({one: run.counters(one).segments for one in CHANNELS}, segments, "sealed")
        check_equal(files_below(keeper.kept("old"))[1:], files_below(keeper.kept("middle"))[1:],
                    "the same as before")

    with case("--dry-run says what would be kept, and does nothing; --json is the manifest"):
        before = files_below(fleet_.storage)
        out, _ = keeper.keep("maybe", first, last, "--dry-run", "--json")
        check_equal(files_below(fleet_.storage), before, "files")
        told, real = json.loads(out), json.loads(keeper.keep("sure", first, last, "--json")[0])
        check_equal(told.pop("dry_run"), True, "dry_run")
        check_equal((told["segments"], told["bytes"]), (real["segments"], real["bytes"]), "size")
        check_equal(real, json.loads((keeper.kept("sure") / "manifest.json").read_text("utf-8")),
                    "what is printed")

    with case("--channel keeps one; a name that is taken, and a channel that is not there"):
        keeper.keep("alone", first, last, "--channel", "pump")
        check_equal([c["name"] for c in check_whole(keeper, "alone")["channels"]], ["pump"],
                    "channels")
        before = files_below(fleet_.storage)
        _, err = keeper.keep("alone", first, last, code=100)
        assert "there already" in err, err
        _, err = keeper.keep("other", first, last, "--channel", "nobody", code=100)
        assert "no recordings of channel nobody" in err, err
        check_equal(files_below(fleet_.storage), before, "files")

    with case("modes: who may read the storage may read what is kept; nobody else may write"):
        for path in keeper.kept("middle").rglob("*"):
            like = run.directory("engine") if path.is_dir() else \
                next(iter(sealed(run.directory("engine"))))
            if path.suffix not in (".avro", ".index") and "schemas" not in path.parts:
                check_equal(stat.S_IMODE(path.stat().st_mode) & 0o7777,
                            stat.S_IMODE(like.stat().st_mode) & 0o755, f"mode of {path}")
            check_equal(path.stat().st_gid, like.stat().st_gid, f"group of {path}")

    with case("a channel whose relay is not asked: the rest is kept, and it is said what to do"):
        numbers, first, last = run.burst(count=50)
        run.wait_recorded()
        elsewhere = fleet_.dir / "elsewhere"
        (elsewhere / "live").mkdir(parents=True)
        _, err = keeper.run("--keep", "partly", "--from", at(first - 3600 * 1000000), "--to",
                            at(last), "--run", elsewhere, code=1)
        for one in CHANNELS:
            assert f"channel={one}/.open is not kept" in err and "SIGHUP" in err, err
        assert not any(c["complete"] for c in check_whole(keeper, "partly")["channels"])

    with case("a relay that is down has sealed what it had"):
        fleet_.svc("-d", "-wD", "engine")
        keeper.keep("down", first, last)
        for one in CHANNELS:
            run.check_same_datums("down", one, first, last, numbers)
finish()
