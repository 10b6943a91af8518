#!/usr/bin/python3
"""sdr-prune --keep where the system refuses or it is killed: all of the run is kept, or nothing."""
import errno
import os
import pty
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (Skip, case, check_equal, enter_network, finish, sh, storage_dir,  # noqa: E402
                     wait_for)
from disks import Disk  # noqa: E402
from kept import PRUNE, START, SECOND, Tree, at, check_whole, name_of, seconds  # noqa: E402
from tracer import PREFIX, Traced  # noqa: E402

STRIDE = int(os.environ.get("STRIDE", "0"))  # between the kills: 1 for each system call

# In place of sha256sum: waits for a word, then does its work, or fails at it.
SLOW_SUM = """#!/bin/sh
while ! [ -e {dir}/go ]; do sleep 0.02; done
grep -q fail {dir}/go && {{ echo {none}; exit 0; }}
exec {real} "$@"
"""

enter_network()
place = storage_dir()

with case("a file system that takes no links any more, of one file or at all: strace"):
    if not shutil.which("strace"):
        raise Skip("no strace")
    tree = Tree(place / "limits", segments=2, channels=("engine",))
    span = seconds(0, 200)

    def under(inject, code):
        return tree.keep("x", *span, code=code, prefix=[
            "strace", "-qq", "-o", "/dev/null", "-e", f"inject={inject}"])[1]

    for wrong, says in (("EMLINK", "as many names as the file system allows"),
                        ("EXDEV", "another file system"), ("ENOENT", "is gone"),
                        ("EPERM", "no hard link can be made")):
        err = under(f"linkat:error={wrong}:when=1", 1)
        assert says in err, err
        check_equal(tree.kept_starts("x", "engine"), [name_of(1)], wrong)
        check_whole(tree, "x")
        shutil.rmtree(tree.kept("x"))
    for wrong in ("ENOSPC", "EDQUOT", "EROFS", "EIO"):
        for call in ("linkat:error={}:when=2", "mkdirat:error={}:when=3", "fsync:error={}:when=2",
                     "renameat2:error={}", "write:error={}:when=1"):
            if call.startswith("write") and wrong == "EROFS":
                continue
            err = under(call.format(wrong), 111)
            assert os.strerror(getattr(errno, wrong)) in err, err
            check_equal(tree.names(), [], f"kept/ after {wrong} of {call}")
    under("renameat2:error=EINVAL", 0)  # a file system without RENAME_NOREPLACE
    check_whole(tree, "x")

with case("all is on the disk before it has its name, and then the name: strace"):
    if not shutil.which("strace"):
        raise Skip("no strace")
    tree = Tree(place / "synced", segments=2, channels=("engine",))
    trace = tree.base / "trace"
    tree.keep("x", *seconds(0, 200), prefix=["strace", "-y", "-qq", "-o", trace, "-e",
                                             "trace=fsync,renameat2",
                                             "-e", "signal=none"])
    calls = trace.read_text("utf-8").splitlines()
    renamed = next(number for number, line in enumerate(calls) if line.startswith("renameat2"))
    synced = [re.search("<(.*)>", line)[1] for line in calls if line.startswith("fsync")]
    made = [path for path in tree.kept("x").rglob("*")
            if path.is_dir() or path.suffix not in (".avro", ".index")]
    check_equal(sorted(re.sub(r"/kept/\.x\.[a-z2-7]{8}", "/kept/x", path)
                       for path in synced[:renamed]),
                sorted(map(str, [tree.kept("x"), *made])), "what is synced before")
    check_equal(synced[renamed:], [str(tree.storage / "kept"), str(tree.storage)], "and after")

with case("a channel on another file system is told, a full and a read-only one too"):
    tree = Tree(place / "disks", segments=3)
    disk = Disk(place / "disks", 16 << 20)
    shutil.move(tree.channel("pump"), place / "disks" / "moved")
    shutil.copytree(place / "disks" / "moved", disk.path / "channel=pump")
    tree.channel("pump").mkdir()
    sh(f"mount --bind {disk.path}/channel=pump {tree.channel('pump')}")
    try:
        _, err = tree.keep("pump", *seconds(0, 300), "--channel", "pump", code=1)
        assert err.endswith("error: nothing is kept\n"), err
        _, err = tree.keep("x", *seconds(0, 300), code=1)
        check_equal(err.count("it is on another file system than kept/"), 3, err)
        check_equal(len(tree.kept_starts("x", "engine")), 3, "segments of the other channel")
        check_whole(tree, "x")
    finally:
        sh(f"umount {tree.channel('pump')}")
    small = Tree(disk.path / "all", segments=3)
    (small.base / "relay.toml").write_text(f'[storage]\npath = "{small.storage}"\n'
                                           f'mount = "{disk.path}"\n', encoding="utf-8")
    disk.fill()
    _, err = small.keep("full", *seconds(0, 300), code=111)
    assert "No space left" in err, err
    check_equal(small.names(), [], "kept/ on a full disk")
    disk.free()
    small.keep("room", *seconds(0, 300))
    sh(f"mount -o remount,ro {disk.path}")
    _, err = small.keep("ro", *seconds(0, 300), code=111)
    assert "Read-only" in err, err
    _, err = small.keep("ro", *seconds(0, 300), "--dry-run")
    sh(f"mount -o remount,rw {disk.path}")
    disk.unmount()


