#!/usr/bin/python3
"""sdr-cat --follow of files as relays may leave them: a block that was cut off and written again, a
file written anew, another schema, thousands of old segments; and progress on a terminal."""
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import after_failure, case, check_equal, enter_plainly, finish, wait_for  # noqa: E402
from catlib import CAT, WORK, cat, check, numbers, put  # noqa: E402
from ocf import block, header  # noqa: E402
from playing import PLAIN, SECOND, START, numbered, record  # noqa: E402
from strace import Strace, need_strace  # noqa: E402
from udp import varint  # noqa: E402

enter_plainly()
HEAD = header(PLAIN)
DIRECTORY = WORK / "channel=x"
OPEN = DIRECTORY / ".open"


def blocks(*counts, first=0, sync=HEAD[-16:]):
    """Blocks of as many datums, numbered on."""
    made = b""
    for count in counts:
        made += block([varint(first + n) for n in range(count)])[:-16] + sync
        first += count
    return made


def begin(data):
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    put("channel=x/.open", data)


def append(data, at=None):
    with open(OPEN, "r+b") as file:
        file.seek(0, os.SEEK_END)
        if at is not None:
            file.truncate(at)
            file.seek(at)
        file.write(data)


class Follower:
    """What it prints goes into a file."""

    def __init__(self, *words, before=()):
        self.out, self.err = WORK / "out", WORK / "err"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen([*before, CAT, "--follow", *words, DIRECTORY],
                                            stdout=out, stderr=err)
        after_failure.append(self.process.kill)

    def waits(self):
        """Until it has passed over what is there."""
        links = Path(f"/proc/{self.process.pid}/fd")
        wait_for(lambda: any("inotify" in os.readlink(link) for link in links.iterdir()),
                 "it waits")
        return self

    def wait(self, expected, what):
        expected = list(expected)
        wait_for(lambda: self.out.read_text().count("\n") >= len(expected), what)
        check_equal(numbers(self.out.read_text()), expected, what)

    def end(self, said=""):
        self.process.send_signal(signal.SIGTERM)
        check_equal(self.process.wait(10), -signal.SIGTERM, "it ends by the signal")
        check_equal(self.err.read_text(), said, "standard error")


with case("a block that is cut off, and written again with what has come since: each datum once"):
    begin(HEAD + blocks(3))
    follower = Follower().waits()
    append(blocks(2, first=3))
    follower.wait(range(3, 5), "the block")
    append(blocks(6, 1, first=3), at=len(HEAD + blocks(3)))
    follower.wait(range(3, 10), "behind it")
    # And again, after which there is less of it for a while.
    append(b"", at=len(HEAD + blocks(3)))
    append(blocks(2, first=3))
    append(blocks(7, first=5))
    follower.wait(range(3, 12), "from the shorter one on")
    follower.end()

with case("a file that is written anew goes on behind what has been printed; so does the next"):
    begin(HEAD + blocks(3))
    follower = Follower().waits()
    append(blocks(2, first=3))
    follower.wait(range(3, 5), "before")
    put("channel=x/anew", HEAD + blocks(1, 1, 1, 1, 1, 4))
    os.rename(DIRECTORY / "anew", OPEN)
    follower.wait(range(3, 9), "what is new in it")
    # One that has lost what had been printed takes nothing from the next.
    put("channel=x/anew", HEAD + blocks(2))
    os.rename(DIRECTORY / "anew", OPEN)
    sealed = DIRECTORY / "date=2026-11-22" / "x_20261122T200000.000000Z.avro"
    sealed.parent.mkdir()
    other = b"\x55" * 16
    put("channel=x/next", HEAD[:-16] + other + blocks(3, first=9, sync=other))
    os.rename(OPEN, sealed)
    os.rename(DIRECTORY / "next", OPEN)
    follower.wait(range(3, 12), "the next segment")
    follower.end()
    # Before anything was new: what was passed over stays so.
    begin(HEAD + blocks(3))
    follower = Follower().waits()
    put("channel=x/anew", HEAD + blocks(1, 4))
    os.rename(DIRECTORY / "anew", OPEN)
    follower.wait(range(3, 5), "what is new")
    follower.end()

with case("another segment in the same inode: the one before is read to its end first"):
    begin(HEAD + blocks(3))
    follower = Follower().waits()
    append(blocks(2, first=3))
    follower.wait(range(3, 5), "before")
    other = b"\x55" * 16
    put("channel=x/date=2026-11-22/x_20261122T200000.000000Z.avro", HEAD + blocks(3, 2, 2))
    with open(OPEN, "r+b") as file:
        file.write(HEAD[:-16] + other + blocks(9, first=7, sync=other))
    follower.wait(range(3, 16), "in order")
    follower.end()

