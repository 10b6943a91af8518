#!/usr/bin/python3
"""A channel with everything that looks into datums, from its config: two decimated streams, numbers
to hold and to count by, receive times, silence; and what sdr-stat and sdr-cat say of it."""
import json
import struct
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (BIN, bury_children, case, check_equal, enter_network,  # noqa: E402
                     finish, wait_for)
from s6tree import Fleet  # noqa: E402
from segments import python_avro, sealed  # noqa: E402
from udp import Collector, read_varint, sender, subscriber, varint  # noqa: E402

SCHEMA = {"type": "record", "name": "Engine", "fields": [
    {"name": "header", "type": {"type": "record", "name": "Header", "fields": [
        {"name": "counter", "type": "int"},
        {"name": "stamp", "type": "long", "logicalType": "timestamp-micros"}]}},
    {"name": "speed", "type": "double"}, {"name": "gear", "type": "int"},
    {"name": "mode", "type": "string"}]}
MEAN, BOUNDS = "239.255.7.1:7001", "239.255.7.2:7002"


def datum(number):
    return (varint(number) + varint(1000 + number) + struct.pack("<d", number * 1.5)
            + varint(number % 6) + varint(2) + b"on")


def parse(data):
    counter, at = read_varint(data, 0)
    stamp, at = read_varint(data, at)
    speed = struct.unpack_from("<d", data, at)[0]
    gear, at = read_varint(data, at + 8)
    return counter, stamp, speed, gear, data[at:]


def stat(fleet, *words):
    done = subprocess.run([BIN / "sdr-stat", "--run", fleet.run, *words], capture_output=True,
                          text=True, check=False, timeout=20)
    return done.stdout


def channel(fleet):
    return json.loads(stat(fleet, "--json"))["channels"][0]


enter_network()
with Fleet() as fleet:
    (fleet.config.parent / "schemas").mkdir(exist_ok=True)
    (fleet.config.parent / "schemas/engine.avsc").write_text(json.dumps(SCHEMA), encoding="utf-8")
    keys = {"schema": '"schemas/engine.avsc"', "sequence": '"header.counter"', "silence": '"500ms"',
            "record": '{ sync = "100ms", receive_time = true }',
            "decimated": f'[ {{ to = "{MEAN}", factor = 4, method = "average", hold = ["gear"] }}, '
                         f'{{ to = "{BOUNDS}", rate = "2Hz", method = "minmax" }} ]'}
    fleet.set("engine", port=26001, **keys)
    with case("applied; averages, what is held, and minima and maxima arrive as they should"):
        fleet.apply()
        wait_for(lambda: fleet.ready("engine"), "it is ready")
        mean, bounds = (Collector(subscriber(group)) for group in (MEAN, BOUNDS))
        sock = sender("127.0.0.1:26001")
        numbers = [n for n in range(40) if n not in (17, 18)] + [39]
        for number in numbers:
            sock.send(datum(number))
        wait_for(lambda: channel(fleet)["recorded"] == len(numbers), "all is recorded")
        wait_for(lambda: channel(fleet)["decimated"] > len(numbers) // 4, "the window is over")
        averages = [parse(each) for each in mean.datagrams()]
        groups = [numbers[at:at + 4] for at in range(0, len(numbers) - 3, 4)]
        check_equal(averages, [(group[-1], 1000 + group[-1], sum(group) * 1.5 / 4, group[-1] % 6,
                                b"\x04on") for group in groups], "averages")
        found = [parse(each) for each in bounds.datagrams()]
        check_equal((min(each[2] for each in found), max(each[2] for each in found)), (0.0, 58.5),
                    "the least and the most")
        check_equal({each[0] for each in found} <= set(numbers), True, "the counter is carried")
    with case("sdr-stat: what was lost, the ranges, and silence"):
        wait_for(lambda: channel(fleet)["sequence"]["lost"] == 2, "it counts as lost")
        told = channel(fleet)["sequence"]
        check_equal((told["gaps"], told["duplicates"]), (1, 1), "gaps, duplicates")
        assert "17" in stat(fleet, "--gaps", "engine"), stat(fleet, "--gaps", "engine")
        wait_for(lambda: channel(fleet)["silent"], "it is silent")
        wait_for(lambda: "no datagram for" in fleet.logged("engine"), "the log says so")
    with case("changed: another method restarts the channel, and no number is missed over it"):
        before = fleet.pids("engine")
        fleet.set("engine", port=26001, **keys | {"decimated": f'{{ to = "{MEAN}", factor = 2 }}'})
        fleet.apply()
        assert fleet.pids("engine") != before, "not restarted"
        for number in range(40, 50):
            sock.send(datum(number))
        wait_for(lambda: channel(fleet)["received"] == len(numbers) + 10, "all is received")
        check_equal(channel(fleet)["sequence"]["lost"], 2, "lost")
    fleet.stop()
    with case("the recording: receive times, and what it lacks"):
        directory = fleet.storage / "channel=engine"
        rows = [row for path in sealed(directory) for row in python_avro(path)]
        check_equal([row["header"]["counter"] for row in rows], numbers + list(range(40, 50)),
                    "recorded")
        times = [row["receive_time"] for row in rows]
        check_equal(times, sorted(times), "receive times are in order")
        done = subprocess.run([BIN / "sdr-cat", "--check", *sealed(directory)], text=True,
                              capture_output=True, check=False, timeout=20)
        assert "2" in done.stdout and "not complete" in done.stdout, done.stdout + done.stderr
bury_children()
finish()
