"""Runs sdr-prune --keep, and holds what it kept against the storage, by the tests' own readers."""
import hashlib
import json
import os
import subprocess
from pathlib import Path

from sdrtest import BIN, check_equal
from index_file import LOSSES, rows_of
from indexed import TIME, Written, iso, micros
from segments import Segment, sealed
from udp import varint

PRUNE = os.path.join(os.environ.get("SDR_BIN", BIN), "sdr-prune")
CAT = os.path.join(os.environ.get("SDR_BIN", BIN), "sdr-cat")
SECOND = 1000000
START = micros("2024-11-22T20:00:00")
NUMBER = {"name": "n", "type": "long"}
PLAIN = {"type": "record", "name": "N", "fields": [NUMBER]}
TIMED = {"type": "record", "name": "N", "doc": "of pump",
         "fields": [NUMBER, {"name": "receive_time", "type": TIME}]}
SCHEMAS = {"engine": PLAIN, "pump": TIMED}


def at(time_us):
    return f"@{time_us // 1000000}.{time_us % 1000000:06}"


class Keeper:
    """Of one storage; `words` name its config and run directory."""

    def __init__(self, storage, *words):
        self.storage, self.words = Path(storage), words

    def run(self, *words, code=0, prefix=(), **kwargs):
        """(standard output, standard error)"""
        done = subprocess.run([str(word) for word in (*prefix, PRUNE, *self.words, *words)],
                              capture_output=True, text=True, timeout=120, check=False,
                              stdin=subprocess.DEVNULL, **kwargs)
        if done.returncode != code or "Sanitizer" in done.stderr:
            raise AssertionError(f"{words}: exit {done.returncode}, not {code}: {done.stdout} "
                                 f"{done.stderr}")
        return done.stdout, done.stderr

    def keep(self, name, first_us, last_us, *words, **kwargs):
        return self.run("--keep", name, "--from", at(first_us), "--to", at(last_us), *words,
                        **kwargs)

    def kept(self, name):
        return self.storage / "kept" / name

    def names(self):
        """What is in kept/, those with a dot too."""
        kept = self.storage / "kept"
        return sorted(os.listdir(kept)) if kept.exists() else []


class Tree(Keeper):
    """A storage below `base`; segment k of a channel is of seconds 100 k to 100 k + 99."""

    def __init__(self, base, segments=5, channels=("engine", "pump"), **losses):
        self.base = Path(base)
        config = self.base / "relay.toml"
        (self.base / "storage").mkdir(parents=True)
        config.write_text(f'[storage]\npath = "{self.base}/storage"\n', encoding="utf-8")
        super().__init__(self.base / "storage", "--config", config, "--run", self.base / "run")
        for name in channels:
            for k in range(segments):
                self.add(name, k, losses if k == 2 else {})

    def channel(self, name):
        return self.storage / f"channel={name}"

    def add(self, name, k, losses, index=True):
        started_us = START + 100 * k * SECOND
        made = Written(SCHEMAS.get(name, PLAIN), started_us, channel=name,
                       sync=k.to_bytes(8, "big") + name.encode()[:8].ljust(8))
        for first in range(0, 100, 10):
            times = [started_us + n * SECOND for n in range(first, first + 10)]
            made.add([varint(100 * k + n) + (varint(time_us) if name == "pump" else b"")
                      for n, time_us in zip(range(first, first + 10), times)], times,
                     **(losses if first == 50 else {}))
        path = self.channel(name) / made.name()
        path.parent.mkdir(parents=True, exist_ok=True)
        segment = path.with_name(path.name + ".avro")
        segment.write_bytes(made.data)
        if index:
            segment.with_suffix(".index").write_bytes(made.index())
        return segment

    def put(self, path, data=b""):
        path = self.storage / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def kept_starts(self, kept, name):
        return [path.name for path in sealed(self.kept(kept) / f"channel={name}")]

    def everything(self):
        """Names, inodes and contents of all there is, kept/ left aside."""
        return {str(path): (path.lstat().st_ino, path.lstat().st_mode,
                            path.read_bytes() if path.is_file() else b"")
                for path in sorted(self.base.rglob("*")) if "kept" not in path.parts}


def name_of(k, channel="engine"):
    return f"{channel}_{iso(START + 100 * k * SECOND, '%Y%m%dT%H%M%S.%fZ')}.avro"


def seconds(first, last):
    return START + first * SECOND, START + last * SECOND


def files_below(directory):
    return sorted(str(path.relative_to(directory)) for path in Path(directory).rglob("*")
                  if not path.is_dir() or path.is_symlink())


def cat(*words, code=0):
    done = subprocess.run([str(word) for word in (CAT, *words)], capture_output=True, check=False,
                          timeout=60)
    check_equal(done.returncode, code, f"exit of sdr-cat {words}: {done.stderr.decode()}")
    return done.stdout.decode()


def expected_segment(storage, path):
    """What the manifest must say of the segment `path`, by the files themselves."""
    segment, data = Segment(path), Path(path).read_bytes()
    index = path.with_suffix(".index")
    rows = [row for row in rows_of(path) if row.datums]
    return {"file": str(path.relative_to(storage)), "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(), "datums": segment.datums(),
            "started": segment.metadata["sdr.started"].decode(),
            "first_receive_time": iso(min(row.first_time for row in rows)),
            "last_receive_time": iso(max(row.last_time for row in rows)),
            "index": {"file": str(index.relative_to(storage)), "bytes": index.stat().st_size,
                      "sha256": hashlib.sha256(index.read_bytes()).hexdigest()}}


def losses_of(paths):
    total = dict.fromkeys(LOSSES, 0)
    for path in paths:
        for row in rows_of(path):
            for name, count in row.losses.items():
                total[name] += count
    return total


def check_whole(keeper, name):
    """The links are links, the hashes are right; returns the manifest."""
    kept = keeper.kept(name)
    subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "SHA256SUMS"], cwd=kept, check=True)
    files = files_below(kept)
    sums = sorted(line[66:] for line in (kept / "SHA256SUMS").read_text("utf-8").splitlines())
    check_equal(sums, [file for file in files if file != "SHA256SUMS"], "what SHA256SUMS lists")
    manifest = json.loads((kept / "manifest.json").read_text("utf-8"))
    listed = []
    for channel in manifest["channels"]:
        for segment in channel["segments"] + channel["rejected"]:
            listed.append(segment["file"])
            if segment.get("index"):
                listed.append(segment["index"]["file"])
    check_equal(sorted(listed), [file for file in files if file.startswith("channel=")],
                "what the manifest lists")
    for file in listed:
        there, original = (kept / file).stat(), keeper.storage / file
        if original.exists():
            check_equal(there.st_ino, original.stat().st_ino, f"inode of {file}")
    return manifest
