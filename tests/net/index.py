#!/usr/bin/python3
"""The index beside each segment: over rotations, kills, repairs and damage to itself."""
import os
import shutil
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (Skip, case, check_equal, children, enter_network, finish,  # noqa: E402
                     run_dir, storage_dir, wait_for)
from index_file import index_path, ledger, rows_of  # noqa: E402
from segments import Segment, numbers, python_avro, sealed  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import Varying, send_paced, sender  # noqa: E402

enter_network()
run, storage = run_dir(), storage_dir()
shape = Varying()
data = compile_schemas(run, {"varying": shape.schema})["varying"]
BAD = b"\x02"


def start(name, **options):
    return Relay(data, run, storage, name, full_rate="239.1.1.1:6000", sync_ms=50, sequence="0",
                 **options)


def send(relay, sock, what):
    """Numbers, or datagrams as they are; each recorded, or rejected, in a block of its own."""
    for one in what:
        before = relay.counters()
        sock.send(shape.make(one) if isinstance(one, int) else one)
        wait_for(lambda: relay.counters().recorded + relay.counters().rejected
                 > before.recorded + before.rejected, "it is seen to")  # pylint: disable=W0640


def open_index(relay):
    return next(relay.directory.glob("date=*/*.index"))


def drop_ring(relay):
    for path in (run / "rings" / relay.name).iterdir():
        path.unlink()


with case("each block has its row, under its segment's name, mode and marker, for others too"):
    relay = start("plain")
    sock = sender(relay.listen)
    send(relay, sock, range(3))
    wait_for(lambda: list(relay.directory.glob("date=*/*.index")), "the index of the open segment")
    check_equal(len(sealed(relay.directory)), 0, "sealed segments")
    for round_ in range(3):
        os.kill(relay.pid, signal.SIGHUP)
        wait_for(lambda: len(sealed(relay.directory)) == round_ + 1, "the rotation")
        send(relay, sock, range(10 * round_, 10 * round_ + 3))
    relay.stop()
    check_equal(len(sealed(relay.directory)), 4, "segments")
    for path in sealed(relay.directory):
        rows = rows_of(path)
        others = python_avro(index_path(path))
        check_equal([row["offset"] for row in others], [row.offset for row in rows], "rows")
        check_equal(index_path(path).stat().st_mode, path.stat().st_mode, "mode")
        check_equal(all(row.first_time for row in rows), True, "times")
    check_equal(len(list(relay.directory.glob("date=*/*.index"))), 4, "indexes")

with case("segments that become full one after the other: what was lost behind them is told once"):
    relay = Relay(data, run, storage, "full", full_rate="239.1.1.1:6000", sync_ms=60000,
                  segment_bytes=128 << 10, sequence="0")
    sock = sender(relay.listen)
    send_paced(sock, [shape.make(number) for number in range(5000) if number != 4900] + [BAD],
               relay.counters)
    relay.wait_received(5000)
    check_equal(relay.counters().recorded, 0, "recorded before the stop")
    relay.stop()
    assert len(sealed(relay.directory)) > 2, "they did not become full"
    found = ledger(relay.directory)
    check_equal((found["lost"], found["rejected"], found["restarts"]), (1, 1, 1),
                "lost, rejected, restarts")

with case("killed before the seal: the index goes on where the segment does"):
    relay = start("killed")
    sock = sender(relay.listen)
    send(relay, sock, [0, 1, 3, BAD])
    relay.kill()
    relay = start("killed")
    sock = sender(relay.listen)
    send(relay, sock, [4])
    relay.stop()
    check_equal(numbers(relay.directory, shape), [0, 1, 3, 4], "recorded")
    found = ledger(relay.directory)
    check_equal((found["gaps"], found["lost"], found["rejected"], found["restarts"]), (1, 1, 1, 2),
                "gaps, lost, rejected, restarts")

