"""Recordings to be pruned: trees of them, and what is to become of them by a calculation of the
tests' own."""
import json
import os
import random
import re
import shlex
import subprocess
import time
from datetime import datetime, timezone
from pathlib import Path

from indexed import stamp
from sdrtest import BIN, Skip, check_equal, run_dir, wait_for

SDR_PRUNE = BIN / "sdr-prune"
KIB, MIB, HOUR, DAY = 1 << 10, 1 << 20, 3600, 86400
SECOND_US = 1000000
DEADLINE_S = 120
# What the kernel is made to say of the clock, and what is made to happen just before a deletion.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
int adjtimex(struct timex* t) {
  memset(t, 0, sizeof *t);
  t->status = getenv("UNSYNCHRONISED") ? STA_UNSYNC : 0;
  return getenv("UNSYNCHRONISED") ? TIME_ERROR : TIME_OK;
}
int unlinkat(int fd, const char* name, int flags) {
  static int count;
  int (*next)(int, const char*, int);
  *(void**)&next = dlsym(RTLD_NEXT, "unlinkat");
  const char* const command = getenv("BEFORE_UNLINK");  /* NUMBER:COMMAND */
  const char* const fails = getenv("FAIL_UNLINK");
  if (command && atoi(command) == ++count) {
    unsetenv("BEFORE_UNLINK");
    if (system(strchr(command, ':') + 1)) abort();
  }
  if (!fails || !strstr(name, fails)) return next(fd, name, flags);
  errno = EIO;
  return -1;
}
"""


def now_us():
    return time.time_ns() // 1000


def date_of(start_us):
    return f"date={datetime.fromtimestamp(start_us // SECOND_US, timezone.utc):%Y-%m-%d}"


def parse_stamp(text):
    whole, _, rest = text.partition(".")
    at = datetime.strptime(whole, "%Y%m%dT%H%M%S").replace(tzinfo=timezone.utc)
    return int(at.timestamp()) * SECOND_US + int(rest[:6])


def put(path, size, written_us=None, blocks=False):
    """A file of that length, in blocks of the disk or as a hole."""
    with open(path, "wb") as file:
        if blocks:
            file.write(b"x" * size)
        else:
            file.truncate(size)
    if written_us is not None:
        os.utime(path, ns=(written_us * 1000, written_us * 1000))
    return path


def add(storage, channel, start_us, size, index=None, written_us=None, rejected=False,
        blocks=False):
    """A sealed segment, written from start_us on; its path."""
    directory = storage / f"channel={channel}" / ("rejected" if rejected else date_of(start_us))
    directory.mkdir(parents=True, exist_ok=True)
    written_us = start_us if written_us is None else written_us
    path = put(directory / f"{channel}_{stamp(start_us)}.avro", size, written_us, blocks)
    if index is not None:
        put(path.with_suffix(".index"), index, written_us, blocks)
    return path


class House:
    """A storage, a config and a clock that is right."""

    def __init__(self, storage=None):
        self.dir = run_dir()
        self.storage = storage or self.dir / "storage"
        self.storage.mkdir(exist_ok=True)
        (self.dir / "run").mkdir()
        self.config = self.dir / "relay.toml"
        self.channels, self.min_free, self.mount, self.prefix = {}, None, None, []
        self.environment = dict(os.environ)
        shim = self.dir / "shim.so"
        compiler = shlex.split(os.environ.get("CC", "cc"))
        done = subprocess.run([*compiler, "-shared", "-fPIC", "-x", "c", "-o", shim, "-", "-ldl"],
                              input=SHIM, text=True, capture_output=True, check=False)
        if done.returncode:
            raise Skip(f"no shared library: {done.stderr.strip()[-200:]}")
        self.environment["LD_PRELOAD"] = str(shim)

    def configure(self, **channels):
        """{name: {"age": s, "size": bytes}}; what is None is left out."""
        self.channels = channels
        lines = ["[storage]\n", f'path = "{self.storage}"\n']
        if self.min_free is not None:
            lines.append(f'min_free = "{self.min_free}"\n')
        if self.mount:
            lines.append(f'mount = "{self.mount}"\n')
        for at, (name, limits) in enumerate(channels.items()):
            lines += [f'[channel.{name}]\nlisten = "127.0.0.1:{20000 + at}"\nschema = "s.avsc"\n',
                      f'full_rate = "239.255.{at // 250}.{at % 250 + 1}:7000"\n',
                      'record = { size = "128KiB", rotate = "1s" }\n']
            parts = [f'{key} = "{limits[key]}{unit}"' for key, unit in (("age", "s"), ("size", "B"))
                     if limits.get(key) is not None]
            lines += [f"retain = {{ {', '.join(parts)} }}\n"] if parts else []
        self.write(self.config, "".join(lines))
        return self

    @staticmethod
    def write(path, text):
        """As one: whoever reads it meanwhile reads what was there before, or all of it."""
        path.with_suffix(".new").write_text(text, encoding="utf-8")
        path.with_suffix(".new").rename(path)

    def command(self, *words):
        return [str(word) for word in (*self.prefix, SDR_PRUNE, "--config", self.config, "--run",
                                       self.dir / "run", *words)]

    def run(self, *words, **environment):
        return subprocess.run(self.command(*words), capture_output=True, text=True, check=False,
                              env=self.environment | environment, timeout=DEADLINE_S,
                              stdin=subprocess.DEVNULL)

    def json(self, *words, expect=0, **environment):
        """What --json says; `expect`: the exit code, None: 0 or 1."""
        done = self.run("--json", *words, **environment)
        if expect is None:
            assert done.returncode in (0, 1), f"exit {done.returncode}: {done.stderr[-400:]}"
        else:
            check_equal(done.returncode, expect, f"exit of {words}: {done.stderr[-400:]}")
        return json.loads(done.stdout)

    def files(self):
        """Every file and directory below the storage: {path: inode}."""
        found, waiting = {}, [""]
        while waiting:
            base = waiting.pop()
            with os.scandir(self.storage / base) as entries:
                for entry in entries:
                    found[base + entry.name] = entry.inode()
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(base + entry.name + "/")
        return found


# The calculation. It walks the tree by itself, and keeps to the manual page.

NAME = re.compile(r"(.+)_(\d{8}T\d{6}\.\d{6}Z)\.(avro|index)$")


class Piece:
    """A segment and its index, or an index alone."""

    def __init__(self, channel, directory, start_us):
        self.channel, self.directory, self.start_us = channel, directory, start_us
        self.data = self.index = None

    @property
    def bytes(self):
        return sum(status.st_size for status in (self.data, self.index) if status)

    @property
    def freed(self):
        return sum(status.st_blocks * 512 for status in (self.data, self.index)
                   if status and status.st_nlink == 1)

    def paths(self):
        base = f"channel={self.channel}/{self.directory}/{self.channel}_{stamp(self.start_us)}"
        return [base + suffix for suffix, status in ((".avro", self.data), (".index", self.index))
                if status]


def read_pieces(storage, channel):
    pieces = {}
    for base in sorted((storage / f"channel={channel}").iterdir()):
        if not (base.name.startswith("date=") or base.name == "rejected") or base.is_symlink():
            continue
        for entry in os.scandir(base):
            match = NAME.match(entry.name)
            if not match or match[1] != channel or not entry.is_file(follow_symlinks=False):
                continue
            if base.name == "rejected" and match[3] == "index":
                continue
            piece = pieces.setdefault((base.name, match[2]),
                                      Piece(channel, base.name, parse_stamp(match[2])))
            kind = "data" if match[3] == "avro" else "index"
            setattr(piece, kind, entry.stat(follow_symlinks=False))
    return sorted(pieces.values(), key=lambda piece: (piece.start_us, piece.directory))


def written_us(status):
    return status.st_mtime_ns // 1000


def past_retain(pieces, limits, at_us, unsealed):
    """What goes for age and size of a channel: [(piece, reason)], oldest first in each."""
    protected = set()
    ends = {}
    for rejected in (False, True):
        row = [piece for piece in pieces
               if piece.data and (piece.directory == "rejected") == rejected]
        for piece, following in zip(row, row[1:] + [None]):
            end = max(piece.start_us, written_us(piece.data))
            ends[piece] = min(end, following.start_us) if following else end
        protected |= set(row[-1:])
    gone = []
    if limits.get("age") is not None:
        gone = [(piece, "age") for piece in pieces if piece.data and piece not in protected
                and at_us - ends[piece] > limits["age"] * SECOND_US]
    rest = [piece for piece in pieces if piece not in {one for one, _ in gone}]
    used = sum(piece.bytes for piece in rest) + unsealed
    for piece in rest:
        if limits.get("size") is None or used <= limits["size"]:
            break
        if piece.data and piece not in protected:
            gone.append((piece, "size"))
            used -= piece.bytes
    return gone, protected


def expected(house, at_us, free=None, min_free=0, force=False, only=None):
    """[(piece, reason)] in order, how much is missing to min_free, and the channels of which
    nothing goes for age or size because it would be too much."""
    gone, left, shares, held, refused = [], {}, {}, {}, []
    for name in sorted(only or house.channels):
        if not (house.storage / f"channel={name}").exists():
            continue
        pieces, limits = read_pieces(house.storage, name), house.channels[name]
        unsealed = sum(path.stat().st_size
                       for where in ("", "rejected/") for pattern in (".open", ".torn-*")
                       for path in (house.storage / f"channel={name}").glob(where + pattern))
        lone = [piece for piece in pieces if not piece.data
                and at_us - written_us(piece.index) > HOUR * SECOND_US]
        gone += [(piece, "orphan") for piece in lone]
        pieces = [piece for piece in pieces if piece not in set(lone)]
        past, held[name] = past_retain(pieces, limits, at_us, unsealed)
        if force or 2 * len(past) <= len([piece for piece in pieces if piece.data]):
            gone += past
            pieces = [piece for piece in pieces if piece not in {one for one, _ in past}]
        else:
            refused.append(name)
        left[name] = pieces
        shares[name] = [limits.get("size"), sum(piece.bytes for piece in pieces) + unsealed]
    equal = [used for size, used in shares.values() if size is None]
    over = {name: used - (sum(equal) // len(equal) if size is None else size)
            for name, (size, used) in shares.items()}
    queues = {name: [piece for piece in left[name] if piece.data and piece not in held[name]
                     and piece.data.st_nlink == 1 and piece.data.st_blocks] for name in left}
    missing = min_free - (free or 0) - sum(piece.freed for piece, _ in gone)
    while min_free and missing > 0 and any(queues.values()):
        name = max((name for name in sorted(queues) if queues[name]), key=lambda one: over[one])
        piece = queues[name].pop(0)
        gone.append((piece, "min_free"))
        over[name] -= piece.bytes
        missing -= piece.freed
    return gone, max(0, missing), refused


def check_round(said, gone, missing=0, refused=()):
    """What sdr-prune --json says is what was calculated."""
    check_equal([one["channel"] for one in said["errors"]],
                [*refused, *[None][:missing > 0]], "refused")
    check_equal([(one["file"], one["reason"]) for one in said["deletions"]],
                [(piece.paths()[0], reason) for piece, reason in gone], "deletions")
    check_equal([(one["bytes"], one["freed_bytes"]) for one in said["deletions"]],
                [(piece.bytes, piece.freed) for piece, _ in gone], "their bytes")
    check_equal(said["bytes"], sum(piece.bytes for piece, _ in gone), "bytes")
    check_equal(said["freed_bytes"], sum(piece.freed for piece, _ in gone), "bytes freed")
    check_equal(said["segments"], sum(reason != "orphan" for _, reason in gone), "segments")
    check_equal(said["disk"]["missing_bytes"], missing, "missing")
    check_equal((said["vanished"], said["changed"], said["left"], said["failed"]), (0, 0, 0, []),
                "what else there was")


def time_of(said):
    """When sdr-prune took it to be."""
    return parse_stamp(said["time"].replace("-", "").replace(":", ""))


def check_both(house, *words, **rules):
    """A dry run and a real one: both say what was calculated, the first leaves everything as it
    was, the second exactly the rest. What the real one said."""
    before = house.files()
    dry = house.json("--dry-run", *words, expect=None)
    calculated = expected(house, time_of(dry), **rules)
    gone, missing, refused = calculated
    check_round(dry, *calculated)
    check_equal(house.files(), before, "after a dry run")
    said = house.json(*words, expect=1 if missing or refused else 0)
    check_round(said, *calculated)
    for key in ("directories", "warnings", "errors", "channels"):
        check_equal(said[key], dry[key], f"{key} of both runs")
    for path in [path for piece, _ in gone for path in piece.paths()] + said["directories"]:
        del before[path]
    now = house.files()
    check_equal(sorted(now.items()), sorted(before.items()), "what is left")
    return said


def grow(house, rng, channels, segments, age_s=20 * DAY, blocks=False):
    """Random recordings of each channel, and random limits: all that a relay may leave behind."""
    limits = {}
    for number in range(channels):
        name = f"c{number:02}"
        at = now_us() - rng.randrange(age_s) * SECOND_US
        count = round(segments * (0.2, 1, 1, 1.8)[number % 4])
        step = max(1, (now_us() - at) // SECOND_US // (count + 1))
        total = 0
        for _ in range(count):
            size = rng.choice((0, 1, rng.randrange(4 * KIB), rng.randrange(64 * KIB)))
            index = rng.choice((None, 0, rng.randrange(2 * KIB)))
            last = at + rng.choice((-HOUR, 0, step // 2, 2 * step)) * SECOND_US
            add(house.storage, name, at, size, index, last, rng.random() < 0.1, blocks)
            total += size
            # A clock that was set back, and pauses.
            at += rng.choice((1, step * SECOND_US, step * SECOND_US + rng.randrange(SECOND_US),
                              rng.randrange(step * SECOND_US) + 1))
        wanted = rng.choice((None, max(MIB, rng.randrange(total + 1)), 512 * MIB))
        limits[name] = {"size": wanted,
                        "age": rng.choice((None, age_s // 2 + 1800, age_s // 4 + 1800, age_s))}
    return house.configure(**limits)


def seeded(name, default=1):
    seed = int(os.environ.get("SEED", default))
    print(f"# {name}: SEED={seed}")
    return random.Random(seed)


def wait_gone(path, what="it is deleted"):
    wait_for(lambda: not os.path.lexists(path), what)


def wait_line(file, text):
    wait_for(lambda: text in Path(file).read_text(encoding="utf-8"), f"{text!r} is said")
