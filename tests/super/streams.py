#!/usr/bin/python3
"""What the config says of streams, sequence and receive time is what comes out of the channel."""
import json
import os
import struct
import subprocess
import time

from s6tree import Fleet
from sdrtest import BIN, case, check_equal, enter_network, finish, wait_for
from segments import Segment, python_avro, sealed
from udp import drain, read_varint, sender, subscriber, varint

SCHEMA = """{ "type": "record", "name": "R", "fields": [
  {"name": "counter", "type": "int"},
  {"name": "time", "type": "long", "logicalType": "timestamp-micros"},
  {"name": "in", "type": {"type": "record", "name": "I", "doc": "]}",
    "fields": [ {"name": "n", "type": "long"}, {"name": "x", "type": "double"} ]}},
  {"name": "setpoint", "type": "double"},
  {"name": "maybe", "type": ["null", "double"]}
] }"""
FIELD = '{"name":"receive_time","type":{"type":"long","logicalType":"timestamp-micros"}}'
PORT, AVERAGES, EXTREMES = 26001, "239.1.1.2:6101", "239.1.1.3:6102"
COUNT, FACTOR = 40, 4
LOST = 7
STREAMS = (f'{{ to = "{AVERAGES}", factor = {FACTOR}, method = "average", hold = ["setpoint"] }}',
           f'{{ to = "{EXTREMES}", rate = "100Hz", method = "minmax", max_wait = "20ms" }}')


def datum(counter, stamp, n, x, setpoint):
    return (varint(counter) + varint(stamp) + varint(n) + struct.pack("<dd", x, setpoint) +
            varint(0))


def values(number):
    return number + (number >= LOST), 10**15 + number, number * 3 - 50, number / 8, number % 5 + 0.5


def mean(numbers):
    return sum(numbers) / len(numbers)


def averages():
    """Every sum is exact in a double, and rounds half to even as an int."""
    out = []
    for first in range(0, COUNT, FACTOR):
        window = [values(number) for number in range(first, first + FACTOR)]
        counter, stamp, _, _, setpoint = window[-1]
        out.append(datum(counter, stamp, round(mean([each[2] for each in window])),
                         mean([each[3] for each in window]), setpoint))
    return out


def xs(datagrams):
    """The double in each: behind two varints and one more."""
    out = []
    for data in datagrams:
        at = 0
        for _ in range(3):
            _, at = read_varint(data, at)
        out.append(struct.unpack_from("<d", data, at)[0])
    return out


def stat(fleet):
    done = subprocess.run([BIN / "sdr-stat", "--json", "--config", fleet.config, "--run",
                           fleet.run], capture_output=True, text=True, check=False)
    return json.loads(done.stdout)["channels"][0]


def check_recording(fleet):
    [path] = sealed(fleet.storage / "channel=one")
    at = SCHEMA.rindex("\n] }")
    check_equal(Segment(path).schema, f"{SCHEMA[:at]},{FIELD}{SCHEMA[at:]}", "its schema")
    found = python_avro(path)
    times = [one.pop("receive_time") for one in found]
    assert times == sorted(times) and abs(times[-1] / 1e6 - time.time()) < 600, times
    check_equal([one["counter"] for one in found], [values(i)[0] for i in range(COUNT)], "counters")
    check_equal(list(found[0]), ["counter", "time", "in", "setpoint", "maybe"], "other fields")


def check_changes(fleet):
    """Each key of these that changes restarts the channel, and is named."""
    for keys, named in (({"silence": '"1min"'}, "silence"),
                        ({"sequence": '{ field = "counter", wrap = 65536 }'}, "sequence.wrap"),
                        ({"sequence": '"in.n"'}, "sequence.field, sequence.wrap"),
                        ({"decimated": STREAMS[0].replace("setpoint", "in.n")}, "decimated"),
                        ({"decimated": STREAMS[0].replace("average", "rms")}, "decimated"),
                        ({"record": '{ sync = "100ms" }'}, "record.receive_time")):
        fleet.set("one", **keys).apply().has(f"^~ one +restarted: {named}, ready")
        check_equal(fleet.gen("--diff").code, 0, "nothing more to change")


def everything():
    with Fleet() as fleet:
        (fleet.config.parent / "schemas" / "s.avsc").write_text(SCHEMA, encoding="utf-8")
        fleet.set("one", port=PORT, decimated=f"[{', '.join(STREAMS)}]", sequence='"counter"',
                  silence='"300ms"', record='{ sync = "100ms", receive_time = true }')
        with case("a channel with all of it becomes ready; a number that may be null is warned of"):
            fleet.apply().has("warning: decimated.0..method: average does not act on 'maybe'")
        # They are joined before anything is sent.
        means, extremes = subscriber(AVERAGES), subscriber(EXTREMES)
        with sender(f"127.0.0.1:{PORT}") as sock:
            for number in range(COUNT):
                sock.send(datum(*values(number)))
        wait_for(lambda: stat(fleet)["received"] == COUNT, "all have come")
        with case("averages of numbers, and the last value of what is held"):
            wait_for(lambda: stat(fleet)["decimated"] >= COUNT // FACTOR + 2, "they are sent")
            check_equal(drain(means), averages(), "datums")
        with case("extremes of windows of the wall clock: the source's silence ends the last one"):
            seen = []
            wait_for(lambda: seen.extend(xs(drain(extremes))) or
                     (seen and max(seen[1::2]) == values(COUNT - 1)[3]), "the last maximum")
            check_equal((min(seen[::2]), len(seen) % 2), (values(0)[3], 0), "minimum, odd ones")
        with case("the number that never came is counted, and the silence is told"):
            wait_for(lambda: stat(fleet)["sequence"]["lost"] == 1, "it is lost")
            check_equal(stat(fleet)["sequence"]["gaps"], 1, "gaps")
            wait_for(lambda: "no datagram for" in fleet.logged("one"), "it is logged")
        with case("a change of any of these keys restarts the channel"):
            fleet.svc("-wD", "-d", "one")
            check_recording(fleet)
            fleet.svc("-wU", "-u", "one")
            check_changes(fleet)


if __name__ == "__main__":
    enter_network()
    # On one CPU no datagram overtakes another.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    everything()
    finish()
