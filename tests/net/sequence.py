#!/usr/bin/python3
"""Numbered datagrams with induced loss, doubles and disorder: counters and ledger say what was."""
import json
import os
import random
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (case, check_equal, enter_network, finish, run_dir, storage_dir,  # noqa: E402
                     wait_for)
from index_file import ledger, rows_of  # noqa: E402
from segments import sealed  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import sender, send_paced, varint  # noqa: E402

enter_network()
run, storage = run_dir(), storage_dir()
COUNT = int(os.environ.get("SEQUENCE_COUNT", "1000000"))
SCHEMA = json.dumps({"type": "record", "name": "Numbered", "fields": [
    {"name": "mode", "type": "string"}, {"name": "counter", "type": "int"},
    {"name": "value", "type": "double"}]})
data = compile_schemas(run, {"numbered": SCHEMA})["numbered"]
NAMES = ("gaps", "lost", "duplicates", "reordered", "resets")


def datum(number):
    return b"\x04on" + varint(number) + bytes(8)


def induce(count, seed):
    """Numbers as they arrive, and what was done to them. The first and the last always come."""
    chance = random.Random(seed)
    done = dict.fromkeys(NAMES, 0)
    left_out = set()
    number = 1
    while number < count - 600:
        if chance.random() < 0.005:
            length = chance.choice((1, 1, 1, 2, 7, 400))
            left_out.update(range(number, number + length))
            done["gaps"] += 1
            done["lost"] += length
            number += length
        number += 1
    order = []
    for number in range(count):
        if number in left_out:
            continue
        place = number
        inside = 600 < number < count - 600
        if inside and chance.random() < 0.01:
            order.append((number + chance.randrange(200), number))
            done["duplicates"] += 1
        elif inside and chance.random() < 0.01:
            place += chance.randrange(200)
        order.append((place, number))
    order.sort()
    highest, come = -1, set()
    for _, number in order:
        if number not in come and number < highest:
            done["reordered"] += 1
        come.add(number)
        highest = max(highest, number)
    return [number for _, number in order], done


def told(relay):
    return dict(zip(NAMES, relay.counters().sequence))


def check_ledger(relay, expected):
    found = ledger(relay.directory)
    check_equal({name: found[name] for name in NAMES}, expected, "the ledger of the index")
    return found


for wrap, seed in ((None, 1), (65536, 2)):
    with case(f"{COUNT} datagrams, wrap {wrap or 'of an int'}: counters, ledger and copies agree"):
        numbers, expected = induce(COUNT, seed)
        name = f"w{wrap or 0}"
        relay = Relay(data, run, storage, name, full_rate="239.1.1.1:6000", rotate_s=1,
                      segment_bytes=4 << 20, buffer_bytes=16 << 20,
                      sequence=f"0,wrap={wrap}" if wrap else "0")
        datums = [datum(number % wrap if wrap else number) for number in numbers]
        send_paced(sender(relay.listen), datums, relay.counters)
        relay.wait_received(len(datums))
        relay.stop()
        counters = relay.counters()
        check_equal((counters.kernel_drops, counters.unrecorded), (0, 0), "drops, unrecorded")
        check_equal(counters.recorded, len(datums), "recorded")
        check_equal(told(relay), expected, "counters")
        total = check_ledger(relay, expected)
        check_equal(total["restarts"], 1, "restarts")
        assert len(sealed(relay.directory)) > 2, "one segment only"
        copies = Path(storage) / f"copies-{name}"
        for path in [*sealed(relay.directory)]:
            (copies / path.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copies / path.parent.name)
            shutil.copy(path.with_suffix(".index"), copies / path.parent.name)
        shutil.rmtree(relay.directory)
        check_equal({key: ledger(copies)[key] for key in NAMES}, expected, "the copies' ledger")

with case("the state goes on over restarts, orderly and not: nothing is invented, nothing missed"):
    options = {"sequence": "0", "sync_ms": 50, "full_rate": "239.1.1.1:6000"}
    relay = Relay(data, run, storage, "restarts", **options)
    sock = sender(relay.listen)
    number = 0
    for round_ in range(10):
        burst = [datum(n) for n in range(number, number + 500) if n % 100 != 7]
        number += 500
        before = relay.counters().received
        send_paced(sock, burst, relay.counters)
        relay.wait_received(before + len(burst))
        if round_ % 2:
            relay.kill()
        else:
            relay.stop()
        relay = Relay(data, run, storage, "restarts", **options)
    sock.send(datum(number))  # what was lost before a stop is told with what comes after it
    relay.wait_recorded(relay.counters().recorded + 1)
    relay.stop()
    expected = {"gaps": 50, "lost": 50, "duplicates": 0, "reordered": 0, "resets": 0}
    check_equal(told(relay), expected, "counters")
    total = check_ledger(relay, expected)
    check_equal(total["restarts"], 11, "restarts")

with case("rejected and unrecorded are in the ledger, and rows without losses have none"):
    relay = Relay(data, run, storage, "rejects", sync_ms=50, full_rate="239.1.1.1:6000")
    sock = sender(relay.listen)
    for n in range(30):
        sock.send(datum(n) if n % 3 else b"\x05bad")
    relay.wait_received(30)
    relay.wait_recorded(20)
    sock.send(b"")
    relay.wait_received(31)
    relay.stop()
    total = ledger(relay.directory)
    check_equal(total | {"restarts": 0}, dict.fromkeys(total, 0) | {"rejected": 11}, "ledger")
    rows = [row for path in sealed(relay.directory) for row in rows_of(path)]
    check_equal(rows[-1].datums, 0, "the last row's datums")
    check_equal(rows[-1].losses["rejected"], 1, "what the last row says")

with case("a record without recording is watched, too"):
    relay = Relay(data, run, None, "live", sequence="0", full_rate="239.1.1.1:6000")
    sock = sender(relay.listen)
    for n in (0, 1, 3, 3):
        sock.send(datum(n))
    relay.wait_received(4)
    relay.stop()
    check_equal(told(relay), {"gaps": 1, "lost": 1, "duplicates": 1, "reordered": 0, "resets": 0},
                "counters")
    check_equal(relay.counters().lost_ranges[:2], (2, 1), "the lost range")

finish()
