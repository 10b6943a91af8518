#!/usr/bin/python3
"""Start-up repair on a disk that is full, cannot be read or is slow to; rejects; sdr-cat there."""
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (Skip, case, check_equal, children, enter_network,  # noqa: E402
                     finish, run_dir, sh, storage_dir, wait_for)
from catlib import cat  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from segments import Segment, check_exact, numbers, rejects, sealed  # noqa: E402
from torn import Torn, make_open, told  # noqa: E402
from udp import Varying, feed, sender, varint  # noqa: E402

enter_network()
run, storage = run_dir(), storage_dir()
shape = Varying()
data = compile_schemas(run, {"t": shape.schema})["t"]
torn = Torn((make_open(data, run, storage, "t", (10,)) / ".open").read_bytes())
directory = storage / "channel=t"


def large(blocks, per_block):
    """A file of the same header with a hole in its first block: (bytes, datums that are left)."""
    parts = [torn.data[:torn.header_bytes]]
    for number in range(blocks):
        body = b"".join(shape.make(number * per_block + i) for i in range(per_block))
        if number == 0:
            body = b"\xff" * 100 + body[100:]
        parts.append(varint(per_block) + varint(len(body)) + body + torn.sync)
    return b"".join(parts), range(per_block, blocks * per_block)


def start(where=storage, prefix=(), **options):
    return Relay(data, run, where, "t", prefix=prefix, sync_ms=50, **options)


def fresh(where=storage):
    directory = where / "channel=t"
    for old in (directory, run / "rings" / "t", run / "counters"):
        shutil.rmtree(old, ignore_errors=True)
    (run / "t.log").unlink(missing_ok=True)
    directory.mkdir()
    return directory


def hidden(where):
    return sorted(path.name.partition("-")[0] for path in where.iterdir()
                  if path.name.startswith("."))


with case("a large one: everything that comes in meanwhile is recorded"):
    content, left = large(160, 2000)  # 24 MiB
    fresh()
    (directory / ".open").write_bytes(content)
    relay = start(buffer_bytes=1 << 20)
    sent = feed(sender(relay.listen), shape, 5000, 1000000, 1000)
    relay.wait_recorded(1000)
    wait_for(lambda: hidden(directory) == [".open"], "it is repaired", 60)
    relay.stop()
    check_equal(relay.counters().unrecorded, 0, "unrecorded")
    check_exact(numbers(directory, shape), [*left, *range(1000000, 1001000)], "sealed")

with case("a full disk: told once, recorded on; repaired at a start with room"):
    if os.geteuid() != 0:
        raise Skip("mounting takes root")
    content, left = large(10, 2000)
    small = storage / "small"
    small.mkdir()
    sh(f"mount -t tmpfs -o size=32m none {small}")
    filler = small / "filler"
    filler.write_bytes(bytes(28 << 20))
    where = fresh(small)
    (where / ".open").write_bytes(content)
    relay = start(small)
    feed(sender(relay.listen), shape, 5000, 1000000, 100)
    relay.wait_recorded(100)
    wait_for(lambda: "not repaired yet" in relay.messages(), "it says why not")
    check_equal(relay.counters().disk(), "ok", "disk")
    relay.stop()
    lines = [line for line in relay.messages().splitlines() if "not repaired yet" in line]
    check_equal((len(lines), hidden(where)), (1, [".torn"]), f"{lines}")
    waiting = next(where.glob(".torn-*"))
    check_equal(waiting.read_bytes() == content, True, "it is as it was")
    filler.unlink()
    relay = start(small)
    wait_for(lambda: not hidden(where), "it is repaired")
    relay.stop()
    check_exact(numbers(where, shape), [*left, *range(1000000, 1000100)], "sealed")
    sh(f"umount {small}")

with case("sdr-cat --repair on a full disk: exit 111, the file as it was, nothing left over"):
    if os.geteuid() != 0:
        raise Skip("mounting takes root")
    sh(f"mount -t tmpfs -o size=2m none {small}")
    path = small / "x.avro"
    path.write_bytes(content)
    _, err = cat("--repair", path, code=111)
    assert "No space left" in err, err
    check_equal(([file.name for file in small.iterdir()], path.read_bytes() == content),
                (["x.avro"], True), "afterwards")
    sh(f"umount {small}")