with case("--from in or behind the open segment: nothing that was received before"):
    made = numbered(PLAIN, [START + n * SECOND for n in range(50)], channel="x")
    for begins, first in ((START + 30 * SECOND, 30), (START + 3600 * SECOND, 50)):
        begin(made.data)
        put(f"channel=x/{made.name()}.index", made.index())
        follower = Follower("--from", f"@{begins / 1e6}").waits()
        append(blocks(3, first=50, sync=made.sync))
        follower.wait(range(first, 53), "from then on")
        # Written anew: behind as many datums as there were, printed or not.
        put("channel=x/anew", made.data + blocks(1, 4, first=50, sync=made.sync))
        os.rename(DIRECTORY / "anew", OPEN)
        follower.wait(range(first, 55), "what is new")
        follower.end()

with case("a row of the index that is there before its block: that is printed when it comes"):
    made = numbered(PLAIN, [START + n * SECOND for n in range(50)], channel="x")
    late = len(made.data) - len(blocks(10, first=40))
    for cut in (late, late + 5):
        begin(made.data[:cut])
        put(f"channel=x/{made.name()}.index", made.index())
        follower = Follower("--from", f"@{(START + 38 * SECOND) / 1e6}").waits()
        append(made.data[late:], at=late)
        follower.wait(range(30, 50), "the block")
        follower.end()

with case("a head, before any datum: what is printed can be read at once"):
    begin(HEAD)
    follower = Follower("--format", "avro").waits()
    wait_for(lambda: follower.out.stat().st_size > 0, "a head")
    check_equal(cat("--count", follower.out)[0], "0\n", "datums")
    follower.end()
    follower = Follower("--format", "csv").waits()
    wait_for(lambda: follower.out.read_text() == "n\n", "a head")
    follower.end()

with case("another schema: JSON has both, and what has columns ends there and says why, once"):
    for words, code in (([], None), (["--format", "csv"], 100), (["--format", "avro"], 100),
                        (["--fields", "n"], 100)):
        begin(HEAD + blocks(1))
        follower = Follower(*words).waits()
        append(blocks(1, first=1))
        sync = b"\x55" * 16
        sealed = DIRECTORY / "date=2026-11-22" / "x_20261122T200000.000000Z.avro"
        sealed.parent.mkdir()
        put("channel=x/next", header(record({"name": "m", "type": "long"}))[:-16] + sync +
            blocks(1, first=7, sync=sync))
        os.rename(OPEN, sealed)
        os.rename(DIRECTORY / "next", OPEN)
        if code is None:
            wait_for(lambda: follower.out.read_text().endswith('{"n":1}\n{"m":7}\n'), "both")
            follower.end()
            continue
        check_equal(follower.process.wait(10), code, f"{words}: exit code")
        said = follower.err.read_text()
        check(len(said.splitlines()) == 1 and "/.open: " in said, said)

with case("what is wrong is told once, however often it is looked at"):
    begin(HEAD[:-20] + b"\0" * 20)
    follower = Follower().waits()
    wait_for(lambda: follower.err.stat().st_size > 0, "it is told")
    for n in range(3):
        put("channel=x/next", HEAD + blocks(1, first=n))
        os.rename(DIRECTORY / "next", DIRECTORY / f"x_2026112{n}T200000.000000Z.avro")
        follower.wait(range(n + 1), "others are read")
    said = follower.err.read_text()
    check_equal(len(said.splitlines()), 1, said)
    follower.end(said)

with case("however many old segments there are, only what is new is looked at"):
    need_strace(WORK)
    begin(HEAD + blocks(1))
    for n in range(500):
        put(f"channel=x/date=2026-11-21/x_20261121T{n // 60:02}{n % 60:02}00.000000Z.avro",
            HEAD + blocks(1))
    follower = Follower().waits()
    trace = Strace(follower.process.pid, WORK / "trace", "-e",
                   "trace=getdents64,/^access,/^faccessat,/stat,/^open")
    for n in range(1, 11):
        append(blocks(1, first=n))
        follower.wait(range(1, n + 1), "what is new")
    trace.end()
    follower.end()
    made = [name for _, name in trace.calls()]
    check("openat" in made and "getdents64" not in made and len(made) < 200,
          f"{len(made)} calls for 10 blocks: {sorted(set(made))}")

with case("progress: on a terminal, while standard output is none"):
    big = put("big.avro", HEAD + blocks(20000) * 50)
    main, side = pty.openpty()
    for stderr in (side, open(WORK / "err", "wb")):
        process = subprocess.Popen([CAT, big], stdout=subprocess.PIPE, stderr=stderr)
        began = time.monotonic()
        wait_for(lambda since=began: time.monotonic() - since > 1, "work that takes a while")
        seen = b""
        while process.stdout.read1(1 << 16):
            if select.select([main], [], [], 0)[0]:
                seen += os.read(main, 4096)
        check_equal(process.wait(10), 0, "exit code")
        process.stdout.close()
        while select.select([main], [], [], 0)[0]:
            seen += os.read(main, 4096)
        if stderr == side:
            for part in ("%", " MB of ", "/s, ", " s left"):
                check(part in seen.decode(), seen)
            check(seen.endswith(b"\r\x1b[K"), seen)
            continue
        stderr.close()
        check_equal((seen, (WORK / "err").read_bytes()), (b"", b""), "to a file")

finish()