def killed_at(tree_, number):
    """The stops it had; it was killed at the `number`th, if that came."""
    command = [str(word) for word in (*PREFIX, PRUNE, *tree_.words, "--keep", "x", "--from",
                                      at(START), "--to", at(START + 250 * SECOND))]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    traced = Traced(process.pid)
    end = time.monotonic() + 30
    while traced.alive(process.pid) and time.monotonic() < end:
        pid = traced.step()
        if pid is None:
            continue
        if pid == process.pid and traced.stops[pid] == number:
            traced.kill([pid])
        traced.go_on(pid)
    process.returncode = 0
    return traced.stops[process.pid]


with case("killed at any system call: nothing, or all of it, and the next call tidies"):
    tree = Tree(place / "kills", segments=2, channels=("engine",))
    stops = killed_at(tree, None)
    check_whole(tree, "x")
    shutil.rmtree(tree.kept("x"))
    step = STRIDE or max(1, stops // 60)
    whole = 0
    for number in range(random.randrange(step) + 1, stops, step):
        killed_at(tree, number)
        if "x" in tree.names():
            check_whole(tree, "x")
            whole += 1
            shutil.rmtree(tree.kept("x"))
        tree.keep("after", *seconds(0, 200))
        check_equal(tree.names(), ["after"], f"kept/ after a kill at stop {number}")
        check_whole(tree, "after")
        shutil.rmtree(tree.kept("after"))
    check_equal(0 < whole < stops // step, True, "kills before and behind the rename")

with case("stopped by a signal: nothing is left"):
    if not shutil.which("strace"):
        raise Skip("no strace")
    tree = Tree(place / "signal", segments=2, channels=("engine",))
    for number in (signal.SIGINT, signal.SIGTERM):
        _, err = tree.keep("x", *seconds(0, 200), code=111, prefix=[
            "strace", "-qq", "-o", "/dev/null", "-e",
            f"inject=linkat:signal={number.name}:when=2"])
        assert "stopped by a signal; nothing is kept" in err, err
        check_equal(tree.names(), [], "kept/")


class OnTerminal:
    """sdr-prune with a terminal, where sha256sum waits for go()."""

    def __init__(self, tree_):
        self.words = tree_.base / "words"
        self.words.mkdir()
        script = self.words / "sha256sum"
        script.write_text(SLOW_SUM.format(dir=self.words, none="z" * 64,
                                         real=shutil.which("sha256sum")))
        script.chmod(0o755)
        self.main, side = pty.openpty()
        os.set_blocking(self.main, False)
        command = [PRUNE, *map(str, tree_.words), "--keep", "x", "--from", at(START), "--to",
                   at(START + 150 * SECOND)]
        self.process = subprocess.Popen(
            ["setsid", "-c", *command], stdin=side, stdout=side, stderr=side,
            env=os.environ | {"PATH": f"{self.words}:{os.environ['PATH']}"})
        os.close(side)
        self.shown = ""

    def go(self, how=""):
        (self.words / "go").write_text(how)

    def shows(self, what):
        try:
            self.shown += os.read(self.main, 65536).decode()
        except (BlockingIOError, OSError):  # nothing yet; nobody there any more
            pass
        return what in self.shown

    def end(self, code):
        wait_for(lambda: self.shows("never") or self.process.poll() is not None, "it ends")
        self.shows("never")
        os.close(self.main)
        check_equal(self.process.returncode, code, f"exit; it shows {self.shown!r}")


with case("the line of progress while it hashes, and it is gone at the end"):
    tree = Tree(place / "progress", channels=("engine",))
    terminal = OnTerminal(tree)
    wait_for(lambda: terminal.shows("B/s"), "a line of progress")
    check_equal(tree.names()[0][:3], ".x.", "kept/ meanwhile")
    total = sum(path.stat().st_size for path in tree.storage.rglob("*")
                if name_of(0)[:-5] in path.name or name_of(1)[:-5] in path.name) / 2
    assert f"  0%  0 B of {total / 1000:.1f} kB" in terminal.shown, terminal.shown
    terminal.go()
    terminal.end(0)
    after = terminal.shown.rpartition("B/s")[2]
    assert after.startswith("\r\033[K") and "complete" in after, terminal.shown
    check_whole(tree, "x")

with case("two that keep by one name: the first to be done has it, the other says so"):
    tree = Tree(place / "two", channels=("engine",))
    terminal = OnTerminal(tree)
    wait_for(lambda: terminal.shows("B/s"), "a line of progress")
    tree.keep("x", *seconds(200, 300))
    terminal.go()
    terminal.end(100)
    assert "kept/x is there already; take another name" in terminal.shown, terminal.shown
    check_equal((tree.names(), tree.kept_starts("x", "engine")), (["x"], [name_of(2)]), "kept/")
    check_whole(tree, "x")

with case("^C while it hashes; and hashes that are none"):
    tree = Tree(place / "interrupt", channels=("engine",))
    terminal = OnTerminal(tree)
    wait_for(lambda: terminal.shows("B/s"), "a line of progress")
    os.write(terminal.main, b"\x03")
    terminal.end(111)
    assert "stopped by a signal; nothing is kept" in terminal.shown, terminal.shown
    check_equal(tree.names(), [], "kept/")
    shutil.rmtree(terminal.words)
    terminal = OnTerminal(tree)
    terminal.go("fail")
    terminal.end(111)
    assert "sha256sum could not read channel=engine/" in terminal.shown, terminal.shown
    check_equal(tree.names(), [], "kept/")
finish()