def start_unreadable(which, content):
    """Reads of a repair fail by number: 1 and 2 are of the header, then 1 MiB each; where one
    fails, the next is of its first page only."""
    if not shutil.which("strace"):
        raise Skip("no strace")
    fresh()
    (directory / ".open").write_bytes(content)
    relay = start(prefix=["strace", "-f", "-qqq", "-o", "/dev/null", "-e", "trace=pread64",
                          "-e", f"inject=pread64:error=EIO:when={which}"])
    feed(sender(relay.listen), shape, 5000, 1000000, 10)
    relay.wait_recorded(10)
    wait_for(lambda: ".torn" not in hidden(directory), "it is seen to", 30)
    for pid in children(relay.pid):
        os.kill(pid, signal.SIGTERM)
    relay.process.wait(15)
    wait_for(lambda: ".open" not in hidden(directory), "the rest is sealed")
    return relay


with case("a page that cannot be read the first time: told, and kept when it can be"):
    content, left = large(40, 2000)
    relay = start_unreadable("4..5", content)
    ranges = told(relay.messages())
    _, bad = next(iter(ranges.values()))
    assert bad[0] < torn.header_bytes + (1 << 20) < bad[1] < 2 << 20, f"told: {ranges}"
    check_exact(numbers(directory, shape), [*left, *range(1000000, 1000010)], "sealed")
with case("nothing but the header can be read: set aside, the relay records on"):
    content, _ = large(4, 2000)
    relay = start_unreadable("3+", content)
    check_equal(hidden(directory), [".broken"], "hidden files")
    check_equal(next(directory.glob(".broken-*")).read_bytes() == content, True, "as it was")
    check_exact(numbers(directory, shape), range(1000000, 1000010), "sealed")

with case("rejects that were left open are repaired as well"):
    fresh()
    relay = start()
    sock = sender(relay.listen)
    for number in range(40):
        sock.send(b"\xffbad %d" % number)
        if number % 10 == 9:
            wait_for(lambda: relay.counters().rejects_kept > number, "rejects are kept")
    relay.kill()
    shutil.rmtree(run / "rings" / "t")
    left_open = directory / "rejected" / ".open"
    content = left_open.read_bytes()
    block = content.index(b"bad 10")
    left_open.write_bytes(content[:block - 20] + b"\xff" * 20 + content[block:-3])
    relay = start()
    wait_for(lambda: not hidden(directory / "rejected"), "they are repaired")
    relay.stop()
    check_equal([row["datagram"] for row in rejects(directory)],
                [b"\xffbad %d" % number for number in (*range(10), *range(20, 30))], "rejects")

with case("sdr-cat --repair: what is in use, what is no file, what was begun before"):
    fresh()
    relay = start()
    feed(sender(relay.listen), shape, 5000, 0, 10)
    relay.wait_recorded(10)
    relay.hup()
    wait_for(lambda: sealed(directory), "it is sealed")
    feed(sender(relay.listen), shape, 5000, 10, 10)
    relay.wait_recorded(20)
    out, err = cat("--repair", directory)
    check_equal((len(out.splitlines()), err), (2, ""), out)
    assert "left as it is" in out and ".open: left to the relay" in out, out
    relay.stop()
    link = storage / "link.avro"
    link.symlink_to(sealed(directory)[0])
    assert "symbolic link" in cat("--repair", link, code=1)[1]
    assert "standard input" in cat("--repair", "-", code=100, stdin=subprocess.DEVNULL)[1]
    cat("--repair", storage / "nowhere.avro", code=100)
    # Interrupted between the two names, with half a file; and a kept one of an earlier time.
    path = storage / "begun.avro"
    content, left = large(3, 20)
    path.write_bytes(content)
    os.link(path, f"{path}.damaged")
    (storage / ".begun.avro.mending").write_bytes(b"half")
    path.chmod(0o604)
    cat("--repair", path, code=1)
    check_exact(shape.numbers(Segment(path).data()), left, "repaired")
    check_equal(path.stat().st_mode & 0o777, 0o604, "mode")
    path.write_bytes(content)
    cat("--repair", path, code=1)
    kept = sorted(file.name for file in storage.iterdir() if "begun" in file.name)
    check_equal(kept, ["begun.avro", "begun.avro.damaged", "begun.avro.damaged.2"], "kept")

finish()