with case("killed, and the ring lost: a repair keeps the rows that it finds, and what they tell"):
    relay = start("lost")
    sock = sender(relay.listen)
    send(relay, sock, [0, BAD, 1, 2])
    before = open_index(relay).read_bytes()
    relay.kill()
    drop_ring(relay)
    relay = start("lost")
    wait_for(lambda: sealed(relay.directory), "the repair")
    relay.stop()
    rows = rows_of(sealed(relay.directory)[0])
    check_equal(index_path(sealed(relay.directory)[0]).read_bytes()[:len(before)], before, "rows")
    check_equal(rows[-1].datums, 0, "the last row's datums")
    check_equal(rows[-1].first_time, None, "its time: what came behind is not known")
    check_equal(sum(row.losses["rejected"] for row in rows), 1, "rejected")

with case("what the row of a block that is lost had told is told with the next one"):
    relay = start("hole")
    sock = sender(relay.listen)
    send(relay, sock, [0, BAD, 1, 2])
    relay.kill()
    drop_ring(relay)
    segment = Segment(relay.directory / ".open", open_ended=True)
    content = bytearray((relay.directory / ".open").read_bytes())
    second = content.index(segment.sync, Segment.header_size(content)) + 16
    content[content.index(segment.sync, second)] ^= 1
    (relay.directory / ".open").write_bytes(content)
    relay = start("hole")
    wait_for(lambda: sealed(relay.directory), "the repair")
    relay.stop()
    rows = rows_of(sealed(relay.directory)[0])
    check_equal([row.datums for row in rows], [1, 1, 0], "datums by row")
    check_equal([row.losses["rejected"] for row in rows], [0, 1, 0], "rejected by row")
    assert rows[1].losses["damaged_bytes"] > 20, "the hole is not told"

def stop_under(inject, name):
    """Starts one under strace, gives it two datums and a reject, stops it; the writer's unlinks."""
    trace = run / f"trace-{name}"
    relay = start(name, prefix=["strace", "-f", "-qqq", "-e", "signal=none", "-o", trace,
                                "-e", "trace=unlinkat", *inject])
    receiver = children(relay.pid)[0]
    send(relay, sender(relay.listen), [0, 1, BAD])
    os.kill(receiver, signal.SIGTERM)
    relay.process.wait(15)
    lines = trace.read_text(encoding="utf-8").splitlines()
    writers = [line.split()[0] for line in lines if '".open"' in line]
    return [line for line in lines if line.split()[0] == writers[0]]


with case("killed between a segment's two names: what was lost is told once"):
    if not shutil.which("strace"):
        raise Skip("no strace")
    unlinks = stop_under([], "trial")
    at = next(i for i, line in enumerate(unlinks) if '".open"' in line) + 1
    stop_under(["-e", f"inject=unlinkat:signal=SIGKILL:when={at}"], "named")
    relay = start("named")
    send(relay, sender(relay.listen), [2])
    relay.stop()
    check_equal(numbers(relay.directory, shape), [0, 1, 2], "recorded")
    check_equal(ledger(relay.directory)["rejected"], 1, "rejected")

for what, damage in (("gone", lambda path: path.unlink()),
                     ("empty", lambda path: path.write_bytes(b"")),
                     ("cut", lambda path: path.write_bytes(path.read_bytes()[:-40])),
                     ("another's", lambda path: path.write_bytes(b"Obj\x01" + bytes(900))),
                     ("longer", lambda path: path.write_bytes(path.read_bytes() + bytes(100)))):
    with case(f"an index that is {what} when its segment is gone on with, or repaired"):
        for ring_lost in (False, True):
            relay = start(f"d{len(what)}{ring_lost:d}")
            sock = sender(relay.listen)
            send(relay, sock, [0, 1, 2])
            relay.kill()
            if ring_lost:
                drop_ring(relay)
            damage(open_index(relay))
            relay = start(relay.name)
            send(relay, sender(relay.listen), [3])
            if ring_lost:
                wait_for(lambda: sealed(relay.directory), "the repair")
            relay.stop()
            check_equal(numbers(relay.directory, shape), [0, 1, 2, 3], "recorded")
            for path in sealed(relay.directory):
                if ring_lost or what == "longer":
                    rows_of(path)
                else:  # begun anew: what it has is right
                    index = Segment(index_path(path))
                    check_equal(index.sync, Segment(path).sync, "marker")

finish()
