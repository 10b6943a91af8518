#!/usr/bin/python3
"""Windows of decimated streams on the wall clock, windows that wait, and silence."""
import json
import struct
import sys
import time
from fractions import Fraction
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (case, check_equal, enter_network, finish, run_dir, storage_dir,  # noqa: E402
                     wait_for)
from segments import Segment, sealed  # noqa: E402
from relay import Relay, compile_schemas  # noqa: E402
from udp import Collector, feed, read_varint, sender, subscriber, varint  # noqa: E402

enter_network()
run, storage = run_dir(), storage_dir()
TIME = {"name": "receive_time", "type": {"type": "long", "logicalType": "timestamp-micros"}}
FIELDS = [{"name": "number", "type": "long"}, {"name": "value", "type": "double"}]


def schema(*fields):
    return json.dumps({"type": "record", "name": "Sample", "fields": fields})


class Sample:
    """A number, and a value made of it."""
    @staticmethod
    def make(number):
        return varint(number) + struct.pack("<d", number * 0.25)

    @staticmethod
    def parse(data):
        number, at = read_varint(data, 0)
        return number, struct.unpack_from("<d", data, at)[0]


data = compile_schemas(run, {"plain": schema(*FIELDS), "timed": schema(*FIELDS, TIME)})
(data["timed"] / "layout").unlink()
(data["timed"] / "layout").write_bytes((data["plain"] / "layout").read_bytes())
LAST, MEAN, ODD = (f"239.1.1.{at}:600{at}" for at in (2, 3, 4))


def recorded(relay):
    """(number, receive time in microseconds) of each datum."""
    found = []
    for path in sealed(relay.directory):
        body, at = Segment(path).data(), 0
        while at < len(body):
            number, at = read_varint(body, at)
            when, at = read_varint(body, at + 8)
            found.append((number, when))
    return found


def windows(datums, rate):
    """The numbers in each window of the wall clock that has any."""
    number_of = lambda each: Fraction(each[1], 1000000) * rate // 1  # noqa: E731
    return [[number for number, _ in group] for _, group in groupby(datums, key=number_of)]


with case("4,999 Hz, with pauses: windows are those of the wall clock, none is empty, none drifts"):
    collectors = [Collector(subscriber(group)) for group in (LAST, MEAN, ODD)]
    relay = Relay(data["timed"], run, storage, "rate", full_rate="239.1.1.1:6000",
                  receive_time=True,
                  decimated=[f"{LAST},rate-mhz=100000", f"{MEAN},rate-mhz=100000,method=average",
                             f"{ODD},rate-mhz=7300,method=minmax"])
    sock = sender(relay.listen)
    at, sent = 0, 0
    for count in (5000, 1, 4000, 3, 6000):
        feed(sock, Sample, 4999, at, count)
        at += count
        relay.wait_received(at)
        # All that was sent in its windows, also the last of them, though nothing follows.
        wait_for(lambda: sum(stream[0] for stream in relay.counters().streams[1:4]) > sent,
                 "the last window is sent")
        quiet_from = time.monotonic()
        wait_for(lambda: time.monotonic() - quiet_from > 0.35, "a pause")
        sent = sum(stream[0] for stream in relay.counters().streams[1:4])
    relay.stop()
    datums = recorded(relay)
    check_equal([number for number, _ in datums], list(range(at)), "recorded")
    last, mean, odd = ([Sample.parse(each) for each in collector.datagrams()]
                       for collector in collectors)
    groups = windows(datums, 100)
    check_equal(last, [Sample.parse(Sample.make(group[-1])) for group in groups], "downsample")
    check_equal([value for _, value in mean],
                [sum(number * 0.25 for number in group) / len(group) for group in groups],
                "average")
    check_equal([number for number, _ in mean],
                [round(Fraction(sum(group), len(group))) for group in groups], "average of a long")
    check_equal(odd, [Sample.parse(Sample.make(one)) for group in windows(datums, Fraction(73, 10))
                      for one in (group[0], group[-1])], "minima and maxima at 7.3 Hz")

with case("max_wait: a window is sent when its first datum has waited so long, and not before"):
    collector = Collector(subscriber(MEAN))
    relay = Relay(data["plain"], run, None, "wait",
                  decimated=[f"{MEAN},factor=1000,method=average,max-wait-ms=200"])
    sock = sender(relay.listen)
    for first in (0, 10):
        began = time.monotonic()
        for number in range(first, first + 4):
            sock.send(Sample.make(number))
        wait_for(lambda: relay.counters().streams[1][0] == 1 + first // 10, "it is sent")
        assert time.monotonic() - began >= 0.199, "sent early"
    relay.stop()
    check_equal([Sample.parse(each)[1] for each in collector.datagrams()],
                [sum(n * 0.25 for n in range(first, first + 4)) / 4 for first in (0, 10)], "means")

with case("without max_wait a window by factor waits for ever, and is not sent at the end"):
    relay = Relay(data["plain"], run, None, "ever", decimated=[f"{MEAN},factor=5,method=average"])
    sock = sender(relay.listen)
    for number in range(9):
        sock.send(Sample.make(number))
    relay.wait_received(9)
    relay.stop()
    check_equal(relay.counters().streams[1][0], 1, "sent")

with case("silence: said once, and when datagrams come again"):
    relay = Relay(data["plain"], run, None, "silent", full_rate="239.1.1.1:6000", silence_ms=150)
    sock = sender(relay.listen)
    for _ in range(2):
        wait_for(lambda: relay.counters().silent_since_ns > 0, "it is silent")
        sock.send(Sample.make(1))
        wait_for(lambda: relay.counters().silent_since_ns == 0, "it is not")
    wait_for(lambda: relay.counters().silences == 3, "silent again")
    relay.stop()
    said = ["no datagram for" if "no datagram for" in line else "come again"
            for line in relay.messages().splitlines() if "datagram" in line]
    check_equal(said, ["no datagram for", "come again"] * 2 + ["no datagram for"], "lines")
    check_equal(relay.counters().silence_ns, 150000000, "the limit")

finish()
